"""A published plan held against the day as it was: how much real work found skilled minutes kept for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.score import even_spread, score_reservations
from webapp.models import Contact, Plan
from webapp.services import spans
from webapp.services.planning import store
from webapp.services.planning.horizon import Horizon


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
    """A whole day; ``share`` and ``even_share`` are covered ÷ real contact minutes."""

    actual_minutes: float
    share: float
    even_share: float
    intervals: tuple[IntervalScore, ...]
    types: tuple[TypeScore, ...]


def score_plan(session: Session, plan: Plan) -> DayScore | None:
    """
    Return how a plan would have met the day, beside the plan that spreads everybody's minutes evenly.

    Real work is the minutes of contacts in the intervals in which they were handled; one that was abandoned counts with
    the handle minutes of its type, from when it arrived.  Returns None while no contact of the day is known.
    """
    loaded = store.load_plan(session, plan)
    contacts = _contacts(session, plan, loaded.horizon)
    actual = actual_minutes(contacts, loaded.horizon)
    if not any(sum(minutes) for minutes in actual.values()):
        return None
    ours = score_reservations(loaded.problem, loaded.answer.reserved, actual)
    even = score_reservations(loaded.problem, even_spread(loaded.problem).reserved, actual)
    names = {str(contact.engagement_type_id): contact.engagement_type.name for contact in contacts}
    return DayScore(
        actual_minutes=sum(map(sum, actual.values())),
        share=ours.share or 0.0,
        even_share=even.share or 0.0,
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


def _contacts(session: Session, plan: Plan, horizon: Horizon) -> Sequence[Contact]:
    # A contact that arrived before the horizon may still be handled in it; none lasts longer than a few hours.
    earliest = horizon.starts_at - dt.timedelta(hours=6)
    return session.scalars(
        select(Contact)
        .where(Contact.site_id == plan.site_id, Contact.arrived_at >= earliest, Contact.arrived_at < horizon.ends_at)
        .options(joinedload(Contact.engagement_type))
        .order_by(Contact.id)
    ).all()


def actual_minutes(contacts: Sequence[Contact], horizon: Horizon) -> dict[str, list[float]]:
    """Return the contact minutes of each live engagement type by interval."""
    actual: dict[str, list[float]] = {}
    for contact in contacts:
        begin = contact.served_at or contact.arrived_at
        handled = contact.served_at is not None and contact.ended_at is not None
        end = contact.ended_at if handled else None
        span = (begin, end or begin + dt.timedelta(minutes=contact.engagement_type.handle_minutes))
        minutes = spans.minutes_per_interval(
            [span],
            starts_at=horizon.starts_at,
            interval_minutes=horizon.interval_minutes,
            intervals=horizon.intervals,
        )
        row = actual.setdefault(str(contact.engagement_type_id), [0.0] * horizon.intervals)
        for index, each in enumerate(minutes):
            row[index] += each
    return {key: row for key, row in actual.items() if any(row)}
