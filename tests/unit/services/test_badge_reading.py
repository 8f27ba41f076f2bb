"""Badges come as JSON, as a token, and baked into a picture; whatever else comes is refused in words."""

from __future__ import annotations

import datetime as dt
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import badges as made
from webapp.errors import InvalidInputError
from webapp.services.badges.badge import EmbeddedProof, Token
from webapp.services.badges.reading import LARGEST_FILE_BYTES, read_badge

KEY = made.new_key("EC")


def encoded(document):
    return json.dumps(document).encode()


def test_a_hosted_assertion_says_what_it_says_and_proves_nothing():
    hosted = made.assertion(verification={"type": "hosted"})

    badge = read_badge(encoded(hosted))

    assert badge.edition == 2
    assert (badge.achievement_key, badge.name) == (made.ACHIEVEMENT_KEY, "Spanish B2")
    assert (badge.issuer_key, badge.issuer_name) == (made.ISSUER_KEY, "Academy")
    assert badge.issued_at == dt.datetime(2026, 6, 30, 10, tzinfo=dt.UTC)
    assert badge.expires_at == dt.datetime(2028, 6, 30, 23, 59, 59, tzinfo=dt.UTC)
    assert badge.proofs == ()


def test_a_credential_with_a_proof_in_it_brings_its_proof():
    badge = read_badge(encoded(made.proven(made.credential(), made.new_key("OKP"))))

    assert badge.edition == 3
    assert isinstance(badge.proofs[0], EmbeddedProof)


@pytest.mark.parametrize("wrapped", [False, True], ids=["credential is the payload", "credential in vc"])
def test_a_token_holds_a_credential_and_the_narrower_dates_count(wrapped):
    document = made.credential()
    claims = {"iss": made.ISSUER_KEY, "jti": document["id"], "nbf": 1_790_000_000, "exp": 1_800_000_000}
    payload = {**claims, "vc": document} if wrapped else {**document, **claims}
    text = made.token(payload, KEY)

    badge = read_badge(text.encode())

    assert badge.proofs == (Token(text),)
    assert badge.issued_at == dt.datetime.fromtimestamp(1_790_000_000, tz=dt.UTC)
    assert badge.expires_at == dt.datetime.fromtimestamp(1_800_000_000, tz=dt.UTC)


TOKEN_2 = made.token(made.assertion(), KEY)
TOKEN_3 = made.token(made.credential(), KEY)
JSON_2 = json.dumps(made.assertion(verification={"type": "hosted"}))


SPACE_3 = "https://purl.imsglobal.org/ob/v3p0"
BAKED = [
    (made.baked_png(TOKEN_2), 2),
    (made.baked_png(JSON_2), 2),
    (made.png((b"tEXt", b"openbadges\0" + TOKEN_2.encode())), 2),
    (made.baked_png(TOKEN_3, b"openbadgecredential"), 3),
    (made.baked_svg(TOKEN_2), 2),
    (made.baked_svg(JSON_2), 2),
    (made.baked_svg(TOKEN_3, element="credential", space=SPACE_3), 3),
    (
        made.baked_svg(json.dumps(made.credential()), element="credential", space=SPACE_3),
        3,
    ),
]


@pytest.mark.parametrize(("content", "edition"), BAKED, ids=range(len(BAKED)))
def test_a_baked_picture_is_the_badge_inside_it(content, edition):
    assert read_badge(content).edition == edition


def test_a_byte_order_mark_and_blanks_around_a_badge_do_no_harm():
    assert read_badge(b"\xef\xbb\xbf \n" + JSON_2.encode() + b"\n").edition == 2


def test_a_class_given_by_its_address_alone_leaves_the_issuer_open():
    badge = read_badge(encoded(made.assertion(badge="https://academy.example/b/1", verification={"type": "hosted"})))

    assert (badge.achievement_key, badge.issuer_key) == ("https://academy.example/b/1", "")


def test_a_name_in_several_languages_is_shown_in_the_first():
    badge = dict(made.assertion()["badge"], name={"es": "Español", "en": "Spanish"})

    assert read_badge(encoded(made.assertion(badge=badge))).name == "Español"


@pytest.mark.parametrize("name", ["ob3_basicOpenBadgeCredential.json", "ob3_skillAssertionCase.json"])
def test_examples_of_the_third_edition_are_read(shared_data, name):
    badge = read_badge((shared_data / "formats/openbadges" / name).read_bytes())

    assert (badge.edition, badge.proofs) == (3, ())
    assert badge.name in {"Teamwork", "Robot Programming"}


def test_the_example_of_the_second_edition_is_read(shared_data):
    badge = read_badge((shared_data / "formats/openbadges/ob2_01_Assertion.json").read_bytes())

    assert badge.key == "https://example.org/beths-robotics-badge.json"
    assert badge.expires_at == dt.datetime(2017, 6, 30, 23, 59, 59, tzinfo=dt.UTC)


def test_an_endorsement_is_no_badge_and_the_words_say_so(shared_data):
    content = (shared_data / "formats/openbadges/ob2_17_Endorsement.json").read_bytes()

    with pytest.raises(InvalidInputError, match=r"no badge that somebody earned\. It is of the type Endorsement"):
        read_badge(content)


REFUSED = [
    (b"", "no Open Badge"),
    (b"\xff\xfe\x00", "no Open Badge"),
    (b"hello", "no Open Badge"),
    (b"%PDF-1.7", "no Open Badge"),
    (b"{", "no JSON"),
    (b'{"id": 1, "id": 2}', "no JSON"),
    (b'{"id": NaN}', "no JSON"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is not read"),
    (b'{"a":' * 15_000 + b"1" + b"}" * 15_000, "no JSON"),
    (b"{}", "no badge that somebody earned"),
    (encoded(made.assertion(id=None)), "does not say which badge it is"),
    (encoded(made.assertion(badge=None)), "does not say what was earned"),
    (encoded(made.assertion(badge=7)), "does not say what was earned"),
    (encoded(made.assertion(issuedOn=None)), "does not say when it was issued"),
    (encoded(made.assertion(issuedOn="soon")), "“issuedOn” cannot be read"),
    (encoded(made.assertion(expires=["2028"])), "“expires” cannot be read"),
    (encoded({"@context": "https://w3id.org/openbadges/v1", "type": "Assertion"}), "first edition"),
    (encoded(made.credential(issuer=None)), "does not say who issued it"),
    (encoded(made.credential(credentialSubject=[])), "does not say who earned it"),
    (encoded(made.credential(validFrom=None)), "does not say when it was issued"),
    (made.token({**made.credential(), "exp": "soon"}, KEY).encode(), "“exp” cannot be read"),
    (made.token({**made.credential(), "nbf": 1e30}, KEY).encode(), "“nbf” cannot be read"),
    (made.token({**made.credential(), "iss": "https://else.example"}, KEY).encode(), "contradicts itself"),
    (made.token({**made.credential(), "jti": "urn:other"}, KEY).encode(), "contradicts itself"),
    (made.token(made.assertion(verification={"type": "hosted"}), KEY).encode(), "says that it is not"),
    (made.unsigned_token(made.assertion()).encode(), "“none”, which proves nothing"),
    (made.unsigned_token(made.assertion(), "HS256").encode(), "“HS256”, which proves nothing"),
    (b"aaaa.bbbb.cccc", "damaged"),
    (b"e30.e30.e30", "damaged|proves nothing"),
    (made.unsigned_token(made.assertion(), "ES256", crit=["b64"], b64=False).encode(), "rules that are not"),
    (made.unsigned_token([1], "ES256").encode(), "no JSON object"),
    (made.png()[:-12], "picture of a badge without the badge"),
    (made.png(), "picture of a badge without the badge"),
    (made.png((b"tEXt", b"Comment\0hi")), "picture of a badge without the badge"),
    (made.png((b"tEXt", b"openbadges\0{}"), (b"tEXt", b"openbadges\0{}")), "more than one badge"),
    (made.png((b"zTXt", b"openbadges\0\0xx")), "compressed"),
    (made.png((b"iTXt", b"openbadges\0\1\0\0\0xx")), "compressed"),
    (made.png((b"iTXt", b"openbadges\0\0\0en")), "damaged"),
    (made.png((b"tEXt", b"openbadges\0\xff\xff")), "damaged"),
    (made.baked_png(TOKEN_2)[:-40], "damaged"),
    (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 2**31, b"tEXt"), "damaged"),
    (b"\x89PNG\r\n\x1a\n\0\0", "damaged"),
    (b"<svg", "damaged"),
    (b"<html/>", "no SVG"),
    (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "picture of a badge without the badge"),
    (b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>', "damaged"),
    (made.baked_svg("hello"), "no Open Badge"),
    (b" " * (LARGEST_FILE_BYTES + 1), "5.0 MB; a badge has at most 5 MB"),
    (made.token({**made.assertion(), "x": "y" * 200_000}, KEY).encode(), "too large|is not read"),
]


@pytest.mark.parametrize(("content", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_is_no_badge_is_refused_in_words(content, words):
    with pytest.raises(InvalidInputError, match=words) as refusal:
        read_badge(content)

    assert refusal.value.field == "file"


@given(st.binary(max_size=200))
def test_no_bytes_whatever_break_the_reader(content):
    with pytest.raises(InvalidInputError):
        read_badge(content)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_picture_with_one_byte_changed_is_read_or_refused_and_never_breaks(place, value):
    content = bytearray(made.baked_png(TOKEN_2))
    content[place % len(content)] = value

    try:
        badge = read_badge(bytes(content))
    except InvalidInputError:
        return
    assert badge.edition == 2
