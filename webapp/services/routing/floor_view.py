"""The floor to look at: who is present, what waits, and the latest decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import (
    AgentPresence,
    Person,
    PresenceState,
    ReservationState,
    RoutingContact,
    RoutingContactState,
    RoutingDecision,
    RoutingMode,
    RoutingReservation,
    RoutingSetting,
)

MOST_SHOWN = 200
_ORDER = {PresenceState.AVAILABLE: 0, PresenceState.BUSY: 1, PresenceState.AFTER_WORK: 2, PresenceState.AWAY: 3}


def list_presences(session: Session, site_id: int) -> Sequence[AgentPresence]:
    """Return the agents of a site who were ever present, those who can be given most first."""
    found = session.scalars(
        select(AgentPresence).where(AgentPresence.site_id == site_id).options(joinedload(AgentPresence.person))
    )
    return sorted(found, key=lambda each: (_ORDER[each.state], each.load, each.idle_since, each.person_id))


@dataclass(frozen=True, slots=True)
class OwnPresence:
    """Where somebody stands at a site that routes; away if they never were present."""

    state: PresenceState
    contacts: int
    since: dt.datetime | None


def find_own_presence(session: Session, person: Person) -> OwnPresence | None:
    """Return where somebody stands, or None if no live contacts are routed to them here."""
    if not person.is_agent:
        return None
    row = session.execute(
        select(RoutingSetting.mode, AgentPresence)
        .outerjoin(AgentPresence, AgentPresence.person_id == person.id)
        .where(RoutingSetting.site_id == person.site_id)
    ).one_or_none()
    if row is None or row.mode is RoutingMode.OFF:
        return None
    found: AgentPresence | None = row.AgentPresence
    if found is None:
        return OwnPresence(PresenceState.AWAY, 0, None)
    return OwnPresence(found.state, len(found.contacts), found.since)


def list_open_reservations(session: Session, site_id: int) -> Sequence[RoutingReservation]:
    """Return the reservations that wait for an answer, the oldest first."""
    query = (
        select(RoutingReservation)
        .where(RoutingReservation.site_id == site_id, RoutingReservation.state == ReservationState.OPEN)
        .options(joinedload(RoutingReservation.contact), joinedload(RoutingReservation.person))
        .order_by(RoutingReservation.id)
    )
    return session.scalars(query).all()


def list_open_contacts(session: Session, site_id: int) -> Sequence[RoutingContact]:
    """Return the contacts that are not ended, those who wait longest first."""
    query = (
        select(RoutingContact)
        .where(RoutingContact.site_id == site_id, RoutingContact.ended_at.is_(None))
        .options(joinedload(RoutingContact.engagement_type), joinedload(RoutingContact.person))
        .order_by(RoutingContact.id)
        .limit(MOST_SHOWN)
    )
    order = {RoutingContactState.WAITING: 0, RoutingContactState.OFFERED: 1, RoutingContactState.ACTIVE: 2}
    return sorted(session.scalars(query), key=lambda each: (order[each.state], each.arrived_at))


@dataclass(frozen=True, slots=True)
class FloorCounts:
    """How many stand where, and how long the first has waited."""

    states: dict[PresenceState, int]
    waiting: int
    offered: int
    active: int
    longest_seconds: float


def count_floor(session: Session, site_id: int, *, at: dt.datetime) -> FloorCounts:
    """Return the floor in figures."""
    present = select(AgentPresence.state, func.count()).where(AgentPresence.site_id == site_id)
    states = dict(session.execute(present.group_by(AgentPresence.state)).all())
    contacts = select(RoutingContact.state, func.count(), func.min(RoutingContact.arrived_at)).where(
        RoutingContact.site_id == site_id, RoutingContact.ended_at.is_(None)
    )
    rows = {state: (count, first) for state, count, first in session.execute(contacts.group_by(RoutingContact.state))}
    waiting, first = rows.get(RoutingContactState.WAITING, (0, None))
    return FloorCounts(
        states={state: states.get(state, 0) for state in PresenceState},
        waiting=waiting,
        offered=rows.get(RoutingContactState.OFFERED, (0, None))[0],
        active=rows.get(RoutingContactState.ACTIVE, (0, None))[0],
        longest_seconds=max((at - first).total_seconds(), 0.0) if first is not None else 0.0,
    )


def list_decisions(
    session: Session, site_id: int, *, person_id: int | None = None, limit: int = 100, offset: int = 0
) -> Sequence[RoutingDecision]:
    """Return decisions of a site, newest first; with a person those that chose them."""
    query = select(RoutingDecision).where(RoutingDecision.site_id == site_id)
    if person_id is not None:
        query = query.where(RoutingDecision.person_id == person_id)
    query = query.options(
        joinedload(RoutingDecision.person),
        joinedload(RoutingDecision.runner_up),
        joinedload(RoutingDecision.contact).joinedload(RoutingContact.engagement_type),
        joinedload(RoutingDecision.contact).joinedload(RoutingContact.actual),
        joinedload(RoutingDecision.reservation),
        joinedload(RoutingDecision.desk),
    )
    return session.scalars(query.order_by(RoutingDecision.id.desc()).limit(limit).offset(offset)).all()


def list_settings(session: Session, site_ids: Sequence[int]) -> dict[int, RoutingSetting]:
    """Return the settings of some sites by site."""
    found = session.scalars(
        select(RoutingSetting)
        .where(RoutingSetting.site_id.in_(site_ids))
        .options(joinedload(RoutingSetting.changed_by))
    )
    return {setting.site_id: setting for setting in found}
