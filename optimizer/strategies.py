"""
Hypothesis strategies for problems: random, tiny and over every feature of the format.

For tests of this package and of programs that use it. Problems are small enough for brute force and full of edge cases:
agents without minutes, windows that nobody meets, pins that contradict each other. `optimizer.benchmarks.generator`
makes large problems that look like a contact centre.

This module alone needs the package ``hypothesis``, which the product does not install.

Examples
--------
>>> from hypothesis import given
>>> from optimizer import solve, verify
>>> from optimizer.strategies import problems
>>> @given(problems())
... def test_every_plan_obeys_every_rule(problem):
...     assert verify(problem, solve(problem)) == ()
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError("optimizer.strategies needs the package hypothesis: pip install hypothesis") from error

from optimizer.policy import LADDER_STEPS, LadderStep, Policy
from optimizer.problem import Agent, Engagement, Forecast, Limits, Pin, Placement, Problem, Requirement, StretchSlot

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
SKILLS = ("billing", "spanish")

minutes = st.sampled_from([0.0, 10.0, 25.5, 30.0])


@st.composite
def requirements(draw: st.DrawFn) -> tuple[Requirement, ...]:
    """Draw at most one requirement for each skill."""
    skills = draw(st.lists(st.sampled_from(SKILLS), unique=True, max_size=2))
    return tuple(
        Requirement(skill, draw(st.integers(1, 4)), draw(st.sampled_from([0.5, 1.0])), draw(st.booleans()))
        for skill in skills
    )


@st.composite
def stretch_slots(draw: st.DrawFn, intervals: int) -> tuple[StretchSlot, ...]:
    """Draw slots that an agent chose for stretch work, empty ones among them; most chose none."""
    if draw(st.sampled_from([True, True, False])):
        return ()
    edges = sorted(draw(st.lists(st.integers(0, intervals), min_size=4, max_size=4)))
    slots = [StretchSlot(edges[first], edges[first + 1], draw(st.sampled_from(SKILLS))) for first in (0, 2)]
    return tuple(slot for slot in slots if slot.start < intervals)


@st.composite
def agents(draw: st.DrawFn, identity: str, intervals: int) -> Agent:
    """Draw an agent."""
    row = st.lists(minutes, min_size=intervals, max_size=intervals).map(tuple)
    return Agent(
        id=identity,
        skills={skill: draw(st.integers(0, 5)) for skill in SKILLS},
        capacity=draw(row),
        concurrency=draw(st.sampled_from([{}, {"chat": 2.0}])),
        cost_per_minute=draw(st.sampled_from([0.0, 0.5])),
        wants=draw(st.sampled_from([(), SKILLS])),
        max_stretch_minutes=draw(st.sampled_from([0.0, 20.0, 60.0])),
        mentor_for=draw(st.sampled_from([(), SKILLS])),
        site=draw(st.sampled_from([None, "north"])),
        languages=draw(st.sampled_from([(), ("es",)])),
        channels=draw(st.sampled_from([None, ("email",)])),
        lapses_on=draw(st.sampled_from([{}, {"billing": date(2026, 12, 1)}])),
        limits=draw(st.sampled_from([Limits(), Limits(15.0), Limits(None, {"email": 1})])),
        overtime=draw(st.one_of(st.just(()), row)),
        authorities=draw(st.sampled_from([(), ("refund",)])),
        shifts=draw(st.sampled_from([(), ((0, 1), (1, intervals))])) if intervals > 1 else (),
        stretch_slots=draw(stretch_slots(intervals)),
    )


@st.composite
def engagements(draw: st.DrawFn, identity: str, intervals: int, names: list[str]) -> Engagement:
    """Draw an engagement."""
    earliest = draw(st.integers(0, intervals - 1))
    latest = draw(st.integers(earliest, intervals - 1))
    some = st.lists(st.sampled_from(names), unique=True, max_size=1).map(tuple) if names else st.just(())
    values = draw(st.booleans()) and bool(names)
    excluded = draw(some)
    return Engagement(
        id=identity,
        minutes=draw(st.sampled_from([5.0, 12.0, 20.0, 40.0])),
        channel=draw(st.sampled_from(["email", "chat"])),
        earliest=earliest,
        due=draw(st.integers(earliest, latest)),
        latest=latest,
        priority=draw(st.integers(1, 5)),
        value=draw(st.sampled_from([0.0, 1.0, 7.5, 10.0])),
        requires=draw(requirements()),
        known_agents=draw(some),
        excluded_agents=excluded,
        eligible_agents=draw(st.sampled_from([None, None, None, tuple(names)])),
        values={names[0]: draw(st.sampled_from([-5.0, 3.0, 60.0]))} if values else {},
        minutes_by_agent={names[0]: 8.0} if values else {},
        stance=draw(st.sampled_from(["reactive", "proactive"])),
        site=draw(st.sampled_from([None, None, "north"])),
        language=draw(st.sampled_from([None, None, "es"])),
        heavy=draw(st.booleans()),
        authority=draw(st.sampled_from([(), (), ("refund",)])),
        owner=draw(st.sampled_from([None, None, None, *(name for name in names if name not in excluded)])),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Draw a policy over all terms, tiers and ladder steps."""
    weights = {
        "service": 1.0,
        "match": draw(st.sampled_from([0.0, 0.5])),
        "continuity": draw(st.sampled_from([0.0, 0.5])),
        "growth": draw(st.sampled_from([0.0, 1.0])),
        "practice": draw(st.sampled_from([0.0, 1.0])),
        "stability": draw(st.sampled_from([0.0, 1.0])),
        "cost": draw(st.sampled_from([0.0, 1.0])),
        "balance": draw(st.sampled_from([0.0, 0.0, 1.0])),
    }
    steps = draw(st.lists(st.sampled_from(LADDER_STEPS), unique=True))
    return Policy(
        weights=weights,
        growth_epsilon=draw(st.sampled_from([0.0, 0.05])),
        ladder=tuple(LadderStep(step, 2.0) for step in steps),
        proactive_share_min=draw(st.sampled_from([None, None, 0.3])),
        proactive_share_max=draw(st.sampled_from([None, None, 0.5])),
        gap=0.0,
        time_limit_s=20.0,
    )


@st.composite
def problems(draw: st.DrawFn, *, forecast: bool = True, asks: bool = True, least: int = 0) -> Problem:
    """Draw a tiny problem over every feature that the solver implements.

    Parameters
    ----------
    forecast
        Whether there may be forecast demand.
    asks
        Whether there may be pins, a previous plan, a frozen window, a cap on changes, mandatory engagements, pairs of
        lead and learner, or growth minutes due.
    least
        Fewest agents and fewest engagements.
    """
    intervals = draw(st.integers(1, 3))
    names = [f"a{number}" for number in range(draw(st.integers(least, 3)))]
    staff = tuple(draw(agents(name, intervals)) for name in names)
    work = tuple(draw(engagements(f"e{number}", intervals, names)) for number in range(draw(st.integers(least, 4))))
    problem = Problem(
        start=START,
        interval_minutes=30.0,
        intervals=intervals,
        agents=staff,
        engagements=work,
        policy=draw(policies()),
        max_carry=draw(st.sampled_from([0.0, 10.0, 15.0])),
    )
    if forecast and draw(st.booleans()):
        demand = tuple(draw(minutes) for _ in range(intervals))
        voice = Forecast(
            class_="voice",
            channel=draw(st.sampled_from(["email", "chat"])),
            requires=draw(requirements()),
            minutes=demand,
            value_per_minute=0.5,
            authority=draw(st.sampled_from([(), (), ("refund",)])),
        )
        problem = replace(problem, forecast=(voice,))
    if asks and names and work:
        starts = st.integers(0, intervals - 1)
        places = [
            Placement(each.id, draw(st.sampled_from(names)), draw(starts)) for each in work if draw(st.booleans())
        ]
        pins = [Pin(work[0].id, draw(st.sampled_from(names)), draw(st.none() | starts))] if draw(st.booleans()) else []
        must = draw(st.booleans())
        in_pairs = [draw(st.sampled_from([False, False, True])) for _ in work]
        work = tuple(replace(each, shadow=shadow) for each, shadow in zip(work, in_pairs, strict=True))
        due = [draw(st.sampled_from([0.0, 0.0, 15.0, 60.0])) for _ in staff]
        problem = replace(
            problem,
            agents=tuple(replace(agent, growth_due_minutes=each) for agent, each in zip(staff, due, strict=True)),
            previous=tuple(places),
            pins=tuple(pins),
            frozen_before=draw(st.integers(0, 1)),
            max_changes=draw(st.sampled_from([None, None, 0, 1])),
            engagements=(*work[:-1], replace(work[-1], must_assign=must)),
        )
    return problem


@st.composite
def learning_problems(draw: st.DrawFn, *, forecast: bool = True) -> Problem:
    """Draw a tiny problem in which people learn: pairs, stretch work, growth minutes due, all else as in `problems`.

    In `problems` most pairs have nobody who could learn; here most have somebody.

    Parameters
    ----------
    forecast
        Whether there may be forecast demand.
    """
    problem = draw(problems(forecast=forecast, least=2))
    if draw(st.sampled_from([True, True, True, False])):
        problem = replace(problem, pins=(), frozen_before=0, max_changes=None)
    some = st.sampled_from([10.0, 30.0, 30.0])
    staff = tuple(
        replace(
            agent,
            skills={"billing": draw(st.integers(1, 3)), "spanish": draw(st.integers(2, 3))},
            wants=("billing",),
            mentor_for=("billing",),
            max_stretch_minutes=draw(st.sampled_from([20.0, 60.0])),
            channels=None,
            capacity=(*(draw(some) if minutes else minutes for minutes in agent.capacity[:-1]), draw(some)),
            authorities=("refund",),
            growth_due_minutes=draw(st.sampled_from([0.0, 15.0, 60.0])),
        )
        for agent in problem.agents
    )
    needs = (Requirement("billing", draw(st.integers(2, 3))), Requirement("spanish", 2))
    work = tuple(
        replace(
            each,
            requires=needs if draw(st.booleans()) else needs[:1],
            minutes=draw(st.sampled_from([5.0, 12.0, 20.0])),
            language=None,
            site=None,
            shadow=draw(st.sampled_from([False, True, True])),
            must_assign=False,
        )
        for each in problem.engagements
    )
    return replace(problem, agents=staff, engagements=work)
