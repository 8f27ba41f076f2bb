"""Threads: short messages on an engagement between its agent, the dispatchers of its site and the agent's lead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import (
    Assignment,
    Engagement,
    MessageKind,
    Notice,
    Person,
    Plan,
    PlanState,
    Role,
    RoleGrant,
    Site,
    ThreadGuest,
    ThreadMessage,
    ThreadRead,
)
from webapp.services import access, audit, notices, ownership
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.talk import seats
from webapp.services.talk.seats import Seat

MAX_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Thread:
    """
    The thread of an engagement as one person sees it.

    ``unread`` are the ids of messages by others that they have not read.
    """

    engagement: Engagement
    messages: Sequence[ThreadMessage]
    seat: Seat
    unread: frozenset[int]

    @property
    def last(self) -> ThreadMessage | None:
        """The newest message that they see."""
        return self.messages[-1] if self.messages else None

    @property
    def open_question(self) -> bool:
        """Whether the last word is an agent's, who waits for an answer."""
        return self.last is not None and self.last.withdrawn_at is None and self.last.author.is_agent


def link_of(engagement_id: int) -> str:
    """Return the path of a thread's page."""
    return f"/talk/{engagement_id}"


def get_thread(session: Session, engagement_id: int, *, viewer: Viewer) -> Thread:
    """
    Return the thread of an engagement as far as the viewer may see it.

    Raises
    ------
    NotFoundError
        If there is no such engagement, or none that concerns or concerned them.
    """
    engagement, seat = seats.get_seat(session, engagement_id, viewer=viewer)
    return _threads(session, {engagement.id: (engagement, seat)}, viewer=viewer)[0]


def list_threads(session: Session, *, viewer: Viewer, site_id: int | None = None, limit: int = 50) -> list[Thread]:
    """Return the viewer's threads in which somebody said something, what is unread first, then the newest."""
    newest = func.max(ThreadMessage.id)
    query = (
        select(ThreadMessage.engagement_id)
        .join(Engagement, Engagement.id == ThreadMessage.engagement_id)
        .join(Site, Site.id == Engagement.site_id)
        .where(_may_concern(viewer))
        .group_by(ThreadMessage.engagement_id)
        .order_by(newest.desc())
        .limit(limit)
    )
    if site_id is not None:
        query = query.where(Engagement.site_id == site_id)
    found = session.scalars(
        select(Engagement)
        .where(Engagement.id.in_(session.scalars(query).all()))
        .options(joinedload(Engagement.site), joinedload(Engagement.engagement_type))
    ).all()
    mine = seats.seats_of(session, found, viewer=viewer)
    threads = _threads(session, {each.id: (each, mine.get(each.id, Seat())) for each in found}, viewer=viewer)
    shown = [each for each in threads if each.last is not None]
    return sorted(shown, key=lambda each: (not each.unread, -(each.last.id if each.last else 0)))


def _may_concern(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on an engagement and its site that the viewer may have a seat at its thread."""
    people = select(Person.id).where(or_(Person.id == viewer.person_id, viewer.sees(Permission.REVIEW_RECORDS)))
    placed = (
        select(Assignment.engagement_id)
        .join(Assignment.plan)
        .where(Assignment.person_id.in_(people), Plan.state.in_((PlanState.PUBLISHED, PlanState.SUPERSEDED)))
    )
    called = (
        select(ThreadMessage.engagement_id)
        .join(ThreadGuest, ThreadGuest.message_id == ThreadMessage.id)
        .where(ThreadGuest.person_id == viewer.person_id)
    )
    said = select(ThreadMessage.engagement_id).where(ThreadMessage.author_id == viewer.person_id)
    return or_(
        viewer.sees_site(Permission.VIEW_WORK),
        Engagement.owner_id.in_(people),
        *(Engagement.id.in_(each) for each in (placed, called, said)),
    )


def _threads(session: Session, wanted: dict[int, tuple[Engagement, Seat]], *, viewer: Viewer) -> list[Thread]:
    messages: dict[int, list[ThreadMessage]] = {key: [] for key in wanted}
    for message in session.scalars(
        select(ThreadMessage)
        .where(ThreadMessage.engagement_id.in_(wanted))
        .options(joinedload(ThreadMessage.author))
        .order_by(ThreadMessage.id)
    ):
        if wanted[message.engagement_id][1].sees(message, viewer.person_id):
            messages[message.engagement_id].append(message)
    marks = select(ThreadRead.engagement_id, ThreadRead.up_to).where(
        ThreadRead.person_id == viewer.person_id, ThreadRead.engagement_id.in_(wanted)
    )
    read = dict(session.execute(marks).all())
    return [
        Thread(
            engagement=engagement,
            messages=messages[key],
            seat=seat,
            unread=frozenset(
                each.id
                for each in messages[key]
                if each.author_id != viewer.person_id and each.withdrawn_at is None and each.id > read.get(key, 0)
            ),
        )
        for key, (engagement, seat) in wanted.items()
    ]


def count_unread(session: Session, engagement_ids: Collection[int], *, viewer: Viewer) -> dict[int, tuple[int, int]]:
    """Return for each engagement with a thread how many messages the viewer sees, and how many are unread."""
    found = session.scalars(
        select(Engagement).where(
            Engagement.id.in_(
                select(ThreadMessage.engagement_id).where(ThreadMessage.engagement_id.in_(sorted(engagement_ids)))
            )
        )
    ).all()
    if not found:
        return {}
    mine = seats.seats_of(session, found, viewer=viewer)
    wanted = {each.id: (each, mine[each.id]) for each in found if each.id in mine}
    return {
        each.engagement.id: (len(each.messages), len(each.unread)) for each in _threads(session, wanted, viewer=viewer)
    }


def write(session: Session, engagement_id: int, text: str, *, key: str, viewer: Viewer, by: Actor) -> ThreadMessage:
    """
    Say something on the thread of an engagement; those whom it concerns get a notice.

    Sent twice under one key it is said once.

    Raises
    ------
    NotFoundError
        If the thread is none of the viewer's.
    ForbiddenError
        If they may read it, and not write any more.
    InvalidInputError
        If nothing is said, or too much.
    """
    engagement, seat = seats.get_seat(session, engagement_id, viewer=viewer)
    if not seat.may_write:
        raise ForbiddenError("This work is no longer yours. You keep what was said while it was.")
    text = text.strip()
    if not text:
        raise InvalidInputError("Write what you want to say.", field="text")
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(f"Keep it under {MAX_LENGTH} characters.", field="text")
    said = find_said(session, key, by=by)
    return said or add(session, engagement, text, kind=MessageKind.NOTE, key=key, by=by)


def find_said(session: Session, key: str, *, by: Actor) -> ThreadMessage | None:
    """
    Return what its author has said under a key.

    Raises
    ------
    ConflictError
        If somebody else did.
    """
    if not key or len(key) > 64:
        raise InvalidInputError("The form is broken. Open the page again.", field="text")
    said = session.scalar(select(ThreadMessage).where(ThreadMessage.key == key))
    if said is not None and said.author_id != by.person_id:
        raise ConflictError("This has been said by somebody else. Open the page again.")
    return said


def add(
    session: Session, engagement: Engagement, text: str, *, kind: MessageKind, key: str, by: Actor
) -> ThreadMessage:
    """Append a message, audit it without its words, and tell those whom it concerns."""
    if by.person_id is None:
        raise ForbiddenError("Only people talk on threads.")
    message = ThreadMessage(
        engagement_id=engagement.id, author_id=by.person_id, kind=kind, text=text, at=by.at, key=key
    )
    session.add(message)
    session.flush()
    audit.record(session, "write_message", message, by=by, detail=_detail(engagement))
    if kind is MessageKind.NOTE:
        _tell(session, engagement, by=by)
    return message


def _detail(engagement: Engagement) -> dict[str, int]:
    return {"engagement_id": engagement.id, "site_id": engagement.site_id}


def _tell(session: Session, engagement: Engagement, *, by: Actor) -> None:
    """Leave one notice for each who takes part, unless the last one about this thread still waits unread."""
    people = {person.id for person in seats.agents_now(session, engagement)}
    dispatcher = ownership.find_dispatcher(session, engagement.site_id)
    people |= {dispatcher.id} if dispatcher is not None else set()
    link = link_of(engagement.id)
    waiting = set(
        session.scalars(
            select(Notice.person_id).where(Notice.kind == "thread", Notice.link == link, Notice.read_at.is_(None))
        )
    )
    people |= _still_seated(session, engagement, said_by=_authors(session, engagement) - people)
    for person_id in sorted(people - waiting - {by.person_id}):
        notices.notify(
            session,
            person_id,
            kind="thread",
            text=f"Something was said about {engagement.external_id}.",
            link=link,
            by=by,
        )


def _authors(session: Session, engagement: Engagement) -> set[int]:
    said = select(ThreadMessage.author_id).where(ThreadMessage.engagement_id == engagement.id).distinct()
    return set(session.scalars(said))


def _still_seated(session: Session, engagement: Engagement, *, said_by: Collection[int]) -> set[int]:
    """Return who of those who took part may still write: a former agent is not told of what they may not read."""
    found = set()
    for person_id in said_by:
        viewer = access.get_viewer(session, person_id)
        seat = seats.seats_of(session, [engagement], viewer=viewer).get(engagement.id)
        if seat is not None and seat.may_write:
            found.add(person_id)
    return found


def get_own_message(session: Session, message_id: int, *, viewer: Viewer) -> ThreadMessage:
    """
    Return a message of the viewer.

    Raises
    ------
    NotFoundError
        If there is none with this id that is theirs.
    """
    message = session.scalar(
        select(ThreadMessage)
        .where(ThreadMessage.id == message_id, ThreadMessage.author_id == viewer.person_id)
        .options(joinedload(ThreadMessage.engagement))
    )
    if message is None:
        raise NotFoundError("There is no such message of yours.")
    return message


def withdraw(session: Session, message: ThreadMessage, *, by: Actor) -> None:
    """
    Take one's own words back: they are gone for everybody, that something was said stays.

    Raises
    ------
    ForbiddenError
        If somebody else than the author does it.
    """
    if by.person_id != message.author_id:
        raise ForbiddenError("Only its author may withdraw a message.")
    if message.withdrawn_at is not None:
        return
    message.text, message.withdrawn_at = "", by.at
    audit.record(session, "withdraw_message", message, by=by, detail=_detail(message.engagement))


def mark_read(session: Session, thread: Thread, *, person_id: int) -> None:
    """Note that a person has read a thread as far as they see it."""
    if not thread.unread:
        return
    mark = session.scalar(
        select(ThreadRead).where(
            and_(ThreadRead.engagement_id == thread.engagement.id, ThreadRead.person_id == person_id)
        )
    )
    if mark is None:
        mark = ThreadRead(engagement_id=thread.engagement.id, person_id=person_id, up_to=0)
        session.add(mark)
    mark.up_to = max(mark.up_to, *thread.unread)
    session.flush()


def list_leads(session: Session, people: Collection[Person]) -> list[int]:
    """Return the ids of the active leads of some people's teams."""
    teams = {person.team_id for person in people if person.team_id is not None}
    query = (
        select(Person.id)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.role == Role.LEAD, RoleGrant.team_id.in_(teams), Person.active)
        .distinct()
    )
    return sorted(session.scalars(query))


def remove_old(session: Session, site: Site, before: dt.datetime, *, by: Actor, limit: int = 500) -> int:
    """Remove what was said on a site's threads before a moment, some at a time; return how many messages."""
    old = session.scalars(
        select(ThreadMessage.id)
        .join(Engagement, Engagement.id == ThreadMessage.engagement_id)
        .where(Engagement.site_id == site.id, ThreadMessage.at < before)
        .order_by(ThreadMessage.id)
        .limit(limit)
    ).all()
    if old:
        _remove(session, old)
        audit.record(session, "remove_old_messages", site, by=by, detail={"site_id": site.id, "count": len(old)})
    return len(old)


def forget(session: Session, engagement_ids: Collection[int]) -> int:
    """Remove all that was said on the threads of some engagements, whose customer is erased; return how much."""
    said = session.scalars(
        select(ThreadMessage.id).where(ThreadMessage.engagement_id.in_(sorted(engagement_ids)))
    ).all()
    _remove(session, said)
    return len(said)


def _remove(session: Session, message_ids: Sequence[int]) -> None:
    # The database would cascade; SQLAlchemy's own statements say it on both.
    for start in range(0, len(message_ids), 500):
        some = message_ids[start : start + 500]
        session.execute(delete(ThreadGuest).where(ThreadGuest.message_id.in_(some)))
        session.execute(delete(ThreadMessage).where(ThreadMessage.id.in_(some)))
