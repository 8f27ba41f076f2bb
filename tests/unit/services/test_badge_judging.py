"""A badge counts by itself only where everything is certain; what is false is refused, what is unknown is in doubt."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json

import pytest

from tests.factories import NOW
from tests.factories import badges as made
from webapp.errors import InvalidInputError
from webapp.services.badges.badge import Match, Recipient
from webapp.services.badges.judging import judge
from webapp.services.badges.reading import read_badge

KEYS = {kind: made.new_key(kind) for kind in ("RSA", "EC", "OKP")}
KEY, OTHER = KEYS["EC"], made.new_key("EC")
ED25519 = KEYS["OKP"]


def judged(badge, *issuers, email=made.ADDRESS, at=NOW):
    content = badge.encode() if isinstance(badge, str) else json.dumps(badge).encode()
    return judge(read_badge(content), email=email, issuers=issuers, at=at)


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP"])
@pytest.mark.parametrize("document", [made.assertion(), made.credential()], ids=["2.0", "3.0"])
def test_a_badge_signed_by_a_trusted_issuer_for_this_person_counts_by_itself(kind, document):
    found = judged(made.token(document, KEYS[kind]), made.trusted(KEYS[kind]))

    assert found.certain
    assert (found.refusals, found.doubts) == ((), ())


def test_a_credential_with_its_proof_inside_counts_by_itself():
    found = judged(made.proven(made.credential(), ED25519), made.trusted(ED25519))

    assert found.certain


def test_a_proof_that_repeats_no_vocabulary_counts_as_well():
    document = made.proven(made.credential(issuer=made.ISSUER_KEY), ED25519, **{"@context": None})

    assert judged(document, made.trusted(ED25519)).certain


def test_an_issuer_known_by_its_did_needs_no_noted_key():
    for key in (ED25519, KEY):
        did = made.did_of(key)
        document = made.credential(issuer={"id": did})

        found = judged(made.token(document, key, kid=f"{did}#0"), made.trusted(keys_of_profile={did}))

        assert found.certain


def test_a_class_given_by_its_address_is_known_by_the_name_of_its_key():
    found = judged(made.token(made.assertion(badge=made.ACHIEVEMENT_KEY), KEY), made.trusted(KEY))

    assert found.certain


def test_a_signature_by_another_key_is_refused():
    for badge in (made.token(made.credential(), OTHER), made.proven(made.credential(), made.new_key("OKP"))):
        found = judged(badge, made.trusted(KEY, ED25519))

        assert not found.certain
        assert "does not fit the keys" in found.refusals[0]


def test_a_key_that_the_badge_brings_itself_is_not_believed():
    header = {"jwk": OTHER.as_dict(private=False)}

    found = judged(made.token(made.credential(), OTHER, **header), made.trusted(KEY))

    assert "does not fit the keys" in found.refusals[0]


def test_a_key_in_the_header_that_hr_has_noted_is_fine_and_one_that_cannot_be_read_is_not():
    fine = judged(made.token(made.credential(), KEY, jwk=KEY.as_dict(private=False)), made.trusted(KEY))
    odd = [
        judged(made.unsigned_token(made.credential(), "ES256", jwk=jwk), made.trusted(KEY))
        for jwk in ({"kty": "EC", "crv": "P-256"}, "mine")
    ]

    assert fine.certain
    assert [bool(found.refusals) for found in odd] == [True, True]


def test_the_name_of_a_key_chooses_among_the_noted_ones_and_no_other():
    renamed = judged(made.token(made.credential(), KEY, kid="new-name"), made.trusted(KEY))
    known = judged(made.token(made.credential(), KEY, kid=made.KEY_NAME), made.trusted(OTHER, KEY))

    assert renamed.certain
    assert known.certain


def altered(text):
    header, payload, signature = text.split(".")
    document = json.loads(base64.urlsafe_b64decode(payload + "==="))
    document["validUntil"] = "2099-01-01T00:00:00Z"
    changed = base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
    return f"{header}.{changed}.{signature}"


def test_an_altered_badge_is_refused():
    token = judged(altered(made.token(made.credential(), KEY)), made.trusted(KEY))
    document = judged({**made.proven(made.credential(), ED25519), "name": "Gold"}, made.trusted(ED25519))

    assert "altered" in token.refusals[0]
    assert "altered" in document.refusals[0]


def test_a_proof_whose_options_were_altered_is_refused():
    document = made.proven(made.credential(), ED25519)
    document["proof"]["created"] = "2020-01-01T00:00:00Z"

    assert "altered" in judged(document, made.trusted(ED25519)).refusals[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"proofPurpose": "authentication"},
        {"@context": ["https://else.example/context"]},
        {"verificationMethod": 5},
    ],
)
def test_a_proof_for_something_else_is_refused_or_checked_by_the_key(changes):
    found = judged(made.proven(made.credential(), ED25519, **changes), made.trusted(ED25519))

    assert found.certain == ("verificationMethod" in changes)


def test_a_proof_value_that_is_none_is_refused():
    for value in ("u2222", "z0OIl", "z", 7):
        document = made.proven(made.credential(), ED25519)
        document["proof"]["proofValue"] = value

        assert judged(document, made.trusted(ED25519)).refusals


def test_numbers_that_have_no_canonical_form_are_refused():
    document = made.proven(made.credential(), ED25519)
    document["credentialSubject"]["creditsEarned"] = 2**60

    assert judged(document, made.trusted(ED25519)).refusals


def test_no_algorithm_is_no_signature():
    with pytest.raises(InvalidInputError, match="proves nothing"):
        judged(made.unsigned_token(made.credential()), made.trusted(KEY))


@pytest.mark.parametrize("kind", ["RSA", "EC", "OKP"])
def test_the_public_key_as_a_shared_secret_opens_nothing(kind):
    with pytest.raises(InvalidInputError, match="“HS256”, which proves nothing"):
        judged(made.confused_token(made.credential(), KEYS[kind]), made.trusted(KEYS[kind]))


def test_an_algorithm_that_does_not_go_with_the_key_is_refused():
    forged = made.token(made.credential(), KEYS["RSA"])

    assert judged(forged, made.trusted(KEY)).refusals


def test_another_persons_badge_is_refused():
    for document in (made.assertion(), made.credential(credentialSubject=made.subject("ben@example.test"))):
        email = made.ADDRESS if "credentialSubject" in document else "ben@example.test"

        found = judged(made.token(document, KEY), made.trusted(KEY), email=email)

        assert "another e-mail address" in found.refusals[0]


def test_capitals_of_an_address_make_no_difference():
    plain = {"type": "email", "hashed": False, "identity": "Ana@Example.Test"}

    assert judged(made.token(made.assertion(recipient=plain), KEY), made.trusted(KEY)).certain
    assert judged(made.token(made.assertion(), KEY), made.trusted(KEY), email="Ana@Example.test").certain


def test_a_holder_named_by_a_mail_address_of_the_subject_is_compared():
    document = made.credential(credentialSubject={**made.subject(), "identifier": [], "id": "mailto:ana@example.test"})

    assert judged(made.token(document, KEY), made.trusted(KEY)).certain


@pytest.mark.parametrize(
    "document",
    [
        made.assertion(recipient=None),
        made.assertion(recipient={"type": "email", "hashed": False}),
        made.assertion(recipient={"type": "telephone", "hashed": False, "identity": "+1"}),
        made.assertion(recipient={"type": "email", "hashed": True, "identity": "md5$00"}),
        made.assertion(recipient={"type": "email", "hashed": True, "identity": "00"}),
        made.credential(credentialSubject={**made.subject(), "identifier": None, "id": "did:example:1"}),
    ],
)
def test_a_badge_that_does_not_tell_whose_it_is_is_in_doubt(document):
    found = judged(made.token(document, KEY), made.trusted(KEY))

    assert (found.certain, found.refusals) == (False, ())
    assert "does not name its holder" in found.doubts[0]


def test_a_person_without_an_address_cannot_be_told_from_others():
    assert judged(made.token(made.assertion(), KEY), made.trusted(KEY), email=None).doubts


def test_the_example_of_the_specification_names_beth(shared_data):
    content = (shared_data / "formats/openbadges/ob2_01_Assertion.json").read_bytes()
    recipient = json.loads(content)["recipient"]

    badge = read_badge(content)

    assert badge.match("someone@else.example") is Match.NO
    assert badge.recipients == (Recipient(recipient["identity"], hashed=True, salt="deadsea"),)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (dt.datetime(2028, 7, 1, tzinfo=dt.UTC), "expired on 30 Jun 2028"),
        (dt.datetime(2028, 6, 30, 23, 59, 59, tzinfo=dt.UTC), "expired on 30 Jun 2028"),
        (dt.datetime(2026, 6, 30, 9, tzinfo=dt.UTC), "30 Jun 2026, which is still to come"),
    ],
)
def test_before_its_time_and_after_it_a_badge_is_refused(at, words):
    for document in (made.assertion(), made.credential()):
        assert words in judged(made.token(document, KEY), made.trusted(KEY), at=at).refusals[0]


def test_what_the_issuer_took_back_is_refused():
    by_itself = judged(made.token(made.assertion(revoked=True), KEY), made.trusted(KEY))
    noted = judged(made.token(made.credential(), KEY), made.trusted(KEY, revoked=frozenset({made.credential()["id"]})))

    assert by_itself.refusals == noted.refusals == ("The issuer has taken this badge back.",)


def test_a_status_kept_elsewhere_leaves_a_doubt():
    document = made.credential(credentialStatus={"id": "https://academy.example/status/1"})

    found = judged(made.token(document, KEY), made.trusted(KEY))

    assert (found.certain, found.refusals) == (False, ())
    assert "does not open" in found.doubts[0]


def test_a_hosted_badge_is_never_certain():
    found = judged(made.assertion(verification={"type": "hosted"}), made.trusted(KEY))

    assert (found.certain, found.refusals) == (False, ())
    assert "not signed" in found.doubts[0]


def test_an_issuer_whom_nobody_trusts_leaves_a_doubt():
    found = judged(made.token(made.credential(), KEY))

    assert (found.issuer, found.refusals) == (None, ())
    assert "HR has not noted Academy" in found.doubts[0]


def test_a_trusted_issuer_vouches_for_nobody_else():
    """A signature by one trusted issuer makes no badge of another one true."""
    stranger = made.trusted(OTHER, id=2, keys_of_profile={"https://else.example"})

    found = judged(made.token(made.credential(), OTHER), made.trusted(KEY), stranger)

    assert not found.certain
    assert found.refusals


@pytest.mark.parametrize("suite", ["eddsa-rdfc-2022", "ecdsa-rdfc-2019", None])
def test_a_signature_over_rdf_cannot_be_checked_and_never_counts_by_itself(suite):
    document = made.credential()
    document["proof"] = {"type": "DataIntegrityProof", "cryptosuite": suite, "proofValue": "z58DAd"}

    found = judged(document, made.trusted(ED25519))

    assert (found.certain, found.refusals) == (False, ())
    assert "cannot be checked here" in found.doubts[0]


def test_salted_digests_are_of_address_and_salt():
    digest = hashlib.sha256(b"ana@example.testsalt").hexdigest()

    assert Recipient(f"sha256${digest}", hashed=True, salt="salt").match("ana@example.test") is Match.YES
    assert Recipient(f"sha256${digest.upper()}", hashed=True, salt="salt").match("ana@example.test") is Match.YES
    assert Recipient(f"sha256${digest}", hashed=True).match("ana@example.test") is Match.NO
