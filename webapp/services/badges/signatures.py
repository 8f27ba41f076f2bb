"""
Signatures that can be checked here for certain, each with the keys of one issuer whom somebody trusts.

Tokens are JWS in compact form (RFC 7515) with RS256, ES256 or EdDSA; documents are checked under ``eddsa-jcs-2022``
(W3C Data Integrity EdDSA Cryptosuites 1.0, section 3.3; canonical JSON by RFC 8785). Cryptosuites over RDF, such as
``eddsa-rdfc-2022``, need vocabularies that would have to be fetched: they are said to be uncheckable.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import CompactSignature, JWSRegistry

from webapp.errors import InvalidInputError
from webapp.services.badges.badge import EmbeddedProof, Token, contexts_of
from webapp.services.badges.keys import ALGORITHMS, TrustedKey, decode_base58, load_key
from webapp.services.badges.strict_json import LARGEST_BYTES

CHECKABLE_SUITE = "eddsa-jcs-2022"
_KNOWN_ALGORITHMS = frozenset[str]().union(*ALGORITHMS.values())


class Verdict(enum.StrEnum):
    """What is known of a signature."""

    GOOD = "good"
    BAD = "bad"
    UNCHECKABLE = "uncheckable"


class _Registry(JWSRegistry):
    """The algorithms of badges alone, and room for a key in the header."""

    max_header_length = 8_192
    # In characters of base 64.
    max_payload_length = LARGEST_BYTES * 4 // 3 + 4

    def get_alg(self, name: str) -> Any:
        """Return an algorithm that this registry allows."""
        # The library's own warns of the name EdDSA, under which most wallets sign and which is Ed25519 by our keys.
        if self.allowed is None or name not in self.allowed:
            raise InvalidInputError(_weak(name), field="file")
        return self.algorithms[name]


def open_token(text: str) -> CompactSignature:
    """
    Return a token taken apart, its signature not yet looked at.

    Raises
    ------
    InvalidInputError
        If it is damaged, or signed in a way that proves nothing to others.
    """
    try:
        token = jws.extract_compact(text.encode("ascii"), registry=_Registry(algorithms=_KNOWN_ALGORITHMS))
        header = token.headers()
    except (JoseError, ValueError) as error:
        raise InvalidInputError("The badge's token is damaged or too large to be read.", field="file") from error
    algorithm = header.get("alg")
    if algorithm not in _KNOWN_ALGORITHMS:
        raise InvalidInputError(_weak(algorithm), field="file")
    if "crit" in header or "b64" in header:
        raise InvalidInputError("The badge's token asks for rules that are not known here.", field="file")
    return token


def _weak(algorithm: object) -> str:
    return (
        f"The badge is signed with “{str(algorithm)[:20]}”, which proves nothing about who signed it. "
        "RS256, ES256 and EdDSA do."
    )


def check_token(token: Token, keys: Sequence[TrustedKey]) -> Verdict:
    """Return whether one of an issuer's keys signed a token; its header may choose among them, and bring none."""
    header = open_token(token.text).headers()
    candidates = _named(keys, header.get("kid"))
    if "jwk" in header:
        candidates = _same_key(candidates, header["jwk"])
    for candidate in candidates:
        try:
            jws.deserialize_compact(token.text, candidate.key, registry=_Registry(algorithms=candidate.algorithms))
        except (JoseError, InvalidInputError, ValueError):
            continue
        return Verdict.GOOD
    return Verdict.BAD


def _named(keys: Sequence[TrustedKey], name: object) -> Sequence[TrustedKey]:
    """Return the keys of a name; all of them if none has it, for issuers who change names and not keys."""
    return [key for key in keys if isinstance(name, str) and key.name == name] or keys


def _same_key(keys: Iterable[TrustedKey], values: object) -> list[TrustedKey]:
    if not isinstance(values, Mapping):
        return []
    try:
        print_of_header = load_key(values).key.thumbprint()
    except InvalidInputError:
        return []
    return [key for key in keys if key.key.thumbprint() == print_of_header]


def check_document(signed: EmbeddedProof, keys: Sequence[TrustedKey]) -> Verdict:
    """Return whether one of an issuer's keys made the proof in a document."""
    proof = signed.proof
    if proof.get("type") != "DataIntegrityProof" or proof.get("cryptosuite") != CHECKABLE_SUITE:
        return Verdict.UNCHECKABLE
    if proof.get("proofPurpose") != "assertionMethod" or not isinstance(proof.get("proofValue"), str):
        return Verdict.BAD
    try:
        signature = decode_base58(proof["proofValue"])
        content = _hashed(signed.document, proof)
    except (InvalidInputError, rfc8785.CanonicalizationError):
        return Verdict.BAD
    for candidate in _named(keys, proof.get("verificationMethod")):
        raw = candidate.key.raw_value
        if isinstance(raw, Ed25519PublicKey) and _is_signed(raw, signature, content):
            return Verdict.GOOD
    return Verdict.BAD


def _hashed(document: Mapping[str, Any], proof: Mapping[str, Any]) -> bytes:
    """
    Return what the signature is over: the digests of the proof's options and of the document without its proof.

    Raises
    ------
    InvalidInputError
        If the proof speaks of other vocabularies than the document.
    """
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    if "@context" in options:
        spoken = contexts_of(options)
        if contexts_of(document)[: len(spoken)] != spoken:
            raise InvalidInputError("The proof speaks of another document.", field="file")
        unsecured["@context"] = options["@context"]
    return b"".join(hashlib.sha256(rfc8785.dumps(part)).digest() for part in (options, unsecured))


def _is_signed(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
