"""Readiness and the lattice, each expected value derived by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.graphs.lattice import Lattice, LatticeCycleError, RoleRequirement, readiness

BILLING, GERMAN, CHAT = 1, 2, 3


def test_readiness_is_the_weighted_share_of_the_levels():
    """(1 · min(1, 2/4) + 3 · min(1, 3/3)) / (1 + 3) = 3.5 / 4."""
    wanted = [RoleRequirement(BILLING, 4, weight=1), RoleRequirement(GERMAN, 3, weight=3)]

    found = readiness(wanted, {BILLING: 2, GERMAN: 3})

    assert found.share == pytest.approx(0.875)
    assert found.ready


def test_surplus_never_offsets_a_shortfall():
    """Level 5 of 1 counts as 1, so the mean is (1 + 0) / 2."""
    found = readiness([RoleRequirement(BILLING, 1), RoleRequirement(GERMAN, 4)], {BILLING: 5})

    assert found.share == 0.5
    assert not found.ready


def test_nobody_is_ready_while_a_gate_is_unmet():
    """(9 · 1 + 1 · 2/3) / 10 is 0.967, far above what readiness needs; the gate decides all the same."""
    wanted = [RoleRequirement(BILLING, 2, weight=9), RoleRequirement(GERMAN, 3, weight=1, gate=True)]

    found = readiness(wanted, {BILLING: 5, GERMAN: 2})

    assert found.share == pytest.approx(29 / 30)
    assert [gap.skill for gap in found.unmet_gates] == [GERMAN]
    assert not found.ready


def test_somebody_with_every_gate_is_ready_at_four_fifths():
    """Four of five equal requirements met is exactly the share from which somebody is ready."""
    wanted = [RoleRequirement(skill, 1) for skill in range(5)]

    assert readiness(wanted, dict.fromkeys(range(4), 1)).ready
    assert not readiness(wanted, dict.fromkeys(range(3), 1)).ready


def test_role_that_asks_for_nothing_is_met_by_everybody():
    assert readiness([], {}).ready


def test_gaps_come_gates_first_and_then_by_missing_levels():
    wanted = [RoleRequirement(BILLING, 2), RoleRequirement(GERMAN, 4), RoleRequirement(CHAT, 1, gate=True)]

    found = readiness(wanted, {BILLING: 1})

    assert [(gap.skill, gap.levels) for gap in found.gaps] == [(CHAT, 1), (GERMAN, 4), (BILLING, 1)]
    assert found.missing_levels == 6


def test_nearness_puts_open_gates_before_the_share():
    gated = [RoleRequirement(BILLING, 1, gate=True), RoleRequirement(GERMAN, 5, weight=9)]

    through_the_gate, outside_it = readiness(gated, {BILLING: 1}), readiness(gated, {GERMAN: 5})

    assert through_the_gate.share < outside_it.share
    assert through_the_gate.nearness < outside_it.nearness


@pytest.mark.parametrize("values", [{"level": 0}, {"level": 6}, {"level": 3, "weight": 0}])
def test_requirement_out_of_range_is_refused(values):
    with pytest.raises(ValueError, match="is not"):
        RoleRequirement(BILLING, **values)


requirements = st.lists(
    st.builds(
        RoleRequirement,
        skill=st.integers(1, 6),
        level=st.integers(1, 5),
        weight=st.floats(0.1, 10),
        gate=st.booleans(),
    ),
    unique_by=lambda requirement: requirement.skill,
)
levels = st.dictionaries(st.integers(1, 6), st.integers(0, 5))


@given(requirements, levels, st.integers(1, 6))
def test_more_of_a_skill_never_lowers_readiness(wanted, has, skill):
    more = {**has, skill: min(5, has.get(skill, 0) + 1)}

    before, after = readiness(wanted, has), readiness(wanted, more)

    assert 0 <= before.share <= after.share + 1e-12 <= 1 + 1e-9
    assert after.ready or not before.ready


@given(requirements, levels)
def test_share_is_full_exactly_when_nothing_is_missing(wanted, has):
    found = readiness(wanted, has)

    assert (found.share > 1 - 1e-12) == (not found.gaps)


def test_steps_up_in_a_circle_are_refused_with_the_circle():
    with pytest.raises(LatticeCycleError) as refused:
        Lattice([1, 2, 3, 4], up=[(1, 2), (2, 3), (3, 1), (3, 4)])

    assert set(refused.value.roles) == {1, 2, 3}


def test_steps_across_may_lead_both_ways():
    lattice = Lattice([1, 2], up=[], across=[(1, 2), (2, 1)])

    assert lattice.dead_ends() == ()
    assert lattice.entries() == (1, 2)


def test_lattice_knows_entries_and_dead_ends():
    """1 and 5 are entered; 1 → 2 → 3 and 2 → 4 lead up; 4 steps across to 3; nothing leaves 3 and 5."""
    lattice = Lattice([1, 2, 3, 4, 5], up=[(1, 2), (2, 3), (2, 4)], across=[(4, 3)])

    assert lattice.entries() == (1, 5)
    assert lattice.dead_ends() == (3, 5)
