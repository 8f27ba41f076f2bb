"""Calibration by hand: which evidence a claim meets, and what the figures are."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from webapp.models import SkillEventKind
from webapp.services.calibration import Comparison, compare_claims, compare_reviews, measure
from webapp.services.weighing import LoggedEvent

ANA, LEAD, OTHER = 1, 2, 3
START = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def log(*events):
    """Return a log of (day, kind, author, level) about Ana."""
    return [
        LoggedEvent(number, ANA, SkillEventKind(kind), START + dt.timedelta(day), author, level)
        for number, (day, kind, author, level) in enumerate(events, start=1)
    ]


def found(comparisons):
    """Return (level, later) of each comparison."""
    return [(comparison.level, comparison.later) for comparison in comparisons]


def test_a_claim_meets_the_mean_of_what_others_find_within_half_a_year():
    events = log(
        (0, "claim", ANA, 4),
        (1, "review", LEAD, 3),
        (100, "evaluation", OTHER, 2),
        (180, "assessment", None, 4),
        (181, "evaluation", OTHER, 0),
        (2, "endorsement", OTHER, 5),
        (3, "evaluation", ANA, 5),
    )

    assert found(compare_claims(events, 7)) == [(4, 3.0)]


def test_what_comes_before_a_claim_or_after_the_next_is_not_its_own():
    events = log(
        (0, "review", LEAD, 1),
        (5, "claim", ANA, 2),
        (9, "review", LEAD, 3),
        (20, "claim", ANA, 4),
        (30, "review", LEAD, 5),
    )

    assert found(compare_claims(events, 7)) == [(2, 3.0), (4, 5.0)]


def test_a_claim_that_was_taken_back_or_that_nobody_judged_says_nothing():
    events = log((0, "claim", ANA, 4), (10, "review", LEAD, 2))
    withdrawn = LoggedEvent(9, ANA, SkillEventKind.WITHDRAW, START + dt.timedelta(5), ANA, retracts_id=1)

    assert compare_claims([*events, withdrawn], 7) == []
    assert compare_claims(events[:1], 7) == []


def test_a_review_meets_tests_by_others_until_the_reviewer_speaks_again():
    events = log(
        (0, "review", LEAD, 4),
        (5, "review", OTHER, 1),
        (10, "evaluation", LEAD, 0),
        (20, "evaluation", OTHER, 3),
        (30, "review", LEAD, 2),
        (40, "assessment", None, 5),
    )

    comparisons = compare_reviews(events, 7)

    # The evaluation on day 20 is by the author of the review on day 5 and so does not judge it; the test does.
    assert [(each.author_id, each.level, each.later) for each in comparisons] == [
        (LEAD, 4, 3.0),
        (OTHER, 1, 2.5),
        (LEAD, 2, 5.0),
    ]


def test_figures_of_a_group_by_hand():
    # Errors 1, 1 of one person and -1, 0, 2 of three others: their mean is 3/5.
    comparisons = [
        Comparison(1, 7, 1, 3, 2.0),
        Comparison(1, 7, 1, 4, 3.0),
        Comparison(2, 7, 2, 2, 3.0),
        Comparison(3, 7, 3, 3, 3.0),
        Comparison(4, 7, 4, 5, 3.0),
    ]

    accuracy = measure(comparisons)

    assert accuracy is not None
    # Sums over people around the mean: 0.8, -1.6, -0.6, 1.4; squares 0.64 + 2.56 + 0.36 + 1.96 = 5.52.
    # Variance 4/3 * 5.52 / 25 = 0.2944; t(0.975, 3) = 3.18245.
    reach = 3.18245 * math.sqrt(0.2944)
    assert (accuracy.count, accuracy.people, accuracy.few) == (5, 4, False)
    assert accuracy.bias == pytest.approx(0.6)
    assert accuracy.absolute == pytest.approx(1.0)
    assert accuracy.within_one == pytest.approx(0.8)
    assert (accuracy.low, accuracy.high) == pytest.approx((0.6 - reach, 0.6 + reach), abs=1e-4)


def test_four_comparisons_or_one_person_are_too_few_for_an_interval():
    four = measure([Comparison(number, 7, number, 3, 2.0) for number in range(4)])
    alone = measure([Comparison(1, 7, 1, 3, 2.0)] * 9)

    assert four is not None
    assert alone is not None
    assert (four.few, four.low, four.high) == (True, None, None)
    assert (alone.few, alone.low, alone.high) == (False, None, None)
    assert measure([]) is None
