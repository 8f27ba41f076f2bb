"""What the next days ask of skill records: planned minutes that rest on them, and work that they would qualify for."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import (
    Engagement,
    EngagementType,
    ForecastInterval,
    Site,
    TypeRequirement,
)
from webapp.services import lifecycle
from webapp.services.planned_use import planned_minutes
from webapp.services.zones import day_bounds

HORIZON_DAYS = 7

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Demand:
    """Work of the next days at a site that asks for a skill: how many engagements, and how many minutes."""

    count: int = 0
    minutes: float = 0.0


def relied_minutes(session: Session, person_ids: Collection[int], on: dt.date) -> dict[Pair, float]:
    """Return planned minutes from a day on, by the person and the skill that the work requires."""
    return planned_minutes(session, person_ids, on, on + dt.timedelta(HORIZON_DAYS))


def demand_by_level(session: Session, site_ids: Iterable[int], on: dt.date) -> dict[Pair, dict[int, Demand]]:
    """Return the work of the next days by (site, skill) and the level that it requires."""
    demand: dict[Pair, dict[int, Demand]] = defaultdict(dict)
    for site in session.scalars(select(Site).where(Site.id.in_(list(site_ids)))):
        start, _ = day_bounds(on, site.time_zone)
        end, _ = day_bounds(on + dt.timedelta(HORIZON_DAYS), site.time_zone)
        dated = (
            select(
                TypeRequirement.skill_id,
                TypeRequirement.level,
                func.count(),
                func.sum(func.coalesce(Engagement.minutes, EngagementType.handle_minutes)),
            )
            .select_from(Engagement)
            .join(Engagement.engagement_type)
            .join(TypeRequirement, TypeRequirement.engagement_type_id == EngagementType.id)
            .where(
                Engagement.site_id == site.id,
                Engagement.state.in_(lifecycle.PLANNABLE),
                Engagement.earliest_at < end,
                Engagement.latest_at >= start,
                TypeRequirement.preferred.is_(False),
            )
            .group_by(TypeRequirement.skill_id, TypeRequirement.level)
        )
        forecast = (
            select(
                TypeRequirement.skill_id,
                TypeRequirement.level,
                func.sum(ForecastInterval.volume),
                func.sum(ForecastInterval.minutes),
            )
            .select_from(ForecastInterval)
            .join(TypeRequirement, TypeRequirement.engagement_type_id == ForecastInterval.engagement_type_id)
            .where(
                ForecastInterval.site_id == site.id,
                ForecastInterval.starts_at >= start,
                ForecastInterval.starts_at < end,
                TypeRequirement.preferred.is_(False),
            )
            .group_by(TypeRequirement.skill_id, TypeRequirement.level)
        )
        for query in (dated, forecast):
            for skill_id, level, count, minutes in session.execute(query):
                before = demand[site.id, skill_id].get(level, Demand())
                demand[site.id, skill_id][level] = Demand(before.count + round(count), before.minutes + minutes)
    return demand
