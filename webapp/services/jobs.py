"""
Durable jobs: queue, lease, heartbeat, cancel and end.

The row is the truth.  A worker holds a job only as long as its lease; each of its writes is conditional on the lease,
so that a worker that was thought dead and comes back can no longer change anything.  What waits for people to look at
it is in :mod:`webapp.services.job_overview`, what a person may have under way in :mod:`webapp.services.job_quotas`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from webapp.errors import ConflictError, NotFoundError
from webapp.models import OPEN_STATES, Job, JobState
from webapp.services import job_quotas, outbox
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.job_kinds import get_kind

LEASE = dt.timedelta(seconds=45)
PARTS_PROGRESS = 0.9
"""Progress of a job all of whose parts have ended, before they are joined."""

QUEUED_HERE = "jobs_queued"
"""Key of :attr:`Session.info` under which the jobs are listed that the transaction queued."""


class LeaseLostError(RuntimeError):
    """The job was taken over or ended by somebody else; whatever this worker was about to write must be rolled back."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a job that is to be worked on by itself."""

    kind: str
    payload: Mapping[str, Any]


def enqueue(
    session: Session,
    kind: str,
    payload: Mapping[str, Any],
    *,
    by: Actor,
    max_attempts: int | None = None,
    parent_id: int | None = None,
) -> Job:
    """
    Queue a job.

    Parameters
    ----------
    session
        A session.
    kind
        What is to be done.
    payload
        Ids and figures that say to what.
    by
        Who asks.
    max_attempts
        How often it is tried, if not as often as its kind.
    parent_id
        The job that it is a part of; it has to be counted there. Parts are not counted to quotas.

    Raises
    ------
    QuotaError
        If the person has as much waiting as they may have.
    """
    if by.person_id is not None and parent_id is None:
        job_quotas.check_room(session, by.person_id, kind)
    job = Job(
        kind=kind,
        payload=dict(payload),
        state=JobState.QUEUED,
        progress_detail={},
        requested_by_id=by.person_id,
        created_at=by.at,
        max_attempts=max_attempts or get_kind(kind).max_attempts,
        parent_id=parent_id,
    )
    session.add(job)
    session.flush()
    tell_queued(session, job.id)
    return job


def tell_queued(session: Session, job_id: int) -> None:
    """Note that a job waits for a worker once this transaction is committed, for whoever has to tell workers."""
    session.info.setdefault(QUEUED_HERE, []).append(job_id)


def hold(session: Session, job: Job, *, owner: str, at: dt.datetime) -> None:
    """Take a job that was queued in this transaction; it is offered to others if the owner dies."""
    job.state, job.attempts = JobState.RUNNING, job.attempts + 1
    job.lease_owner, job.lease_until, job.started_at = owner, at + LEASE, at
    session.flush()


def free(at: dt.datetime) -> ColumnElement[bool]:
    """Return the condition on a job that waits for a worker: queued and its pause over, or its worker gone."""
    return or_(
        and_(Job.state == JobState.QUEUED, or_(Job.not_before.is_(None), Job.not_before <= at)),
        and_(Job.state == JobState.RUNNING, Job.lease_until < at),
    )


def has_free(session: Session, *, at: dt.datetime) -> bool:
    """Return whether any job waits for a worker; cheaper to ask than to try to take one, which locks."""
    return session.scalar(select(Job.id).where(free(at)).limit(1)) is not None


def lease_next(session: Session, *, owner: str, at: dt.datetime, kinds: Sequence[str] | None = None) -> Job | None:
    """
    Take a free job, or return None.

    What somebody waits for comes before what the schedule queued, then those of whom least is being worked on, then
    the oldest. Whoever has as many at work as their quota allows waits until one of these has ended. A job whose
    attempts are used up, or whose cancellation was asked for before it began, is ended instead of being taken.
    """
    while True:
        running = job_quotas.count_running(session, at=at)
        query = (
            select(Job)
            .where(free(at), *job_quotas.allowed(running))
            .order_by(Job.period_key.is_not(None), job_quotas.rank(running), Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if kinds is not None:
            query = query.where(Job.kind.in_(kinds))
        job = session.scalar(query)
        if job is None:
            return None
        if not job_quotas.still_allowed(session, job, at=at):
            continue
        if job.cancel_requested:
            _end_unheld(session, job, JobState.CANCELLED, at=at)
        elif job.attempts >= job.max_attempts:
            job.error = job.error or f"Its worker died {job.attempts} times."
            _end_unheld(session, job, JobState.DEAD, at=at)
            outbox.emit_dead_job(session, job, at=at)
        else:
            job.state, job.attempts = JobState.RUNNING, job.attempts + 1
            job.lease_owner, job.lease_until, job.not_before = owner, at + LEASE, None
            job.started_at = job.started_at or at
            session.flush()
            return job


def _end_unheld(session: Session, job: Job, state: JobState, *, at: dt.datetime) -> None:
    job.state, job.ended_at, job.lease_owner, job.lease_until = state, at, None, None
    session.flush()
    _count_down(session, job.parent_id)


def _mine(job_id: int, owner: str) -> ColumnElement[bool]:
    return and_(Job.id == job_id, Job.lease_owner == owner, Job.state == JobState.RUNNING)


def _update_mine(session: Session, job_id: int, owner: str, **values: Any) -> int | None:
    """Write to a job that is held, and return the job that it is a part of."""
    statement = update(Job).where(_mine(job_id, owner)).values(**values).returning(Job.parent_id)
    found = session.execute(statement).all()
    if len(found) != 1:
        raise LeaseLostError(f"Job {job_id} is no longer held by {owner}.")
    parent_id: int | None = found[0][0]
    return parent_id


def _count_down(session: Session, parent_id: int | None) -> None:
    """
    Count a part as ended; whoever ends the last one queues the whole.

    One conditional update: the database lets transactions that end parts at once through one after another, and the
    last sees the count of the one before.
    """
    if parent_id is None:
        return
    last = and_(Job.open_parts == 1, Job.state == JobState.WAITING)
    queued, part = literal(JobState.QUEUED, Job.state.type), aliased(Job)
    parts = select(func.count(part.id)).where(part.parent_id == parent_id).scalar_subquery()
    session.execute(
        update(Job)
        .where(Job.id == parent_id, Job.open_parts > 0)
        .values(
            open_parts=Job.open_parts - 1,
            state=case((last, queued), else_=Job.state),
            progress=PARTS_PROGRESS * (1.0 - (Job.open_parts - 1.0) / parts),
        )
        .execution_options(synchronize_session=False)
    )
    parent = session.get_one(Job, parent_id, populate_existing=True)
    if parent.state is JobState.QUEUED:
        tell_queued(session, parent_id)


def split(session: Session, job_id: int, parts: Sequence[Part], *, owner: str, by: Actor) -> list[Job]:
    """
    Let a job wait for parts that are worked on by themselves; it is queued again when the last of them has ended.

    Its body then finds them by :func:`list_parts`, whatever became of them, and joins them.

    Raises
    ------
    LeaseLostError
        If the lease is no longer this owner's.
    """
    _update_mine(
        session,
        job_id,
        owner,
        state=JobState.WAITING,
        open_parts=len(parts),
        # Joining is a piece of work of its own, with attempts of its own.
        attempts=0,
        lease_owner=None,
        lease_until=None,
    )
    return [enqueue(session, part.kind, part.payload, by=by, parent_id=job_id) for part in parts]


def list_parts(session: Session, job_id: int) -> Sequence[Job]:
    """Return the parts of a job in the order in which they were queued."""
    return session.scalars(select(Job).where(Job.parent_id == job_id).order_by(Job.id)).all()


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
    _end(session, job_id, owner, JobState.DONE, at=at, progress=1.0, result=dict(result or {}), error=None)


def end_cancelled(session: Session, job_id: int, *, owner: str, at: dt.datetime) -> None:
    """End a job whose cancellation was asked for."""
    _end(session, job_id, owner, JobState.CANCELLED, at=at)


def fail(session: Session, job_id: int, *, owner: str, at: dt.datetime, error: str) -> None:
    """End a job that cannot succeed by being tried again."""
    _end(session, job_id, owner, JobState.FAILED, at=at, error=error)


def _end(session: Session, job_id: int, owner: str, state: JobState, *, at: dt.datetime, **values: Any) -> None:
    parent_id = _update_mine(session, job_id, owner, state=state, ended_at=at, lease_until=None, **values)
    _count_down(session, parent_id)


def release(session: Session, job_id: int, *, owner: str, at: dt.datetime, error: str, chance: float = 0.5) -> None:
    """
    Give a job back after a fault that may pass; it is dead once its attempts are used up.

    It is tried again after the pause of its kind, half of which is left to ``chance``, a random number in [0, 1).
    """
    job = session.get_one(Job, job_id)
    if job.attempts >= job.max_attempts:
        _end(session, job_id, owner, JobState.DEAD, at=at, error=error, lease_owner=None)
        outbox.emit_dead_job(session, job, at=at)
        return
    pause = get_kind(job.kind).backoff(job.attempts, chance=chance)
    _update_mine(
        session,
        job_id,
        owner,
        state=JobState.QUEUED,
        error=error,
        lease_owner=None,
        lease_until=None,
        not_before=at + pause,
    )


def give_back(session: Session, job_id: int, *, owner: str) -> None:
    """Let others have a job at once because this worker ends; the attempt does not count."""
    _update_mine(
        session,
        job_id,
        owner,
        state=JobState.QUEUED,
        attempts=Job.attempts - 1,
        lease_owner=None,
        lease_until=None,
    )
    tell_queued(session, job_id)


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


def request_cancel(session: Session, job: Job) -> None:
    """
    Ask that a job and its parts stop as soon as they can.

    Raises
    ------
    ConflictError
        If it has ended already.
    """
    if job.state.ended:
        raise ConflictError("This job has ended already.")
    # Parts before the whole, as whoever ends a part goes through them: two orders could wait for each other.
    for part in list_parts(session, job.id):
        if part.state in OPEN_STATES:
            request_cancel(session, part)
    job.cancel_requested = True
    session.flush()
