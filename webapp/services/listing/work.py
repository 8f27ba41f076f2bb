"""Engagement types and engagements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from webapp.models import Channel, Engagement, EngagementState, EngagementType, Stance, TypeRequirement
from webapp.services.access import Permission, Viewer
from webapp.services.listing.directory import of_site, where_equal
from webapp.services.listing.keyset import Page, PageRequest, read_page

TYPE_ORDERS = {"id": EngagementType.id, "code": EngagementType.code, "name": EngagementType.name}
ENGAGEMENT_ORDERS = {
    "id": Engagement.id,
    "due_at": Engagement.due_at,
    "earliest_at": Engagement.earliest_at,
    "priority": Engagement.priority,
    "external_id": Engagement.external_id,
}


@dataclass(frozen=True, slots=True)
class TypeFilter:
    """What a list of engagement types is narrowed to."""

    code: str | None = None
    channel: Channel | None = None
    stance: Stance | None = None
    active: bool | None = None


def list_types(session: Session, *, chosen: TypeFilter, wanted: PageRequest) -> Page[EngagementType]:
    """Return a page of the engagement types."""
    query = select(EngagementType).options(selectinload(EngagementType.requirements).joinedload(TypeRequirement.skill))
    query = where_equal(
        query,
        {
            EngagementType.code: chosen.code,
            EngagementType.channel: chosen.channel,
            EngagementType.stance: chosen.stance,
            EngagementType.active: chosen.active,
        },
    )
    return read_page(session, query, wanted=wanted, columns=TYPE_ORDERS, key=EngagementType.id)


@dataclass(frozen=True, slots=True)
class EngagementFilter:
    """What a list of engagements is narrowed to: those whose window meets [``after``, ``before``)."""

    external_id: str | None = None
    customer_key: str | None = None
    site_id: int | None = None
    site: str | None = None
    type: str | None = None
    state: EngagementState | None = None
    priority: int | None = None
    owner_id: int | None = None
    after: dt.datetime | None = None
    before: dt.datetime | None = None


def list_engagements(
    session: Session, *, viewer: Viewer, chosen: EngagementFilter, wanted: PageRequest
) -> Page[Engagement]:
    """Return a page of the engagements of the viewer's sites."""
    query = (
        select(Engagement)
        .join(Engagement.site)
        .where(viewer.sees_site(Permission.VIEW_WORK))
        .options(contains_eager(Engagement.site), joinedload(Engagement.engagement_type), joinedload(Engagement.owner))
    )
    query = where_equal(
        query,
        {
            Engagement.external_id: chosen.external_id,
            Engagement.customer_key: chosen.customer_key,
            Engagement.site_id: chosen.site_id,
            Engagement.state: chosen.state,
            Engagement.priority: chosen.priority,
            Engagement.owner_id: chosen.owner_id,
        },
    )
    query = of_site(query, Engagement.site_id, chosen.site)
    if chosen.type is not None:
        of_type = select(EngagementType.id).where(EngagementType.code == chosen.type)
        query = query.where(Engagement.engagement_type_id.in_(of_type))
    if chosen.after is not None:
        query = query.where(Engagement.latest_at >= chosen.after)
    if chosen.before is not None:
        query = query.where(Engagement.earliest_at < chosen.before)
    return read_page(session, query, wanted=wanted, columns=ENGAGEMENT_ORDERS, key=Engagement.id)
