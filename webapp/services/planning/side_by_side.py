"""Outcomes of one day side by side: the plan that it has, and scenarios of it, each as the optimizer answered."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.plan import Plan as Answer
from optimizer.policy import TERMS
from optimizer.problem import Problem
from webapp.models import Plan, PlanState, Scenario, Site
from webapp.services.planning import causes, scenarios, store
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.names import Names, load_names

MOST_COLUMNS = 4
LEAST_MINUTES = 1.0
"""A person's live minutes differ from so many on."""


@dataclass(frozen=True, slots=True)
class Figures:
    """
    What an outcome comes to.

    ``busiest`` and ``least_busy`` are the largest and smallest share of an agent's minutes that is planned, among those
    who work: how fairly the day is spread.
    """

    served: int
    left_out: int
    value: float
    live_minutes: float
    live_forecast: float
    stretch_minutes: float
    busiest: float
    least_busy: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A plan or a scenario with its problem, its answer and what they come to."""

    title: str
    problem: Problem
    answer: Answer
    start: dt.datetime
    interval_minutes: int
    names: Names
    figures: Figures
    terms: Mapping[str, float]
    scenario: Scenario | None = None
    plan: Plan | None = None

    def places(self) -> dict[str, tuple[str, dt.datetime]]:
        """Return who does each engagement, and when."""
        length = dt.timedelta(minutes=self.interval_minutes)
        return {each.engagement: (each.agent, self.start + each.start * length) for each in self.answer.assignments}


@dataclass(frozen=True, slots=True)
class Moved:
    """An engagement that two outcomes treat differently: ``added``, ``dropped``, other ``agent`` or other ``time``."""

    engagement: str
    kind: str
    before: tuple[str, dt.datetime] | None
    after: tuple[str, dt.datetime] | None


@dataclass(frozen=True, slots=True)
class Affected:
    """A person whose day differs: engagements gained, lost, moved in time, and live minutes more or less."""

    agent: str
    gained: int
    lost: int
    moved: int
    live_minutes: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An engagement that an outcome leaves out, why, and whether the other one served it."""

    engagement: str
    cause: str
    new: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different in an outcome against another."""

    moved: tuple[Moved, ...]
    affected: tuple[Affected, ...]
    left_out: tuple[LeftOut, ...]

    def count(self, kind: str) -> int:
        """Return how many engagements changed in one way."""
        return sum(1 for each in self.moved if each.kind == kind)


def find_base(session: Session, site: Site, day_on: dt.date) -> Plan | None:
    """Return the plan against which scenarios are held: the published one, else the newest draft."""
    live = find_live_plan(session, site.id, day_on)
    if live is not None:
        return live
    return session.scalar(
        select(Plan)
        .where(Plan.site_id == site.id, Plan.day_on == day_on, Plan.state == PlanState.DRAFT)
        .order_by(Plan.id.desc())
        .limit(1)
    )


def of_plan(session: Session, plan: Plan) -> Outcome:
    """Return a stored plan as an outcome."""
    loaded = store.load_plan(session, plan)
    return _outcome(
        f"Plan {plan.id}", loaded.problem, loaded.answer, names=load_names(session, loaded.problem), plan=plan
    )


def of_scenario(session: Session, scenario: Scenario) -> Outcome:
    """Return a solved scenario as an outcome."""
    problem, answer = scenarios.load(scenario)
    return _outcome(scenario.name, problem, answer, names=scenarios.all_names(session, scenario), scenario=scenario)


def _outcome(
    title: str,
    problem: Problem,
    answer: Answer,
    *,
    names: Names,
    scenario: Scenario | None = None,
    plan: Plan | None = None,
) -> Outcome:
    return Outcome(
        title=title,
        problem=problem,
        answer=answer,
        start=problem.start,
        interval_minutes=int(problem.interval_minutes),
        names=names,
        figures=_figures(problem, answer),
        terms={term: answer.terms[term] for term in TERMS if term in answer.terms},
        scenario=scenario,
        plan=plan,
    )


def _figures(problem: Problem, answer: Answer) -> Figures:
    load: dict[str, float] = defaultdict(float)
    for chosen in answer.assignments:
        load[chosen.agent] += chosen.minutes
    for kept in answer.reserved:
        load[kept.agent] += kept.minutes
    shares = [load[agent.id] / sum(agent.capacity) for agent in problem.agents if sum(agent.capacity) > 0]
    return Figures(
        served=len(answer.assignments),
        left_out=len(answer.unassigned),
        value=answer.objective or 0.0,
        live_minutes=sum(each.minutes for each in answer.reserved),
        live_forecast=sum(sum(each.minutes) for each in problem.forecast),
        stretch_minutes=sum(each.minutes for each in answer.assignments if each.stretch is not None),
        busiest=max(shares, default=0.0),
        least_busy=min(shares, default=0.0),
    )


def compare(base: Outcome, other: Outcome) -> Difference:
    """Say what is different in ``other`` against ``base``."""
    before, after = base.places(), other.places()
    moved = [
        Moved(key, _kind(before.get(key), after.get(key)), before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys(), key=int)
        if before.get(key) != after.get(key)
    ]
    return Difference(
        moved=tuple(moved),
        affected=tuple(_affected(base, other, moved)),
        left_out=tuple(
            LeftOut(each.engagement, causes.cause_words(each.cause, other.names), each.engagement in before)
            for each in other.answer.unassigned
        ),
    )


def _kind(before: tuple[str, dt.datetime] | None, after: tuple[str, dt.datetime] | None) -> str:
    if before is None:
        return "added"
    if after is None:
        return "dropped"
    return "agent" if before[0] != after[0] else "time"


def _affected(base: Outcome, other: Outcome, moved: Sequence[Moved]) -> list[Affected]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in moved:
        if each.kind == "time" and each.after is not None:
            counts[each.after[0]][2] += 1
            continue
        if each.after is not None:
            counts[each.after[0]][0] += 1
        if each.before is not None:
            counts[each.before[0]][1] += 1
    live: dict[str, float] = defaultdict(float)
    for answer, sign in ((base.answer, -1.0), (other.answer, 1.0)):
        for kept in answer.reserved:
            live[kept.agent] += sign * kept.minutes
    people = set(counts) | {agent for agent, minutes in live.items() if abs(minutes) >= LEAST_MINUTES}
    return [
        Affected(
            agent,
            gained=counts[agent][0],
            lost=counts[agent][1],
            moved=counts[agent][2],
            live_minutes=live[agent],
        )
        for agent in sorted(people, key=other.names.agent)
    ]


def agent_name(base: Outcome | None, other: Outcome, agent: str) -> str:
    """Return what an agent of either outcome is called."""
    name = other.names.agents.get(agent)
    return name or (base.names.agent(agent) if base is not None else agent)
