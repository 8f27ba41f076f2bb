"""
How an erased customer's key is remembered: as a digest that only this installation can compute.

The digest is HMAC-SHA256 over a digest of the key, with a key of its own that HKDF derives from ``SECRET_KEY``. A
customer's key is often a short number: whoever had the table alone could try them all against a plain digest, and
against this one cannot. The plain digest inside is what versions before kept, so that their rows are keyed without
anybody naming a customer. A row says which key it is of; see docs/decisions/0028-keyed-erasures.md.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_PURPOSE = b"mainstay erased customers, version 1"
_PLAIN_PURPOSE = b"mainstay erased customer, version 1\0"
_NAME_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Mark:
    """
    What is kept of an erased customer's key.

    Parameters
    ----------
    digest
        64 hexadecimal digits.
    key_id
        Name of the key that it was made with; None for a plain digest of a version before.
    """

    digest: str
    key_id: str | None = None

    def written(self) -> str:
        """Return it as one word, for a list of erasures."""
        return self.digest if self.key_id is None else f"{self.key_id}:{self.digest}"

    @classmethod
    def read(cls, word: str) -> Mark:
        """Return what :meth:`written` wrote."""
        key_id, _, digest = word.rpartition(":")
        return cls(digest, key_id or None)


class ErasureMemory:
    """
    Marks erased customers, and knows them again.

    Parameters
    ----------
    secret_key
        ``SECRET_KEY`` of the installation; the edge hands it in.
    previous
        Keys that it had before, by which customers were marked who are to be known still.
    """

    def __init__(self, secret_key: str, *, previous: Sequence[str] = ()) -> None:
        if not secret_key:
            raise ValueError("Erased customers cannot be remembered without a key.")
        derived = [_derive(each) for each in (secret_key, *previous)]
        self._keys = {_name(key): key for key in derived}
        self.key_id = _name(derived[0])
        """Name of the present key."""

    @property
    def key_ids(self) -> frozenset[str]:
        """Names of all keys by which customers are known."""
        return frozenset(self._keys)

    def mark(self, customer_key: str) -> Mark:
        """Return the mark of a customer by the present key."""
        return self.strengthen(_plain(customer_key))

    def marks(self, customer_key: str) -> list[Mark]:
        """Return every mark under which a customer may be remembered, the present one first."""
        plain = _plain(customer_key)
        return [*(Mark(_keyed(key, plain), name) for name, key in self._keys.items()), Mark(plain)]

    def strengthen(self, plain: str) -> Mark:
        """Return the mark that a plain digest of a version before becomes."""
        return Mark(_keyed(self._keys[self.key_id], plain), self.key_id)


def _derive(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_KEY_PURPOSE).derive(secret_key.encode())


def _name(key: bytes) -> str:
    return hmac.digest(key, b"name", "sha256").hex()[:_NAME_LENGTH]


def _keyed(key: bytes, plain: str) -> str:
    return hmac.digest(key, plain.encode(), "sha256").hex()


def _plain(customer_key: str) -> str:
    return hashlib.sha256(_PLAIN_PURPOSE + customer_key.strip().encode()).hexdigest()


_configured: list[ErasureMemory] = []


def configure(memory: ErasureMemory) -> None:
    """Set the memory of this process, once when it starts."""
    _configured[:] = [memory]


def get_memory() -> ErasureMemory:
    """
    Return the memory of this process.

    Raises
    ------
    RuntimeError
        If nobody set it: a default would mark customers with a key that everybody knows.
    """
    if not _configured:
        raise RuntimeError("Nobody said by which key erased customers are remembered.")
    return _configured[0]
