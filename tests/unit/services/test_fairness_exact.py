"""Fisher's test, Holm's adjustment, four fifths and the interval, against values derived by hand and published ones."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from webapp.services.fairness.exact import clopper_pearson, fisher_p, holm, is_below_four_fifths

SIZES = st.integers(0, 40)


@st.composite
def tables(draw):
    """Draw selected and considered of two groups, either of which may be empty."""
    considered, other_considered = draw(SIZES), draw(SIZES)
    return draw(st.integers(0, considered)), considered, draw(st.integers(0, other_considered)), other_considered


def test_tea_tasting_with_three_of_four_right_is_no_evidence():
    """Fisher 1935: ways 1, 16, 36, 16, 1 of 70; all but the 36 are no likelier than what was seen: 34."""
    assert fisher_p(3, 4, 1, 4) == Fraction(34, 70)


def test_tea_tasting_with_four_of_four_right_is_evidence():
    """All right or all wrong: 1 + 1 of 70."""
    assert fisher_p(4, 4, 0, 4) == Fraction(2, 70)


def test_convicted_twins_of_convicts():
    """
    Fisher 1970, *Statistical Methods for Research Workers*, 21.02: 10 of 13 identical and 2 of 17 other twins.

    Of C(30, 12) ways 10, 11, 12 and 13 among the 13 have 38,896 + 1,326 + 13 + 0; at the other end none has
    C(17, 12) = 6,188, which is rarer than 38,896, but one has 13 · 12,376, which is not.
    """
    assert fisher_p(10, 13, 2, 17) == Fraction(38_896 + 1_326 + 13 + 6_188, math.comb(30, 12))


def test_example_of_the_federal_questions_and_answers():
    """Uniform Guidelines, questions and answers of 1979: 48 of 80 and 12 of 40, half the rate."""
    assert is_below_four_fifths(12, 40, 48, 80)
    assert float(fisher_p(12, 40, 48, 80)) == pytest.approx(stats.fisher_exact(np.array([[12, 28], [48, 32]])).pvalue)


def test_a_chance_of_exactly_one_in_twenty_is_not_rounded():
    """One of 20 people is selected, and it is the one of the small group."""
    assert fisher_p(1, 1, 0, 19) == Fraction(1, 20)


@pytest.mark.parametrize("table", [(0, 5, 0, 7), (5, 5, 7, 7), (0, 0, 3, 9), (0, 0, 0, 0)])
def test_where_only_one_outcome_is_possible_it_is_no_surprise(table):
    assert fisher_p(*table) == 1


@given(tables())
def test_fisher_agrees_with_scipy(table):
    selected, considered, other_selected, other_considered = table

    p = fisher_p(*table)

    rows = [[selected, considered - selected], [other_selected, other_considered - other_selected]]
    assert float(p) == pytest.approx(stats.fisher_exact(np.array(rows)).pvalue, rel=1e-9)


@given(tables())
def test_fisher_counts_what_can_be_counted(table):
    """The same p by going through each way of choosing, group by group."""
    selected, considered, other_selected, other_considered = table
    total = selected + other_selected

    ways = [math.comb(considered, i) * math.comb(other_considered, total - i) for i in range(total + 1)]

    rare = sum(way for way in ways if way <= ways[selected])
    assert fisher_p(*table) == Fraction(rare, sum(ways))


@given(tables())
def test_which_group_is_named_first_and_what_counts_as_selected_do_not_matter(table):
    selected, considered, other_selected, other_considered = table

    p = fisher_p(*table)

    assert p == fisher_p(other_selected, other_considered, selected, considered)
    assert p == fisher_p(considered - selected, considered, other_considered - other_selected, other_considered)


@given(tables())
def test_a_selection_that_moves_from_the_lower_to_the_higher_never_raises_p(table):
    selected, considered, other_selected, other_considered = table
    if selected * other_considered > other_selected * considered:
        selected, considered, other_selected, other_considered = other_selected, other_considered, selected, considered
    if selected == 0 or other_selected == other_considered:
        return

    moved = fisher_p(selected - 1, considered, other_selected + 1, other_considered)

    assert moved <= fisher_p(selected, considered, other_selected, other_considered)


def test_holm_by_hand():
    """In order .005 · 4, .01 · 3, .03 · 2, and .04 · 1, which is raised to the .06 before it."""
    p_values = [Fraction(p, 1000) for p in (10, 40, 30, 5)]

    assert holm(p_values) == [Fraction(p, 1000) for p in (30, 60, 60, 20)]


def test_holm_of_one_test_changes_nothing():
    assert holm([Fraction(1, 30)]) == [Fraction(1, 30)]


def test_holm_of_no_tests_is_empty():
    assert holm([]) == []


P_VALUES = st.lists(st.fractions(0, 1), max_size=6)


@given(P_VALUES)
def test_holm_keeps_the_order_and_lies_between_the_raw_value_and_bonferronis(p_values):
    adjusted = holm(p_values)

    for raw, new in zip(p_values, adjusted, strict=True):
        assert raw <= new <= min(1, raw * len(p_values))
    for (raw, new), (other_raw, other_new) in itertools.permutations(zip(p_values, adjusted, strict=True), 2):
        assert raw >= other_raw or new <= other_new


@given(P_VALUES)
def test_holm_rejects_what_closed_testing_rejects(p_values):
    """Holm's method is the closed test of all intersections, each by Bonferroni, derived from its definition."""
    alpha = Fraction(1, 20)
    subsets = [
        chosen for size in range(1, len(p_values) + 1) for chosen in itertools.combinations(range(len(p_values)), size)
    ]
    kept = {index for chosen in subsets for index in chosen if len(chosen) * min(p_values[i] for i in chosen) >= alpha}

    rejected = {index for index, p in enumerate(holm(p_values)) if p < alpha}

    assert rejected == set(range(len(p_values))) - kept


@pytest.mark.parametrize("table", [(4, 10, 5, 10), (16, 100, 20, 100), (8, 10, 10, 10), (0, 10, 0, 10)])
def test_exactly_four_fifths_is_not_below(table):
    """With floats, 0.16 ÷ 0.20 would be."""
    assert 0.16 / 0.20 < 0.8
    assert not is_below_four_fifths(*table)


@pytest.mark.parametrize("table", [(3, 10, 4, 10), (23, 100, 30, 100), (799_999, 1_000_000, 1, 1), (0, 10, 1, 10)])
def test_less_than_four_fifths_is_below(table):
    assert is_below_four_fifths(*table)


@given(tables())
def test_four_fifths_are_the_quotient_of_the_rates(table):
    selected, considered, other_selected, other_considered = table
    if not (considered and other_selected):
        return

    ratio = Fraction(selected, considered) / Fraction(other_selected, other_considered)

    assert is_below_four_fifths(*table) == (ratio < Fraction(4, 5))


def test_interval_of_none_selected_by_hand():
    """Of ten none is selected with 2.5 % if the rate is 1 - 0.025 ** (1 / 10) = 0.3085, as published tables say."""
    low, high = clopper_pearson(0, 10)

    assert low == 0
    assert high == pytest.approx(1 - 0.025**0.1)
    assert high == pytest.approx(0.3085, abs=5e-5)


def test_interval_of_all_selected_is_its_mirror():
    low, high = clopper_pearson(10, 10)

    assert low == pytest.approx(0.025**0.1)
    assert high == 1


@given(considered=st.integers(1, 60), share=st.floats(0, 1))
def test_at_the_ends_of_the_interval_what_was_seen_is_as_rare_as_its_tail(considered, share):
    """The definition: each end is the rate at which so many or more, or so few or fewer, have a chance of 2.5 %."""
    selected = round(share * considered)

    low, high = clopper_pearson(selected, considered)

    assert low <= selected / considered <= high
    if selected:
        assert _at_least(selected, considered, low) == pytest.approx(0.025)
    if selected < considered:
        assert 1 - _at_least(selected + 1, considered, high) == pytest.approx(0.025)


def _at_least(selected, considered, rate):
    return math.fsum(
        math.comb(considered, i) * rate**i * (1 - rate) ** (considered - i) for i in range(selected, considered + 1)
    )
