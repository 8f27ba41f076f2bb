"""A message counts only if somebody who knows a secret signed it, just now where the style has a time."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import NOW
from webapp.services.intake import signatures
from webapp.services.intake.signatures import STYLES, WINDOW, SignatureError, require_signature

BODY = b'{"id": "1"}'
SECRET = "whsec_of_a_test"


def headers_of(style, body=BODY, secret=SECRET, at=NOW):
    """Return the headers that a sender of a style makes, written here a second time from its documentation."""
    key = secret.encode()
    if style == "mainstay":
        stamp = str(int(at.timestamp()))
        digest = hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Mainstay-Signature": f"t={stamp},v1={digest}"}
    if style == "zendesk":
        stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        digest = base64.b64encode(hmac.new(key, stamp.encode() + body, hashlib.sha256).digest()).decode()
        return {"X-Zendesk-Webhook-Signature": digest, "X-Zendesk-Webhook-Signature-Timestamp": stamp}
    if style == "hub-sha256":
        return {"X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()}
    return {"X-Hub-Signature": "sha1=" + hmac.new(key, body, hashlib.sha1).hexdigest()}


def accepts(style, headers, *, body=BODY, secrets=(SECRET,), at=NOW):
    try:
        require_signature(style, headers=headers, body=body, secrets=secrets, at=at)
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize("style", STYLES)
def test_what_is_signed_right_is_accepted(style):
    assert accepts(style, headers_of(style))


def test_our_own_signer_signs_so():
    assert {"X-Mainstay-Signature": signatures.sign(SECRET, BODY, at=NOW)} == headers_of("mainstay")


@pytest.mark.parametrize("style", STYLES)
@given(body=st.binary(max_size=40))
def test_no_other_body_passes_under_the_same_signature(style, body):
    assert accepts(style, headers_of(style), body=body) == (body == BODY)


@pytest.mark.parametrize("style", STYLES)
def test_another_secret_is_refused(style):
    assert not accepts(style, headers_of(style, secret="another"))
    assert not accepts(style, headers_of(style), secrets=())


@pytest.mark.parametrize("style", STYLES)
def test_while_a_secret_changes_both_are_good(style):
    both = ("the-new-one", SECRET)

    assert accepts(style, headers_of(style), secrets=both)
    assert accepts(style, headers_of(style, secret="the-new-one"), secrets=both)
    assert not accepts(style, headers_of(style), secrets=("the-new-one",))


@pytest.mark.parametrize("style", [code for code, style in STYLES.items() if style.timed])
def test_a_message_of_yesterday_or_of_tomorrow_is_refused(style):
    for late in (WINDOW, -WINDOW):
        assert accepts(style, headers_of(style, at=NOW - late))
        assert not accepts(style, headers_of(style, at=NOW - late * 1.01))


@pytest.mark.parametrize("style", [code for code, style in STYLES.items() if style.timed])
def test_the_time_cannot_be_changed_without_the_secret(style):
    old, new = headers_of(style, at=NOW - dt.timedelta(days=1)), headers_of(style)
    forged = {
        name: value.replace(str(int((NOW - dt.timedelta(days=1)).timestamp())), str(int(NOW.timestamp())))
        if style == "mainstay"
        else new[name]
        if "Timestamp" in name
        else value
        for name, value in old.items()
    }

    assert not accepts(style, forged)


@pytest.mark.parametrize("style", STYLES)
@given(value=st.text(max_size=60))
def test_whatever_stands_in_the_header_is_refused_and_breaks_nothing(style, value):
    names = list(headers_of(style))

    assert not accepts(style, dict.fromkeys(names, value))
    assert not accepts(style, {})


def test_several_signatures_of_one_time_are_allowed_as_while_the_sender_changes_its_secret():
    value = headers_of("mainstay")["X-Mainstay-Signature"]

    assert accepts("mainstay", {"X-Mainstay-Signature": f"{value},v1={'0' * 64}"})
