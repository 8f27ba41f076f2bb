"""Words, icons and tones: each value of the domain has its own, and none is told by colour alone."""

from __future__ import annotations

import pytest

from webapp.models import Channel, EngagementState, JobState, PlanState, Stance
from webapp.web.icons import drawing
from webapp.web.labels import (
    CHANNELS,
    STANCES,
    TONE_ICONS,
    channel_label,
    initials,
    sentence,
    stance_label,
    state_label,
    tint,
)
from webapp.web.navigation import ENTRIES


def test_each_stance_and_channel_has_a_word_and_an_icon():
    assert set(STANCES) == {stance.value for stance in Stance}
    assert set(CHANNELS) == {channel.value for channel in Channel}
    for _word, icon in [*STANCES.values(), *CHANNELS.values()]:
        assert "<path" in drawing(icon)


def test_stances_differ_in_their_icon():
    assert len({icon for _word, icon in STANCES.values()}) == len(STANCES)


def test_tones_differ_in_their_icon():
    assert len(set(TONE_ICONS.values())) == len(TONE_ICONS)
    for icon in TONE_ICONS.values():
        assert drawing(icon)


def test_each_page_of_the_navigation_has_an_icon_that_exists():
    for entry in ENTRIES:
        assert drawing(entry.icon), entry.label


def test_no_two_pages_of_one_person_share_their_keys():
    by_keys: dict[str, str] = {}
    for entry in (entry for entry in ENTRIES if entry.keys):
        assert by_keys.setdefault(entry.keys, entry.label) == entry.label


def test_an_icon_that_bootstrap_lacks_is_an_error():
    with pytest.raises(KeyError):
        drawing("no-such-icon")


@pytest.mark.parametrize("state", [*EngagementState, *JobState, *PlanState])
def test_each_state_has_a_word_and_a_tone(state):
    label = state_label(state)
    assert label.word == sentence(state)
    assert label.key in TONE_ICONS


def test_a_tone_can_be_chosen():
    assert state_label("something new", "bad").key == "bad"
    assert state_label("something new").key == "neutral"


def test_labels_take_enums_and_plain_values():
    assert stance_label(Stance.PRAISE) == stance_label("praise")
    assert channel_label(Channel.VOICE).word == "Voice"
    assert channel_label("carrier_pigeon").word == "Carrier pigeon"


@pytest.mark.parametrize(
    ("code", "words"), [("claim_level", "Claim level"), ("plan.solve", "Plan solve"), ("", ""), ("HR", "HR")]
)
def test_codes_become_sentences(code, words):
    assert sentence(code) == words


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Amara Okafor", "AO"), ("Mei", "M"), ("Ana de la Cruz", "AC"), ("élodie zola", "ÉZ"), ("", "?")],
)
def test_initials_are_of_the_first_and_last_name(name, letters):
    assert initials(name) == letters


def test_a_tint_stays_the_same_and_within_eight():
    assert tint(17) == tint("17")
    assert {tint(number) for number in range(100)} == set(range(8))
