"""
Writing many records anew: at once where they are few, by a job in parts where others would wait for it.

A record that waits is marked so that it holds for no day: whoever reads it meanwhile gets the answer from the log.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.models import Job, SkillRecord
from webapp.services import audit, jobs, records
from webapp.services.audit import Actor

RENEW_JOB = "renew-records"
AT_ONCE = 2_000
"""Records that are written anew together with what they follow from; more are left to the job."""

PART = 500
"""Records of one transaction of the job: well under a second of work, so that nobody waits for it."""

WAITING = dt.date.max
"""The ``holds_from`` of a record that waits: it is right for no day."""


def mark_skill(session: Session, skill_id: int, on: dt.date) -> int:
    """Mark all records of a skill as waiting and return how many there are."""
    _mark(session, SkillRecord.skill_id == skill_id, on)
    return count_waiting(session, [skill_id])


def mark_people(session: Session, skill_id: int, person_ids: Collection[int], on: dt.date) -> None:
    """Mark the records of some people in a skill as waiting."""
    for some in records.batches(sorted(person_ids), AT_ONCE):
        _mark(session, (SkillRecord.skill_id == skill_id) & SkillRecord.person_id.in_(some), on)


def _mark(session: Session, condition: object, on: dt.date) -> None:
    session.execute(
        update(SkillRecord).where(condition).values(holds_from=WAITING, changes_on=on),  # type: ignore[arg-type]
        execution_options={"synchronize_session": False},
    )
    records.expire_records(session)


def count_waiting(session: Session, skill_ids: Collection[int]) -> int:
    """Return how many records of skills wait."""
    waiting = select(func.count()).where(SkillRecord.skill_id.in_(skill_ids), SkillRecord.holds_from == WAITING)
    return session.scalar(waiting) or 0


def renew(session: Session, skill_ids: Collection[int], *, by: Actor) -> Job | None:
    """Write the waiting records of skills anew if they are few, else queue the job that does and return it."""
    if count_waiting(session, skill_ids) > AT_ONCE:
        return jobs.enqueue(session, RENEW_JOB, {"skill_ids": sorted(skill_ids)}, by=by)
    _renew_some(session, skill_ids, by.at.date(), AT_ONCE)
    return None


def _renew_some(session: Session, skill_ids: Collection[int], on: dt.date, limit: int) -> int:
    waiting = (
        select(SkillRecord.person_id, SkillRecord.skill_id)
        .where(SkillRecord.skill_id.in_(skill_ids), SkillRecord.holds_from == WAITING)
        .order_by(SkillRecord.id)
        .limit(limit)
    )
    pairs = [(person_id, skill_id) for person_id, skill_id in session.execute(waiting)]
    return records.reproject(session, pairs, on)


def renew_part(session: Session, skill_ids: Collection[int], *, by: Actor) -> int:
    """Do one part of the job, with its audit event; return 0 once nothing waits."""
    count = _renew_some(session, skill_ids, by.at.date(), PART)
    if count:
        first = session.scalars(select(SkillRecord).where(SkillRecord.skill_id.in_(skill_ids)).limit(1)).one()
        detail = {"skills": sorted(skill_ids), "count": count}
        audit.record(session, "refresh_records", first, by=by, detail=detail)
    return count
