"""
Durable jobs: queue, lease, heartbeat, cancel and end.

The row is the truth.  A worker holds a job only as long as its lease; each of its writes is conditional on the lease,
so that a worker that was thought dead and comes back can no longer change anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session, joinedload

from webapp.errors import BusyError, ConflictError, NotFoundError
from webapp.models import Job, JobState
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor

LEASE = dt.timedelta(seconds=45)
MAX_OPEN_PER_PERSON = 10


class LeaseLostError(RuntimeError):
    """The job was taken over or ended by somebody else; whatever this worker was about to write must be rolled back."""


def enqueue(session: Session, kind: str, payload: Mapping[str, Any], *, by: Actor, max_attempts: int = 5) -> Job:
    """
    Queue a job.

    Raises
    ------
    BusyError
        If the person already has :data:`MAX_OPEN_PER_PERSON` jobs that have not ended.
    """
    if by.person_id is not None:
        waiting = select(Job.id).where(
            Job.requested_by_id == by.person_id, Job.state.in_((JobState.QUEUED, JobState.RUNNING))
        )
        if len(session.scalars(waiting).all()) >= MAX_OPEN_PER_PERSON:
            raise BusyError(
                f"You already have {MAX_OPEN_PER_PERSON} jobs waiting. Cancel one, or wait until one is done."
            )
    job = Job(
        kind=kind,
        payload=dict(payload),
        state=JobState.QUEUED,
        progress_detail={},
        requested_by_id=by.person_id,
        created_at=by.at,
        max_attempts=max_attempts,
    )
    session.add(job)
    session.flush()
    return job


def _free(at: dt.datetime) -> ColumnElement[bool]:
    return or_(Job.state == JobState.QUEUED, and_(Job.state == JobState.RUNNING, Job.lease_until < at))


def has_free(session: Session, *, at: dt.datetime) -> bool:
    """Return whether any job waits for a worker; cheaper to ask than to try to take one, which locks."""
    return session.scalar(select(Job.id).where(_free(at)).limit(1)) is not None


def lease_next(session: Session, *, owner: str, at: dt.datetime, kinds: Sequence[str] | None = None) -> Job | None:
    """
    Take the oldest free job, or return None.

    A job whose attempts are used up, or whose cancellation was asked for before it began, is ended instead of being
    taken.
    """
    while True:
        query = select(Job).where(_free(at)).order_by(Job.id).limit(1).with_for_update(skip_locked=True)
        if kinds is not None:
            query = query.where(Job.kind.in_(kinds))
        job = session.scalar(query)
        if job is None:
            return None
        if job.cancel_requested:
            job.state, job.ended_at = JobState.CANCELLED, at
        elif job.attempts >= job.max_attempts:
            job.state, job.ended_at = JobState.DEAD, at
            job.error = job.error or f"Its worker died {job.attempts} times."
        else:
            job.state, job.attempts = JobState.RUNNING, job.attempts + 1
            job.lease_owner, job.lease_until = owner, at + LEASE
            job.started_at = job.started_at or at
            session.flush()
            return job
        session.flush()


def _mine(job_id: int, owner: str) -> ColumnElement[bool]:
    return and_(Job.id == job_id, Job.lease_owner == owner, Job.state == JobState.RUNNING)


def _update_mine(session: Session, job_id: int, owner: str, **values: Any) -> None:
    result = session.execute(update(Job).where(_mine(job_id, owner)).values(**values))
    if not isinstance(result, CursorResult) or result.rowcount != 1:
        raise LeaseLostError(f"Job {job_id} is no longer held by {owner}.")


def beat(
    session: Session,
    job_id: int,
    *,
    owner: str,
    at: dt.datetime,
    progress: float | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """
    Renew the lease, note progress, and return whether cancellation was asked for.

    Raises
    ------
    LeaseLostError
        If the lease is no longer this owner's.
    """
    values: dict[str, Any] = {"lease_until": at + LEASE}
    if progress is not None:
        values["progress"] = min(1.0, max(0.0, progress))
    if detail is not None:
        values["progress_detail"] = dict(detail)
    _update_mine(session, job_id, owner, **values)
    return bool(session.scalar(select(Job.cancel_requested).where(Job.id == job_id)))


def complete(
    session: Session, job_id: int, *, owner: str, at: dt.datetime, result: Mapping[str, Any] | None = None
) -> None:
    """End a job well, in the transaction that wrote its effect."""
    _update_mine(
        session,
        job_id,
        owner,
        state=JobState.DONE,
        progress=1.0,
        result=dict(result or {}),
        ended_at=at,
        lease_until=None,
    )


def end_cancelled(session: Session, job_id: int, *, owner: str, at: dt.datetime) -> None:
    """End a job whose cancellation was asked for."""
    _update_mine(session, job_id, owner, state=JobState.CANCELLED, ended_at=at, lease_until=None)


def fail(session: Session, job_id: int, *, owner: str, at: dt.datetime, error: str) -> None:
    """End a job that cannot succeed by being tried again."""
    _update_mine(session, job_id, owner, state=JobState.FAILED, error=error, ended_at=at, lease_until=None)


def release(session: Session, job_id: int, *, owner: str, at: dt.datetime, error: str) -> None:
    """Give a job back after a fault that may pass; it is dead once its attempts are used up."""
    job = session.get_one(Job, job_id)
    state = JobState.DEAD if job.attempts >= job.max_attempts else JobState.QUEUED
    _update_mine(
        session,
        job_id,
        owner,
        state=state,
        error=error,
        lease_owner=None,
        lease_until=None,
        ended_at=at if state is JobState.DEAD else None,
    )


def get_job(session: Session, job_id: int, *, viewer: Viewer) -> Job:
    """
    Return a job that the viewer asked for, or any job for those who manage jobs.

    Raises
    ------
    NotFoundError
        If there is no such job for them.
    """
    job = session.get(Job, job_id)
    if job is None or (job.requested_by_id != viewer.person_id and not viewer.can(Permission.MANAGE_JOBS)):
        raise NotFoundError("There is no such job.")
    return job


def list_jobs(session: Session, *, state: str = "", limit: int = 200) -> Sequence[Job]:
    """Return the newest jobs of everybody, all or those in one state."""
    query = select(Job).options(joinedload(Job.requested_by)).order_by(Job.id.desc()).limit(limit)
    if state:
        query = query.where(Job.state == state)
    return session.scalars(query).all()


def request_cancel(session: Session, job: Job) -> None:
    """
    Ask that a job stop as soon as it can.

    Raises
    ------
    ConflictError
        If it has ended already.
    """
    if job.state.ended:
        raise ConflictError("This job has ended already.")
    job.cancel_requested = True
    session.flush()
