"""
Who may read and write the thread of an engagement, and from when to when.

Whoever schedules the site sees all of it. The agent to whom a live plan gives the engagement, and the owner of its
case, see all that was said; an agent from whom it was taken keeps what was said until then, and sees nothing later.
Leads, and their deputies, see what their agents see. Whoever was called to help sees the call and what follows it, and
may answer while the work is under way. Authors always see their own words.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import NotFoundError
from webapp.models import (
    Assignment,
    Engagement,
    EngagementState,
    Person,
    Plan,
    PlanState,
    Site,
    ThreadGuest,
    ThreadMessage,
)
from webapp.services.access import Permission, Viewer

_ROWS_AT_ONCE = 500
_LIVE_OR_PAST = (PlanState.PUBLISHED, PlanState.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Seat:
    """
    What somebody sees of a thread.

    Parameters
    ----------
    whole
        Whether they see all of it.
    until
        Else: they see what was said before this moment; None if nothing.
    since_id
        Else: they see the message with this id and later ones; None if none.
    may_write
        Whether they may say something now.
    """

    whole: bool = False
    until: dt.datetime | None = None
    since_id: int | None = None
    may_write: bool = False

    def sees(self, message: ThreadMessage, person_id: int) -> bool:
        """Return whether a person in this seat sees a message."""
        return (
            self.whole
            or message.author_id == person_id
            or (self.until is not None and message.at < self.until)
            or (self.since_id is not None and message.id >= self.since_id)
        )


@dataclass(frozen=True, slots=True)
class Term:
    """Until when an engagement was an agent's; None while it is."""

    person_id: int
    until: dt.datetime | None


def terms_of(session: Session, engagements: Collection[Engagement]) -> dict[int, list[Term]]:
    """Return whose each of some engagements was or is, by its id: agents of published plans, and case owners."""
    found: defaultdict[int, list[Term]] = defaultdict(list)
    for each in engagements:
        if each.owner_id is not None:
            found[each.id].append(Term(each.owner_id, None))
    keys = sorted({each.id for each in engagements})
    for start in range(0, len(keys), _ROWS_AT_ONCE):
        rows = session.execute(
            select(Assignment.engagement_id, Assignment.person_id, Plan)
            .join(Assignment.plan)
            .where(Assignment.engagement_id.in_(keys[start : start + _ROWS_AT_ONCE]), Plan.state.in_(_LIVE_OR_PAST))
        ).all()
        ends = _ends_of(session, {plan for _, _, plan in rows})
        placed: defaultdict[int, list[Plan]] = defaultdict(list)
        for engagement_id, _, plan in rows:
            placed[engagement_id].append(plan)
        for engagement_id, person_id, plan in rows:
            # Of two live plans the later day's says whose it is.
            later = [each.published_at for each in placed[engagement_id] if each.day_on > plan.day_on]
            moments = [moment for moment in (*later, ends.get(plan.id)) if moment is not None]
            found[engagement_id].append(Term(person_id, min(moments, default=None)))
    return found


def _ends_of(session: Session, plans: Iterable[Plan]) -> dict[int, dt.datetime]:
    """Return when each of the superseded plans ended: when its successor was published."""
    over = sorted(plan.id for plan in plans if plan.state is PlanState.SUPERSEDED)
    rows = session.execute(select(Plan.supersedes_id, Plan.published_at).where(Plan.supersedes_id.in_(over)))
    ends: dict[int, dt.datetime] = {}
    for plan_id, at in rows:
        if plan_id is not None and at is not None:
            ends[plan_id] = min(at, ends.get(plan_id, at))
    return ends


def seats_of(session: Session, engagements: Collection[Engagement], *, viewer: Viewer) -> dict[int, Seat]:
    """Return a viewer's seat at the thread of each of some engagements; those at which they have none are missing."""
    sites = set(session.scalars(select(Site.id).where(viewer.sees_site(Permission.VIEW_WORK))))
    terms = terms_of(session, engagements)
    concerned = {term.person_id for each in terms.values() for term in each}
    theirs = set(
        session.scalars(select(Person.id).where(Person.id.in_(concerned), viewer.sees(Permission.REVIEW_RECORDS)))
    )
    if viewer.can(Permission.WORK_OWN_DAY):
        theirs.add(viewer.person_id)
    guests = _calls_to(session, engagements, viewer.person_id)
    seats: dict[int, Seat] = {}
    for each in engagements:
        mine = [term.until for term in terms.get(each.id, ()) if term.person_id in theirs]
        if each.site_id in sites or None in mine:
            seats[each.id] = Seat(whole=True, may_write=True)
        elif mine or each.id in guests:
            seats[each.id] = Seat(
                until=max((moment for moment in mine if moment is not None), default=None),
                since_id=guests.get(each.id),
                may_write=each.id in guests and each.state is EngagementState.IN_PROGRESS,
            )
    return seats


def _calls_to(session: Session, engagements: Collection[Engagement], person_id: int) -> dict[int, int]:
    """Return the first call for help on each engagement that reached a person."""
    rows = session.execute(
        select(ThreadMessage.engagement_id, ThreadMessage.id)
        .join(ThreadGuest, ThreadGuest.message_id == ThreadMessage.id)
        .where(ThreadGuest.person_id == person_id, ThreadMessage.engagement_id.in_([each.id for each in engagements]))
        .order_by(ThreadMessage.id.desc())
    )
    return dict(rows.all())


def get_seat(session: Session, engagement_id: int, *, viewer: Viewer) -> tuple[Engagement, Seat]:
    """
    Return an engagement and the viewer's seat at its thread.

    Raises
    ------
    NotFoundError
        If there is no such engagement, or the viewer has neither a seat nor said anything.
    """
    engagement = session.scalar(
        select(Engagement)
        .where(Engagement.id == engagement_id)
        .options(joinedload(Engagement.site), joinedload(Engagement.engagement_type))
    )
    if engagement is not None:
        seat = seats_of(session, [engagement], viewer=viewer).get(engagement.id)
        if seat is None and _has_written(session, engagement.id, viewer.person_id):
            seat = Seat()
        if seat is not None:
            return engagement, seat
    raise NotFoundError("There is no such thread.")


def _has_written(session: Session, engagement_id: int, person_id: int) -> bool:
    said = select(ThreadMessage.id).where(
        ThreadMessage.engagement_id == engagement_id, ThreadMessage.author_id == person_id
    )
    return session.scalar(said.limit(1)) is not None


def agents_now(session: Session, engagement: Engagement) -> list[Person]:
    """Return the active people whose engagement it is now: the agent of a live plan, and the case owner."""
    ids = {term.person_id for term in terms_of(session, [engagement]).get(engagement.id, ()) if term.until is None}
    return list(session.scalars(select(Person).where(Person.id.in_(ids), Person.active).order_by(Person.id)))
