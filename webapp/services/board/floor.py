"""
Who is where at this moment: agents by state.

What an agent is doing comes from live routing, where they are signed in to it; else from what they have begun, and
else from shift, breaks, absences and the published plan.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import (
    Absence,
    AgentPresence,
    Assignment,
    Engagement,
    EngagementState,
    Person,
    Plan,
    PresenceState,
    Reservation,
    Shift,
    Site,
)
from webapp.services import lifecycle, roster
from webapp.services.assignment_rows import WITHOUT_REASONS
from webapp.services.planning.supply import list_agents


class FloorState(enum.StrEnum):
    """What somebody is doing, in the order in which the board lists it."""

    ABSENT = "absent"
    IDLE = "idle"
    WORKING = "working"
    ON_CONTACT = "on a contact"
    KEPT = "kept for live contacts"
    AFTER_WORK = "after-work"
    BREAK = "on a break"
    AWAY = "away"
    LATER = "on shift later"
    OVER = "shift over"


ON_FLOOR = frozenset(
    {
        FloorState.IDLE,
        FloorState.WORKING,
        FloorState.ON_CONTACT,
        FloorState.KEPT,
        FloorState.AFTER_WORK,
        FloorState.BREAK,
        FloorState.AWAY,
    }
)
"""The states of those who are on shift and not absent."""

_BY_PRESENCE = {
    PresenceState.AVAILABLE: FloorState.IDLE,
    PresenceState.BUSY: FloorState.ON_CONTACT,
    PresenceState.AFTER_WORK: FloorState.AFTER_WORK,
    PresenceState.AWAY: FloorState.AWAY,
}


@dataclass(frozen=True, slots=True)
class OnFloor:
    """
    One agent of today.

    Parameters
    ----------
    person
        The agent.
    state
        What they are doing.
    words
        More about it: which work, until when.
    until
        When the state ends as planned, if it does.
    engagement
        What they are working on, or should be.
    late
        Whether the plan has them at work that they have not begun.
    """

    person: Person
    state: FloorState
    words: str = ""
    until: dt.datetime | None = None
    engagement: Engagement | None = None
    late: bool = False


def list_floor(
    session: Session, site: Site, plan: Plan | None, *, starts_at: dt.datetime, ends_at: dt.datetime, at: dt.datetime
) -> list[OnFloor]:
    """
    Return the agents with a shift or an absence today, by state and name.

    Parameters
    ----------
    session, site
        Where.
    plan
        The published plan of the day, if there is one.
    starts_at, ends_at
        The day.
    at
        The present moment.
    """
    people = list_agents(session, site)
    ids = [person.id for person in people]
    shifts: dict[int, list[Shift]] = defaultdict(list)
    for shift in roster.shifts_between(session, ids, starts_at, ends_at):
        shifts[shift.person_id].append(shift)
    absences = {
        absence.person_id: absence
        for absence in roster.absences_between(session, ids, starts_at, ends_at)
        if absence.starts_at <= at < absence.ends_at
    }
    doing, planned = _work(session, plan, at=at)
    kept = _kept(session, plan, at=at)
    presences = find_presences(session, site, since=starts_at)
    found = [
        _place(
            person,
            shifts[person.id],
            absences.get(person.id),
            presence=presences.get(person.id),
            doing=doing.get(person.id),
            planned=planned.get(person.id),
            kept=kept.get(person.id, ""),
            at=at,
        )
        for person in people
        if shifts[person.id]
    ]
    order = list(FloorState)
    return sorted(found, key=lambda each: (order.index(each.state), each.person.name, each.person.id))


def find_presences(session: Session, site: Site, *, since: dt.datetime) -> dict[int, PresenceState]:
    """Return where the agents stand who signed in to live routing since a moment."""
    rows = session.execute(
        select(AgentPresence.person_id, AgentPresence.state).where(
            AgentPresence.site_id == site.id, AgentPresence.since >= since
        )
    )
    return dict(rows.all())


def count_states(floor: Collection[OnFloor]) -> Mapping[FloorState, int]:
    """Return how many agents are in each state, in the order of the states; those with none are left out."""
    counts = {state: sum(each.state is state for each in floor) for state in FloorState}
    return {state: count for state, count in counts.items() if count}


def _work(
    session: Session, plan: Plan | None, *, at: dt.datetime
) -> tuple[dict[int, Engagement], dict[int, Assignment]]:
    """Return what each agent has begun, and the latest work that the plan wanted them to have begun by now."""
    if plan is None:
        return {}, {}
    rows = session.scalars(
        select(Assignment)
        .join(Assignment.engagement)
        .where(
            Assignment.plan_id == plan.id,
            or_(
                Engagement.state == EngagementState.IN_PROGRESS,
                and_(Engagement.state.in_(lifecycle.UNSTARTED), Assignment.starts_at <= at),
            ),
        )
        .options(joinedload(Assignment.engagement).joinedload(Engagement.engagement_type), *WITHOUT_REASONS)
        .order_by(Assignment.starts_at, Assignment.id)
    )
    doing: dict[int, Engagement] = {}
    planned: dict[int, Assignment] = {}
    for row in rows:
        if row.engagement.state is EngagementState.IN_PROGRESS:
            doing[row.person_id] = row.engagement
        else:
            planned[row.person_id] = row
    return doing, planned


def _kept(session: Session, plan: Plan | None, *, at: dt.datetime) -> dict[int, str]:
    if plan is None:
        return {}
    length = dt.timedelta(minutes=plan.run.interval_minutes)
    rows = session.scalars(
        select(Reservation)
        .where(
            Reservation.plan_id == plan.id,
            Reservation.starts_at <= at,
            Reservation.starts_at > at - length,
            Reservation.minutes >= 1,
        )
        .options(joinedload(Reservation.engagement_type))
        .order_by(Reservation.minutes)
    )
    return {row.person_id: row.engagement_type.name for row in rows}


def _place(
    person: Person,
    shifts: Collection[Shift],
    absence: Absence | None,
    *,
    presence: PresenceState | None,
    doing: Engagement | None,
    planned: Assignment | None,
    kept: str,
    at: dt.datetime,
) -> OnFloor:
    if absence is not None:
        return OnFloor(person, FloorState.ABSENT, absence.kind.value, until=absence.ends_at)
    shift = next((each for each in shifts if each.starts_at <= at < each.ends_at), None)
    if shift is None:
        later = [each.starts_at for each in shifts if each.starts_at > at]
        return OnFloor(person, FloorState.LATER if later else FloorState.OVER, until=min(later, default=None))
    pause = next((each for each in shift.breaks if each.starts_at <= at < each.ends_at), None)
    if doing is not None:
        return OnFloor(person, FloorState.WORKING, doing.engagement_type.name, engagement=doing)
    if pause is not None:
        return OnFloor(person, FloorState.BREAK, until=pause.ends_at)
    planned_state = FloorState.KEPT if kept else FloorState.IDLE
    state = _BY_PRESENCE[presence] if presence is not None else planned_state
    if planned is None:
        return OnFloor(person, state, kept)
    waiting = planned.engagement
    return OnFloor(person, state, f"{waiting.engagement_type.name} not begun", engagement=waiting, late=True)
