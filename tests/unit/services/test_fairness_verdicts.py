"""A group is named only where both tests agree; a small one is never shown; equal chances rarely name anybody."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics.fairness import measure
from webapp.services.fairness.verdicts import Finding, GroupCount, Verdict, judge, smallest_size

SEED = 20


def found(*counts):
    """Judge groups A, B, … given as (selected, considered)."""
    return judge([GroupCount(name, *count) for name, count in zip("ABCDEF", counts, strict=False)])


def verdicts(*counts):
    return [finding.verdict for finding in found(*counts)]


@st.composite
def group_counts(draw, fewest=0, most=5):
    sizes = draw(st.lists(st.integers(0, 30), min_size=fewest, max_size=most))
    return [GroupCount(name, draw(st.integers(0, size)), size) for name, size in zip("ABCDE", sizes, strict=False)]


@pytest.mark.parametrize(("selected", "considered"), [(-1, 5), (6, 5), (0, -1)])
def test_more_than_all_and_less_than_none_cannot_be_selected(selected, considered):
    with pytest.raises(ValueError, match="cannot be selected"):
        GroupCount("A", selected, considered)


def test_each_group_is_named_once():
    with pytest.raises(ValueError, match="same name"):
        judge([GroupCount("A", 1, 9), GroupCount("A", 2, 9)])


def test_half_the_rate_among_many_is_to_be_looked_into():
    """15 of 50 against 30 of 50: ratio 1/2, p = 0.0046."""
    lower, higher = found((15, 50), (30, 50))

    assert (lower.verdict, higher.verdict) == (Verdict.LOOK, Verdict.NO_SIGN)
    assert (lower.ratio, higher.ratio) == (Fraction(1, 2), 1)
    assert lower.against == higher.count
    assert lower.p_value is not None
    assert float(lower.p_value) == pytest.approx(0.004635, abs=5e-7)
    assert lower.sentence == (
        "Look into it: 15 of 50 (30 %) were selected, and 60 % of B. That is below four fifths, and equal chances "
        "would rarely give such a difference. The figures know no cause."
    )


def test_half_the_rate_among_few_is_within_chance():
    """3 of 10 against 6 of 10 has p = 0.37; none against 9 would have been an alarm."""
    lower, _ = found((3, 10), (6, 10))

    assert lower.verdict is Verdict.WITHIN_CHANCE
    assert lower.ratio == Fraction(1, 2)
    assert lower.sentence == (
        "Below four fifths, but within chance: 3 of 10 (30 %) were selected, and 60 % of B. Equal chances give such "
        "differences too."
    )


def test_a_small_difference_among_very_many_is_no_sign_however_certain():
    """9 of 10 and 19 of 20 of 3,000 each: nobody doubts the difference, but it is not below four fifths."""
    lower, _ = found((2_700, 3_000), (2_850, 3_000))

    assert lower.p_value is not None
    assert lower.p_value < Fraction(1, 1000)
    assert lower.verdict is Verdict.NO_SIGN
    assert lower.sentence == (
        "No sign of unequal chances: 2700 of 3000 (90 %) were selected, and 95 % of B. That does not prove that they "
        "are equal."
    )


def test_exactly_four_fifths_is_no_sign_and_one_less_is_looked_into():
    assert verdicts((400, 1000), (500, 1000))[0] is Verdict.NO_SIGN
    assert verdicts((399, 1000), (500, 1000))[0] is Verdict.LOOK


def test_a_chance_of_exactly_one_in_twenty_is_no_alarm():
    """One person is selected, of the smaller group: 5 ÷ 100 is not below 1 ÷ 20, and 5 ÷ 101 is."""
    border, beyond = found((0, 95), (1, 5))[0], found((0, 96), (1, 5))[0]

    assert (border.p_value, border.verdict) == (Fraction(1, 20), Verdict.TOO_FEW)
    assert (beyond.p_value, beyond.verdict) == (Fraction(5, 101), Verdict.LOOK)


def test_a_group_of_four_is_never_shown_and_five_are():
    hidden, shown, _ = found((4, 4), (5, 5), (20, 50))

    assert hidden == Finding("A", Verdict.TOO_FEW)
    assert hidden.sentence == "Too few to say: fewer than 5 people, so that no figure is shown."
    assert shown.count == GroupCount("B", 5, 5)


def test_a_hidden_group_changes_no_figure_of_others():
    """Neither the highest rate nor the number of pairs nor any p tells what became of its people."""
    with_it = found((15, 50), (30, 50), (4, 4))
    without = found((15, 50), (30, 50))

    assert with_it[:2] == without


def test_nobody_considered_is_too_few():
    assert verdicts((0, 0), (0, 0)) == [Verdict.TOO_FEW, Verdict.TOO_FEW]


def test_no_groups_give_no_findings():
    assert found() == []


def test_a_group_alone_has_nothing_to_be_compared_with():
    (alone,) = found((15, 50))

    assert alone.verdict is Verdict.TOO_FEW
    assert (alone.ratio, alone.against, alone.p_value) == (1, None, None)
    assert alone.sentence == (
        "Too few to say: 15 of 50 (30 %) were selected. There are too few people or selections for any outcome to tell."
    )


def test_three_promotions_among_200_people_say_nothing():
    """All three in one of two groups have p = 2 · C(100, 3) ÷ C(200, 3) = 0.246: no outcome would be an alarm."""
    none, all_three = found((0, 100), (3, 100))

    assert (none.verdict, all_three.verdict) == (Verdict.TOO_FEW, Verdict.TOO_FEW)
    assert none.p_value == Fraction(2 * math.comb(100, 3), math.comb(200, 3))


def test_six_among_200_people_could_say_something():
    """All six: 2 · C(100, 6) ÷ C(200, 6) = 0.029; with five it would be 0.059."""
    assert verdicts((0, 100), (6, 100)) == [Verdict.LOOK, Verdict.NO_SIGN]
    assert verdicts((3, 100), (3, 100)) == [Verdict.NO_SIGN, Verdict.NO_SIGN]
    assert verdicts((0, 100), (5, 100)) == [Verdict.TOO_FEW, Verdict.TOO_FEW]


def test_where_nobody_was_selected_there_is_nothing_to_say():
    findings = found((0, 50), (0, 50))

    assert [finding.verdict for finding in findings] == [Verdict.TOO_FEW, Verdict.TOO_FEW]
    assert [finding.ratio for finding in findings] == [None, None]


def test_where_everybody_was_selected_nothing_is_unequal():
    assert verdicts((50, 50), (50, 50)) == [Verdict.NO_SIGN, Verdict.NO_SIGN]


@pytest.mark.parametrize(("groups", "size"), [(1, 5), (2, 5), (4, 5), (5, 6), (10, 7)])
def test_smallest_size_by_hand(groups, size):
    """
    2 ÷ C(2n, n) is 1/10 for 3, 1/35 for 4, 1/126 for 5, 1/462 for 6 and 1/1716 for 7.

    Two groups could say something from 4 on, but are shown from 5 on. Six pairs need less than 1/120, ten less than
    1/200, 45 less than 1/900.
    """
    assert smallest_size(groups) == size


@pytest.mark.parametrize("groups", [2, 3, 4, 5])
def test_at_the_smallest_size_the_most_uneven_outcome_is_an_alarm(groups):
    size = smallest_size(groups)

    assert verdicts((0, size), *[(size, size)] * (groups - 1))[0] is Verdict.LOOK


def test_one_favoured_group_of_four_names_the_three_others():
    assert verdicts((60, 100), (30, 100), (30, 100), (30, 100)) == [Verdict.NO_SIGN, *[Verdict.LOOK] * 3]


def test_p_of_several_groups_counts_every_pair():
    """Of three pairs the two alike have p = 1; the lowest raw p counts thrice, its equal twice and is raised to it."""
    (alone,) = {found((15, 50), (30, 50))[0].p_value}

    low, also_low, _ = found((15, 50), (15, 50), (30, 50))

    assert alone is not None
    assert low.p_value == also_low.p_value == 3 * alone


def test_a_few_lucky_people_do_not_hide_a_difference_between_large_groups():
    """All five of C are the highest, but too few to tell A from chance by themselves once three pairs count."""
    low, high, lucky = found((180, 300), (270, 300), (5, 5))

    assert low.verdict is Verdict.LOOK
    assert low.ratio == Fraction(3, 5)
    assert low.against == high.count
    assert lucky.verdict is Verdict.NO_SIGN


def test_what_could_say_something_between_two_groups_may_be_too_little_among_three():
    """All six selections in one of a pair have p = 0.029, which is below 0.05 once but not thrice."""
    assert verdicts((3, 100), (3, 100)) == [Verdict.NO_SIGN] * 2
    assert verdicts((3, 100), (3, 100), (3, 100)) == [Verdict.TOO_FEW] * 3


def test_of_two_highest_groups_the_larger_is_named():
    finding = found((27, 50), (30, 50), (60, 100))[0]

    assert finding.against == GroupCount("C", 60, 100)


def test_p_is_told_of_a_group_of_whose_rate_it_has_less_than_four_fifths():
    """77 of 100 against 95 of 100 is beyond doubt and not below; against all of five it is below, and no wonder."""
    finding = found((2_310, 3_000), (2_850, 3_000), (5, 5))[0]

    assert finding.verdict is Verdict.WITHIN_CHANCE
    assert finding.against == GroupCount("C", 5, 5)


def test_interval_stands_beside_the_rate():
    count = GroupCount("A", 0, 10)

    assert count.rate == 0
    assert count.interval == pytest.approx((0, 0.3085), abs=5e-5)


def _figures(finding):
    against = finding.against and (finding.against.selected, finding.against.considered)
    return finding.verdict, finding.ratio, against, finding.p_value


@given(group_counts(), st.randoms(use_true_random=False))
def test_order_does_not_matter(counts, random):
    shuffled = random.sample(counts, len(counts))

    findings = {finding.name: finding for finding in judge(counts)}

    assert {finding.name: finding for finding in judge(shuffled)} == findings


@given(group_counts(), st.permutations("VWXYZ"))
def test_names_do_not_matter(counts, names):
    renamed = [GroupCount(name, c.selected, c.considered) for name, c in zip(names, counts, strict=False)]

    assert [_figures(finding) for finding in judge(renamed)] == [_figures(finding) for finding in judge(counts)]


@given(group_counts())
def test_every_verdict_follows_its_rule(counts):
    for finding in judge(counts):
        below = finding.ratio is not None and finding.ratio < Fraction(4, 5)
        rare = finding.p_value is not None and finding.p_value < Fraction(1, 20)
        assert (finding.verdict is Verdict.LOOK) == (below and rare)
        assert finding.verdict is not Verdict.WITHIN_CHANCE or (below and not rare)
        assert finding.verdict is not Verdict.NO_SIGN or not below
        assert (finding.count is None) == any(c.name == finding.name and c.considered < 5 for c in counts)


@given(group_counts(fewest=2, most=2))
def test_an_alarm_stays_when_a_selection_moves_from_the_lower_to_the_higher(counts):
    lower, higher = counts
    if judge(counts)[0].verdict is not Verdict.LOOK or not lower.selected or higher.selected == higher.considered:
        return

    moved = judge(
        [
            GroupCount("A", lower.selected - 1, lower.considered),
            GroupCount("B", higher.selected + 1, higher.considered),
        ]
    )

    assert moved[0].verdict is Verdict.LOOK


@given(group_counts(), st.integers(0, 4))
def test_ratio_falls_with_fewer_selected(counts, position):
    if position >= len(counts) or not counts[position].selected:
        return
    before = judge(counts)[position].ratio
    fewer = GroupCount(counts[position].name, counts[position].selected - 1, counts[position].considered)

    after = judge([*counts[:position], fewer, *counts[position + 1 :]])[position].ratio

    assert before is None or after is None or after <= before


@pytest.mark.parametrize("size", [10, 20])
def test_false_alarms_of_two_groups_are_at_most_5_of_100_at_any_rate(size):
    """Not drawn but counted: the chances of all tables that are an alarm, added up."""
    alarms = [
        table
        for table in itertools.product(range(size + 1), repeat=2)
        if Verdict.LOOK in verdicts(*((selected, size) for selected in table))
    ]

    for percent in range(1, 100):
        chances = _binomial(size, percent / 100)
        assert sum(chances[one] * chances[other] for one, other in alarms) <= 0.05


def test_power_to_find_a_planted_half_among_50_is_over_four_fifths():
    """Counted over all tables as well; at 0.3 against 0.6."""
    lower, higher = _binomial(50, 0.3), _binomial(50, 0.6)

    power = sum(
        lower[one] * higher[other]
        for one, other in itertools.product(range(51), repeat=2)
        if one < other and verdicts((one, 50), (other, 50))[0] is Verdict.LOOK
    )

    assert power == pytest.approx(0.82, abs=0.01)


def _binomial(size, rate):
    return [math.comb(size, i) * rate**i * (1 - rate) ** (size - i) for i in range(size + 1)]


@pytest.mark.parametrize(("size", "rate"), [(20, 0.5), (50, 0.1), (50, 0.3), (100, 0.3)])
def test_false_alarms_of_four_groups_are_at_most_5_of_100(size, rate):
    line = measure([size] * 4, [rate] * 4, repeats=400, generator=np.random.default_rng(SEED))

    assert line.share <= 0.05


def test_power_among_four_groups_is_seen_by_the_same_command():
    line = measure([50] * 4, [0.3, 0.6, 0.6, 0.6], repeats=200, generator=np.random.default_rng(SEED))

    assert line.share > 0.7
    assert str(line).startswith("4 x 50         0.3 0.6 0.6 0.6")
