"""The third edition: a verifiable credential, as a token or with a proof in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from webapp.errors import InvalidInputError
from webapp.services.badges.badge import (
    Badge,
    EmbeddedProof,
    Recipient,
    Token,
    contexts_of,
    kinds_of,
    moment_of,
    name_of,
    required,
    text_of,
)

CONTEXT_START = "https://purl.imsglobal.org/spec/ob/v3p0/"
_KINDS = {"OpenBadgeCredential", "AchievementCredential"}


def is_credential(document: Mapping[str, Any]) -> bool:
    """Return whether a document is a credential of this edition."""
    return any(context.startswith(CONTEXT_START) for context in contexts_of(document)) and bool(
        kinds_of(document) & _KINDS
    )


def read_credential(document: Mapping[str, Any]) -> Badge:
    """
    Return what a credential says that carries its proofs in itself, if it has any.

    Raises
    ------
    InvalidInputError
        If it lacks what it must have.
    """
    proofs = document.get("proof")
    found = [proof for proof in (proofs if isinstance(proofs, list) else [proofs]) if isinstance(proof, Mapping)]
    return _read(document, {}, tuple(EmbeddedProof(document, proof) for proof in found))


def credential_in(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the credential in the payload of a token: the payload itself, or its ``vc`` as older wallets write it."""
    inner = payload.get("vc")
    return inner if isinstance(inner, Mapping) else payload


def read_token(payload: Mapping[str, Any], token: str) -> Badge:
    """
    Return what a credential says that came as a token.

    Raises
    ------
    InvalidInputError
        If it lacks what it must have, or token and credential contradict each other.
    """
    return _read(credential_in(payload), payload, (Token(token),))


def _read(document: Mapping[str, Any], claims: Mapping[str, Any], proofs: tuple[Token | EmbeddedProof, ...]) -> Badge:
    issuer = _object(document.get("issuer"))
    subject = document.get("credentialSubject")
    if not isinstance(subject, Mapping):
        raise InvalidInputError("The badge does not say who earned it, so it cannot be used.", field="file")
    achievement = _object(subject.get("achievement"))
    starts = _moments(document, ("validFrom", "issuanceDate"), claims, "nbf")
    if not starts:
        raise InvalidInputError("The badge does not say when it was issued, so it cannot be used.", field="file")
    ends = _moments(document, ("validUntil", "expirationDate"), claims, "exp")
    achievement_key = required(text_of(achievement, "id"), "what was earned")
    return Badge(
        edition=3,
        key=required(_agreed(claims, "jti", text_of(document, "id")), "which badge it is"),
        achievement_key=achievement_key,
        name=name_of(achievement) or name_of(document) or achievement_key,
        issuer_key=required(_agreed(claims, "iss", text_of(issuer, "id")), "who issued it"),
        issuer_name=name_of(issuer),
        issued_at=max(starts),
        expires_at=min(ends, default=None),
        recipients=_recipients(subject, _agreed(claims, "sub", text_of(subject, "id"))),
        status_elsewhere=document.get("credentialStatus") is not None,
        proofs=proofs,
    )


def _object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str):
        return {"id": value}
    return value if isinstance(value, Mapping) else {}


def _agreed(claims: Mapping[str, Any], name: str, inner: str) -> str:
    """Return what token and credential both say; each alone is enough."""
    outer = text_of(claims, name)
    if outer and inner and outer != inner:
        raise InvalidInputError(
            f"The badge contradicts itself: its token says “{outer[:80]}”, its credential “{inner[:80]}”.", field="file"
        )
    return outer or inner


def _moments(
    document: Mapping[str, Any], names: tuple[str, ...], claims: Mapping[str, Any], claim: str
) -> list[dt.datetime]:
    found = [*(moment_of(document, name) for name in names), _numeric(claims, claim)]
    return [moment for moment in found if moment is not None]


def _numeric(claims: Mapping[str, Any], name: str) -> dt.datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(f"The badge's date “{name}” cannot be read.", field="file")
    try:
        return dt.datetime.fromtimestamp(value, tz=dt.UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise InvalidInputError(f"The badge's date “{name}” cannot be read.", field="file") from error


def _recipients(subject: Mapping[str, Any], subject_key: str) -> tuple[Recipient, ...]:
    identifiers = subject.get("identifier")
    found = [
        Recipient(text_of(one, "identityHash"), hashed=one.get("hashed") is True, salt=text_of(one, "salt"))
        for one in (identifiers if isinstance(identifiers, list) else [identifiers])
        if isinstance(one, Mapping) and one.get("identityType") == "emailAddress"
    ]
    if subject_key.lower().startswith("mailto:"):
        found.append(Recipient(subject_key[len("mailto:") :]))
    return tuple(found)
