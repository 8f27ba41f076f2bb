"""
A day's live contacts as items with known arrival: what an optimizer could have done that knew every call.

For benchmarks only.  In planning, live contacts are forecast minutes, because nobody knows when they will come.
"""

from __future__ import annotations

import datetime as dt
import math

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.problem import Engagement, Problem
from webapp.errors import InvalidInputError
from webapp.models import Contact, EngagementType, Site
from webapp.services import roster
from webapp.services.planning import demand, supply
from webapp.services.planning.horizon import Horizon, trim
from webapp.services.planning.policies import PlanningSettings
from webapp.services.zones import day_bounds

PATIENCE_INTERVALS = 1
PRIORITY = 3
_LEAST_MINUTES = 1 / 60


def replay_day(session: Session, site: Site, day: dt.date, *, interval_minutes: int = 30) -> Problem:
    """
    Return a problem whose items are the contacts that came on a day.

    A contact may start in the interval of its arrival, and late in the :data:`PATIENCE_INTERVALS` after it; it takes
    the minutes that it took, an abandoned one the mean of its type.  Agents, levels and shifts are those that the
    database has for the day.

    Raises
    ------
    InvalidInputError
        If no contacts are known on the day.
    """
    first, after = day_bounds(day, site.time_zone)
    contacts = session.scalars(
        select(Contact)
        .where(Contact.site_id == site.id, Contact.arrived_at >= first, Contact.arrived_at < after)
        .options(joinedload(Contact.engagement_type).selectinload(EngagementType.requirements))
        .order_by(Contact.arrived_at, Contact.id)
    ).all()
    if not contacts:
        raise InvalidInputError(f"No contacts are known at {site.name} on {day:%-d %b %Y}.", field="day")
    people = supply.list_agents(session, site)
    shifts = roster.shifts_between(session, [person.id for person in people], first, after)
    spans = [(shift.starts_at, shift.ends_at) for shift in shifts]
    spans += [(each.arrived_at, each.arrived_at + dt.timedelta(minutes=interval_minutes)) for each in contacts]
    horizon = trim(site, day, spans, interval_minutes=interval_minutes)
    settings = PlanningSettings(shrinkage=0.0)
    types = {each.engagement_type_id: each.engagement_type for each in contacts}
    agents = supply.build_agents(
        session,
        people,
        day_on=day,
        horizon=horizon,
        settings=settings,
        skill_ids={line.skill_id for kind in types.values() for line in kind.requirements},
        concurrency=demand.live_concurrency(types.values()),
    )
    return Problem(
        start=horizon.starts_at,
        interval_minutes=interval_minutes,
        intervals=horizon.intervals,
        max_carry=settings.max_carry_minutes,
        agents=agents,
        engagements=tuple(_item(contact, horizon) for contact in contacts),
    )


def _item(contact: Contact, horizon: Horizon) -> Engagement:
    kind = contact.engagement_type
    arrival = min(horizon.intervals - 1, max(0, horizon.index_of(contact.arrived_at)))
    return Engagement(
        id=str(contact.id),
        minutes=_minutes(contact),
        channel=kind.channel.value,
        earliest=arrival,
        due=arrival,
        latest=min(horizon.intervals - 1, arrival + PATIENCE_INTERVALS),
        priority=PRIORITY,
        value=kind.value,
        requires=demand.build_requirements(kind.requirements),
        customer=contact.customer_key or None,
        stance=kind.stance.value,
    )


def _minutes(contact: Contact) -> float:
    if contact.served_at is None or contact.ended_at is None:
        return contact.engagement_type.handle_minutes
    minutes = (contact.ended_at - contact.served_at).total_seconds() / 60
    return max(_LEAST_MINUTES, math.floor(minutes * 1000 + 0.5) / 1000)
