"""
Signatures of incoming messages: is this body from whom it says it is, and from now.

Each style is that of a well-known sender, from its public documentation:

- ``mainstay``: ``X-Mainstay-Signature: t=<unix>,v1=<hex>``, HMAC-SHA256 over ``t``, a full stop and the body.
- ``zendesk``: ``X-Zendesk-Webhook-Signature``, base64 of HMAC-SHA256 over the value of
  ``X-Zendesk-Webhook-Signature-Timestamp`` and the body (developer.zendesk.com/documentation/webhooks/verifying).
- ``hub-sha256``: ``X-Hub-Signature-256: sha256=<hex>``, HMAC-SHA256 over the body, as GitHub and Meta send it
  (docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries,
  developers.facebook.com/docs/messenger-platform/webhooks).
- ``hub-sha1``: ``X-Hub-Signature: sha1=<hex>``, HMAC-SHA1 over the body, as Intercom sends it
  (developers.intercom.com/intercom-api-reference/v1.0/reference/signed-notifications).

The two without a time cannot tell a message of last week from a new one; what protects them is that each event counts
once, and that its key is kept after its body is gone.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from webapp.errors import MainstayError

WINDOW = dt.timedelta(minutes=5)
"""How old, or how far ahead of our clock, a signed time may be."""


class SignatureError(MainstayError):
    """The message is not, or not certainly, from the source that it names."""


class Headers(Protocol):
    """Headers of a request; names compare without case."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Style:
    """
    How a sender signs.

    Parameters
    ----------
    title
        Its name, for people.
    header
        The header that carries the signature.
    timed
        Whether the time of sending is signed as well.
    expected
        Returns what is signed and what came with it: (time or None, digest function of a secret, signatures offered).
    """

    title: str
    header: str
    timed: bool
    expected: Callable[[Headers, bytes], _Claim]


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a message claims: when it was signed, what was signed, and the signatures that it offers."""

    signed_at: dt.datetime | None
    digest: Callable[[str], str]
    offered: tuple[str, ...]


def _hmac(secret: str, content: bytes, algorithm: str = "sha256") -> hmac.HMAC:
    return hmac.new(secret.encode(), content, algorithm)


def _hex(content: bytes, algorithm: str = "sha256") -> Callable[[str], str]:
    return lambda secret: _hmac(secret, content, algorithm).hexdigest()


def _mainstay(headers: Headers, body: bytes) -> _Claim:
    parts = [part.partition("=") for part in _header(headers, "X-Mainstay-Signature").split(",")]
    times = [value.strip() for name, _, value in parts if name.strip() == "t"]
    offered = tuple(value.strip() for name, _, value in parts if name.strip() == "v1")
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        raise SignatureError("The header X-Mainstay-Signature is not t=<unix seconds>,v1=<hex>.")
    return _Claim(_from_unix(times[0]), _hex(times[0].encode() + b"." + body), offered)


def _zendesk(headers: Headers, body: bytes) -> _Claim:
    stamp = _header(headers, "X-Zendesk-Webhook-Signature-Timestamp").strip()
    try:
        signed_at = dt.datetime.fromisoformat(stamp)
    except ValueError:
        raise SignatureError("The header X-Zendesk-Webhook-Signature-Timestamp holds no time.") from None
    signed_at = signed_at if signed_at.tzinfo is not None else signed_at.replace(tzinfo=dt.UTC)
    content = stamp.encode() + body
    return _Claim(
        signed_at,
        lambda secret: base64.b64encode(_hmac(secret, content).digest()).decode("ascii"),
        (_header(headers, "X-Zendesk-Webhook-Signature").strip(),),
    )


def _hub_sha256(headers: Headers, body: bytes) -> _Claim:
    return _Claim(None, _hex(body), (_prefixed(_header(headers, "X-Hub-Signature-256"), "sha256="),))


def _hub_sha1(headers: Headers, body: bytes) -> _Claim:
    return _Claim(None, _hex(body, "sha1"), (_prefixed(_header(headers, "X-Hub-Signature"), "sha1="),))


STYLES: Mapping[str, Style] = {
    "mainstay": Style("Mainstay: time and HMAC-SHA256", "X-Mainstay-Signature", timed=True, expected=_mainstay),
    "zendesk": Style("Zendesk: time and HMAC-SHA256", "X-Zendesk-Webhook-Signature", timed=True, expected=_zendesk),
    "hub-sha256": Style(
        "GitHub, Meta: HMAC-SHA256 of the body", "X-Hub-Signature-256", timed=False, expected=_hub_sha256
    ),
    "hub-sha1": Style("Intercom: HMAC-SHA1 of the body", "X-Hub-Signature", timed=False, expected=_hub_sha1),
}


def require_signature(style: str, *, headers: Headers, body: bytes, secrets: Sequence[str], at: dt.datetime) -> None:
    """
    Refuse a message that nobody who knows a secret has signed within the last five minutes.

    Parameters
    ----------
    style
        Key of :data:`STYLES`.
    headers
        Headers of the request, whose names compare without case.
    body
        The body, byte by byte as it came.
    secrets
        The secrets that are good now: one, or two while a new one takes over.
    at
        The present moment.

    Raises
    ------
    SignatureError
        If the header is missing or malformed, no secret fits, or the signed time is outside :data:`WINDOW`.
    """
    claim = STYLES[style].expected(headers, body)
    # All are compared, so that the time taken tells nothing of which one was near.
    fits = [
        hmac.compare_digest(claim.digest(secret).encode(), offered.encode())
        for secret in secrets
        for offered in claim.offered
    ]
    if not any(fits):
        raise SignatureError("The signature does not fit the body.")
    if claim.signed_at is not None and abs(at - claim.signed_at) > WINDOW:
        raise SignatureError("The message was signed too long ago, or its sender's clock is wrong.")


def sign(secret: str, body: bytes, *, at: dt.datetime) -> str:
    """Return the value of ``X-Mainstay-Signature`` for a body that is sent now."""
    stamp = str(int(at.timestamp()))
    return f"t={stamp},v1={_hex(stamp.encode() + b'.' + body)(secret)}"


def digest_of(body: bytes) -> str:
    """Return the SHA-256 of a body, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def _header(headers: Headers, name: str) -> str:
    value = headers.get(name)
    if not value:
        raise SignatureError(f"The header {name} is missing.")
    return value


def _prefixed(value: str, prefix: str) -> str:
    if not value.startswith(prefix):
        raise SignatureError(f"The signature does not begin with {prefix}.")
    return value.removeprefix(prefix).strip()


def _from_unix(text: str) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(int(text), dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise SignatureError("The signed time is none.") from None
