"""Rules find a type, say by which words, and know when they are unsure."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.intake.classifying import TypeRule, classify, rules_from_json, rules_to_json, words_of

REFUND = TypeRule("refund", ("refund", "money back"), weight=2.0)
DELIVERY = TypeRule("delivery", ("parcel", "deliver*"), none_of=("delivery note",))


def verdict(text, *rules, **values):
    return classify(rules or (REFUND, DELIVERY), {"text": text, **values})


def test_whole_words_count_and_parts_of_words_do_not():
    assert verdict("Where is my REFUND?").type_code == "refund"
    assert verdict("It is nonrefundable").type_code == ""


def test_accents_and_case_make_no_difference():
    assert classify([TypeRule("café", ("Réclamation",))], {"text": "RECLAMATION!"}).type_code == "café"


def test_a_phrase_counts_as_a_whole_and_a_star_stands_for_the_rest_of_a_word():
    assert verdict("I want my money  back.").why() == ["money back"]
    assert verdict("my money is not back").type_code == ""
    assert verdict("It was delivered yesterday").type_code == "delivery"


def test_an_excluding_word_takes_the_rule_away():
    assert verdict("The delivery note of the parcel").type_code == ""


def test_a_rule_may_look_in_one_field_only():
    rule = TypeRule("social", ("mastodon",), where="channel")

    assert verdict("mastodon", rule).type_code == ""
    assert verdict("hello", rule, channel="mastodon").type_code == "social"


def test_confidence_is_the_lead_over_the_second():
    """Weights 2 against 1: (2 − 1) ÷ (2 + 1)."""
    found = verdict("refund for the parcel")

    assert found.scores == (("refund", 2.0), ("delivery", 1.0))
    assert found.confidence == pytest.approx(1 / 3, abs=1e-6)
    assert found.sure(0.3)
    assert not found.sure(0.5)


def test_a_tie_is_never_sure():
    one, other = TypeRule("a", ("word",)), TypeRule("b", ("word",))

    assert not verdict("word", one, other).sure(0.0)


def test_nothing_found_is_never_sure():
    assert not verdict("hello").sure(0.0)


TERMS = st.lists(st.sampled_from(["refund", "parcel", "money back", "deliver*", "late"]), min_size=1, max_size=3)
ANY_RULES = st.lists(
    st.builds(
        TypeRule,
        st.sampled_from("abc"),
        TERMS.map(tuple),
        TERMS.map(tuple) | st.just(()),
        st.sampled_from(["*", "text", "subject"]),
        st.sampled_from([0.5, 1.0, 3.0]),
    ),
    max_size=8,
)


@given(ANY_RULES, st.text(), st.lists(st.sampled_from(["refund", "parcel", "late", "money back"])), st.integers())
def test_the_order_of_rules_makes_no_difference(rules, noise, words, seed):
    values = {"text": f"{noise} {' '.join(words)}", "subject": " ".join(words[:1])}
    shuffled = random.Random(seed).sample(rules, len(rules))

    first, second = classify(rules, values), classify(shuffled, values)

    assert first.scores == second.scores
    assert first.confidence == second.confidence
    assert first.why() == second.why()
    assert 0 <= first.confidence < 1


@given(ANY_RULES)
def test_rules_survive_their_json(rules):
    assert rules_to_json(rules_from_json(rules_to_json(rules))) == rules_to_json(rules_from_json(rules_to_json(rules)))


def test_words_are_those_of_any_language():
    assert words_of("L'été, 3 Straßen – don’t") == ["l'ete", "3", "strassen", "don’t"]
