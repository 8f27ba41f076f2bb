"""Work that somebody writes in by hand, as from a call, without knowing what kind it is."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Engagement, EngagementState, EngagementType, IntakeKind, IntakeSource, Site
from webapp.services import engagements, lifecycle
from webapp.services.audit import Actor
from webapp.services.engagements import EngagementDraft
from webapp.services.intake import items, receiving


def add_of_unknown_type(session: Session, *, site: Site, draft: EngagementDraft, by: Actor) -> Engagement:
    """
    Add an engagement whose type the rules of the site's sources find in its subject, or that waits to be sorted.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule, or there is no type at all that work could have; ``field`` names the part.
    """
    kind, sure = _find_type(session, site, draft)
    added = engagements.create_engagement(session, site=site, draft=replace(draft, type_id=kind.id), by=by)
    if not sure:
        lifecycle.move(session, added, EngagementState.RECEIVED, action="doubt_type", by=by)
    return added


def _find_type(session: Session, site: Site, draft: EngagementDraft) -> tuple[EngagementType, bool]:
    values = {"subject": draft.subject, "priority": draft.priority}
    sources = session.scalars(
        select(IntakeSource)
        .where(IntakeSource.site_id == site.id, IntakeSource.active, IntakeSource.kind != IntakeKind.ACD)
        .order_by(IntakeSource.id)
    ).all()
    for source in sources:
        judgement = items.judge(session, source, receiving.current_mapping(session, source), values)
        if judgement.sure:
            return judgement.engagement_type, True
    choices = [source.default_type for source in sources] or engagements.list_type_choices(session)
    if not choices:
        raise InvalidInputError("There is no type yet that work could have. Add one first.", field="type_id")
    return choices[0], False
