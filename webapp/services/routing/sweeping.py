"""What time brings about on floors where nothing else happens."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from webapp.models import AgentPresence, ReservationState, RoutingReservation
from webapp.services.routing.answers import Outcome
from webapp.services.routing.events import Events, take_in


def list_overdue(session: Session, *, at: dt.datetime) -> list[int]:
    """Return the sites with a reservation, or after-work, whose time is over; reads only."""
    reserved = select(RoutingReservation.site_id).where(
        RoutingReservation.state == ReservationState.OPEN, RoutingReservation.expires_at <= at
    )
    rests = select(AgentPresence.site_id).where(AgentPresence.until.is_not(None), AgentPresence.until <= at)
    return sorted(session.scalars(union(reserved, rests)))


def sweep(session: Session, site_id: int, *, at: dt.datetime) -> Outcome:
    """Do what time alone brings about at a site."""
    return take_in(session, site_id, Events.tick, at=at)
