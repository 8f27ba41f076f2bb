"""
What a person may have under way at once: so many jobs of a group at work, and so many waiting beside these.

How many wait is checked when a job is queued, and how many are at work when one is taken.  Parts of a job count to
neither: they belong to one thing that somebody asked for.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, case, func, literal, not_, or_, select
from sqlalchemy.orm import Session

from webapp.errors import QuotaError
from webapp.models import Job, JobState
from webapp.services.job_kinds import KINDS, OTHER_GROUP, Quota, get_kind, kinds_of, quota_of

_LOCK_CLASS = 0x4A0B
"""First half of the number of the lock of a person's jobs; the second half is their id."""


@dataclass(frozen=True, slots=True)
class Running:
    """How many jobs are at work: by person, and by person and group without parts."""

    by_person: Counter[int] = field(default_factory=Counter)
    by_group: Counter[tuple[int, str]] = field(default_factory=Counter)


def count_running(session: Session, *, at: dt.datetime) -> Running:
    """Count the jobs whose workers live; there are as many as workers can hold."""
    query = select(Job.requested_by_id, Job.kind, Job.parent_id).where(
        Job.state == JobState.RUNNING, Job.lease_until >= at
    )
    running = Running()
    for person_id, kind, parent_id in session.execute(query):
        if person_id is None:
            continue
        running.by_person[person_id] += 1
        if parent_id is None:
            running.by_group[person_id, get_kind(kind).group] += 1
    return running


def _of_group(group: str) -> ColumnElement[bool]:
    if group == OTHER_GROUP:
        # Kinds that nobody has listed belong here as well.
        return Job.kind.not_in([name for name, kind in KINDS.items() if kind.group != OTHER_GROUP])
    return Job.kind.in_(kinds_of(group))


def allowed(running: Running) -> list[ColumnElement[bool]]:
    """Return conditions that leave out the jobs of those who have as many at work as they may have."""
    return [
        or_(
            Job.parent_id.is_not(None),
            Job.requested_by_id.is_(None),
            not_(and_(Job.requested_by_id == person_id, _of_group(group))),
        )
        for (person_id, group), count in running.by_group.items()
        if count >= quota_of(group).running
    ]


def rank(running: Running) -> ColumnElement[int]:
    """Return what jobs are ordered by so that those come first of whom least is being worked on."""
    if not running.by_person:
        return literal(0)
    return case(dict(running.by_person), value=Job.requested_by_id, else_=0)


def still_allowed(session: Session, job: Job, *, at: dt.datetime) -> bool:
    """
    Return whether a person may have this job at work, asked so that two workers cannot both hear yes for the last one.

    SQLite has one writer at a time anyhow.
    """
    if job.requested_by_id is None or job.parent_id is not None or session.get_bind().dialect.name != "postgresql":
        return True
    _lock(session, job.requested_by_id)
    group = get_kind(job.kind).group
    return count_running(session, at=at).by_group[job.requested_by_id, group] < quota_of(group).running


def check_room(session: Session, person_id: int, kind: str) -> None:
    """
    Refuse one more job of a kind from somebody whose queue is full.

    Raises
    ------
    QuotaError
        With how many they may have, and what to do.
    """
    if session.get_bind().dialect.name == "postgresql":
        _lock(session, person_id)
    group = get_kind(kind).group
    quota: Quota = quota_of(group)
    states = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)
    query = select(func.count()).where(
        Job.requested_by_id == person_id, Job.parent_id.is_(None), Job.state.in_(states), _of_group(group)
    )
    under_way = session.scalar(query) or 0
    if under_way >= quota.running + quota.waiting:
        raise QuotaError(
            f"You already have {under_way} jobs of this kind under way, as many as one person may have: "
            f"{quota.running} at work and {quota.waiting} waiting. Cancel one, or wait until one is done."
        )


def _lock(session: Session, person_id: int) -> None:
    """Hold a person's jobs to the end of the transaction, so that two that count them come one after another."""
    session.execute(select(func.pg_advisory_xact_lock(_LOCK_CLASS, person_id)))
