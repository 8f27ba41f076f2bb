"""Engagements: finding them, adding and changing them, and the states that they may pass through."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    Assignment,
    Channel,
    Engagement,
    EngagementState,
    EngagementType,
    Person,
    Plan,
    PlanState,
    Response,
    Site,
    Stance,
    Unassigned,
)
from webapp.services import access, audit, lifecycle, notices, ownership, zones
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.lifecycle import ENDED, WAITING
from webapp.services.versions import require_version

MAX_WINDOW = dt.timedelta(days=366)
MAX_HANDLE_MINUTES = 24 * 60.0


class CancelReason(enum.StrEnum):
    """Why an engagement is ended undone."""

    SOLVED_OTHERWISE = "solved_otherwise"
    NO_LONGER_WANTED = "no_longer_wanted"
    DUPLICATE = "duplicate"
    TOO_LATE = "too_late"


@dataclass(frozen=True, slots=True)
class EngagementFilter:
    """
    Which engagements to list; an empty part does not narrow.

    ``day_on`` finds the windows that meet the day at their site, ``waiting`` those that no plan holds yet or any more,
    ``mine`` those that are the viewer's now, as :mod:`webapp.services.ownership` says.
    """

    site_id: int | None = None
    day_on: dt.date | None = None
    type_id: int | None = None
    channel: Channel | None = None
    stance: Stance | None = None
    state: EngagementState | None = None
    waiting: bool = False
    priority: int | None = None
    owner_id: int | None = None
    mine: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class EngagementDraft:
    """
    What somebody wants an engagement to be.

    Parameters
    ----------
    type_id
        Engagement type.
    earliest_at, due_at, latest_at
        Window: it may start from the first on, is late after the second and may not start after the third.
    customer_key
        Key of the customer in the customer system, never a name.
    subject
        What it is about, without personal data.
    priority
        1, low, to 5, urgent.
    minutes
        Minutes to plan with, if they differ from the type's.
    owner_id
        Case owner, an active agent of the site.
    external_id
        Its key in the system that it comes from; one is made up if there is none.
    """

    type_id: int
    earliest_at: dt.datetime
    due_at: dt.datetime
    latest_at: dt.datetime
    customer_key: str = ""
    subject: str = ""
    priority: int = 3
    minutes: float | None = None
    owner_id: int | None = None
    external_id: str = ""


_SORTS: Mapping[str, Any] = {
    "reference": Engagement.external_id,
    "customer": Engagement.customer_key,
    "type": EngagementType.name,
    "earliest": Engagement.earliest_at,
    "due": Engagement.due_at,
    "priority": Engagement.priority,
    "state": Engagement.state,
}


def list_engagements(
    session: Session,
    *,
    viewer: Viewer,
    wanted: EngagementFilter,
    sort: str = "due",
    offset: int = 0,
    limit: int | None = None,
) -> list[Engagement]:
    """Return engagements of the viewer's sites; ``sort`` is a column's name, with ``-`` before it downwards."""
    column = _SORTS.get(sort.removeprefix("-"), Engagement.due_at)
    order = column.desc() if sort.startswith("-") else column.asc()
    query = (
        _query(session, viewer=viewer, wanted=wanted)
        .options(
            contains_eager(Engagement.engagement_type), contains_eager(Engagement.site), joinedload(Engagement.owner)
        )
        .order_by(order, Engagement.id)
        .offset(offset)
        .limit(limit)
    )
    return list(session.scalars(query))


def count_engagements(session: Session, *, viewer: Viewer, wanted: EngagementFilter) -> int:
    """Return how many engagements :func:`list_engagements` has."""
    query = _query(session, viewer=viewer, wanted=wanted).with_only_columns(Engagement.id)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def count_by_state(session: Session, *, viewer: Viewer, wanted: EngagementFilter) -> dict[EngagementState, int]:
    """Return how many engagements are in each state, whichever states the filter asks for; those with none included."""
    wanted = dataclasses.replace(wanted, state=None, waiting=False)
    query = _query(session, viewer=viewer, wanted=wanted).with_only_columns(Engagement.state, func.count())
    found = dict(session.execute(query.group_by(Engagement.state)).all())
    return {state: found.get(state, 0) for state in EngagementState}


def _query(session: Session, *, viewer: Viewer, wanted: EngagementFilter) -> Select[Engagement]:
    conditions: list[ColumnElement[bool]] = [viewer.sees_site(Permission.VIEW_WORK)]
    for column, value in (
        (Engagement.site_id, wanted.site_id),
        (Engagement.engagement_type_id, wanted.type_id),
        (Engagement.state, wanted.state),
        (Engagement.priority, wanted.priority),
        (Engagement.owner_id, wanted.owner_id),
        (EngagementType.channel, wanted.channel),
        (EngagementType.stance, wanted.stance),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.mine:
        conditions.append(ownership.is_owned_by(session, viewer.person_id))
    if wanted.waiting:
        conditions.append(Engagement.state.in_(WAITING))
    if wanted.day_on is not None:
        conditions.append(_meets_day(session, wanted.day_on, viewer=viewer, site_id=wanted.site_id))
    if wanted.text:
        conditions.append(
            or_(
                *(
                    column.icontains(wanted.text, autoescape=True)
                    for column in (Engagement.external_id, Engagement.customer_key, Engagement.subject)
                )
            )
        )
    return select(Engagement).join(Engagement.site).join(Engagement.engagement_type).where(*conditions)


def _meets_day(session: Session, day_on: dt.date, *, viewer: Viewer, site_id: int | None) -> ColumnElement[bool]:
    # A day begins and ends at another moment at each site.
    meetings: list[ColumnElement[bool]] = []
    for site in access.list_sites(session, viewer=viewer, permission=Permission.VIEW_WORK):
        if site_id in {None, site.id}:
            starts_at, ends_at = zones.day_bounds(day_on, site.time_zone)
            meetings.append(
                and_(
                    Engagement.site_id == site.id,
                    Engagement.earliest_at < ends_at,
                    Engagement.latest_at >= starts_at,
                )
            )
    return or_(false(), *meetings)


def get_engagement(session: Session, engagement_id: int, *, viewer: Viewer, permission: Permission) -> Engagement:
    """
    Return an engagement of a site on which the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is no such engagement, or its site lies outside the viewer's scope.
    """
    engagement = session.scalar(
        select(Engagement)
        .join(Engagement.site)
        .where(Engagement.id == engagement_id, viewer.sees_site(permission))
        .options(contains_eager(Engagement.site), joinedload(Engagement.engagement_type), joinedload(Engagement.owner))
    )
    if engagement is None:
        raise NotFoundError("There is no such engagement.")
    return engagement


def list_owner_choices(session: Session, site: Site, *, keep: int | None = None) -> list[Person]:
    """Return who may own a case at a site, by name: its active agents, and whoever owns it now."""
    eligible = and_(Person.site_id == site.id, Person.active, Person.is_agent)
    return list(
        session.scalars(select(Person).where(or_(eligible, Person.id == keep)).order_by(Person.name, Person.id))
    )


def list_type_choices(session: Session, *, keep: int | None = None) -> list[EngagementType]:
    """Return the types that an engagement may have, by name: those in use whose work can wait, and the one it has."""
    types = session.scalars(
        select(EngagementType)
        .where(or_(EngagementType.active, EngagementType.id == keep))
        .order_by(EngagementType.name)
    )
    return [each for each in types if not each.channel.live or each.id == keep]


def list_placements(session: Session, engagement: Engagement) -> list[Assignment]:
    """Return where live and earlier published plans put an engagement, the newest plan first."""
    return list(
        session.scalars(
            select(Assignment)
            .join(Assignment.plan)
            .where(
                Assignment.engagement_id == engagement.id,
                Plan.state.in_({PlanState.PUBLISHED, PlanState.SUPERSEDED}),
            )
            .options(contains_eager(Assignment.plan), joinedload(Assignment.person), joinedload(Assignment.response))
            .order_by(Plan.published_at.desc(), Plan.id.desc())
        )
    )


def find_unassigned(session: Session, engagement: Engagement) -> Unassigned | None:
    """Return why the newest live plan that looked at an engagement does not serve it, or None if none left it out."""
    return session.scalar(
        select(Unassigned)
        .join(Unassigned.plan)
        .where(Unassigned.engagement_id == engagement.id, Plan.state == PlanState.PUBLISHED)
        .options(contains_eager(Unassigned.plan))
        .order_by(Plan.day_on.desc())
        .limit(1)
    )


def create_engagement(session: Session, *, site: Site, draft: EngagementDraft, by: Actor) -> Engagement:
    """
    Add an engagement to a site's work; it is classified, and waits until a plan holds it.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule; ``field`` names the part.
    """
    _check(session, draft, site=site, present=None)
    engagement = Engagement(
        external_id=draft.external_id.strip() or f"M-{uuid.uuid4().hex[:12].upper()}", site_id=site.id
    )
    _apply(engagement, draft)
    if engagement.owner_id is None:
        engagement.owner_id = ownership.find_case_owner(
            session, customer_key=engagement.customer_key, site_id=site.id, at=by.at
        )
    return lifecycle.begin(session, engagement, detail=_without_words(_facts(engagement)), by=by)


def update_engagement(
    session: Session,
    engagement: Engagement,
    *,
    draft: EngagementDraft,
    version: int,
    seen: Mapping[str, str],
    by: Actor,
) -> Engagement:
    """
    Change an engagement that has not ended.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule; ``field`` names the part.
    ConflictError
        If it has ended, or somebody changed it since ``version``.
    """
    require_version(engagement, version, seen=seen, present=describe_engagement(engagement))
    if engagement.state in ENDED:
        raise ConflictError(f"This engagement is {engagement.state.value}; open it again before you change it.")
    _check(session, draft, site=engagement.site, present=engagement)
    before = _facts(engagement)
    engagement.external_id = draft.external_id.strip() or engagement.external_id
    _apply(engagement, draft)
    session.flush()
    session.refresh(engagement, ["engagement_type", "owner"])
    after = _facts(engagement)
    changed = {key: [before[key], value] for key, value in after.items() if before[key] != value}
    if changed:
        audit.record(session, "edit_engagement", engagement, by=by, detail=_without_words(changed))
    return engagement


def extend_engagement(session: Session, engagement: Engagement, *, minutes: int, by: Actor) -> None:
    """
    Give an engagement more time: it is due, and may start at the latest, so many minutes later than it was or is now.

    Raises
    ------
    InvalidInputError
        If the minutes are not between 1 and the longest window.
    ConflictError
        If it has ended.
    """
    if engagement.state in ENDED:
        raise ConflictError(f"This engagement is {engagement.state.value}; open it again before you change it.")
    more = dt.timedelta(minutes=minutes)
    if not dt.timedelta(0) < more <= MAX_WINDOW:
        raise InvalidInputError("Give it at least one minute, and no more than a year.", field="minutes")
    before = [engagement.due_at.isoformat(), engagement.latest_at.isoformat()]
    engagement.due_at = max(engagement.due_at, by.at) + more
    engagement.latest_at = max(engagement.latest_at, by.at, engagement.due_at - more) + more
    audit.record(
        session,
        "extend_engagement",
        engagement,
        by=by,
        detail={
            "site_id": engagement.site_id,
            "before": before,
            "after": [engagement.due_at.isoformat(), engagement.latest_at.isoformat()],
        },
    )


def cancel_engagement(
    session: Session, engagement: Engagement, *, reason: CancelReason | None = None, by: Actor
) -> None:
    """
    End an engagement that nobody needs any more; an agent whose day it is in is told.

    Raises
    ------
    ConflictError
        If it has ended.
    """
    lifecycle.move(
        session,
        engagement,
        EngagementState.CANCELLED,
        action="cancel_engagement",
        detail={"reason": reason.value} if reason is not None else None,
        by=by,
    )
    for placement in list_placements(session, engagement):
        if placement.plan.state is PlanState.PUBLISHED:
            notices.notify(
                session,
                placement.person_id,
                kind="engagement_cancelled",
                text=f"{engagement.external_id} was cancelled: leave it out of your day.",
                link=f"/day?day={placement.plan.day_on.isoformat()}",
                by=by,
            )


def complete_engagement(session: Session, engagement: Engagement, *, by: Actor) -> None:
    """
    Note that an engagement is done.

    Raises
    ------
    ConflictError
        If it has ended.
    """
    lifecycle.move(session, engagement, EngagementState.DONE, action="complete_engagement", by=by)


def reopen_engagement(session: Session, engagement: Engagement, *, by: Actor) -> None:
    """
    Take back that an engagement has ended: it stands again where the live plan has it, or waits for a plan.

    Raises
    ------
    ConflictError
        If it has not ended.
    """
    if engagement.state not in ENDED:
        raise ConflictError(f"This engagement is {engagement.state.value}, so there is nothing to open again.")
    lifecycle.move(session, engagement, _state_in_plan(session, engagement, by.at), action="reopen_engagement", by=by)


def _state_in_plan(session: Session, engagement: Engagement, at: dt.datetime) -> EngagementState:
    for placement in list_placements(session, engagement):
        if placement.plan.state is PlanState.PUBLISHED:
            answer = placement.response.response if placement.response is not None else None
            return {
                None: lifecycle.unanswered_state(placement.plan, at),
                Response.ACCEPTED: EngagementState.ACCEPTED,
                Response.DECLINED: EngagementState.RETURNED,
            }[answer]
    return EngagementState.CLASSIFIED


def _apply(engagement: Engagement, draft: EngagementDraft) -> None:
    engagement.engagement_type_id = draft.type_id
    engagement.earliest_at, engagement.due_at, engagement.latest_at = draft.earliest_at, draft.due_at, draft.latest_at
    engagement.customer_key, engagement.subject = draft.customer_key.strip(), draft.subject.strip()
    engagement.priority, engagement.minutes, engagement.owner_id = draft.priority, draft.minutes, draft.owner_id


def _facts(engagement: Engagement) -> dict[str, Any]:
    return {
        "external_id": engagement.external_id,
        "site_id": engagement.site_id,
        "engagement_type_id": engagement.engagement_type_id,
        "customer_key": engagement.customer_key,
        "earliest_at": engagement.earliest_at.isoformat(),
        "due_at": engagement.due_at.isoformat(),
        "latest_at": engagement.latest_at.isoformat(),
        "priority": engagement.priority,
        "minutes": engagement.minutes,
        "owner_id": engagement.owner_id,
        "subject": engagement.subject,
    }


def _without_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    # The trail can never be cut: it says that a customer or words were given or changed, not which.
    return {key: bool(value) if key in {"subject", "customer_key"} else value for key, value in facts.items()}


def describe_engagement(engagement: Engagement) -> dict[str, str]:
    """Return what an engagement holds in words, label → value, for people who edit it at the same time."""
    zone = engagement.site.time_zone
    return {
        "Reference": engagement.external_id,
        "Type": engagement.engagement_type.name,
        "Customer key": engagement.customer_key,
        "Subject": engagement.subject,
        "Earliest start": f"{zones.to_local(engagement.earliest_at, zone):%-d %b %Y, %H:%M}",
        "Due": f"{zones.to_local(engagement.due_at, zone):%-d %b %Y, %H:%M}",
        "Latest start": f"{zones.to_local(engagement.latest_at, zone):%-d %b %Y, %H:%M}",
        "Priority": str(engagement.priority),
        "Minutes": "" if engagement.minutes is None else f"{engagement.minutes:g}",
        "Case owner": engagement.owner.name if engagement.owner is not None else "",
    }


def _check(session: Session, draft: EngagementDraft, *, site: Site, present: Engagement | None) -> None:
    _check_type(session, draft.type_id, present=present)
    if draft.due_at < draft.earliest_at:
        raise InvalidInputError("It cannot be due before it may start.", field="due_at")
    if draft.latest_at < draft.due_at:
        raise InvalidInputError("The latest start cannot lie before it is due.", field="latest_at")
    if draft.latest_at - draft.earliest_at > MAX_WINDOW:
        raise InvalidInputError(f"Keep the window within {MAX_WINDOW.days} days.", field="latest_at")
    if not 1 <= draft.priority <= 5:
        raise InvalidInputError("Choose a priority from 1 to 5.", field="priority")
    if draft.minutes is not None and not 0 < draft.minutes <= MAX_HANDLE_MINUTES:
        raise InvalidInputError(f"Give minutes above 0 and up to {MAX_HANDLE_MINUTES:.0f}.", field="minutes")
    for field, text, limit in (
        ("customer_key", draft.customer_key, 80),
        ("subject", draft.subject, 200),
        ("external_id", draft.external_id, 80),
    ):
        if len(text.strip()) > limit:
            raise InvalidInputError(f"Keep it within {limit} characters.", field=field)
    _check_owner(session, draft.owner_id, site=site, present=present)
    reference = draft.external_id.strip()
    other = session.scalar(select(Engagement).where(Engagement.external_id == reference)) if reference else None
    if other is not None and other is not present:
        # The other one may lie at a site that the viewer does not see, so nothing more is said of it.
        raise InvalidInputError(f"There is an engagement {reference!r} already.", field="external_id")


def _check_type(session: Session, type_id: int, *, present: Engagement | None) -> None:
    if present is not None and present.engagement_type_id == type_id:
        return
    engagement_type = session.get(EngagementType, type_id)
    if engagement_type is None or not engagement_type.active:
        raise InvalidInputError("Choose an engagement type that is in use.", field="type_id")
    if engagement_type.channel.live:
        raise InvalidInputError(
            f"{engagement_type.name} arrives live, so it is forecast and not assigned; choose a type that can wait.",
            field="type_id",
        )


def _check_owner(session: Session, owner_id: int | None, *, site: Site, present: Engagement | None) -> None:
    if owner_id is None or (present is not None and present.owner_id == owner_id):
        return
    owner = session.get(Person, owner_id)
    if owner is None or not owner.active or not owner.is_agent or owner.site_id != site.id:
        raise InvalidInputError(f"Choose an active agent of {site.name}.", field="owner_id")
