"""
Public keys of issuers: read once when somebody trusts an issuer, kept as JSON Web Keys.

RSA from 2048 bits, P-256 and Ed25519 are known, the keys of RS256, ES256 and EdDSA. Shared secrets and private keys are
refused: the first prove nothing to a third party, and the second somebody would have given away.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from webapp.errors import InvalidInputError

Key = RSAKey | ECKey | OKPKey

DID_KEY = "did:key:"
ALGORITHMS: Mapping[str, frozenset[str]] = {
    "RSA": frozenset({"RS256"}),
    "EC": frozenset({"ES256"}),
    "OKP": frozenset({"EdDSA", "Ed25519"}),
}
"""Which algorithms a type of key may be used with: never the one that a badge would like."""

LEAST_RSA_BITS = 2048
MOST_KEYS = 20
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Multicodec prefixes of did:key: ed25519-pub and p256-pub, as unsigned varints.
_ED25519_PREFIX = b"\xed\x01"
_P256_PREFIX = b"\x80\x24"
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----[A-Za-z0-9+/=\s]{1,8000}-----END \1-----")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key and the name that its issuer gives it, empty if it has none."""

    name: str
    key: Key

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that this key may be used with."""
        return ALGORITHMS[self.key.key_type]

    def as_dict(self) -> dict[str, Any]:
        """Return the key as a JSON Web Key, without anything private."""
        values = dict(self.key.as_dict(private=False))
        return {**values, "kid": self.name} if self.name else values


def read_keys(text: str) -> list[TrustedKey]:
    """
    Return the public keys in a text that somebody pasted.

    Parameters
    ----------
    text
        Keys in PEM, a JSON Web Key or a set of them, or a ``CryptographicKey`` of Open Badges 2.0.

    Raises
    ------
    InvalidInputError
        If there is none, one is private or of a kind that is not known.
    """
    text = text.strip()
    if "-----BEGIN" in text and not text.startswith("{"):
        keys = [load_key({"publicKeyPem": match.group(0)}) for match in _PEM.finditer(text)]
    else:
        keys = [load_key(values) for values in _listed(text)]
    if not keys:
        raise InvalidInputError("There is no key in this text.", field="keys")
    if len(keys) > MOST_KEYS:
        raise InvalidInputError(f"Keep to {MOST_KEYS} keys for one issuer.", field="keys")
    return keys


def _listed(text: str) -> Sequence[Mapping[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("Paste the issuer's public key as PEM or as JSON Web Key.", field="keys") from error
    if isinstance(value, dict) and isinstance(value.get("keys"), list):
        value = value["keys"]
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise InvalidInputError("Paste the issuer's public key as PEM or as JSON Web Key.", field="keys")
    return found


def load_key(values: Mapping[str, Any]) -> TrustedKey:
    """
    Return the key that a JSON Web Key or a ``CryptographicKey`` stands for.

    Raises
    ------
    InvalidInputError
        If it is private, too short or of a kind that is not known.
    """
    pem = values.get("publicKeyPem")
    if isinstance(pem, str) and "PRIVATE" in pem:
        raise _private()
    try:
        key = _import_pem(pem) if isinstance(pem, str) else _import_values(values)
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm) as error:
        raise InvalidInputError("This key cannot be read: RSA, P-256 and Ed25519 are known.", field="keys") from error
    name = values.get("kid", values.get("id"))
    return TrustedKey(name if isinstance(name, str) else "", _checked(key))


def _import_pem(pem: str) -> Any:
    key = load_pem_public_key(pem.encode())
    match key:
        case RSAPublicKey():
            _check_length(key.key_size)
            return RSAKey.import_key(key)
        case EllipticCurvePublicKey():
            return ECKey.import_key(key)
        case Ed25519PublicKey():
            return OKPKey.import_key(key)
    raise ValueError("This is the PEM of a key of another kind.")


def _import_values(values: Mapping[str, Any]) -> Any:
    if values.get("kty") == "RSA":
        # Four signs of base 64 stand for three bytes; the first is never a zero.
        _check_length(len(str(values["n"]).rstrip("=")) * 6)
    return JWKRegistry.import_key({**values})


def _check_length(bits: int) -> None:
    if bits < LEAST_RSA_BITS:
        raise InvalidInputError(f"An RSA key needs at least {LEAST_RSA_BITS} bits.", field="keys")


def _checked(key: Any) -> Key:
    if not isinstance(key, RSAKey | ECKey | OKPKey):
        raise InvalidInputError("A shared secret proves nothing to others; paste the public key.", field="keys")
    if key.is_private:
        raise _private()
    if not isinstance(key, RSAKey) and key.curve_name not in {"P-256", "Ed25519"}:
        raise InvalidInputError(f"The curve {key.curve_name} is not known: P-256 and Ed25519 are.", field="keys")
    return key


def _private() -> InvalidInputError:
    return InvalidInputError(
        "This is a private key, which only its issuer may have. Tell them, and ask for the public one.", field="keys"
    )


def did_key(did: str) -> TrustedKey:
    """
    Return the key that a ``did:key`` is.

    Raises
    ------
    InvalidInputError
        If it is none of Ed25519 or P-256.
    """
    did = did.partition("#")[0]
    content = decode_base58(did.removeprefix(DID_KEY))
    values: dict[str, Any]
    try:
        if content.startswith(_ED25519_PREFIX) and len(content) == 34:
            values = {"kty": "OKP", "crv": "Ed25519", "x": _base64(content[2:])}
        elif content.startswith(_P256_PREFIX) and len(content) == 35:
            numbers = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), content[2:]).public_numbers()
            values = {
                "kty": "EC",
                "crv": "P-256",
                "x": _base64(numbers.x.to_bytes(32, "big")),
                "y": _base64(numbers.y.to_bytes(32, "big")),
            }
        else:
            raise _unknown_did()
        return TrustedKey(did, _checked(JWKRegistry.import_key(values)))
    except (JoseError, ValueError) as error:
        raise _unknown_did() from error


def _unknown_did() -> InvalidInputError:
    return InvalidInputError("This did:key cannot be read: Ed25519 and P-256 are known.", field="keys")


def decode_base58(text: str) -> bytes:
    """
    Return the bytes of a multibase text in base 58 (``z`` and the Bitcoin alphabet).

    Raises
    ------
    InvalidInputError
        If it is none, or longer than any key or signature.
    """
    digits = text.removeprefix("z")
    if digits == text or not digits or len(digits) > 200 or not set(digits) <= set(_BASE58):
        raise InvalidInputError("This key or signature is damaged.", field="file")
    number = 0
    for digit in digits:
        number = number * 58 + _BASE58.index(digit)
    zeros = len(digits) - len(digits.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
