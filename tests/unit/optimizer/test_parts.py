"""A problem is taken apart only where no agent connects two pieces of work, and its parts together are the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer import Plan, Policy, Status, solve, verify
from optimizer.benchmarks.generator import Shape, generate
from optimizer.parts import join, split
from optimizer.problem import Pin, Placement, Problem

GAP = 0.001


def _centre(name: str, seed: int) -> Problem:
    """Return a small day whose agents and skills carry a name, so that no other centre shares them."""
    day = generate(Shape(agents=8, engagements=30, forecast=0.2, rich=True), seed=seed, policy=Policy(gap=GAP))

    def mine(text: str) -> str:
        return f"{name}-{text}"

    agents = tuple(
        replace(
            agent,
            id=mine(agent.id),
            skills={mine(skill): level for skill, level in agent.skills.items()},
            wants=tuple(map(mine, agent.wants)),
            mentor_for=tuple(map(mine, agent.mentor_for)),
            lapses_on={mine(skill): on for skill, on in agent.lapses_on.items()},
        )
        for agent in day.agents
    )
    engagements = tuple(
        replace(
            each,
            id=mine(each.id),
            requires=tuple(replace(need, skill=mine(need.skill)) for need in each.requires),
            known_agents=tuple(map(mine, each.known_agents)),
            excluded_agents=tuple(map(mine, each.excluded_agents)),
        )
        for each in day.engagements
    )
    forecast = tuple(
        replace(
            each,
            class_=mine(each.class_),
            requires=tuple(replace(need, skill=mine(need.skill)) for need in each.requires),
        )
        for each in day.forecast
    )
    return replace(day, agents=agents, engagements=engagements, forecast=forecast)


def _both(first: Problem, second: Problem, **changes) -> Problem:
    return replace(
        first,
        agents=first.agents + second.agents,
        engagements=first.engagements + second.engagements,
        forecast=first.forecast + second.forecast,
        **changes,
    )


@pytest.fixture(scope="module")
def whole() -> Problem:
    return _both(_centre("north", 1), _centre("south", 2))


def _ids(part: Problem) -> tuple[set[str], set[str], set[str]]:
    return (
        {agent.id for agent in part.agents},
        {engagement.id for engagement in part.engagements},
        {demand.class_ for demand in part.forecast},
    )


def test_what_no_agent_connects_comes_apart_and_nothing_is_lost_or_doubled(whole):
    parts = split(whole, most=2)

    assert len(parts) == 2
    for each, all_of_them in zip(zip(*map(_ids, parts), strict=True), _ids(whole), strict=True):
        assert set.union(*each) == all_of_them
        assert sum(map(len, each)) == len(all_of_them)
    assert split(whole, most=2) == parts


def test_one_centre_stays_whole():
    assert split(_centre("north", 1), most=4) == ()


def test_a_pin_across_centres_holds_them_together(whole):
    north, south = whole.engagements[0], whole.agents[-1]
    assert len(split(replace(whole, pins=(Pin(north.id, south.id),)), most=2)) < 2


def test_cap_on_changes_is_shared_out_so_that_parts_keep_it_together(whole):
    previous = tuple(
        Placement(each.id, agent.id, each.earliest)
        for each, agent in zip(
            (whole.engagements[0], whole.engagements[1], whole.engagements[-1]),
            (whole.agents[0], whole.agents[0], whole.agents[-1]),
            strict=True,
        )
    )
    parts = split(replace(whole, previous=previous, max_changes=2), most=2)

    assert sum(part.max_changes or 0 for part in parts) <= 2
    assert sum(len(part.previous) for part in parts) == 3


def test_joined_parts_are_worth_what_the_whole_is(whole):
    """Nothing spans the two centres but balance, which the default policy does not weigh."""
    answers = [solve(part) for part in split(whole, most=2)]
    assert all(answer.status is Status.OPTIMAL for answer in answers)

    joined = solve(whole, warm=join(whole, answers))
    alone = solve(whole)

    assert verify(whole, joined) == ()
    least = sum(answer.objective or 0.0 for answer in answers)
    assert joined.objective >= least * (1 - 2 * GAP - whole.policy.growth_epsilon)
    assert joined.objective == pytest.approx(alone.objective, rel=2 * GAP + whole.policy.growth_epsilon)


def test_without_any_plan_of_a_part_there_is_nothing_to_begin_from(whole):
    assert join(whole, [Plan(Status.TIME_LIMIT_NO_PLAN)]) is None
