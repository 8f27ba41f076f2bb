"""Notices: short messages to one person inside Mainstay, under the bell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Notice
from webapp.services.access import Viewer
from webapp.services.audit import Actor


def notify(session: Session, person_id: int, *, kind: str, text: str, link: str = "", by: Actor) -> Notice:
    """
    Leave a notice for a person.

    Parameters
    ----------
    session
        Session of the change that the notice tells of.
    person_id
        Whom to tell.
    kind
        What happened, as a code such as ``run_finished``.
    text
        A sentence for the person, cut at 400 characters.
    link
        Path of the page within Mainstay that shows more.
    by
        Who did it, and when.

    Raises
    ------
    InvalidInputError
        If the link leads out of Mainstay.
    """
    if link and (not link.startswith("/") or link.startswith(("//", "/\\"))):
        raise InvalidInputError("A notice links to a page of Mainstay only.", field="link")
    text = text if len(text) <= 400 else text[:399] + "…"
    notice = Notice(person_id=person_id, at=by.at, kind=kind, text=text, link=link)
    session.add(notice)
    session.flush()
    return notice


def list_notices(session: Session, *, viewer: Viewer, limit: int = 100) -> Sequence[Notice]:
    """Return the viewer's newest notices, newest first."""
    return session.scalars(
        select(Notice).where(Notice.person_id == viewer.person_id).order_by(Notice.id.desc()).limit(limit)
    ).all()


def count_unread(session: Session, person_id: int) -> int:
    """Return how many notices a person has not read."""
    query = select(func.count()).select_from(Notice).where(Notice.person_id == person_id, Notice.read_at.is_(None))
    return session.scalar(query) or 0


def get_notice(session: Session, notice_id: int, *, viewer: Viewer) -> Notice:
    """
    Return a notice of the viewer.

    Raises
    ------
    NotFoundError
        If there is no such notice, or it is somebody else's.
    """
    notice = session.scalar(select(Notice).where(Notice.id == notice_id, Notice.person_id == viewer.person_id))
    if notice is None:
        raise NotFoundError("There is no such notice.")
    return notice


def mark_read(session: Session, notice: Notice, *, at: dt.datetime) -> None:
    """Note that a notice was read; the first time counts."""
    if notice.read_at is None:
        notice.read_at = at
        session.flush()


def mark_all_read(session: Session, *, viewer: Viewer, at: dt.datetime) -> int:
    """Note that all of the viewer's notices were read, and return how many that were."""
    unread = list(
        session.scalars(select(Notice.id).where(Notice.person_id == viewer.person_id, Notice.read_at.is_(None)))
    )
    session.execute(update(Notice).where(Notice.id.in_(unread)).values(read_at=at))
    return len(unread)
