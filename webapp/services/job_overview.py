"""Jobs as people look after them: lists by state, what waits how long, what died, and trying it again."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, MainstayError
from webapp.models import Job, JobState
from webapp.services import audit, job_quotas, jobs
from webapp.services.audit import Actor

RETRYABLE = (JobState.FAILED, JobState.DEAD, JobState.CANCELLED)
BULK_LIMIT = 500


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs a page shows; what is empty does not narrow it."""

    state: str = ""
    kind: str = ""
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """How the queue stands: jobs by state, and since when the oldest one waits."""

    counts: Mapping[JobState, int]
    waiting: int
    oldest_since: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Hour:
    """What happened in an hour: how many jobs came, ended well, ended badly, and waited at its end."""

    starts_at: dt.datetime
    queued: int
    done: int
    failed: int
    waiting: int


def _narrowed(query: Select[Job], wanted: JobFilter) -> Select[Job]:
    if wanted.state:
        query = query.where(Job.state == wanted.state)
    if wanted.kind:
        query = query.where(Job.kind == wanted.kind)
    if wanted.person_id is not None:
        query = query.where(Job.requested_by_id == wanted.person_id)
    return query


def count_jobs(session: Session, wanted: JobFilter) -> int:
    """Return how many jobs there are of these."""
    return session.scalar(select(func.count()).select_from(_narrowed(select(Job), wanted).subquery())) or 0


def list_jobs(session: Session, wanted: JobFilter, *, offset: int = 0, limit: int = 200) -> Sequence[Job]:
    """Return jobs of everybody, the newest first."""
    query = _narrowed(select(Job), wanted).options(joinedload(Job.requested_by))
    return session.scalars(query.order_by(Job.id.desc()).offset(offset).limit(limit)).all()


def list_kinds(session: Session) -> Sequence[str]:
    """Return the kinds of which there are jobs."""
    return session.scalars(select(Job.kind).distinct().order_by(Job.kind)).all()


def list_free_ids(session: Session, *, at: dt.datetime, limit: int) -> list[int]:
    """Return jobs that wait for a worker and that may be taken now, the oldest first."""
    running = job_quotas.count_running(session, at=at)
    query = select(Job.id).where(jobs.free(at), *job_quotas.allowed(running)).order_by(Job.id).limit(limit)
    return list(session.scalars(query))


def read_queue(session: Session, *, at: dt.datetime) -> Queue:
    """Return how the queue stands now."""
    rows = session.execute(select(Job.state, func.count()).group_by(Job.state)).all()
    waiting, oldest = session.execute(select(func.count(), func.min(Job.created_at)).where(jobs.free(at))).one()
    return Queue(counts={row[0]: row[1] for row in rows}, waiting=waiting, oldest_since=oldest)


def read_hours(session: Session, *, at: dt.datetime, hours: int = 24) -> list[Hour]:
    """Return what happened in each of the last hours, the present one last."""
    last = at.replace(minute=0, second=0, microsecond=0)
    first = last - dt.timedelta(hours=hours - 1)
    query = select(Job.created_at, Job.started_at, Job.ended_at, Job.state).where(
        or_(Job.created_at >= first, Job.ended_at >= first, Job.ended_at.is_(None))
    )
    rows = session.execute(query).all()
    queued: Counter[dt.datetime] = Counter()
    done: Counter[dt.datetime] = Counter()
    failed: Counter[dt.datetime] = Counter()
    for created_at, _, ended_at, state in rows:
        queued[_hour(created_at)] += 1
        if ended_at is not None and state in {JobState.DONE, JobState.FAILED, JobState.DEAD}:
            (done if state is JobState.DONE else failed)[_hour(ended_at)] += 1
    found = []
    for number in range(hours):
        start = first + dt.timedelta(hours=number)
        end = min(at, start + dt.timedelta(hours=1))
        waiting = sum(
            1
            for created_at, started_at, ended_at, _ in rows
            if created_at <= end and all(moment is None or moment > end for moment in (started_at, ended_at))
        )
        found.append(Hour(start, queued[start], done[start], failed[start], waiting))
    return found


def _hour(moment: dt.datetime) -> dt.datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def retry(session: Session, job: Job, *, by: Actor) -> None:
    """
    Queue a job once more that ended without doing what was asked, with all its attempts; what it is a part of waits.

    A job with parts that failed is not run itself: its failed parts are, and it joins them again when they have ended.

    Raises
    ------
    ConflictError
        If it has not ended, is done, or is a part of something that is done or being joined at the moment.
    QuotaError
        If the person who asked for it has as much waiting as they may have.
    """
    failed = [part for part in jobs.list_parts(session, job.id) if part.state.can_be_retried]
    if job.state in RETRYABLE and failed:
        for part in failed:
            retry(session, part, by=by)
        return
    if job.requested_by_id is not None and job.parent_id is None:
        job_quotas.check_room(session, job.requested_by_id, job.kind)
    was = job.state
    statement = (
        update(Job)
        .where(Job.id == job.id, Job.state.in_(RETRYABLE))
        .values(
            state=JobState.QUEUED,
            attempts=0,
            cancel_requested=False,
            progress=0.0,
            not_before=None,
            ended_at=None,
            lease_owner=None,
            lease_until=None,
        )
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    if session.execute(statement).first() is None:
        raise ConflictError("This job is under way or done; there is nothing to try again.")
    session.refresh(job)
    _reopen(session, job.parent_id)
    jobs.tell_queued(session, job.id)
    audit.record(session, "retry_job", job, by=by, detail={"kind": job.kind, "was": was.value})


def _reopen(session: Session, parent_id: int | None) -> None:
    """Let the whole wait for one part more; if it had ended, what it is itself a part of waits again as well."""
    if parent_id is None:
        return
    parent = session.get_one(Job, parent_id, populate_existing=True, with_for_update=True)
    if parent.state in {JobState.RUNNING, JobState.DONE, JobState.DISCARDED}:
        raise ConflictError("What this is a part of is being joined, or is done without it. Start it anew.")
    had_ended = parent.state.ended
    parent.state, parent.open_parts, parent.attempts = JobState.WAITING, parent.open_parts + 1, 0
    parent.cancel_requested, parent.ended_at, parent.error = False, None, None
    session.flush()
    if had_ended:
        _reopen(session, parent.parent_id)


def retry_all(session: Session, wanted: JobFilter, *, by: Actor) -> tuple[int, int]:
    """
    Try all dead and failed jobs again that a filter shows; return how many were queued, and how many could not be.

    A job that cannot be tried again, as its person's queue is full, stays as it is.
    """
    query = _narrowed(select(Job), wanted).where(Job.state.in_((JobState.DEAD, JobState.FAILED)))
    queued = refused = 0
    for job in session.scalars(query.order_by(Job.id).limit(BULK_LIMIT)).all():
        # A part may have been queued by the whole that came before it.
        session.refresh(job)
        if job.state not in RETRYABLE:
            continue
        try:
            with session.begin_nested():
                retry(session, job, by=by)
            queued += 1
        except MainstayError:
            refused += 1
    return queued, refused


def discard(session: Session, job: Job, *, by: Actor) -> None:
    """
    Let a dead or failed job be: it leaves the list of dead letters.

    Raises
    ------
    ConflictError
        If it is neither.
    """
    if job.state not in {JobState.DEAD, JobState.FAILED}:
        raise ConflictError("Only a job that is dead or failed can be discarded.")
    was, job.state = job.state, JobState.DISCARDED
    session.flush()
    audit.record(session, "discard_job", job, by=by, detail={"kind": job.kind, "was": was.value})
