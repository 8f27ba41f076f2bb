"""A published plan held against the day as it was: how much real work found skilled minutes kept for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.plan import Reservation
from optimizer.score import even_spread, score_reservations
from webapp.models import EngagementType, Plan
from webapp.services import forecasting
from webapp.services.planning import store, tranches
from webapp.services.planning.horizon import Horizon
from webapp.services.zones import day_bounds


@dataclass(frozen=True, slots=True)
class IntervalScore:
    """One interval: contact minutes that really came, and the share covered by this plan and by the even one."""

    starts_at: dt.datetime
    actual_minutes: float
    share: float | None
    even_share: float | None


@dataclass(frozen=True, slots=True)
class TypeScore:
    """One live engagement type over the day."""

    name: str
    actual_minutes: float
    share: float | None
    even_share: float | None


@dataclass(frozen=True, slots=True)
class DayScore:
    """
    A whole day; ``share`` and ``even_share`` are covered ÷ real contact minutes of the plan's hours.

    ``outside_minutes`` came when the plan had no hours at all; no plan could have covered them.
    """

    actual_minutes: float
    share: float
    even_share: float
    outside_minutes: float
    intervals: tuple[IntervalScore, ...]
    types: tuple[TypeScore, ...]


def score_plan(session: Session, plan: Plan) -> DayScore | None:
    """
    Return how a plan would have met the day, beside the plan that spreads everybody's minutes evenly.

    Real work is what :func:`webapp.services.forecasting.actual_minutes` says: the handle time of each contact from its
    arrival on, of abandoned ones too.  Returns None while no contact of the day is known.
    """
    loaded = store.load_plan(session, plan)
    actual, outside = _actual(session, plan, loaded.horizon)
    if not any(sum(minutes) for minutes in actual.values()):
        return None
    problem = tranches.by_type(loaded.problem)
    kept = [
        Reservation(str(type_id), agent, interval, minutes)
        for (type_id, agent, interval), minutes in tranches.merge(loaded.answer.reserved).items()
    ]
    ours = score_reservations(problem, kept, actual)
    even = score_reservations(problem, even_spread(problem).reserved, actual)
    names = _type_names(session, actual)
    return DayScore(
        actual_minutes=sum(map(sum, actual.values())),
        share=ours.share or 0.0,
        even_share=even.share or 0.0,
        outside_minutes=outside,
        intervals=tuple(
            IntervalScore(moment, sum(minutes[index] for minutes in actual.values()), share, even_share)
            for index, (moment, share, even_share) in enumerate(
                zip(loaded.horizon.starts(), ours.share_by_interval, even.share_by_interval, strict=True)
            )
        ),
        types=tuple(
            TypeScore(
                name=names[key],
                actual_minutes=sum(minutes),
                share=ours.share_by_class[key],
                even_share=even.share_by_class[key],
            )
            for key, minutes in sorted(actual.items(), key=lambda entry: -sum(entry[1]))
        ),
    )


def _actual(session: Session, plan: Plan, horizon: Horizon) -> tuple[dict[str, list[float]], float]:
    """Return the contact minutes of each live type by interval of the horizon, and those that came outside it."""
    first, _ = day_bounds(plan.day_on, plan.site.time_zone)
    offset = (horizon.starts_at - first) // horizon.length
    actual: dict[str, list[float]] = {}
    outside = 0.0
    came = forecasting.actual_minutes(session, plan.site, plan.day_on, horizon.interval_minutes)
    for (type_id, interval), minutes in sorted(came.items()):
        if 0 <= interval - offset < horizon.intervals:
            actual.setdefault(str(type_id), [0.0] * horizon.intervals)[interval - offset] += minutes
        else:
            outside += minutes
    return actual, outside


def _type_names(session: Session, keys: Iterable[str]) -> dict[str, str]:
    wanted = {int(key) for key in keys}
    rows = session.execute(select(EngagementType.id, EngagementType.name).where(EngagementType.id.in_(wanted)))
    return {str(type_id): name for type_id, name in rows}
