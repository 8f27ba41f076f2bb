"""Flaws of a lattice, by hand and against walking every way."""

from __future__ import annotations

import random

import networkx as nx
import pytest

from optimizer.graphs.lattice_flaws import roles_leading_out, unreachable_roles

AGENT, SENIOR, COACH, PRINCIPAL, SALES = range(1, 6)
LADDER = (AGENT, SENIOR, COACH, PRINCIPAL, SALES)


def test_role_is_unreachable_where_no_way_begins_at_an_entry():
    """Coach leads to Principal, but nothing leads to Coach; a step across leads to Senior."""
    found = unreachable_roles(LADDER, steps=[(AGENT, SENIOR), (COACH, PRINCIPAL)], entries=[AGENT, SALES])

    assert found == (COACH, PRINCIPAL)


def test_ladder_without_an_entry_is_reached_by_nobody():
    assert unreachable_roles([AGENT, SENIOR], steps=[(AGENT, SENIOR)], entries=[]) == (AGENT, SENIOR)


def test_role_whose_steps_up_all_lead_out_is_found_and_so_is_who_climbs_to_it():
    """Agent → Senior → Sales is the only way; Coach, beside, has no way up at all and so none that leads out."""
    found = roles_leading_out(LADDER, up=[(AGENT, SENIOR), (SENIOR, SALES)], across=[], outside=[SALES])

    assert found == (AGENT, SENIOR)


def test_one_step_up_inside_is_enough():
    up = [(AGENT, SENIOR), (SENIOR, SALES), (SENIOR, PRINCIPAL)]

    assert roles_leading_out(LADDER, up=up, across=[], outside=[SALES]) == ()


def test_way_across_counts_for_whoever_climbs_to_it_and_not_as_a_way_up_of_its_own():
    """From Senior the only step up leads out; Agent climbs to Senior and stays in service across to Coach."""
    found = roles_leading_out(LADDER, up=[(AGENT, SENIOR), (SENIOR, SALES)], across=[(SENIOR, COACH)], outside=[SALES])

    assert found == (SENIOR,)


def test_step_across_to_the_outside_is_no_way_up():
    assert roles_leading_out(LADDER, up=[(AGENT, SENIOR)], across=[(SENIOR, SALES)], outside=[SALES]) == ()


def random_case(seed):
    """Return roles, steps up, steps across and the roles outside of a small lattice."""
    rng = random.Random(seed)
    roles = range(rng.randint(2, 7))
    up = [(one, other) for one in roles for other in roles if one < other and rng.random() < 0.35]
    across = [(one, other) for one in roles for other in roles if one != other and rng.random() < 0.12]
    across = [step for step in across if step not in up]
    return list(roles), up, across, {role for role in roles if rng.random() < 0.4}


def walk(start, steps, allowed):
    """Yield the roles at which every walk from a role arrives, role by role, without entering one twice."""
    yield start
    graph: nx.DiGraph[int] = nx.DiGraph([step for step in steps if set(step) <= allowed])
    for end in graph if start in graph else ():
        if end != start and next(nx.all_simple_paths(graph, start, end), None):
            yield end


@pytest.mark.parametrize("seed", range(200))
def test_flaws_are_those_of_walking_every_way(seed):
    roles, up, across, outside = random_case(seed)
    steps, inside = [*up, *across], set(roles) - outside
    entries = set(roles[:2])
    climbs = {role: [other for one, other in up if one == role] for role in roles}

    arrived = {end for entry in entries for end in walk(entry, steps, set(roles))}
    leading_out = {
        role
        for role in inside
        if climbs[role]
        and all(other in outside or all(climbs[end] for end in walk(other, steps, inside)) for other in climbs[role])
    }

    assert unreachable_roles(roles, steps=steps, entries=entries) == tuple(sorted(set(roles) - arrived))
    assert roles_leading_out(roles, up=up, across=across, outside=outside) == tuple(sorted(leading_out))


def test_random_cases_hold_both_flaws_and_none():
    found = [
        roles_leading_out(case[0], up=case[1], across=case[2], outside=case[3]) for case in map(random_case, range(200))
    ]

    assert 50 < sum(map(bool, found)) < 200
