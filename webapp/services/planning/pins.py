"""Pins: assignments that a person fixed for a day, with a reason; later runs obey them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Engagement, EngagementType, Person, Pin, Plan, PlanState, Site
from webapp.models.plan import Assignment
from webapp.services import audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.zones import day_bounds


def pin_engagement(
    session: Session, engagement: Engagement, person: Person, starts_at: dt.datetime, *, reason: str, by: Actor
) -> Pin:
    """
    Fix who does an engagement and when it begins; an earlier pin of it is replaced.

    Raises
    ------
    InvalidInputError
        If no reason is given, or it is too long.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInputError("Say why: pins are kept with their reason.", field="reason")
    if len(reason) > 300:
        raise InvalidInputError("Keep the reason under 300 characters.", field="reason")
    if by.person_id is None:
        raise InvalidInputError("A pin needs a person behind it.")
    # Two people who pin one engagement do so one after the other, because only one pin of it may be open.
    session.execute(select(Engagement.id).where(Engagement.id == engagement.id).with_for_update())
    before = find_pin(session, engagement.id)
    if before is not None:
        before.removed_at, before.removed_by_id = by.at, by.person_id
        # The old pin has to be gone before the new one comes: only one may be open.
        session.flush()
    pin = Pin(
        engagement_id=engagement.id,
        person_id=person.id,
        starts_at=starts_at,
        reason=reason,
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(pin)
    audit.record(
        session,
        "pin_engagement",
        pin,
        by=by,
        person_id=person.id,
        detail={
            "engagement_id": engagement.id,
            "starts_at": starts_at.isoformat(),
            "replaces": before.id if before is not None else None,
        },
    )
    _mark_drafts(session, engagement.id, pin)
    return pin


def unpin(session: Session, pin: Pin, *, by: Actor) -> None:
    """
    Take a pin off; it stays for the record.

    Raises
    ------
    ConflictError
        If it was taken off already.
    """
    if pin.removed_at is not None:
        raise ConflictError("This pin was taken off already.")
    pin.removed_at, pin.removed_by_id = by.at, by.person_id
    audit.record(
        session, "unpin_engagement", pin, by=by, person_id=pin.person_id, detail={"engagement_id": pin.engagement_id}
    )
    _mark_drafts(session, pin.engagement_id, None)


def restore(session: Session, pin: Pin, *, by: Actor) -> Pin:
    """Pin again as a pin that was taken off said; the undo of :func:`unpin`."""
    return pin_engagement(session, pin.engagement, pin.person, pin.starts_at, reason=pin.reason, by=by)


def _mark_drafts(session: Session, engagement_id: int, pin: Pin | None) -> None:
    """Show in drafts whether the engagement stands there as pinned; published plans keep what they say."""
    session.flush()
    rows = session.scalars(
        select(Assignment)
        .join(Assignment.plan)
        .where(Assignment.engagement_id == engagement_id, Plan.state == PlanState.DRAFT)
        .options(joinedload(Assignment.plan).joinedload(Plan.run))
    )
    for row in rows:
        row.pin_id = pin.id if pin is not None and pin.person_id == row.person_id else None
    session.flush()


def find_pin(session: Session, engagement_id: int) -> Pin | None:
    """Return the open pin of an engagement, or None."""
    return session.scalar(
        select(Pin)
        .where(Pin.engagement_id == engagement_id, Pin.removed_at.is_(None))
        .options(joinedload(Pin.person), joinedload(Pin.engagement))
    )


def get_pin(session: Session, pin_id: int, *, viewer: Viewer) -> Pin:
    """
    Return a pin at a site where the viewer may run plans.

    Raises
    ------
    NotFoundError
        If there is no such pin for them.
    """
    pin = session.scalar(
        select(Pin)
        .join(Pin.engagement)
        .join(Engagement.site)
        .where(Pin.id == pin_id, viewer.sees_site(Permission.RUN_PLANS))
        .options(joinedload(Pin.engagement), joinedload(Pin.person))
    )
    if pin is None:
        raise NotFoundError("There is no such pin.")
    return pin


def list_pins(session: Session, site: Site, day_on: dt.date) -> Sequence[Pin]:
    """Return the open pins of a site's day, by start."""
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    return session.scalars(
        select(Pin)
        .join(Pin.engagement)
        .where(
            Engagement.site_id == site.id,
            Pin.removed_at.is_(None),
            Pin.starts_at >= starts_at,
            Pin.starts_at < ends_at,
        )
        .options(
            joinedload(Pin.engagement).joinedload(Engagement.engagement_type).lazyload(EngagementType.requirements),
            joinedload(Pin.person),
        )
        .order_by(Pin.starts_at, Pin.id)
    ).all()
