"""HR notes public keys as issuers publish them; secrets and keys that prove nothing are refused."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OctKey, OKPKey

from tests.factories import badges as made
from webapp.errors import InvalidInputError
from webapp.services.badges.keys import decode_base58, did_key, load_key, read_keys


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP"])
def test_a_key_is_read_as_pem_and_as_web_key_alike(kind):
    key = made.new_key(kind)
    pem, values = key.as_pem(private=False).decode(), key.as_dict(private=False)

    (from_pem,), (from_values,) = read_keys(pem), read_keys(json.dumps(values))

    assert from_pem.key.thumbprint() == from_values.key.thumbprint() == key.thumbprint()


def test_several_keys_are_read_at_once():
    keys = [made.new_key("EC"), made.new_key("OKP")]
    pems = "\n".join(key.as_pem(private=False).decode() for key in keys)
    together = json.dumps({"keys": [key.as_dict(private=False) for key in keys]})
    listed = json.dumps([key.as_dict(private=False) for key in keys])

    assert [len(read_keys(text)) for text in (pems, together, listed)] == [2, 2, 2]


def test_the_key_document_of_the_second_edition_keeps_its_address_as_name():
    key = made.new_key("RSA")
    document = {"type": "CryptographicKey", "id": made.KEY_NAME, "publicKeyPem": key.as_pem(private=False).decode()}

    (found,) = read_keys(json.dumps(document))

    assert found.name == made.KEY_NAME


def test_a_key_is_kept_without_anything_private():
    kept = made.public(made.new_key("OKP")).as_dict()

    assert set(kept) == {"kty", "crv", "x", "kid"}
    assert load_key(kept).as_dict() == kept
    assert "kid" not in load_key({name: value for name, value in kept.items() if name != "kid"}).as_dict()


def short_rsa_key():
    key = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - it is to be refused
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def x25519_key():
    return OKPKey.generate_key("X25519", auto_kid=False).as_pem(private=False).decode()


REFUSED = [
    ("", "Paste the issuer's public key"),
    ("hello", "Paste the issuer's public key"),
    ("[1]", "Paste the issuer's public key"),
    ("[]", "no key in this text"),
    ("-----BEGIN PUBLIC KEY-----", "no key in this text"),
    ("{}", "cannot be read"),
    (json.dumps({"publicKeyPem": "-----BEGIN PUBLIC KEY-----\nMII=\n-----END PUBLIC KEY-----"}), "cannot be read"),
    (json.dumps({"kty": "EC", "crv": "P-256"}), "cannot be read"),
    (x25519_key(), "cannot be read"),
    (json.dumps(made.new_key("EC").as_dict(private=True)), "private key"),
    (made.new_key("RSA").as_pem(private=True).decode(), "private key"),
    (json.dumps(OctKey.generate_key(256, auto_kid=False).as_dict()), "shared secret"),
    (short_rsa_key(), "at least 2048 bits"),
    (json.dumps(ECKey.generate_key("P-384", auto_kid=False).as_dict(private=False)), "P-384 is not known"),
    (json.dumps(OKPKey.generate_key("X25519", auto_kid=False).as_dict(private=False)), "X25519 is not known"),
    (json.dumps([made.public(made.new_key("OKP")).as_dict()] * 21), "Keep to 20 keys"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_no_public_key_is_refused_in_words(text, words):
    with pytest.raises(InvalidInputError, match=words) as refusal:
        read_keys(text)

    assert refusal.value.field == "keys"


@pytest.mark.parametrize("kind", ["EC", "OKP"])
def test_a_did_is_the_key_that_it_spells(kind):
    for _ in range(20):
        key = made.new_key(kind)

        assert did_key(made.did_of(key)).key.thumbprint() == key.thumbprint()


def test_the_did_of_the_method_specification_is_its_key():
    """The Ed25519 example of the did:key method, whose public key is given there in base 58 as well."""
    found = did_key("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")

    assert decode_base58("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")[:2] == b"\xed\x01"
    assert found.key.key_type == "OKP"


@pytest.mark.parametrize("did", ["did:key:z6Mk", "did:key:", "did:key:zDna", "did:key:u1234", "did:web:example.com"])
def test_a_did_of_another_kind_is_refused(did):
    with pytest.raises(InvalidInputError):
        did_key(did)


def test_a_point_that_lies_on_no_curve_is_refused():
    with pytest.raises(InvalidInputError, match="cannot be read"):
        did_key("did:key:z" + made.base58(b"\x80\x24\x05" + b"\1" * 32))
