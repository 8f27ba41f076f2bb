"""Secrets at rest can be read with the installation's key and with no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import MainstayError
from webapp.services.secrets import SecretBox, SecretKeyError

BOX = SecretBox("a-key-of-an-installation-in-a-test")


@given(st.text())
def test_what_is_encrypted_can_be_read_again(text):
    assert BOX.decrypt(BOX.encrypt(text)) == text


def test_the_same_text_never_looks_the_same():
    assert BOX.encrypt("whsec") != BOX.encrypt("whsec")
    assert "whsec" not in BOX.encrypt("whsec")


def test_another_key_is_told_in_words_that_name_the_setting():
    with pytest.raises(SecretKeyError, match="SECRET_KEY"):
        SecretBox("another-key").decrypt(BOX.encrypt("whsec"))
    assert issubclass(SecretKeyError, MainstayError)


@pytest.mark.parametrize("damage", [lambda text: text[:-4] + "AAAA", lambda text: "", lambda text: text[5:]])
def test_a_damaged_secret_is_refused(damage):
    with pytest.raises(SecretKeyError):
        BOX.decrypt(damage(BOX.encrypt("whsec")))


def test_after_a_change_of_the_key_old_secrets_are_read_and_written_anew():
    """Once renewed, the former key can be forgotten."""
    old = BOX.encrypt("whsec")
    changed = SecretBox("the-next-key", previous=["a-key-of-an-installation-in-a-test"])

    renewed = changed.renew(old)

    assert changed.decrypt(old) == "whsec"
    assert SecretBox("the-next-key").decrypt(renewed) == "whsec"
    with pytest.raises(SecretKeyError):
        changed.renew("nonsense")


def test_a_box_needs_a_key():
    with pytest.raises(ValueError, match="key"):
        SecretBox("")
