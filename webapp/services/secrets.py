"""
Secrets at rest: what Mainstay must be able to read again, such as the key of a webhook, is kept encrypted.

Passwords and tokens are not kept here: they are only compared, so their digests are enough.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from webapp.errors import MainstayError

_PURPOSE = b"mainstay secrets at rest, version 1"


class SecretKeyError(MainstayError):
    """A secret was encrypted with another ``SECRET_KEY`` than this installation has, or was damaged."""


class SecretBox:
    """
    Encrypts and decrypts short texts with a key that is derived from the installation's own.

    The key is derived by HKDF with SHA-256 (RFC 5869), so that the key that signs sessions is never the one that
    encrypts; the texts are Fernet tokens (AES-128-CBC with HMAC-SHA256), of which no two are alike.

    Parameters
    ----------
    secret_key
        ``SECRET_KEY`` of the installation; the edge hands it in.
    previous
        Keys that it had before: what they encrypted can still be read, and :meth:`renew` writes it anew.
    """

    def __init__(self, secret_key: str, *, previous: Sequence[str] = ()) -> None:
        if not secret_key:
            raise ValueError("A secret box needs a key.")
        self._box = MultiFernet([_derive(key) for key in (secret_key, *previous)])

    def encrypt(self, text: str) -> str:
        """Return a text encrypted, as ASCII; about 1.4 times as long and 100 characters more."""
        return self._box.encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted: str) -> str:
        """
        Return the text that was encrypted.

        Raises
        ------
        SecretKeyError
            If it was encrypted with a key that this box does not have, or was damaged.
        """
        try:
            return self._box.decrypt(encrypted.encode()).decode()
        except (InvalidToken, UnicodeError) as error:
            raise _wrong_key() from error

    def renew(self, encrypted: str) -> str:
        """
        Return the same text encrypted with the present key.

        Raises
        ------
        SecretKeyError
            If no key of this box fits.
        """
        try:
            return self._box.rotate(encrypted.encode()).decode("ascii")
        except (InvalidToken, UnicodeError) as error:
            raise _wrong_key() from error


def _derive(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))


def _wrong_key() -> SecretKeyError:
    return SecretKeyError(
        "A stored secret cannot be read: it was encrypted with another SECRET_KEY. Set the former key again, or enter "
        "the secret anew where it is used."
    )
