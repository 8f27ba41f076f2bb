"""What the optimizer is asked about a site's day, built from the database; ids in it are database ids as text."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer import problem as asked
from webapp.errors import InvalidInputError
from webapp.models import Assignment, Pin, Policy, Site
from webapp.services import roster
from webapp.services.planning import demand, policies, supply
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.horizon import Horizon, trim
from webapp.services.zones import day_bounds

# What of a problem is input, as opposed to the choices of a run and the plan that it would replace.
INPUT_PARTS = ("start", "interval_minutes", "intervals", "agents", "engagements", "forecast", "pins")


@dataclass(frozen=True, slots=True)
class Effort:
    """The choices of one run: seed, limits, and from when on nothing may change any more."""

    seed: int = 1
    time_limit_seconds: float = 30.0
    gap: float = 0.001
    keep_before: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class DayProblem:
    """A problem, the horizon that its intervals stand for, and the digest of its inputs."""

    problem: asked.Problem
    horizon: Horizon
    digest: str


def find_horizon(session: Session, site: Site, day_on: dt.date, *, interval_minutes: int) -> Horizon:
    """
    Return the horizon of a day: from the first to the last moment at which somebody works or contacts are forecast.

    Raises
    ------
    InvalidInputError
        If there is no such moment.
    """
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    people = [person.id for person in supply.list_agents(session, site)]
    spans = [(shift.starts_at, shift.ends_at) for shift in roster.shifts_between(session, people, starts_at, ends_at)]
    spans += [
        (row.starts_at, row.starts_at + dt.timedelta(minutes=row.length_minutes))
        for row in demand.list_forecast(session, site, starts_at, ends_at)
    ]
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
    rows = demand.list_forecast(session, site, horizon.starts_at, horizon.ends_at)
    engagements = demand.list_engagements(session, site, day_on, horizon=horizon, today=today)
    types = {row.engagement_type_id: row.engagement_type for row in rows}
    types |= {engagement.engagement_type_id: engagement.engagement_type for engagement in engagements}
    skill_ids = {requirement.skill_id for kind in types.values() for requirement in kind.requirements}
    agents = supply.build_agents(
        session,
        people,
        day_on=day_on,
        horizon=horizon,
        settings=settings,
        skill_ids=skill_ids,
        concurrency=demand.live_concurrency(types.values()),
    )
    asked_ids = {engagement.id for engagement in engagements}
    frozen_before = _frozen_before(effort.keep_before, horizon)
    problem = asked.Problem(
        start=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
        max_carry=settings.max_carry_minutes,
        agents=agents,
        engagements=demand.build_engagements(session, engagements, site=site, horizon=horizon, agent_ids=ids),
        forecast=demand.build_forecast(rows, horizon=horizon, live_priority=settings.live_priority),
        pins=_pins(session, site, day_on, horizon, set(ids), asked_ids),
        previous=_previous(session, site, day_on, horizon, agents, asked_ids, frozen_before=frozen_before),
        policy=policies.optimizer_policy(
            policy, seed=effort.seed, time_limit_seconds=effort.time_limit_seconds, gap=effort.gap
        ),
        frozen_before=frozen_before,
    )
    # Read back as it will be stored, so that whole numbers and fractions are written alike and digests stay equal.
    problem = asked.Problem.from_json(problem.to_json())
    return DayProblem(problem=problem, horizon=horizon, digest=input_digest(problem.to_json()))


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


def _previous(
    session: Session,
    site: Site,
    day_on: dt.date,
    horizon: Horizon,
    agents: Sequence[asked.Agent],
    engagement_ids: set[int],
    *,
    frozen_before: int,
) -> tuple[asked.Placement, ...]:
    # Work that began with somebody who has meanwhile become absent cannot stand; it is planned anew.
    capacity = {agent.id: agent.capacity for agent in agents}
    live = find_live_plan(session, site.id, day_on)
    if live is None:
        return ()
    rows = session.execute(
        select(Assignment.engagement_id, Assignment.person_id, Assignment.starts_at)
        .where(Assignment.plan_id == live.id)
        .order_by(Assignment.engagement_id)
    )
    placements = (
        asked.Placement(engagement=str(engagement_id), agent=str(person_id), start=horizon.index_of(starts_at))
        for engagement_id, person_id, starts_at in rows
        if engagement_id in engagement_ids and str(person_id) in capacity and horizon.holds(starts_at)
    )
    return tuple(
        placement
        for placement in placements
        if placement.start >= frozen_before or capacity[placement.agent][placement.start] > 0
    )
