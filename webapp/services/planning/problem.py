"""What the optimizer is asked about a site's day, built from the database; ids in it are database ids as text."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer import problem as asked
from optimizer.policy import LadderStep
from optimizer.policy import Policy as OptimizerPolicy
from optimizer.standing import find_standing
from webapp.errors import InvalidInputError
from webapp.models import Assignment, Engagement, EngagementState, Person, Pin, Plan, Policy, Site
from webapp.services import roster
from webapp.services.planning import demand, policies, supply, under_way
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.horizon import Horizon, trim
from webapp.services.planning.what_if import NOTHING, Extra, WhatIf, extra_agent
from webapp.services.zones import day_bounds

# What of a problem is input, as opposed to the choices of a run and the plan that it would replace.
INPUT_PARTS = ("start", "interval_minutes", "intervals", "agents", "engagements", "forecast", "pins")


@dataclass(frozen=True, slots=True)
class Effort:
    """
    The choices of one run: seed, limits, and from when on nothing may change any more.

    ``max_changes`` is how many assignments of the published plan may move beyond those that cannot stand; ``stability``
    replaces the policy's weight of that term, and ``ladder`` are steps and prices that replace its ladder.
    """

    seed: int = 1
    time_limit_seconds: float = 30.0
    gap: float = 0.001
    keep_before: dt.datetime | None = None
    max_changes: int | None = None
    stability: float | None = None
    ladder: tuple[tuple[str, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class DayProblem:
    """
    A problem, the horizon that its intervals stand for, and the digest of its inputs.

    ``taken`` are the minutes that work in progress has taken from agents, by agent and interval. ``seen`` is what a run
    found noted of changed shifts when it built its problem, see :mod:`webapp.services.roster_changes`.
    """

    problem: asked.Problem
    horizon: Horizon
    digest: str
    taken: Mapping[str, Sequence[float]] = field(default_factory=dict)
    seen: Mapping[int, list[Any]] = field(default_factory=dict)


def find_horizon(session: Session, site: Site, day_on: dt.date, *, interval_minutes: int) -> Horizon:
    """
    Return the horizon of a day: from the first to the last moment at which somebody works or contacts are forecast.

    Raises
    ------
    InvalidInputError
        If there is no such moment.
    """
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    people = supply.list_agent_ids(session, site)
    spans = [(begins, ends) for _, begins, ends in roster.shift_times(session, people, starts_at, ends_at)]
    spans += demand.list_forecast_spans(session, site, starts_at, ends_at)
    return trim(site, day_on, spans, interval_minutes=interval_minutes)


def build_problem(
    session: Session,
    site: Site,
    day_on: dt.date,
    *,
    policy: Policy,
    interval_minutes: int,
    today: dt.date,
    effort: Effort | None = None,
    horizon: Horizon | None = None,
    what_if: WhatIf = NOTHING,
    take_under_way: bool = True,
) -> DayProblem:
    """
    Build the problem of a site's day.

    Parameters
    ----------
    session
        A session.
    site, day_on
        Whose day: from its first moment in the site's time zone to that of the next day, trimmed to its hours of work.
    policy
        Weights and limits, with shrinkage and the other :class:`PlanningSettings`.
    interval_minutes
        Length of an interval.
    today
        Today at the site: work that a plan of an earlier day left undone is planned again.
    effort
        Seed and limits of the run.
    horizon
        The intervals, if they are known already.
    what_if
        Changes of a scenario, which are applied to the problem only.
    take_under_way
        Whether begun work that the problem does not hold at its place takes minutes from its agents; whoever compares
        a plan with the present asks without, because begun work is no change of anybody's hours.

    Raises
    ------
    InvalidInputError
        If nobody works on the day, or a pin cannot be expressed because its agent or time is gone.
    """
    effort = effort or Effort()
    horizon = horizon or find_horizon(session, site, day_on, interval_minutes=interval_minutes)
    settings = policies.PlanningSettings.of(policy)
    people = supply.list_agents(session, site)
    ids = [person.id for person in people]
    rows = what_if.demand(demand.list_forecast(session, site, horizon.starts_at, horizon.ends_at))
    engagements = demand.list_engagements(session, site, day_on, horizon=horizon, today=today)
    frozen_before = _frozen_before(effort.keep_before, horizon)
    live = find_live_plan(session, site.id, day_on)
    begun = _list_begun(session, live, replanning=effort.keep_before is not None)
    engagements = sorted({*engagements, *begun}, key=lambda engagement: engagement.id)
    types = {row.engagement_type_id: row.engagement_type for row in rows}
    types |= {engagement.engagement_type_id: engagement.engagement_type for engagement in engagements}
    skill_ids = {requirement.skill_id for kind in types.values() for requirement in kind.requirements}
    agents = _agents(
        session,
        people,
        what_if,
        day_on=day_on,
        horizon=horizon,
        settings=settings,
        skill_ids=skill_ids,
        concurrency=demand.live_concurrency(types.values()),
    )
    work = what_if.engagements(
        demand.build_engagements(session, engagements, site=site, horizon=horizon, agent_ids=ids),
        horizon,
        standing={str(each.id) for each in begun},
    )
    asked_ids = {int(each.id) for each in work}
    problem = asked.Problem(
        start=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
        max_carry=settings.max_carry_minutes,
        agents=agents,
        engagements=tuple(work),
        forecast=demand.build_forecast(rows, horizon=horizon, live_priority=settings.live_priority),
        pins=what_if.pins(_pins(session, site, day_on, horizon, set(ids), asked_ids), work),
        previous=_placements(session, live, horizon, agents, asked_ids),
        policy=_policy(policy, effort),
        frozen_before=frozen_before,
    )
    problem = demand.release_owners(problem)
    doing = (
        under_way.list_under_way(session, site, horizon=horizon, productive=1.0 - settings.shrinkage)
        if take_under_way
        else ()
    )
    problem = _with_what_is_under_way(problem, begun, doing, max_changes=effort.max_changes)
    taken = under_way.taken_minutes(agents, problem.agents)
    # Read back as it will be stored, so that whole numbers and fractions are written alike and digests stay equal.
    problem = asked.Problem.from_json(problem.to_json())
    return DayProblem(problem=problem, horizon=horizon, digest=input_digest(problem.to_json()), taken=taken)


def _agents(
    session: Session, people: Sequence[Person], what_if: WhatIf, *, settings: policies.PlanningSettings, **day: Any
) -> tuple[asked.Agent, ...]:
    """Return the day's agents as they are under a what-if, with those who come in addition."""
    found = supply.build_agents(session, people, settings=settings, also_away=what_if.absences(), **day)
    agents = what_if.agents(found, skill_ids=day["skill_ids"], mentor_level=settings.mentor_level)
    for number, extra in enumerate(what_if.of(Extra), start=1):
        person = session.get(Person, extra.like_id)
        if person is None:
            raise InvalidInputError("The colleague who would help is gone.")
        like = supply.build_agents(session, [person], settings=settings, **day)[0]
        agents.append(extra_agent(like, extra, number, day["horizon"], productive=1.0 - settings.shrinkage))
    return tuple(agents)


def _list_begun(session: Session, live: Plan | None, *, replanning: bool) -> list[Engagement]:
    """Return what of the live plan a new plan of the day still tells; only one from now on tells what is done."""
    begun = demand.list_begun(session, live) if live is not None else []
    return [each for each in begun if replanning or each.state is EngagementState.IN_PROGRESS]


def input_digest(problem: dict[str, Any]) -> str:
    """Return the SHA-256 of the inputs in a problem file: while it stays the same, nothing that matters has changed."""
    inputs = {part: problem.get(part) for part in INPUT_PARTS}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _frozen_before(keep_before: dt.datetime | None, horizon: Horizon) -> int:
    return 0 if keep_before is None else min(horizon.intervals, max(0, horizon.index_from(keep_before)))


def _pins(
    session: Session, site: Site, day_on: dt.date, horizon: Horizon, agent_ids: set[int], engagement_ids: set[int]
) -> tuple[asked.Pin, ...]:
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    pins = session.scalars(
        select(Pin)
        .where(Pin.removed_at.is_(None), Pin.starts_at >= starts_at, Pin.starts_at < ends_at)
        .options(joinedload(Pin.engagement), joinedload(Pin.person))
        .order_by(Pin.engagement_id)
    )
    built = []
    for pin in pins:
        if pin.engagement_id not in engagement_ids:
            continue
        if pin.person_id not in agent_ids or not horizon.holds(pin.starts_at):
            gone = "is no agent of this site any more" if pin.person_id not in agent_ids else "does not work then"
            raise InvalidInputError(
                f"{pin.engagement.external_id} is pinned to {pin.person.name}, who {gone}. Change the pin first."
            )
        built.append(
            asked.Pin(
                engagement=str(pin.engagement_id),
                agent=str(pin.person_id),
                start=horizon.index_of(pin.starts_at),
                reason="",
            )
        )
    return tuple(built)


def _placements(
    session: Session,
    live: Plan | None,
    horizon: Horizon,
    agents: Sequence[asked.Agent],
    engagement_ids: set[int],
) -> tuple[asked.Placement, ...]:
    if live is None:
        return ()
    known = {agent.id for agent in agents}
    rows = session.execute(
        select(Assignment.engagement_id, Assignment.person_id, Assignment.starts_at)
        .where(Assignment.plan_id == live.id)
        .order_by(Assignment.engagement_id)
    )
    return tuple(
        asked.Placement(engagement=str(engagement_id), agent=str(person_id), start=horizon.index_of(starts_at))
        for engagement_id, person_id, starts_at in rows
        if engagement_id in engagement_ids and str(person_id) in known and horizon.holds(starts_at)
    )


def _policy(policy: Policy, effort: Effort) -> OptimizerPolicy:
    chosen = policies.optimizer_policy(
        policy, seed=effort.seed, time_limit_seconds=effort.time_limit_seconds, gap=effort.gap
    )
    if effort.stability is not None:
        chosen = replace(chosen, weights={**chosen.weights, "stability": effort.stability})
    if effort.ladder is not None:
        chosen = replace(chosen, ladder=tuple(LadderStep(step, price) for step, price in effort.ladder))
    return chosen


def _with_what_is_under_way(
    problem: asked.Problem,
    begun: Sequence[Engagement],
    doing: Sequence[under_way.UnderWay],
    *,
    max_changes: int | None,
) -> asked.Problem:
    """
    Return the problem with begun work at its place, or else with its minutes taken from whoever is at it.

    What cannot keep its place is only known once the rest stands, and the minutes that it takes may unseat more.
    """
    places = {each.engagement: each for each in problem.previous}
    late = {
        each.engagement
        for each in doing
        if each.engagement in places and under_way.is_late(each, places[each.engagement])
    }
    beside = {each.engagement for each in doing} - {str(each.id) for each in begun}
    while True:
        taking = [each for each in doing if each.engagement in beside | late]
        trial = replace(
            problem,
            agents=under_way.take(problem.agents, taking),
            engagements=tuple(each for each in problem.engagements if each.id not in beside),
            pins=tuple(each for each in problem.pins if each.engagement not in beside),
            previous=tuple(each for each in problem.previous if each.engagement not in beside),
        )
        standing = [each for each in begun if str(each.id) not in beside]
        found = _with_what_stands(trial, standing, max_changes=max_changes)
        lost = {each.engagement for each in doing} - beside - {each.id for each in found.engagements}
        if not lost:
            return found
        beside |= lost


def _with_what_stands(problem: asked.Problem, begun: Sequence[Engagement], *, max_changes: int | None) -> asked.Problem:
    """
    Return the problem with a frozen window and a cap on changes that can be obeyed.

    Work that began with somebody who has meanwhile become absent, or was declined, cannot stand; it is planned anew.
    Work that is under way stays where it is, and work that is done keeps its place in the frozen window; what cannot
    leaves the problem, because it is never planned again.
    """
    previous = problem.previous
    if problem.frozen_before or begun:
        doing = {str(each.id) for each in begun if each.state is EngagementState.IN_PROGRESS}
        done = {str(each.id) for each in begun} - doing
        held = [each for each in previous if each.start < problem.frozen_before or each.engagement in doing]
        stand = {each.engagement for each in find_standing(problem, held)}
        gone = (doing | done) - stand
        previous = tuple(
            each
            for each in previous
            if each.engagement in stand or (each.start >= problem.frozen_before and each.engagement not in gone)
        )
        early = [each for each in previous if each.engagement in doing and each.start >= problem.frozen_before]
        problem = replace(
            problem,
            previous=previous,
            engagements=tuple(each for each in problem.engagements if each.id not in gone),
            pins=tuple(pin for pin in problem.pins if pin.engagement not in doing | done)
            + tuple(asked.Pin(engagement=each.engagement, agent=each.agent, start=each.start) for each in early),
        )
    if max_changes is None:
        return problem
    forced = len(previous) - len(find_standing(problem, previous))
    return replace(problem, max_changes=forced + max_changes)
