"""The desk of a site: built from its people, its live work and the published plan of the day, and kept as stored."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from optimizer import plan as answered
from optimizer import problem as asked
from optimizer.routing import Desk
from webapp.errors import NotFoundError
from webapp.models import EngagementType, Person, Plan, RoutingDesk, RoutingFloor, Site
from webapp.services.planning import demand, policies, store, supply
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.horizon import Horizon
from webapp.services.routing.settings import ensure_floor
from webapp.services.routing.stored_desks import StoredDesk
from webapp.services.zones import day_bounds

_MINUTES = policies.DEFAULT_INTERVAL_MINUTES


@dataclass(frozen=True, slots=True)
class PricedPlan:
    """The published plan of a day with its prices, perhaps solved anew since."""

    plan: Plan
    horizon: Horizon
    prices: Mapping[str, Sequence[float]]
    resolved: bool = False


def find_prices(session: Session, site: Site, day_on: dt.date) -> PricedPlan | None:
    """Return the published plan of a day with its prices; None if there is no plan, or it has none."""
    plan = find_live_plan(session, site.id, day_on)
    prices = (plan.prices or {}).get("agent", {}) if plan is not None else {}
    if plan is None or not prices:
        return None
    return PricedPlan(plan, store.horizon_of(plan.run), prices)


def find_desk(session: Session, site_id: int) -> RoutingDesk | None:
    """Return the desk by which a site decides now, or None; reads only."""
    query = select(RoutingDesk).join(RoutingFloor, RoutingFloor.desk_id == RoutingDesk.id)
    return session.scalar(query.where(RoutingFloor.site_id == site_id))


def get_desk(session: Session, desk_id: int) -> StoredDesk:
    """
    Return a desk as it was stored.

    Raises
    ------
    NotFoundError
        If it is no longer kept.
    """
    content = session.scalar(select(RoutingDesk.content).where(RoutingDesk.id == desk_id))
    if content is None:
        raise NotFoundError("What this decision was made from is no longer kept.")
    return StoredDesk.from_bytes(content)


def refresh(session: Session, site: Site, *, at: dt.datetime, priced: PricedPlan | None = None) -> RoutingDesk:
    """
    Build a site's desk anew and let it decide from now on; where nothing changed the present one stays.

    Parameters
    ----------
    session
        A writing session.
    site
        The site.
    at
        The present moment: levels of the day at the site, the plan of the day.
    priced
        Prices that were solved anew; without them those of the published plan.
    """
    day_on = at.astimezone(ZoneInfo(site.time_zone)).date()
    priced = priced or find_prices(session, site, day_on)
    horizon = priced.horizon if priced is not None else _whole_day(site, day_on)
    content = _build(session, site, day_on, horizon, priced).to_bytes()
    digest = hashlib.sha256(content).hexdigest()
    floor = ensure_floor(session, site.id)
    plan_id = priced.plan.id if priced is not None else None
    present = session.get(RoutingDesk, floor.desk_id or 0)
    if present is not None and (present.digest, present.plan_id, present.starts_at) == (
        digest,
        plan_id,
        horizon.starts_at,
    ):
        return present
    desk = RoutingDesk(
        site_id=site.id,
        plan_id=plan_id,
        built_at=at,
        starts_at=horizon.starts_at,
        ends_at=horizon.ends_at,
        priced=priced is not None,
        resolved=priced is not None and priced.resolved,
        digest=digest,
        content=content,
    )
    session.add(desk)
    session.flush()
    floor.desk_id = desk.id
    session.flush()
    return desk


def _whole_day(site: Site, day_on: dt.date) -> Horizon:
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    return Horizon(starts_at, _MINUTES, -(-(ends_at - starts_at) // dt.timedelta(minutes=_MINUTES)))


def _build(session: Session, site: Site, day_on: dt.date, horizon: Horizon, priced: PricedPlan | None) -> StoredDesk:
    types = _live_types(session)
    people = supply.list_agents(session, site)
    problem = _problem(
        session, site, people, types, day_on=day_on, horizon=horizon, plan=priced.plan if priced is not None else None
    )
    prices = {agent: tuple(row) for agent, row in (priced.prices if priced is not None else {}).items()}
    minutes = {str(kind.id): kind.handle_minutes for kind in types}
    return StoredDesk(
        desk=Desk.of(problem, answered.Prices(prices), minutes),
        codes={kind.code: str(kind.id) for kind in types},
        channels=tuple(kind.channel.value for kind in types),
        values=tuple(kind.value for kind in types),
        people={person.external_id: person.id for person in people},
    )


def _live_types(session: Session) -> list[EngagementType]:
    query = select(EngagementType).where(EngagementType.active, EngagementType.channel.in_(demand.LIVE_CHANNELS))
    return list(session.scalars(query.options(selectinload(EngagementType.requirements)).order_by(EngagementType.id)))


def _problem(
    session: Session,
    site: Site,
    people: Sequence[Person],
    types: Sequence[EngagementType],
    *,
    day_on: dt.date,
    horizon: Horizon,
    plan: Plan | None,
) -> asked.Problem:
    """Return the live side of the day as a problem: a class for each live type, whether it is forecast or not."""
    policy = plan.run.policy if plan is not None else policies.policy_of_site(session, site)
    settings = policies.PlanningSettings.of(policy)
    weighed = policies.optimizer_policy(policy, seed=1, time_limit_seconds=1.0)
    coming: dict[int, list[float]] = {kind.id: [0.0] * horizon.intervals for kind in types}
    for row in demand.list_forecast(session, site, horizon.starts_at, horizon.ends_at):
        for index, share in demand.overlap_shares(row, horizon).items():
            if row.engagement_type_id in coming:
                coming[row.engagement_type_id][index] += row.volume * row.engagement_type.handle_minutes * share
    return asked.Problem(
        start=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
        agents=supply.build_agents(
            session,
            people,
            day_on=day_on,
            horizon=horizon,
            settings=settings,
            skill_ids={each.skill_id for kind in types for each in kind.requirements},
            concurrency=demand.live_concurrency(types),
        ),
        forecast=tuple(
            asked.Forecast(
                class_=str(kind.id),
                channel=kind.channel.value,
                requires=demand.build_requirements(kind.requirements),
                minutes=tuple(coming[kind.id]),
                value_per_minute=kind.value * settings.live_priority / kind.handle_minutes,
            )
            for kind in types
        ),
        policy=weighed,
    )
