"""
Writes that no job is at: what a job left behind that died for good is taken up again, and given up in the open.

A write is taken with one attempt more and is due again soon. Where the job dies each time, its attempts are used up
like those of a write that the other system never took, and it stands among the failed ones, to be tried again by hand.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.models import Connection, ConnectionWrite, Job, JobState, WriteState
from webapp.services import outbox
from webapp.services.connections import wanting
from webapp.services.connections.presets import PRESETS
from webapp.services.job_kinds import get_kind

FORGOTTEN_AFTER = dt.timedelta(minutes=5)
"""What is due for so long, and nobody is at it, was left by a job that died."""


def list_forgotten(session: Session, *, at: dt.datetime) -> list[Connection]:
    """Return the connections whose writes have been due for long, and no job is at them or about to be."""
    due = (
        select(ConnectionWrite.connection_id)
        .where(ConnectionWrite.state == WriteState.WAITING, ConnectionWrite.next_at <= at - FORGOTTEN_AFTER)
        .distinct()
    )
    query = select(Connection).where(Connection.active, ~Connection.shadow, Connection.id.in_(due))
    found = [each for each in session.scalars(query.order_by(Connection.id)) if PRESETS[each.preset].networked]
    at_work = _at_work(session, at=at) if found else set()
    return [each for each in found if each.id not in at_work]


def wake_forgotten(session: Session, *, at: dt.datetime) -> int:
    """Queue a job for each of :func:`list_forgotten`, and return how many these are."""
    found = list_forgotten(session, at=at)
    for connection in found:
        wanting.wake(session, connection, at=at)
    return len(found)


def _at_work(session: Session, *, at: dt.datetime) -> set[int]:
    # A job that failed comes back after its pause; one that waits longer waits for another write.
    pause = dt.timedelta(seconds=get_kind(outbox.WRITE_JOB).max_backoff_seconds)
    alive = or_(
        Job.state == JobState.RUNNING,
        (Job.state == JobState.QUEUED) & or_(Job.not_before.is_(None), Job.not_before <= at + pause),
    )
    payloads = session.scalars(select(Job.payload).where(Job.kind == outbox.WRITE_JOB, alive))
    return {int(payload["connection_id"]) for payload in payloads}
