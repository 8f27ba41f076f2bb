"""Plan against actual by interval: what the published plan put there, and what has been done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import (
    Absence,
    Contact,
    ContactOutcome,
    Engagement,
    EngagementEvent,
    EngagementState,
    EngagementType,
    Plan,
    Reservation,
)
from webapp.services import roster
from webapp.services.planning import overview, store
from webapp.services.planning.horizon import Horizon

SHORT_SHARE = 0.9
"""Below this share of what live contacts are forecast to need, an interval counts as short of staff."""

_LEAST_MINUTES = 5.0


@dataclass(frozen=True, slots=True)
class IntervalProgress:
    """
    One interval of the day, in agent minutes unless said otherwise.

    Parameters
    ----------
    starts_at
        Begin of the interval.
    capacity, needed
        Productive minutes, and what live contacts are forecast to need, as the plan's run saw them.
    kept, planned
        What the plan keeps for live contacts, and fills with engagements.
    present
        Of the minutes kept, those of people who are not absent by now.
    served_minutes, served, lost
        Minutes of the contacts that began here, how many were served, and how many hung up.
    due, begun, done
        Engagements that the plan begins here, that were begun here, and that were completed here.
    done_minutes
        Handle minutes, as planned, of those completed here.
    """

    starts_at: dt.datetime
    capacity: float
    needed: float
    kept: float
    planned: float
    present: float
    served_minutes: float
    served: int
    lost: int
    due: int
    begun: int
    done: int
    done_minutes: float

    @property
    def short(self) -> float:
        """Minutes that are missing for live contacts, 0 unless it matters."""
        missing = self.needed - self.present
        return missing if self.present < SHORT_SHARE * self.needed and missing >= _LEAST_MINUTES else 0.0


@dataclass(frozen=True, slots=True)
class DayProgress:
    """The intervals of a day, and which of them is the present one."""

    horizon: Horizon
    intervals: tuple[IntervalProgress, ...]
    present: int

    @property
    def past(self) -> tuple[IntervalProgress, ...]:
        """The intervals that have begun."""
        return self.intervals[: max(0, self.present + 1)]

    @property
    def ahead(self) -> tuple[IntervalProgress, ...]:
        """The present interval and those after it."""
        return self.intervals[max(0, self.present) :]


def day_progress(session: Session, plan: Plan, *, at: dt.datetime) -> DayProgress:
    """Return a published plan by interval against what has happened by a moment."""
    load, horizon = overview.plan_load(session, plan), store.horizon_of(plan.run)
    count = horizon.intervals
    served, served_minutes, lost = [0] * count, [0.0] * count, [0] * count
    for began_at, minutes, outcome in _contacts(session, plan, horizon, at):
        index = horizon.index_of(began_at)
        if outcome is ContactOutcome.ABANDONED:
            lost[index] += 1
        else:
            served[index] += 1
            served_minutes[index] += minutes
    begun, done, done_minutes = [0] * count, [0] * count, [0.0] * count
    for moment, state, minutes in _events(session, plan, horizon, at):
        index = horizon.index_of(moment)
        begun[index] += state is EngagementState.IN_PROGRESS
        done[index] += state is EngagementState.DONE
        done_minutes[index] += minutes if state is EngagementState.DONE else 0.0
    absent = _kept_by_absent(session, plan, horizon)
    return DayProgress(
        horizon=horizon,
        present=horizon.index_of(at),
        intervals=tuple(
            IntervalProgress(
                starts_at=each.starts_at,
                capacity=each.capacity,
                needed=each.live,
                kept=each.planned_live,
                planned=each.planned_work,
                present=max(0.0, each.planned_live - absent[index]),
                served_minutes=served_minutes[index],
                served=served[index],
                lost=lost[index],
                due=each.planned_starts,
                begun=begun[index],
                done=done[index],
                done_minutes=done_minutes[index],
            )
            for index, each in enumerate(load.intervals)
        ),
    )


def _contacts(
    session: Session, plan: Plan, horizon: Horizon, at: dt.datetime
) -> Iterable[tuple[dt.datetime, float, ContactOutcome]]:
    rows = session.execute(
        select(Contact.arrived_at, Contact.served_at, Contact.ended_at, Contact.outcome, EngagementType.concurrency)
        .join(Contact.engagement_type)
        .where(
            Contact.site_id == plan.site_id,
            Contact.arrived_at >= horizon.starts_at,
            Contact.arrived_at < min(at, horizon.ends_at),
        )
    )
    for arrived_at, served_at, ended_at, outcome, concurrency in rows:
        began_at = served_at or arrived_at
        if horizon.holds(began_at):
            minutes = (ended_at - began_at).total_seconds() / 60 if ended_at is not None else 0.0
            yield began_at, minutes / concurrency, outcome


def _events(
    session: Session, plan: Plan, horizon: Horizon, at: dt.datetime
) -> Iterable[tuple[dt.datetime, EngagementState, float]]:
    rows = session.execute(
        select(EngagementEvent.at, EngagementEvent.after, Engagement.minutes, EngagementType.handle_minutes)
        .join(Engagement, Engagement.id == EngagementEvent.engagement_id)
        .join(Engagement.engagement_type)
        .where(
            Engagement.site_id == plan.site_id,
            EngagementEvent.at >= horizon.starts_at,
            EngagementEvent.at < min(at + dt.timedelta(seconds=1), horizon.ends_at),
            EngagementEvent.after.in_((EngagementState.IN_PROGRESS, EngagementState.DONE)),
        )
    )
    for moment, state, own, handle in rows:
        yield moment, state, own if own is not None else handle


def _kept_by_absent(session: Session, plan: Plan, horizon: Horizon) -> list[float]:
    """Return the minutes kept for live contacts by people who are away by now, by interval."""
    kept = select(Reservation.person_id).where(Reservation.plan_id == plan.id).distinct()
    away: dict[int, list[Absence]] = {}
    for absence in roster.absences_between(session, session.scalars(kept).all(), horizon.starts_at, horizon.ends_at):
        away.setdefault(absence.person_id, []).append(absence)
    # A plan keeps minutes in a thousand intervals of agents; only those of the few who are away are read.
    rows = session.execute(
        select(Reservation.person_id, Reservation.starts_at, Reservation.minutes).where(
            Reservation.plan_id == plan.id, Reservation.person_id.in_(away)
        )
    )
    lost = [0.0] * horizon.intervals
    for person_id, starts_at, minutes in rows:
        ends_at = starts_at + horizon.length
        for absence in away[person_id]:
            common = min(ends_at, absence.ends_at) - max(starts_at, absence.starts_at)
            if common > dt.timedelta(0):
                lost[horizon.index_of(starts_at)] += minutes * (common / horizon.length)
    return lost
