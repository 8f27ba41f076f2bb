"""The second edition: an assertion, hosted as JSON or signed as a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.errors import InvalidInputError
from webapp.services.badges.badge import (
    Badge,
    Recipient,
    Token,
    contexts_of,
    kinds_of,
    moment_of,
    name_of,
    required,
    text_of,
)

CONTEXT = "https://w3id.org/openbadges/v2"
_SIGNED = {"signed", "SignedBadge"}


def is_assertion(document: Mapping[str, Any]) -> bool:
    """Return whether a document is an assertion of this edition."""
    return CONTEXT in contexts_of(document) and "Assertion" in kinds_of(document)


def read_assertion(document: Mapping[str, Any], *, token: str = "") -> Badge:
    """
    Return what an assertion says.

    Parameters
    ----------
    document
        The assertion; its badge and issuer may be embedded, or addresses.
    token
        The token that it came in, if it is signed.

    Raises
    ------
    InvalidInputError
        If it lacks what it must have, or is signed and says that it is hosted.
    """
    verification = _object(document.get("verification", document.get("verify")))
    if token and not kinds_of(verification) & _SIGNED:
        raise InvalidInputError("The badge is signed but says that it is not; it cannot be trusted.", field="file")
    badge = _object(document.get("badge"))
    issuer = _object(badge.get("issuer"))
    key = required(text_of(document, "id"), "which badge it is")
    issued_at = moment_of(document, "issuedOn")
    if issued_at is None:
        raise InvalidInputError("The badge does not say when it was issued, so it cannot be used.", field="file")
    achievement_key = required(text_of(badge, "id"), "what was earned")
    return Badge(
        edition=2,
        key=key,
        achievement_key=achievement_key,
        name=name_of(badge) or achievement_key,
        issuer_key=text_of(issuer, "id"),
        issuer_name=name_of(issuer),
        issued_at=issued_at,
        expires_at=moment_of(document, "expires"),
        recipients=_recipients(document.get("recipient")),
        revoked=document.get("revoked") is True,
        status_elsewhere="revocationList" in issuer,
        proofs=(Token(token),) if token else (),
        key_name=text_of(verification, "creator") or text_of(verification, "publicKey"),
    )


def _object(value: Any) -> Mapping[str, Any]:
    """Return an embedded object; an address stands for an object of which nothing but its key is known."""
    if isinstance(value, str):
        return {"id": value}
    return value if isinstance(value, Mapping) else {}


def _recipients(value: Any) -> tuple[Recipient, ...]:
    return tuple(
        Recipient(text_of(one, "identity"), hashed=one.get("hashed") is True, salt=text_of(one, "salt"))
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, Mapping) and "email" in kinds_of(one)
    )
