"""Small optimizer problems: builders with defaults, and Hypothesis strategies over every feature of the format."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from optimizer import Plan, Policy, Problem
from optimizer.policy import LadderStep
from optimizer.problem import Agent, Engagement, Forecast, Limits, Pin, Placement, Requirement

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
EXACT = Policy(weights={"service": 1.0}, gap=0.0, time_limit_s=20.0)
"""A policy of service alone, solved to proven optimality."""

SKILLS = ("billing", "spanish")


def an_agent(identity: str = "a1", capacity: tuple[float, ...] = (30.0,), **fields: Any) -> Agent:
    """Return an agent with billing at level 3."""
    return Agent(**({"id": identity, "skills": {"billing": 3}, "capacity": capacity} | fields))


def an_engagement(identity: str = "e1", **fields: Any) -> Engagement:
    """Return ten minutes of billing work, worth 10 points, in the first interval."""
    defaults: dict[str, Any] = {
        "minutes": 10.0,
        "channel": "email",
        "earliest": 0,
        "due": 0,
        "latest": 0,
        "priority": 1,
        "value": 10.0,
        "requires": (Requirement("billing", 3),),
    }
    return Engagement(id=identity, **(defaults | fields))


def a_problem(agents: list[Agent], engagements: list[Engagement], **fields: Any) -> Problem:
    """Return a problem of 30-minute intervals, as many as the agents have capacity for, without carry-over."""
    intervals = len(agents[0].capacity) if agents else 1
    defaults: dict[str, Any] = {"start": START, "interval_minutes": 30.0, "intervals": intervals, "policy": EXACT}
    return Problem(agents=tuple(agents), engagements=tuple(engagements), **(defaults | fields))


def placed(plan: Plan) -> dict[str, tuple[str, int]]:
    """Return agent and start of every assigned engagement."""
    return {each.engagement: (each.agent, each.start) for each in plan.assignments}


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
    )


@st.composite
def engagements(draw: st.DrawFn, identity: str, intervals: int, names: list[str]) -> Engagement:
    """Draw an engagement."""
    earliest = draw(st.integers(0, intervals - 1))
    latest = draw(st.integers(earliest, intervals - 1))
    some = st.lists(st.sampled_from(names), unique=True, max_size=1).map(tuple) if names else st.just(())
    values = draw(st.booleans()) and bool(names)
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
        excluded_agents=draw(some),
        eligible_agents=draw(st.sampled_from([None, None, None, tuple(names)])),
        values={names[0]: draw(st.sampled_from([-5.0, 3.0, 60.0]))} if values else {},
        minutes_by_agent={names[0]: 8.0} if values else {},
        stance=draw(st.sampled_from(["reactive", "proactive"])),
        site=draw(st.sampled_from([None, None, "north"])),
        language=draw(st.sampled_from([None, None, "es"])),
        heavy=draw(st.booleans()),
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
    steps = draw(
        st.lists(st.sampled_from(["drop_preferred", "lower_level", "other_site", "overtime", "later"]), unique=True)
    )
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
        Whether there may be pins, a previous plan, a frozen window, a cap on changes or mandatory engagements.
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
        voice = Forecast("voice", draw(st.sampled_from(["email", "chat"])), draw(requirements()), demand, 0.5)
        problem = replace(problem, forecast=(voice,))
    if asks and names and work:
        starts = st.integers(0, intervals - 1)
        places = [
            Placement(each.id, draw(st.sampled_from(names)), draw(starts)) for each in work if draw(st.booleans())
        ]
        pins = [Pin(work[0].id, draw(st.sampled_from(names)), draw(st.none() | starts))] if draw(st.booleans()) else []
        must = draw(st.booleans())
        problem = replace(
            problem,
            previous=tuple(places),
            pins=tuple(pins),
            frozen_before=draw(st.integers(0, 1)),
            max_changes=draw(st.sampled_from([None, None, 0, 1])),
            engagements=(*work[:-1], replace(work[-1], must_assign=must)),
        )
    return problem
