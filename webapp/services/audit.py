"""
The audit trail: every command writes one event in its own transaction, chained by hash.

The digest of an event is SHA-256 over the digest before it and its own content, so that any edit, deletion or
reordering changes every digest after it; a cut tail is found by comparing with a digest that was noted outside.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import Session, joinedload

from webapp.models import AuditEvent, Person

GENESIS = "0" * 64
_CHAIN_LOCK = 0x6D61696E  # Any constant: the name of the advisory lock under which PostgreSQL appends to the chain.


class HasId(Protocol):
    """Anything with an integer key and a table."""

    id: Any
    __tablename__: Any


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who does something, when, and through what: the argument ``by`` of each command.

    Parameters
    ----------
    person_id
        The person, or None where the system acts by itself.
    at
        When, in UTC.
    channel
        ``page``, ``api``, ``cli`` or ``job``.
    """

    person_id: int | None
    at: dt.datetime
    channel: str = "page"


def record(
    session: Session,
    action: str,
    subject: HasId,
    *,
    by: Actor,
    person_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """
    Append an event to the trail.

    Parameters
    ----------
    session
        Session of the change itself; it is flushed, so that ``subject`` has its key.
    action
        Verb of the domain, such as ``claim_level``.
    subject
        The changed row.
    by
        Who did it.
    person_id
        The person whose data it concerns, if there is one: their history shows it.
    detail
        Ids, codes and values before and after; JSON types only.
    """
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CHAIN_LOCK})
    previous = session.scalar(select(AuditEvent.digest).order_by(AuditEvent.id.desc()).limit(1)) or GENESIS
    event = AuditEvent(
        at=by.at,
        actor_id=by.person_id,
        channel=by.channel,
        action=action,
        subject_kind=subject.__tablename__,
        subject_id=subject.id,
        person_id=person_id,
        detail=dict(detail or {}),
        digest="",
    )
    event.digest = _digest(previous, event)
    session.add(event)
    session.flush()
    return event


def _digest(previous: str, event: AuditEvent) -> str:
    content = [
        previous,
        event.at.astimezone(dt.UTC).isoformat(),
        event.actor_id,
        event.channel,
        event.action,
        event.subject_kind,
        event.subject_id,
        event.person_id,
        event.detail,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What :func:`verify_chain` found: number of events, digest of the head, first broken event if there is one."""

    events: int
    head: str
    broken_at: int | None


def verify_chain(session: Session, *, expected_head: str | None = None) -> ChainReport:
    """
    Recompute the whole chain.

    Parameters
    ----------
    session
        A session.
    expected_head
        A digest noted earlier outside the database; if no event carries it, the tail was cut or rewritten.
    """
    previous, count, seen = GENESIS, 0, expected_head in {None, GENESIS}
    query = select(AuditEvent).order_by(AuditEvent.id).execution_options(yield_per=1000)
    with closing(session.scalars(query)) as events:
        for event in events:
            if event.digest != _digest(previous, event):
                return ChainReport(events=count, head=previous, broken_at=event.id)
            previous, count, seen = event.digest, count + 1, seen or event.digest == expected_head
    return ChainReport(events=count, head=previous, broken_at=None if seen else count)


def history(session: Session, subject: HasId, *, limit: int = 100) -> Sequence[AuditEvent]:
    """Return the newest events about one row, newest first."""
    return session.scalars(
        select(AuditEvent)
        .where(AuditEvent.subject_kind == subject.__tablename__, AuditEvent.subject_id == subject.id)
        .options(joinedload(AuditEvent.actor))
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    ).all()


def person_history(session: Session, person_id: int, *, limit: int = 100) -> Sequence[AuditEvent]:
    """Return the newest events that concern one person's data, newest first."""
    return session.scalars(
        select(AuditEvent)
        .where(
            or_(
                AuditEvent.person_id == person_id,
                (AuditEvent.subject_kind == "person") & (AuditEvent.subject_id == person_id),
            )
        )
        .options(joinedload(AuditEvent.actor))
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    ).all()


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for in the trail; what is empty does not narrow it. ``who`` is a part of the actor's name."""

    action: str = ""
    channel: str = ""
    who: str = ""

    def narrow(self, query: Select[Any]) -> Select[Any]:
        """Return a query of events, narrowed."""
        if self.action:
            query = query.where(AuditEvent.action == self.action)
        if self.channel:
            query = query.where(AuditEvent.channel == self.channel)
        if self.who:
            query = query.join(AuditEvent.actor).where(
                func.lower(Person.name).contains(self.who.lower(), autoescape=True)
            )
        return query


def search_events(
    session: Session, search: Search | None = None, *, limit: int = 100, offset: int = 0
) -> Sequence[AuditEvent]:
    """Return a part of the whole trail, newest first."""
    query = (search or Search()).narrow(select(AuditEvent)).options(joinedload(AuditEvent.actor))
    return session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit).offset(offset)).all()


def list_actions(session: Session) -> Sequence[str]:
    """Return the actions that the trail knows, by name."""
    return session.scalars(select(AuditEvent.action).distinct().order_by(AuditEvent.action)).all()


def count_events(session: Session, search: Search | None = None) -> int:
    """Return how many events the trail has."""
    return session.scalar((search or Search()).narrow(select(func.count()).select_from(AuditEvent))) or 0
