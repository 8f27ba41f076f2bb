"""The learner suggests from decisions, and the evaluation counts honestly."""

from __future__ import annotations

import csv
import math

import pytest

from webapp.services.intake import evaluating
from webapp.services.intake.learning import NaiveBayes, count_words


def test_words_hold_no_figures_and_no_addresses():
    counted = count_words("My card 4929123 of ann@example.org failed, my card!")

    assert counted["card"] == 2
    assert counted["my card"] == 2
    assert not any(any(sign.isdigit() for sign in word) for word in counted)


def test_naive_bayes_by_hand():
    """
    Two texts of a, one of b, two words, alpha 0.1.

    P(x|a) = 2.1 ÷ 2.2, P(x|b) = 0.1 ÷ 1.2; priors with one added: (2 + 1) ÷ 5 and (1 + 1) ÷ 5.
    """
    learner = NaiveBayes([({"x": 1}, "a"), ({"x": 1}, "a"), ({"y": 1}, "b")], fewest=1)

    first, second = learner.suggest({"x": 1, "unknown": 3})

    a, b = 3 / 5 * 2.1 / 2.2, 2 / 5 * 0.1 / 1.2
    assert (first.type_code, second.type_code) == ("a", "b")
    assert math.isclose(first.probability, a / (a + b))


@pytest.mark.parametrize("examples", [[], [({"x": 1}, "a")], [({"x": 1}, "a")] * 30, [({}, "a"), ({}, "b")]])
def test_it_suggests_nothing_where_it_knows_too_little(examples):
    assert NaiveBayes(examples).suggest({"x": 1}) == []


def test_a_text_of_unknown_words_gets_no_suggestion():
    assert NaiveBayes([({"x": 1}, "a"), ({"y": 1}, "b")], fewest=1).suggest({"z": 1}) == []


def test_evaluation_by_hand():
    """Of four texts two are decided at 0.5, one of them right; three are answered, two right; one is tied."""
    answers = {"one": ("a", 0.9), "two": ("b", 0.6), "three": ("a", 0.2), "four": ("", 0.0)}
    texts = [("one", "a"), ("two", "a"), ("three", "a"), ("four", "a")]

    found = evaluating.evaluate(answers.__getitem__, texts)

    assert found.accuracy == 0.5
    assert {threshold: (coverage, right) for threshold, coverage, right in found.at}[0.5] == (0.5, 0.5)
    assert found.confused == (("a", "b", 1), ("a", "no answer", 1))


def test_rules_are_derived_from_words_that_tell_types_apart():
    texts = [("refund please", "refund"), ("refund now please", "refund"), ("parcel please", "delivery")]
    texts += [("where is the parcel", "delivery")]

    rules = evaluating.derive_rules(texts)

    assert {"refund", "parcel"} <= {term for rule in rules for term in rule.any_of}
    assert "please" not in {term for rule in rules if rule.type_code == "delivery" for term in rule.any_of}
    assert evaluating.rule_judge(rules)("a refund")[0] == "refund"
    assert all(rule.weight >= 1 for rule in rules)


def test_halves_are_equal_and_apart():
    texts = [(str(number), str(number % 3)) for number in range(12)]

    first, second = evaluating.halves(texts)

    assert len(first) == len(second) == 6
    assert not set(first) & set(second)


def test_rules_and_learner_on_real_questions(shared_data):
    """The 77 kinds of questions to a bank; docs/benchmarks.md has the figures, this holds a floor."""
    with (shared_data / "demand" / "banking77_test.csv").open(newline="", encoding="utf-8") as file:
        texts = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    first, second = evaluating.halves(texts)

    ruled = evaluating.evaluate(evaluating.rule_judge(evaluating.derive_rules(first)), second)
    learnt = evaluating.evaluate(evaluating.learned_judge(first), second)

    assert ruled.accuracy > 0.6
    assert learnt.accuracy > 0.7
    at_half = next(right for threshold, _, right in ruled.at if threshold == 0.5)
    assert at_half > 0.9
