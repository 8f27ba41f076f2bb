"""What a badge says, in the terms of neither edition."""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.errors import InvalidInputError


class Match(enum.StrEnum):
    """Whether a badge was earned by a certain person."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Recipient:
    """
    An e-mail address that a badge was earned with, plain or as ``sha256$`` and the digest of address and salt.

    ``identity`` is empty where the badge names its holder by something else than an address.
    """

    identity: str = ""
    hashed: bool = False
    salt: str = ""

    def match(self, email: str) -> Match:
        """Return whether this is the person with an address, whatever its capitals."""
        if not self.identity:
            return Match.UNKNOWN
        if not self.hashed:
            return Match.YES if self.identity.strip().lower() == email.strip().lower() else Match.NO
        name, separator, digest = self.identity.partition("$")
        # MD5, which the second edition allows as well, proves nothing about anybody any more.
        if not separator or name != "sha256":
            return Match.UNKNOWN
        ours = {
            hashlib.sha256(f"{address}{self.salt}".encode()).hexdigest()
            for address in (email.strip(), email.strip().lower())
        }
        return Match.YES if digest.lower() in ours else Match.NO


@dataclass(frozen=True, slots=True)
class Token:
    """A signed token in its compact form."""

    text: str


@dataclass(frozen=True, slots=True)
class EmbeddedProof:
    """A document and the one proof in it that is tried."""

    document: Mapping[str, Any]
    proof: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Badge:
    """
    What a badge says, whether or not it is true.

    Parameters
    ----------
    edition
        2 or 3, of Open Badges.
    key
        Its identifier, under which an issuer revokes it.
    achievement_key, name
        What was earned.
    issuer_key, issuer_name
        Who says so; the key is empty where a badge of the second edition names its class by an address only.
    issued_at, expires_at
        From when and until when it holds.
    recipients
        Who earned it, as far as the badge tells.
    revoked
        Whether the badge itself says that it was taken back.
    status_elsewhere
        Whether the issuer keeps at an address whether it was taken back, which is not looked at.
    proofs
        What may prove it; empty for a hosted badge, which only its address would prove.
    key_name
        The issuer's name of the key that a badge of the second edition was signed with.
    """

    edition: int
    key: str
    achievement_key: str
    name: str
    issuer_key: str
    issuer_name: str
    issued_at: dt.datetime
    expires_at: dt.datetime | None
    recipients: tuple[Recipient, ...]
    revoked: bool = False
    status_elsewhere: bool = False
    proofs: tuple[Token | EmbeddedProof, ...] = ()
    key_name: str = ""

    def match(self, email: str | None) -> Match:
        """Return whether the person with an address earned it: one address that fits is enough."""
        if not email:
            return Match.UNKNOWN
        answers = {recipient.match(email) for recipient in self.recipients} or {Match.UNKNOWN}
        return next(answer for answer in (Match.YES, Match.NO, Match.UNKNOWN) if answer in answers)


def text_of(document: Mapping[str, Any], name: str) -> str:
    """Return a text of a document, empty if it has none there."""
    value = document.get(name)
    return value.strip() if isinstance(value, str) else ""


def name_of(document: Mapping[str, Any]) -> str:
    """Return the name of what a document describes, of names in several languages the first; empty if it has none."""
    value = document.get("name")
    return text_of({"name": next(iter(value.values()), "")} if isinstance(value, Mapping) else document, "name")


def kinds_of(document: Mapping[str, Any]) -> set[str]:
    """Return the types that a document says it has."""
    value = document.get("type", document.get("@type"))
    return {kind for kind in (value if isinstance(value, list) else [value]) if isinstance(kind, str)}


def contexts_of(document: Mapping[str, Any]) -> list[str]:
    """Return the vocabularies that a document says it is written in."""
    value = document.get("@context")
    return [context for context in (value if isinstance(value, list) else [value]) if isinstance(context, str)]


def moment_of(document: Mapping[str, Any], name: str) -> dt.datetime | None:
    """
    Return a moment of a document in UTC, or None if it has none there.

    Raises
    ------
    InvalidInputError
        If it is no date: a badge whose end cannot be read could not be refused after it.
    """
    value = document.get(name)
    if value is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputError(f"The badge's date “{name}” cannot be read.", field="file") from error


def required(value: str, what: str) -> str:
    """
    Return a text that a badge must have.

    Raises
    ------
    InvalidInputError
        If it is empty.
    """
    if not value:
        raise InvalidInputError(f"The badge does not say {what}, so it cannot be used.", field="file")
    return value
