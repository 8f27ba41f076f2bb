"""Routes through the lattice: hand-derived ones, and all that exist counted one by one."""

from __future__ import annotations

import random

import networkx as nx
import pytest

from optimizer.graphs.lattice import RoleRequirement
from optimizer.graphs.routes import Effort, Gain, RouteSearch, TooManyWaysError

STARTER, AGENT, SENIOR, COACH, PRINCIPAL = range(1, 6)
BILLING, GERMAN, MENTORING = 1, 2, 3


def asks(**levels):
    """Return what a role asks for: level by name of the skill."""
    keys = {"billing": BILLING, "german": GERMAN, "mentoring": MENTORING}
    return [RoleRequirement(keys[name], level) for name, level in levels.items()]


def test_learning_takes_the_months_of_each_level_between():
    """Of 1, 2, 3, 6 and 12 months, the levels 2, 3 and 4 take 2 + 3 + 6."""
    assert Effort().learning_months(1, 4) == 11
    assert Effort().learning_months(4, 1) == 0


@pytest.mark.parametrize(
    "values",
    [{"months_per_level": (1, 2, 3)}, {"months_per_level": (1, 2, 3, 4, -1)}, {"least_step_months": 0}],
)
def test_effort_out_of_range_is_refused(values):
    with pytest.raises(ValueError, match="months"):
        Effort(**values)


def test_step_takes_the_sum_over_its_gaps_gates_and_weighted_alike():
    """Billing 1 → 3 takes 2 + 3, German 0 → 2 takes 1 + 2; mentoring is met: 8 months."""
    wanted = [
        RoleRequirement(BILLING, 3, gate=True),
        RoleRequirement(GERMAN, 2, weight=0.1),
        RoleRequirement(MENTORING, 1),
    ]

    (route,) = RouteSearch([(AGENT, SENIOR)], {SENIOR: wanted}, target=SENIOR).list_routes(
        AGENT, {BILLING: 1, MENTORING: 4}
    )

    assert route.months == 8
    assert [(gap.skill, gap.has, gap.needs) for gap in route.steps[0].gaps] == [(BILLING, 1, 3), (GERMAN, 0, 2)]


def test_step_for_which_nothing_is_to_learn_takes_its_least_time():
    (route,) = RouteSearch([(AGENT, SENIOR)], {}, target=SENIOR).list_routes(AGENT, {})

    assert route.months == 3
    assert route.steps[0].gaps == ()


def test_levels_of_an_earlier_step_count_later():
    """Billing 3 is learnt once, for 1 + 2 + 3 months, though two roles ask for it; the last step adds level 4: 6."""
    steps = [(AGENT, SENIOR), (SENIOR, COACH), (COACH, PRINCIPAL)]
    wanted = {SENIOR: asks(billing=3), COACH: asks(mentoring=3), PRINCIPAL: asks(billing=4, mentoring=3)}

    (route,) = RouteSearch(steps, wanted, target=PRINCIPAL).list_routes(AGENT, {})

    assert [step.months for step in route.steps] == [6, 6, 6]
    assert [(gap.skill, gap.has, gap.needs) for gap in route.steps[2].gaps] == [(BILLING, 3, 4)]


def test_longer_way_to_a_role_wins_if_what_it_teaches_is_needed_later():
    """
    Senior is reached sooner over Coach (6 + 3) than over Agent (12 + 3), but Agent teaches what Principal asks for.

    The last step takes 12 months after Coach and its least time, 3, after Agent: 21 against 18.  Whoever keeps only the
    soonest way to each role finds 21.
    """
    steps = [(STARTER, COACH), (STARTER, AGENT), (COACH, SENIOR), (AGENT, SENIOR), (SENIOR, PRINCIPAL)]
    wanted = {AGENT: asks(german=4), COACH: asks(mentoring=3), PRINCIPAL: asks(german=4)}

    first, second = RouteSearch(steps, wanted, target=PRINCIPAL).list_routes(STARTER, {}, most=3)

    assert (first.roles, first.months) == ((AGENT, SENIOR, PRINCIPAL), 18)
    assert (second.roles, second.months) == ((COACH, SENIOR, PRINCIPAL), 21)


def test_fewer_steps_win_between_equally_long_routes():
    """Billing 3 takes 1 + 2 + 3 months at once, and 1 + 2 and then 3 over Senior: 6 either way."""
    steps = [(AGENT, SENIOR), (SENIOR, PRINCIPAL), (AGENT, PRINCIPAL)]
    wanted = {SENIOR: asks(billing=2), PRINCIPAL: asks(billing=3)}

    routes = RouteSearch(steps, wanted, target=PRINCIPAL).list_routes(AGENT, {}, most=2)

    assert [(len(route.steps), route.months) for route in routes] == [(1, 6), (2, 6)]


def test_there_is_no_route_against_the_steps_and_none_is_needed_to_where_one_is():
    search = RouteSearch([(AGENT, SENIOR)], {}, target=AGENT)

    assert search.list_routes(SENIOR, {}) == ()
    assert search.list_gains(SENIOR, {}) == ()
    assert search.list_routes(COACH, {}) == ()
    assert search.list_routes(AGENT, {})[0].steps == ()


def test_what_would_move_most_comes_first():
    """
    Billing 2 → 4 takes 3 + 6, German 0 → 1 takes 1: 10 months.

    With billing 3 it takes 7, with German 1 it takes 9; mentoring is not asked for, and the surplus counts nothing.
    """
    search = RouteSearch([(AGENT, SENIOR)], {SENIOR: asks(billing=4, german=1, mentoring=1)}, target=SENIOR)

    gains = search.list_gains(AGENT, {BILLING: 2, MENTORING: 1})

    assert gains == (Gain(BILLING, 3, 3), Gain(GERMAN, 1, 1))


def test_level_that_opens_another_route_moves_by_it():
    """
    Over Coach it takes 6 + 3 months; over Senior 6 + 1 and 3, of which the 6 are mentoring 3 → 4.

    One level more of mentoring leaves 3 + 3 over Senior: it saves 3 of 9, though the shortest route never asked for it.
    """
    steps = [(AGENT, COACH), (COACH, PRINCIPAL), (AGENT, SENIOR), (SENIOR, PRINCIPAL)]
    wanted = {COACH: asks(billing=3), SENIOR: asks(mentoring=4, german=1), PRINCIPAL: asks(german=2)}
    search = RouteSearch(steps, wanted, target=PRINCIPAL)

    (route,) = search.list_routes(AGENT, {MENTORING: 3})
    gains = search.list_gains(AGENT, {MENTORING: 3})

    assert (route.roles, route.months) == ((COACH, PRINCIPAL), 9)
    assert gains[0] == Gain(MENTORING, 4, 3)


def test_search_gives_up_rather_than_answer_wrongly():
    steps = [(AGENT, SENIOR), (SENIOR, PRINCIPAL)]

    assert RouteSearch(steps, {}, target=PRINCIPAL, most_states=2).list_routes(AGENT, {})
    with pytest.raises(TooManyWaysError):
        RouteSearch(steps, {}, target=PRINCIPAL, most_states=1).list_routes(AGENT, {})


def random_case(seed):
    """Return steps, requirements, levels, start and target of a small lattice; steps across lead both ways or one."""
    rng = random.Random(seed)
    roles = range(rng.randint(3, 7))
    up = [(one, other) for one in roles for other in roles if one < other and rng.random() < 0.45]
    across = [(one, other) for one in roles for other in roles if one != other and rng.random() < 0.15]
    skills = range(rng.randint(1, 5))
    wanted = {
        role: [RoleRequirement(skill, rng.randint(1, 5)) for skill in skills if rng.random() < 0.5] for role in roles
    }
    levels = {skill: rng.randint(0, 5) for skill in skills if rng.random() < 0.6}
    return list({*up, *across}), wanted, levels, roles[0], roles[-1]


def count_months(route, wanted, levels, effort):
    """Return the months of a route by going along it, level by level."""
    has, months = dict(levels), 0
    for role in route[1:]:
        learning = 0
        for line in wanted[role]:
            while has.get(line.skill, 0) < line.level:
                learning += effort.months_per_level[has.get(line.skill, 0)]
                has[line.skill] = has.get(line.skill, 0) + 1
        months += max(effort.least_step_months, learning)
    return months


def every_route(steps, wanted, levels, start, target, effort):
    """Return (months, number of steps) of every simple route, the best first."""
    graph: nx.DiGraph[int] = nx.DiGraph(steps)
    if start not in graph or target not in graph:
        return []
    routes = nx.all_simple_paths(graph, start, target)
    return sorted((count_months(route, wanted, levels, effort), len(route) - 1) for route in routes)


@pytest.mark.parametrize("seed", range(200))
def test_routes_and_gains_are_those_of_counting_every_simple_route(seed):
    steps, wanted, levels, start, target = random_case(seed)
    effort = Effort(least_step_months=random.Random(seed).choice([0.5, 3, 8]))
    every = every_route(steps, wanted, levels, start, target, effort)
    better = {}
    for skill in range(5):
        more = {**levels, skill: min(5, levels.get(skill, 0) + 1)}
        for months, _ in every_route(steps, wanted, more, start, target, effort)[:1]:
            better[skill] = every[0][0] - months

    search = RouteSearch(steps, wanted, target=target, effort=effort)
    routes = search.list_routes(start, levels, most=len(every) + 1)

    assert [(route.months, len(route.steps)) for route in routes] == every
    assert len({route.roles for route in routes}) == len(routes)
    assert {gain.skill: gain.months for gain in search.list_gains(start, levels)} == {
        skill: saved for skill, saved in better.items() if saved > 0
    }


def test_most_random_lattices_have_several_routes():
    several = 0

    for seed in range(200):
        steps, wanted, levels, start, target = random_case(seed)
        several += len(every_route(steps, wanted, levels, start, target, Effort())) > 1

    assert several > 100
