"""How long live routing is kept: contacts, reservations, decisions and desks go when their time is over."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.models import RoutingContact, RoutingDecision, RoutingDesk, RoutingFloor
from webapp.services import audit
from webapp.services.audit import Actor, HasId

ROWS_AT_ONCE = 2_000
"""What one transaction takes away: the events of the floor wait for it."""


def remove_old(session: Session, site_id: int, *, before: dt.datetime, limit: int = ROWS_AT_ONCE) -> int:
    """
    Take away contacts that ended before a moment, with their reservations and decisions, and desks that nothing needs.

    Returns
    -------
    count
        How many contacts and decisions went; fewer than the limit when all are gone.
    """
    ended = (
        select(RoutingContact.id)
        .where(RoutingContact.site_id == site_id, RoutingContact.ended_at < before)
        .order_by(RoutingContact.id)
        .limit(limit)
    )
    gone = session.scalars(ended).all()
    # A database that does not cascade would keep them as orphans; one that does finds nothing left.
    session.execute(delete(RoutingDecision).where(RoutingDecision.contact_id.in_(gone)))
    session.execute(delete(RoutingContact).where(RoutingContact.id.in_(gone)))
    needed = select(RoutingDecision.desk_id).where(RoutingDecision.site_id == site_id)
    present = select(RoutingFloor.desk_id).where(RoutingFloor.site_id == site_id, RoutingFloor.desk_id.is_not(None))
    session.execute(
        delete(RoutingDesk).where(
            RoutingDesk.site_id == site_id,
            RoutingDesk.built_at < before,
            RoutingDesk.id.not_in(needed),
            RoutingDesk.id.not_in(present),
        )
    )
    return len(gone)


def note_removal(session: Session, site: HasId, *, before: dt.datetime, count: int, by: Actor) -> None:
    """Audit that old records of routing went."""
    if count:
        audit.record(
            session, "remove_old_routing", site, by=by, detail={"before": before.isoformat(), "contacts": count}
        )
