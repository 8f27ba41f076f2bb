"""
How the optimum answers to a change of the problem: more room never lowers it, names never matter, units scale it.

Each change keeps every plan of the old problem valid and worth as much, or turns it into one that is; docstrings say
where that is not so. ``MAINSTAY_PROPERTY_EXAMPLES`` sets the number of examples of each property.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer import Plan, Problem, Status, solve
from optimizer.policy import LadderStep
from optimizer.problem import Agent, Engagement, Requirement
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement, problems

EXAMPLES = int(os.environ.get("MAINSTAY_PROPERTY_EXAMPLES", "12"))
some = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

Change = Callable[[Problem], Problem]


def _best(problem: Problem) -> float:
    """Return the proven optimum of the first tier, which later tiers take nothing of; −∞ if there is no plan."""
    plan = solve(replace(problem, policy=replace(problem.policy, growth_epsilon=0.0)))
    assert plan.status in (Status.OPTIMAL, Status.INFEASIBLE)
    return -math.inf if plan.objective is None else plan.objective


def _without_duties_to_grow(problem: Problem) -> Problem:
    """Return the problem without growth minutes due and without pairs.

    Growth that falls due comes before customers: more room for it may cost them. Who is below a level may learn it
    beside a lead: a lower level may leave nobody.
    """
    return replace(
        problem,
        agents=tuple(replace(agent, growth_due_minutes=0.0) for agent in problem.agents),
        engagements=tuple(replace(work, shadow=False) for work in problem.engagements),
    )


def _without_steps(problem: Problem, *steps: str) -> Problem:
    ladder = tuple(rung for rung in problem.policy.ladder if rung.step not in steps)
    return replace(problem, policy=replace(problem.policy, ladder=ladder))


def _each_agent(problem: Problem, change: Callable[[Agent], Agent]) -> Problem:
    return replace(problem, agents=tuple(change(agent) for agent in problem.agents))


def _each_engagement(problem: Problem, change: Callable[[Engagement], Engagement]) -> Problem:
    return replace(problem, engagements=tuple(change(work) for work in problem.engagements))


def _one_more_agent(problem: Problem) -> Problem:
    """Add somebody who can do everything and mentors nobody: a mentor would turn lowered levels into stretch."""
    skills = {"billing": 5, "spanish": 5}
    return replace(
        problem,
        agents=(*problem.agents, an_agent("extra", (30.0,) * problem.intervals, skills=skills, languages=("es",))),
    )


def _more_overtime(problem: Problem) -> Problem:
    """Offer overtime to all in every interval; work in overtime runs in it from its start to its end."""
    return _each_agent(problem, lambda agent: replace(agent, overtime=(30.0,) * problem.intervals))


def _more_carry(problem: Problem) -> Problem:
    return replace(problem, max_carry=problem.max_carry + 10.0)


def _later_latest(problem: Problem) -> Problem:
    return _each_engagement(problem, lambda work: replace(work, latest=problem.intervals - 1))


def _earlier_earliest(problem: Problem) -> Problem:
    return _each_engagement(problem, lambda work: replace(work, earliest=0))


def _wider_lists(problem: Problem) -> Problem:
    return _each_engagement(problem, lambda work: replace(work, eligible_agents=None, excluded_agents=()))


def _looser_asks(problem: Problem) -> Problem:
    problem = _each_engagement(problem, lambda work: replace(work, must_assign=False))
    return replace(problem, pins=(), max_changes=None)


def _wider_shares(problem: Problem) -> Problem:
    return replace(problem, policy=replace(problem.policy, proactive_share_min=None, proactive_share_max=None))


def _no_limits(problem: Problem) -> Problem:
    """Lift all limits but those of stretch, where the first minute turns lowered levels into stretch."""
    no_limits = an_agent().limits
    return _each_agent(problem, lambda agent: replace(agent, limits=no_limits))


def _cheaper_steps(problem: Problem) -> Problem:
    ladder = tuple(LadderStep(rung.step, rung.price / 2) for rung in problem.policy.ladder)
    return replace(problem, policy=replace(problem.policy, ladder=ladder))


@pytest.mark.parametrize(
    "change",
    [
        _one_more_agent,
        _more_overtime,
        _more_carry,
        _later_latest,
        _earlier_earliest,
        _wider_lists,
        _looser_asks,
        _wider_shares,
        _no_limits,
        _cheaper_steps,
    ],
)
@some
@given(problem=problems())
def test_more_room_never_lowers_the_optimum(change: Change, problem: Problem):
    problem = _without_duties_to_grow(problem)

    assert _best(change(problem)) >= _best(problem) - 1e-5


@some
@given(problems(), st.sampled_from([0.0, 5.0, 60.0]))
def test_more_capacity_never_lowers_the_optimum(problem, more):
    """Without carry-over: with it, see below. Nobody mentors by it: lowered levels would become stretch."""
    problem = _without_steps(_without_duties_to_grow(replace(problem, max_carry=0.0)), "lower_level")

    larger = _each_agent(problem, lambda agent: replace(agent, capacity=tuple(each + more for each in agent.capacity)))

    assert _best(larger) >= _best(problem) - 1e-5


def test_more_capacity_may_lower_the_optimum_where_work_is_carried_over():
    """
    Work runs as fast as capacity lets it, so that more minutes in an interval also load it more.

    20 and 25 minutes both start in interval 0. With 10 minutes there each does 10: load 20, carried over 10. Then
    10 + 15 + 10 = 35 of 30, carried over 5, then 5. With 30 minutes in interval 0 they do 20 and 25: load 45, of which
    15 would have to be carried over, and 10 may be.
    """
    works = [an_engagement("e1", minutes=20.0), an_engagement("e2", minutes=25.0)]
    narrow = a_problem([an_agent("a1", (10.0, 30.0, 30.0))], works, max_carry=10.0)
    wide = a_problem([an_agent("a1", (30.0, 30.0, 30.0))], works, max_carry=10.0)

    assert _best(narrow) == pytest.approx(20.0)
    assert _best(wide) == pytest.approx(10.0)


def _lowered(requires: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    return tuple(replace(need, level=max(0, need.level - 1)) for need in requires)


@some
@given(problems())
def test_a_lower_requirement_never_lowers_the_optimum(problem):
    """Without the step lower_level: where one of two missing levels is enough, the other becomes stretch."""
    problem = _without_steps(_without_duties_to_grow(problem), "lower_level")

    lower = _each_engagement(problem, lambda work: replace(work, requires=_lowered(work.requires)))
    lower = replace(lower, forecast=tuple(replace(each, requires=_lowered(each.requires)) for each in lower.forecast))

    assert _best(lower) >= _best(problem) - 1e-5


def _renamed(problem: Problem, names: dict[str, str]) -> Problem:
    """Return the problem with other ids in the same order."""

    def new(old: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names[each] for each in old)

    def rename(work: Engagement) -> Engagement:
        return replace(
            work,
            id=names[work.id],
            known_agents=new(work.known_agents),
            excluded_agents=new(work.excluded_agents),
            eligible_agents=None if work.eligible_agents is None else new(work.eligible_agents),
            values={names[agent]: value for agent, value in work.values.items()},
            minutes_by_agent={names[agent]: minutes for agent, minutes in work.minutes_by_agent.items()},
            owner=None if work.owner is None else names[work.owner],
        )

    return replace(
        problem,
        agents=tuple(replace(agent, id=names[agent.id]) for agent in problem.agents),
        engagements=tuple(rename(work) for work in problem.engagements),
        pins=tuple(replace(pin, engagement=names[pin.engagement], agent=names[pin.agent]) for pin in problem.pins),
        previous=tuple(
            replace(each, engagement=names[each.engagement], agent=names[each.agent]) for each in problem.previous
        ),
    )


def _placements(plan: Plan) -> list[tuple[str, str, int]]:
    return sorted((each.engagement, each.agent, each.start) for each in plan.assignments)


@some
@given(problems(), st.randoms(use_true_random=False))
def test_other_ids_change_nothing_but_the_ids(problem, random):
    old = [each.id for each in (*problem.agents, *problem.engagements)]
    new = [f"{letter}-{number}" for number, letter in enumerate(random.sample("zyxwvutsrq", len(old)))]
    names = dict(zip(old, new, strict=True))

    before, after = solve(problem), solve(_renamed(problem, names))

    assert after.status is before.status
    assert after.objective == before.objective
    assert _placements(after) == sorted(
        (names[work], names[agent], start) for work, agent, start in _placements(before)
    )


@some
@given(problems(), st.randoms(use_true_random=False))
def test_another_order_leaves_the_optimum_as_it_is(problem, random):
    def shuffled(values):
        return tuple(random.sample(values, len(values)))

    mixed = replace(
        problem,
        agents=shuffled(problem.agents),
        engagements=shuffled(problem.engagements),
        pins=shuffled(problem.pins),
        previous=shuffled(problem.previous),
    )

    assert _best(mixed) == pytest.approx(_best(problem), abs=1e-5)


@some
@given(problems(), st.sampled_from([0.25, 3.0]))
def test_scaling_all_values_scales_the_optimum(problem, factor):
    """Prices of ladder steps are points as well."""
    scaled = _each_engagement(
        problem,
        lambda work: replace(
            work, value=factor * work.value, values={agent: factor * points for agent, points in work.values.items()}
        ),
    )
    ladder = tuple(LadderStep(rung.step, factor * rung.price) for rung in problem.policy.ladder)
    scaled = replace(
        scaled,
        forecast=tuple(replace(each, value_per_minute=factor * each.value_per_minute) for each in problem.forecast),
        policy=replace(problem.policy, ladder=ladder),
    )

    assert _best(scaled) == pytest.approx(factor * _best(problem), abs=1e-4)
