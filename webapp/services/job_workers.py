"""Which processes run jobs, as they were last seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from webapp.models import Job, JobState, JobWorker

SEEN_EVERY_SECONDS = 10.0
GONE_AFTER = dt.timedelta(seconds=40)
FORGOTTEN_AFTER = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SeenWorker:
    """A worker with the jobs that it holds now."""

    worker: JobWorker
    alive: bool
    job_ids: tuple[int, ...]


def note(session: Session, name: str, *, executor: str, concurrency: int, at: dt.datetime) -> None:
    """Note that a worker lives; those that nobody has seen for a day are forgotten."""
    statement = (
        update(JobWorker).where(JobWorker.name == name).values(seen_at=at, ended_at=None).returning(JobWorker.id)
    )
    if session.execute(statement).first() is None:
        session.execute(delete(JobWorker).where(JobWorker.seen_at < at - FORGOTTEN_AFTER))
        session.add(JobWorker(name=name, executor=executor, concurrency=concurrency, started_at=at, seen_at=at))
        session.flush()


def note_end(session: Session, name: str, *, at: dt.datetime) -> None:
    """Note that a worker has ended by itself, and not been lost."""
    session.execute(update(JobWorker).where(JobWorker.name == name).values(seen_at=at, ended_at=at))


def list_workers(session: Session, *, at: dt.datetime) -> list[SeenWorker]:
    """Return the workers of the last day: those that live first, then the one that was seen last."""
    held: dict[str, list[int]] = {}
    query = select(Job.id, Job.lease_owner).where(Job.state == JobState.RUNNING, Job.lease_until >= at)
    for job_id, owner in session.execute(query.order_by(Job.id)):
        held.setdefault(owner or "", []).append(job_id)
    workers: Sequence[JobWorker] = session.scalars(select(JobWorker)).all()
    seen = [
        SeenWorker(worker, _lives(worker, at), tuple(held.get(worker.name, ())))
        for worker in workers
        if worker.seen_at >= at - FORGOTTEN_AFTER
    ]
    return sorted(seen, key=lambda each: (not each.alive, -each.worker.seen_at.timestamp(), each.worker.name))


def _lives(worker: JobWorker, at: dt.datetime) -> bool:
    return worker.ended_at is None and worker.seen_at >= at - GONE_AFTER


def count_places(session: Session, *, at: dt.datetime) -> int:
    """Return how many jobs the workers that live can hold at once."""
    query = select(func.sum(JobWorker.concurrency)).where(
        JobWorker.ended_at.is_(None), JobWorker.seen_at >= at - GONE_AFTER
    )
    return int(session.scalar(query) or 0)
