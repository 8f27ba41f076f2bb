"""Skills that go together: shares and lifts by hand, and small groups that stay silent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.graphs.cooccurrence import LEAST_LIFT, LEAST_PEOPLE, LEAST_SHARE, find_companions

BILLING, REFUNDS, GERMAN, CHAT = 1, 2, 3, 4


def people(*groups):
    return [set(skills) for count, skills in groups for _ in range(count)]


def test_what_most_holders_of_a_skill_hold_beside_it_is_suggested():
    """
    Nine of ten billing people hold refunds, as does one of thirty others: the base rate is 10/40.

    (9 + 10 · 0.25) / (10 + 10) = 0.575, which is 2.3 times the base rate.
    """
    others = people((9, {BILLING, REFUNDS}), (1, {BILLING}), (1, {REFUNDS}), (29, {CHAT}))

    [found] = find_companions({BILLING}, others)

    assert (found.skill, found.beside, found.both, found.holders) == (REFUNDS, BILLING, 9, 10)
    assert found.share == pytest.approx(0.575)
    assert found.lift == pytest.approx(2.3)


def test_four_people_do_not_speak():
    assert find_companions({BILLING}, people((4, {BILLING, REFUNDS}), (40, {CHAT}))) == []
    assert find_companions({BILLING}, people((20, {BILLING, REFUNDS}), (40, {CHAT}))) != []


def test_what_everybody_holds_says_nothing_about_anybody():
    """German has confidence 1 and lift 1."""
    assert find_companions({BILLING}, people((20, {BILLING, GERMAN}), (20, {GERMAN}))) == []


def test_a_minority_is_no_reason():
    """(8 + 10 · 0.2) / (20 + 10) = 0.33, with a lift of 1.67."""
    assert find_companions({BILLING}, people((8, {BILLING, REFUNDS}), (12, {BILLING}), (20, {CHAT}))) == []


def test_what_somebody_holds_is_not_suggested_to_them():
    assert find_companions({BILLING, REFUNDS}, people((20, {BILLING, REFUNDS}), (20, {CHAT}))) == []


def test_of_several_reasons_the_likeliest_is_given():
    others = people((20, {BILLING, CHAT, REFUNDS}), (10, {CHAT}), (50, {GERMAN}))

    [found] = find_companions({BILLING, CHAT}, others)

    assert (found.skill, found.beside) == (REFUNDS, BILLING)


def test_nobody_else_is_no_reason():
    assert find_companions({BILLING}, []) == []
    assert find_companions(set(), people((20, {BILLING, REFUNDS}))) == []


@given(st.sets(st.integers(0, 5)), st.lists(st.sets(st.integers(0, 5)), max_size=60))
def test_each_rule_counts_what_it_says(held, others):
    for rule in find_companions(held, others):
        assert rule.beside in held
        assert rule.skill not in held
        assert rule.both == sum({rule.skill, rule.beside} <= each for each in others) >= LEAST_PEOPLE
        assert rule.holders == sum(rule.beside in each for each in others)
        assert LEAST_SHARE <= rule.share <= 1
        assert rule.lift >= LEAST_LIFT
