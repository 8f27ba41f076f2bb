"""Badges as issuers make them, signed with keys that are made anew for each test."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import rfc8785
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from webapp.services.badges.judging import TrustedIssuer
from webapp.services.badges.keys import TrustedKey, load_key

OB2_CONTEXT = "https://w3id.org/openbadges/v2"
OB3_CONTEXT = ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]
ISSUER_KEY = "https://academy.example/issuer"
ACHIEVEMENT_KEY = "https://academy.example/badges/spanish-b2"
KEY_NAME = "https://academy.example/keys/1"
ADDRESS = "ana@example.test"

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ALGORITHM = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def new_key(kind: str = "EC") -> Any:
    """Return a new private key: RSA, EC (P-256) or OKP (Ed25519)."""
    match kind:
        case "RSA":
            return RSAKey.generate_key(2048, auto_kid=False)
        case "EC":
            return ECKey.generate_key("P-256", auto_kid=False)
        case _:
            return OKPKey.generate_key("Ed25519", auto_kid=False)


def public(key: Any, name: str = KEY_NAME) -> TrustedKey:
    """Return the public half of a key as HR notes it."""
    return load_key({**key.as_dict(private=False), "kid": name})


def trusted(*keys: Any, **values: Any) -> TrustedIssuer:
    """Return an issuer whom HR trusts, with the public halves of keys."""
    return TrustedIssuer(
        id=values.pop("id", 1),
        name=values.pop("name", "Academy"),
        keys_of_profile=frozenset(values.pop("keys_of_profile", {ISSUER_KEY})),
        keys=tuple(public(key) for key in keys),
        **values,
    )


def assertion(**changes: Any) -> dict[str, Any]:
    """Return a signed assertion of the second edition for :data:`ADDRESS`; None takes a part out."""
    salt = "deadsea"
    document: dict[str, Any] = {
        "@context": OB2_CONTEXT,
        "type": "Assertion",
        "id": "urn:uuid:a953081a-4bbc-4927-8653-7219bca00e3b",
        "recipient": {
            "type": "email",
            "hashed": True,
            "salt": salt,
            "identity": "sha256$" + hashlib.sha256((ADDRESS + salt).encode()).hexdigest(),
        },
        "badge": {
            "type": "BadgeClass",
            "id": ACHIEVEMENT_KEY,
            "name": "Spanish B2",
            "issuer": {"type": "Issuer", "id": ISSUER_KEY, "name": "Academy"},
        },
        "verification": {"type": "SignedBadge", "creator": KEY_NAME},
        "issuedOn": "2026-06-30T10:00:00Z",
        "expires": "2028-06-30T23:59:59Z",
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def credential(**changes: Any) -> dict[str, Any]:
    """Return a credential of the third edition for :data:`ADDRESS`; None takes a part out."""
    document: dict[str, Any] = {
        "@context": OB3_CONTEXT,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "id": "urn:uuid:91537dba-56cb-11ec-bf63-0242ac130002",
        "issuer": {"id": ISSUER_KEY, "type": ["Profile"], "name": "Academy"},
        "validFrom": "2026-06-30T10:00:00Z",
        "validUntil": "2028-06-30T23:59:59Z",
        "credentialSubject": subject(),
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def subject(address: str = ADDRESS) -> dict[str, Any]:
    """Return who earned :data:`ACHIEVEMENT_KEY`, by a salted address."""
    return {
        "type": ["AchievementSubject"],
        "identifier": [
            {
                "type": "IdentityObject",
                "hashed": True,
                "salt": "s4lt",
                "identityType": "emailAddress",
                "identityHash": "sha256$" + hashlib.sha256((address + "s4lt").encode()).hexdigest(),
            }
        ],
        "achievement": {"id": ACHIEVEMENT_KEY, "type": ["Achievement"], "name": "Spanish B2"},
    }


def token(payload: Mapping[str, Any], key: Any, **header: Any) -> str:
    """Return a payload as a token signed by a key."""
    protected = {"alg": ALGORITHM.get(key.key_type, "HS256"), **header}
    # The algorithm may be one that the library advises against; forging one by hand keeps its warning out of the tests.
    if protected["alg"] == "EdDSA":
        return by_hand(protected, payload, key.raw_value.sign)
    registry = jws.JWSRegistry(strict_check_header=False, algorithms=[protected["alg"]])
    registry.max_header_length = 9_000
    return jws.serialize_compact(protected, json.dumps(payload).encode(), key, registry=registry)


def unsigned_token(payload: Any, algorithm: str = "none", **header: Any) -> str:
    """Return a token that nobody signed."""
    return by_hand({"alg": algorithm, **header}, payload, lambda _content: b"")


def confused_token(payload: Mapping[str, Any], key: Any) -> str:
    """Return a token with a shared-secret signature whose secret is the issuer's public key."""
    secret = key.as_pem(private=False)
    return by_hand({"alg": "HS256"}, payload, lambda content: hmac.digest(secret, content, "sha256"))


def by_hand(header: Mapping[str, Any], payload: Any, sign: Any) -> str:
    """Return a token without the help and the caution of a library."""
    content = ".".join(_base64(json.dumps(part).encode()) for part in (header, payload))
    return f"{content}.{_base64(sign(content.encode()))}"


def proven(document: Mapping[str, Any], key: Any, **changes: Any) -> dict[str, Any]:
    """Return a document with a Data Integrity proof under ``eddsa-jcs-2022`` in it, made step by step as W3C tells."""
    options = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2026-06-30T10:00:00Z",
        "verificationMethod": KEY_NAME,
        "proofPurpose": "assertionMethod",
        "@context": document["@context"],
        **changes,
    }
    options = {name: value for name, value in options.items() if value is not None}
    digests = [hashlib.sha256(rfc8785.dumps(part)).digest() for part in (options, dict(document))]
    value = "z" + base58(key.raw_value.sign(b"".join(digests)))
    return {**document, "proof": {**options, "proofValue": value}}


def did_of(key: Any) -> str:
    """Return the ``did:key`` of an Ed25519 or P-256 key."""
    values = key.as_dict(private=False)
    x = base64.urlsafe_b64decode(values["x"] + "==")
    if values["kty"] == "OKP":
        return "did:key:z" + base58(b"\xed\x01" + x)
    y = base64.urlsafe_b64decode(values["y"] + "==")
    return "did:key:z" + base58(b"\x80\x24" + bytes([2 + y[-1] % 2]) + x)


def base58(content: bytes) -> str:
    """Return bytes in base 58."""
    number, digits = int.from_bytes(content, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        digits = _BASE58[rest] + digits
    return "1" * (len(content) - len(content.lstrip(b"\0"))) + digits


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a picture of one grey dot with chunks before its end."""
    dot = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\x80"))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in (*dot, *chunks, (b"IEND", b"")))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def baked_png(text: str, keyword: bytes = b"openbadges") -> bytes:
    """Return a picture with a credential baked in as international text."""
    return png((b"iTXt", keyword + b"\0\0\0\0\0" + text.encode()))


def baked_svg(text: str, *, element: str = "assertion", space: str = "http://openbadges.org") -> bytes:
    """Return a drawing with a credential baked in: a token as attribute, JSON as text."""
    inside = f'verify="{text}"/>' if not text.startswith("{") else f"><![CDATA[{text}]]></openbadges:{element}>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="{space}"><openbadges:{element} {inside}</svg>'
    ).encode()
