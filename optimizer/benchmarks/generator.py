"""Seeded random problems with documented distributions."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from optimizer.policy import Policy
from optimizer.problem import Agent, Engagement, Forecast, Problem, Requirement, StretchSlot

START = datetime(2026, 11, 23, 7, tzinfo=UTC)
TWO_SKILLS = 0.3
"""Share of engagements that require two skills."""
HIGH_ENOUGH = 0.7
"""Chance that a level drawn from 1 to 5 reaches one drawn from 1 to 4."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a random day looks.

    Attributes
    ----------
    agents, engagements, intervals, interval_minutes
        Sizes.
    skills
        Number of skills; an agent has each with probability `breadth`, at level 1 to 5. `breadth_for` gives the
        breadth that makes a share of all engagement × agent pairs eligible; 0.35 makes about a fifth.
    load
        Minutes of engagements ÷ minutes of capacity.
    forecast
        Minutes of forecast demand ÷ minutes of capacity, spread over `classes` classes with a midday peak.
    max_carry
        Minutes of carry-over.
    rich
        Whether agents want skills, mentor, have limits and known customers, and some work is heavy or proactive.
    slots
        Share of the agents of a rich day who chose one stretch slot, of four intervals, in a skill that they want.
    """

    agents: int = 50
    engagements: int = 500
    intervals: int = 16
    interval_minutes: float = 30.0
    skills: int = 12
    breadth: float = 0.35
    load: float = 0.9
    forecast: float = 0.0
    classes: int = 6
    max_carry: float = 15.0
    rich: bool = False
    slots: float = 0.0


def breadth_for(eligible: float) -> float:
    """Return the breadth at which this share of all engagement × agent pairs is eligible on the average.

    With *q* = 0.7 × breadth the chance that an agent meets one requirement, the share is 0.7 *q* + 0.3 *q*². (An agent
    who would have no skill at all gets one, which adds a little where breadth × skills is small.)

    Raises
    ------
    ValueError
        If the share is not above 0 and at most 0.637, which is what everybody having every skill gives.
    """
    if not 0 < eligible <= _share_of(1.0):
        raise ValueError(f"the share of eligible pairs must be above 0 and at most {_share_of(1.0):.3f}")
    one = 1 - TWO_SKILLS
    met = (math.sqrt(one * one + 4 * TWO_SKILLS * eligible) - one) / (2 * TWO_SKILLS)
    return met / HIGH_ENOUGH


def _share_of(breadth: float) -> float:
    met = HIGH_ENOUGH * breadth
    return (1 - TWO_SKILLS) * met + TWO_SKILLS * met * met


def generate(shape: Shape, seed: int, policy: Policy | None = None) -> Problem:
    """Return a random problem.

    Handle minutes are log-normal (σ = 0.5) and scaled to the load; capacity is 85 % of each interval of an
    eight-hour shift (all intervals if there are fewer) with a random start and one interval of lunch; an engagement
    requires one skill (70 %) or two (30 %) at level 1 to 4; windows are uniform with a due time in their first half;
    values are minutes × a log-normal factor (σ = 0.4). A seed draws the same problem on every machine.
    """
    random = np.random.default_rng(seed)
    skills = [f"s{number:02d}" for number in range(shape.skills)]
    agents = tuple(_agent(shape, random, number, skills) for number in range(shape.agents))
    capacity = sum(sum(agent.capacity) for agent in agents)
    raw = random.lognormal(0.0, 0.5, shape.engagements)
    minutes = raw * shape.load * capacity / raw.sum() if shape.engagements else raw
    engagements = tuple(
        _engagement(shape, random, number, skills, float(round(each, 2))) for number, each in enumerate(minutes)
    )
    return Problem(
        start=START,
        interval_minutes=shape.interval_minutes,
        intervals=shape.intervals,
        agents=agents,
        engagements=engagements,
        forecast=_forecast(shape, random, skills, capacity),
        policy=policy or Policy(),
        max_carry=shape.max_carry,
    )


def _agent(shape: Shape, random: np.random.Generator, number: int, skills: list[str]) -> Agent:
    length = min(shape.intervals, int(480 / shape.interval_minutes) + 1)
    first = int(random.integers(0, shape.intervals - length + 1))
    productive = round(0.85 * shape.interval_minutes, 2)
    capacity = [productive if first <= t < first + length else 0.0 for t in range(shape.intervals)]
    if length > 8:
        capacity[first + length // 2] = 0.0
    held = {skill: int(random.integers(1, 6)) for skill in skills if random.random() < shape.breadth}
    held = held or {skills[int(random.integers(len(skills)))]: 3}
    if not shape.rich:
        return Agent(id=f"a{number:05d}", skills=held, capacity=tuple(capacity))
    names = sorted(held)
    wants = tuple(random.choice(names, size=min(2, len(names)), replace=False).tolist())
    return Agent(
        id=f"a{number:05d}",
        skills=held,
        capacity=tuple(capacity),
        concurrency={"chat": 2.0},
        wants=wants,
        max_stretch_minutes=60.0,
        mentor_for=tuple(name for name in names if held[name] == 5),
        stretch_slots=_slots(shape, random, wants, first, length),
    )


def _slots(
    shape: Shape, random: np.random.Generator, wants: tuple[str, ...], first: int, length: int
) -> tuple[StretchSlot, ...]:
    # Days without slots draw nothing here, so that their seeds stay what they were.
    if not shape.slots or random.random() >= shape.slots:
        return ()
    start = first + int(random.integers(0, max(1, length - 4)))
    return (StretchSlot(start, min(start + 4, shape.intervals), wants[0]),)


def _engagement(
    shape: Shape, random: np.random.Generator, number: int, skills: list[str], minutes: float
) -> Engagement:
    # Indices, because an array of names would be made anew for each engagement.
    needed = random.choice(len(skills), size=1 + int(random.random() < TWO_SKILLS), replace=False).tolist()
    earliest, latest = sorted(random.integers(0, shape.intervals, 2).tolist())
    rich = shape.rich
    return Engagement(
        id=f"e{number:06d}",
        minutes=max(minutes, 0.5),
        channel="chat" if rich and random.random() < 0.2 else "email",
        earliest=earliest,
        due=int((earliest + latest) // 2),
        latest=latest,
        priority=int(random.integers(1, 6)),
        value=float(round(max(minutes, 0.5) * random.lognormal(0.0, 0.4), 2)),
        requires=tuple(Requirement(skills[skill], int(random.integers(1, 5))) for skill in needed),
        known_agents=(f"a{int(random.integers(shape.agents)):05d}",) if rich and random.random() < 0.3 else (),
        heavy=bool(rich and random.random() < 0.1),
        stance="proactive" if rich and random.random() < 0.2 else "reactive",
    )


def _forecast(shape: Shape, random: np.random.Generator, skills: list[str], capacity: float) -> tuple[Forecast, ...]:
    if not shape.forecast:
        return ()
    day = np.sin(np.pi * (np.arange(shape.intervals) + 0.5) / shape.intervals)
    share = random.dirichlet(np.full(shape.classes, 4.0))
    demand = np.outer(share, day / day.sum()) * shape.forecast * capacity
    return tuple(
        Forecast(
            class_=f"voice-{number}",
            channel="voice",
            requires=(Requirement(skills[number % len(skills)], int(random.integers(1, 4))),),
            minutes=tuple(np.round(row, 2).tolist()),
            value_per_minute=float(round(random.uniform(1.0, 4.0), 2)),
        )
        for number, row in enumerate(demand)
    )
