"""
A day's real contacts as the optimizer's simulation takes them.

===============  ======================================================================================================
arrivals         as logged, of live engagement types
handle time      as logged: it belongs to the contact, whoever serves it. Who served it is not read. Of a contact that
                 gave up, that of a random one of its type on the day, else the type's mean
patience         the wait of a contact that gave up. Of one that was served the log shows only a part of it, to which an
                 exponential rest is added; its mean is the type's total wait ÷ number that gave up, over the day and
                 the :data:`PATIENCE_DAYS` before (maximum likelihood for censored exponential times). Types that too
                 few gave up on take the mean of all types; where nobody gave up at all, nobody does
agents           those of the site as they are now, on shift, not on a break or absent on the day, in whole intervals;
                 levels are those of the day
prices           of the day's published plan; without one, of a plan for live contacts alone, made from the day's
                 forecast, else from the days before
tone             no weights of tone are kept, so that tone-weighted value equals value
===============  ======================================================================================================

What is drawn at random differs from seed to seed and is the same for every policy.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, selectinload

from optimizer import plan as answered
from optimizer import problem as asked
from optimizer.process import solve_in_child
from optimizer.routing import Contact as Arrival
from optimizer.routing import Desk
from optimizer.simulate import Call
from webapp.errors import InvalidInputError
from webapp.models import Contact, ContactOutcome, EngagementType, ForecastInterval, ForecastSource, Person, Plan, Site
from webapp.services import forecasting, roster
from webapp.services.planning import demand, policies, store, supply
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.horizon import Horizon, trim
from webapp.services.service_levels import staffed_minutes
from webapp.services.zones import day_bounds

INTERVAL_MINUTES = policies.DEFAULT_INTERVAL_MINUTES
PATIENCE_DAYS = 28
LEAST_GIVEN_UP = 5
PRICING_SECONDS = 20.0
LONGEST_SECONDS = 4 * 3600.0
"""A contact that was left open in the log for longer counts as its type's mean."""


@dataclass(frozen=True, slots=True)
class LoggedContact:
    """A contact of the day; seconds from the begin of the horizon. ``handled_seconds`` is None if the log has none."""

    id: str
    class_: str
    arrived_at: float
    waited_seconds: float
    handled_seconds: float | None
    gave_up: bool


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """
    A day as it is simulated.

    Parameters
    ----------
    problem, desk
        Agents and classes; the desk has no prices until :func:`with_prices` found them.
    contacts
        In order of arrival.
    handle_seconds
        Class → mean of its type.
    patience_seconds
        Class → mean patience; infinite if nobody gave up.
    to_price
        The problem whose solution prices the agents' time; None where the published plan has prices.
    inputs
        Counts of what went in, and what the log itself says became of the day.
    """

    problem: asked.Problem
    desk: Desk
    contacts: tuple[LoggedContact, ...]
    handle_seconds: Mapping[str, float]
    patience_seconds: Mapping[str, float]
    to_price: asked.Problem | None
    inputs: Mapping[str, Any]


def read_day(session: Session, site: Site, day_on: dt.date, *, target_seconds: int) -> SimulatedDay:
    """
    Read a day.

    Raises
    ------
    InvalidInputError
        If no live contacts are known on the day, or nobody was on shift.
    """
    first, after = day_bounds(day_on, site.time_zone)
    rows = _list_contacts(session, site, first, after)
    if not rows:
        raise InvalidInputError(
            f"No contacts are known at {site.name} on {day_on:%-d %b %Y}. Import a call log of the day first.",
            field="day",
        )
    types = _load_types(session, {row.engagement_type_id for row in rows})
    people = supply.list_agents(session, site)
    horizon = _horizon(session, site, day_on, people, [row.arrived_at for row in rows])
    plan = find_live_plan(session, site.id, day_on)
    policy = plan.run.policy if plan is not None else policies.policy_of_site(session, site)
    settings = policies.PlanningSettings.of(policy)
    forecast = demand.list_forecast(session, site, horizon.starts_at, horizon.ends_at)
    forecast = forecast or _forecast_from_history(session, site, day_on, horizon, types)
    problem = asked.Problem(
        start=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
        agents=supply.build_agents(
            session,
            people,
            day_on=day_on,
            horizon=horizon,
            settings=replace(settings, shrinkage=0.0),
            skill_ids={line.skill_id for kind in types.values() for line in kind.requirements},
            concurrency=demand.live_concurrency(types.values()),
        ),
        forecast=tuple(_forecast(kind, forecast, horizon, settings.live_priority) for kind in types.values()),
        policy=policies.optimizer_policy(policy, seed=1, time_limit_seconds=PRICING_SECONDS, gap=1e-4),
    )
    present = [agent for agent in problem.agents if any(agent.capacity)]
    if not present:
        raise InvalidInputError(
            f"Nobody was on shift at {site.name} on {day_on:%-d %b %Y}. Import the shifts of the day first.",
            field="day",
        )
    prices = _prices_of(plan, horizon)
    patience, given_up = _patience(session, site, day_on, types)
    minutes = {str(kind.id): kind.handle_minutes for kind in types.values()}
    to_price = None
    if not prices:
        to_price = replace(
            problem, forecast=demand.build_forecast(forecast, horizon=horizon, live_priority=settings.live_priority)
        )
    return SimulatedDay(
        problem=problem,
        desk=Desk.of(problem, answered.Prices(prices), minutes),
        contacts=tuple(_logged(row, horizon) for row in rows),
        handle_seconds={name: 60.0 * each for name, each in minutes.items()},
        patience_seconds=patience,
        to_price=to_price if to_price is not None and to_price.forecast else None,
        inputs={
            "contacts": len(rows),
            "types": len(types),
            "agents": len(present),
            "gave_up_before": given_up,
            "plan_id": plan.id if plan is not None and prices else None,
            "prices": "plan" if prices else "live" if forecast else "none",
            "as_logged": _as_logged(rows, target_seconds),
        },
    )


def with_prices(day: SimulatedDay, *, should_cancel: Callable[[], bool] = lambda: False) -> SimulatedDay:
    """Return the day with the prices of a plan for live contacts alone, where no published plan has any."""
    if day.to_price is None:
        return day
    prices = solve_in_child(day.to_price, should_cancel=should_cancel).prices.agent
    none = (0.0,) * day.problem.intervals
    table = np.array([prices.get(agent, none) for agent in day.desk.agents], dtype=float).reshape(day.desk.price.shape)
    return replace(day, desk=replace(day.desk, price=table), to_price=None)


def draw(day: SimulatedDay, seed: int) -> tuple[Call, ...]:
    """Return the day's contacts with what the log does not tell drawn at random; the same seed gives the same."""
    random = np.random.default_rng(seed)
    handled: dict[str, list[float]] = defaultdict(list)
    for contact in day.contacts:
        if contact.handled_seconds is not None:
            handled[contact.class_].append(contact.handled_seconds)
    calls = []
    for contact in day.contacts:
        # Both are drawn for every contact, so that one contact more does not change what others are given.
        rest, place = float(random.exponential()), float(random.random())
        known = handled[contact.class_]
        other = known[int(place * len(known))] if known else day.handle_seconds[contact.class_]
        mean = day.patience_seconds[contact.class_]
        calls.append(
            Call(
                Arrival(contact.id, contact.class_, contact.arrived_at),
                handle_seconds=other if contact.handled_seconds is None else contact.handled_seconds,
                patience_seconds=contact.waited_seconds + (0.0 if contact.gave_up else rest * mean),
            )
        )
    return tuple(calls)


def _list_contacts(session: Session, site: Site, first: dt.datetime, after: dt.datetime) -> Sequence[Any]:
    # Who served a contact is left where it is: a simulation does not need to know.
    return session.execute(
        select(
            Contact.id,
            Contact.engagement_type_id,
            Contact.arrived_at,
            Contact.served_at,
            Contact.ended_at,
            Contact.wait_seconds,
            Contact.outcome,
        )
        .join(Contact.engagement_type)
        .where(
            Contact.site_id == site.id,
            Contact.arrived_at >= first,
            Contact.arrived_at < after,
            EngagementType.channel.in_(demand.LIVE_CHANNELS),
        )
        .order_by(Contact.arrived_at, Contact.id)
    ).all()


def _load_types(session: Session, type_ids: set[int]) -> dict[int, EngagementType]:
    query = select(EngagementType).where(EngagementType.id.in_(type_ids)).order_by(EngagementType.id)
    return {kind.id: kind for kind in session.scalars(query.options(selectinload(EngagementType.requirements)))}


def _horizon(
    session: Session, site: Site, day_on: dt.date, people: Sequence[Person], arrivals: Sequence[dt.datetime]
) -> Horizon:
    first, after = day_bounds(day_on, site.time_zone)
    shifts = roster.shifts_between(session, [person.id for person in people], first, after)
    spans = [(shift.starts_at, shift.ends_at) for shift in shifts]
    spans += [(each, each + dt.timedelta(minutes=1)) for each in (min(arrivals), max(arrivals))]
    return trim(site, day_on, spans, interval_minutes=INTERVAL_MINUTES)


def _logged(row: Any, horizon: Horizon) -> LoggedContact:
    handled = None
    if row.outcome is ContactOutcome.SERVED and row.served_at is not None and row.ended_at is not None:
        seconds = (row.ended_at - row.served_at).total_seconds()
        handled = seconds if 0 < seconds <= LONGEST_SECONDS else None
    return LoggedContact(
        id=str(row.id),
        class_=str(row.engagement_type_id),
        arrived_at=(row.arrived_at - horizon.starts_at).total_seconds(),
        waited_seconds=float(row.wait_seconds),
        handled_seconds=handled,
        gave_up=row.outcome is ContactOutcome.ABANDONED,
    )


def _as_logged(rows: Sequence[Any], target_seconds: int) -> dict[str, float]:
    served = [row for row in rows if row.outcome is ContactOutcome.SERVED]
    return {
        "service_level": sum(row.wait_seconds <= target_seconds for row in served) / len(rows),
        "abandonment": 1.0 - len(served) / len(rows),
        "wait_seconds": sum(row.wait_seconds for row in rows) / len(rows),
    }


def _patience(
    session: Session, site: Site, day_on: dt.date, types: Mapping[int, EngagementType]
) -> tuple[dict[str, float], int]:
    """Return the mean patience of each class, and of how many contacts that gave up it was learnt."""
    first, _ = day_bounds(day_on - dt.timedelta(days=PATIENCE_DAYS), site.time_zone)
    _, after = day_bounds(day_on, site.time_zone)
    gave_up = func.sum(case((Contact.outcome == ContactOutcome.ABANDONED, 1), else_=0))
    found = session.execute(
        select(Contact.engagement_type_id, func.sum(Contact.wait_seconds), gave_up)
        .where(
            Contact.site_id == site.id,
            Contact.arrived_at >= first,
            Contact.arrived_at < after,
            Contact.engagement_type_id.in_(types),
        )
        .group_by(Contact.engagement_type_id)
    ).all()
    waited = {type_id: (float(seconds or 0), int(count or 0)) for type_id, seconds, count in found}
    seconds, count = (sum(each[part] for each in waited.values()) for part in (0, 1))
    overall = seconds / count if count else float("inf")
    means = {}
    for type_id in types:
        own_seconds, own_count = waited.get(type_id, (0.0, 0))
        means[str(type_id)] = own_seconds / own_count if own_count >= LEAST_GIVEN_UP else overall
    return means, int(count)


def _forecast(
    kind: EngagementType, rows: Sequence[ForecastInterval], horizon: Horizon, live_priority: int
) -> asked.Forecast:
    """Return the class of a type, with the contact minutes that were expected and not what is staffed for them."""
    minutes = [0.0] * horizon.intervals
    for row in rows:
        if row.engagement_type_id == kind.id:
            for index, share in demand.overlap_shares(row, horizon).items():
                minutes[index] += row.volume * kind.handle_minutes * share
    return asked.Forecast(
        class_=str(kind.id),
        channel=kind.channel.value,
        requires=demand.build_requirements(kind.requirements),
        minutes=tuple(round(each, 4) for each in minutes),
        value_per_minute=kind.value * live_priority / kind.handle_minutes,
    )


def _forecast_from_history(
    session: Session, site: Site, day_on: dt.date, horizon: Horizon, types: Mapping[int, EngagementType]
) -> list[ForecastInterval]:
    """Return what the days before would have forecast, without keeping it."""
    history = forecasting.read_history(session, site, before=day_on, interval_minutes=horizon.interval_minutes)
    weights = forecasting.weigh_days(history, day_on)
    total = sum(weights.values())
    rows: list[ForecastInterval] = []
    for starts_at in horizon.starts() if total else ():
        local = starts_at.astimezone(ZoneInfo(site.time_zone))
        slot = (60 * local.hour + local.minute) // horizon.interval_minutes
        volumes = {
            type_id: sum(
                weight * (history.volumes[day].get(type_id) or {slot: 0})[slot] for day, weight in weights.items()
            )
            / total
            for type_id in types
        }
        wanted = {type_id: (volume, types[type_id].handle_minutes) for type_id, volume in volumes.items() if volume}
        staffed = staffed_minutes(wanted, interval_minutes=horizon.interval_minutes)
        rows += [
            ForecastInterval(
                site_id=site.id,
                engagement_type_id=type_id,
                engagement_type=types[type_id],
                starts_at=starts_at,
                length_minutes=horizon.interval_minutes,
                volume=volume,
                minutes=staffed[type_id],
                source=ForecastSource.HISTORY,
            )
            for type_id, (volume, _) in wanted.items()
        ]
    return rows


def _prices_of(plan: Plan | None, horizon: Horizon) -> dict[str, tuple[float, ...]]:
    """Return the prices of a plan by the intervals of the horizon; outside the plan's own a minute costs nothing."""
    found = (plan.prices or {}).get("agent", {}) if plan is not None else {}
    if plan is None or not found:
        return {}
    planned = store.horizon_of(plan.run)
    places = [planned.index_of(starts_at) for starts_at in horizon.starts()]
    return {
        agent: tuple(row[place] if 0 <= place < len(row) else 0.0 for place in places) for agent, row in found.items()
    }
