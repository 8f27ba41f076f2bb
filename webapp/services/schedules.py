"""
The schedule: which jobs are due by themselves, at each site, once in each hour, day or week.

Whoever runs jobs asks from time to time what is due. A job is queued under the key of its period, which is unique in
the database, so that any number of processes queue it once. A period begins at the site's midnight; a week on Monday.
Only the present period is queued: whoever was off for a week catches up once, not seven times.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.models import Job, JobState, Site
from webapp.services.job_kinds import get_kind
from webapp.services.routing import refreshing

REFRESH_JOB = "records.refresh"
WORK_JOB = "records.count_work"
ENGAGEMENTS_JOB = "engagements.day"
CHECK_INS_JOB = "check_ins.make"
DIGEST_JOB = "digests.send"
WORDS_JOB = "intake.expire"
ROUTING_JOB = "routing.remove_old"
ANSWERS_JOB = "api.forget_answers"

HOURLY_KEPT = dt.timedelta(days=7)
"""Two dozen rows a day at each site tell nothing that a week of them does not."""


class Every(enum.StrEnum):
    """How often something is due."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class PeriodicJob:
    """A kind of job that is due at each site once in each period; an hour is one of UTC, which has each once."""

    kind: str
    every: Every

    def period_on(self, today: dt.date) -> dt.date:
        """Return the first day of the period that a day belongs to."""
        return today - dt.timedelta(days=today.weekday()) if self.every is Every.WEEK else today

    def key_of(self, site_id: int, at: dt.datetime, today: dt.date) -> str:
        """Return the key of the period that a moment belongs to, which is the given day at the site."""
        period = f"{at.astimezone(dt.UTC):%Y-%m-%dT%H}" if self.every is Every.HOUR else f"{self.period_on(today)}"
        return f"{self.kind}/{site_id}/{period}"


SCHEDULE = (
    PeriodicJob(REFRESH_JOB, Every.DAY),
    PeriodicJob(WORK_JOB, Every.DAY),
    PeriodicJob(WORDS_JOB, Every.HOUR),
    PeriodicJob(ENGAGEMENTS_JOB, Every.DAY),
    PeriodicJob(CHECK_INS_JOB, Every.DAY),
    PeriodicJob(ROUTING_JOB, Every.DAY),
    PeriodicJob(ANSWERS_JOB, Every.DAY),
    PeriodicJob(DIGEST_JOB, Every.WEEK),
)
"""In the order in which they are queued: a digest tells what the others found."""


@dataclass(frozen=True, slots=True)
class DueJob:
    """A periodic job of the present period at one site."""

    kind: str
    site_id: int
    period_on: dt.date
    key: str


def list_present(session: Session, at: dt.datetime) -> list[DueJob]:
    """Return the periodic jobs of the present period at each site, queued already or not."""
    present = []
    for site in session.scalars(select(Site).order_by(Site.id)):
        today = at.astimezone(ZoneInfo(site.time_zone)).date()
        for periodic in SCHEDULE:
            key = periodic.key_of(site.id, at, today)
            present.append(DueJob(periodic.kind, site.id, periodic.period_on(today), key))
    present += [
        DueJob(refreshing.PRICES_JOB, each.site_id, each.day_on, each.key) for each in refreshing.list_due(session, at)
    ]
    return present


def list_due(session: Session, at: dt.datetime) -> list[DueJob]:
    """Return the periodic jobs that are due and not queued yet; cheap, and reads only."""
    present = list_present(session, at)
    queued = set(session.scalars(select(Job.period_key).where(Job.period_key.in_([due.key for due in present]))))
    return [due for due in present if due.key not in queued]


def queue_due(session: Session, at: dt.datetime) -> int:
    """Queue the periodic jobs that are due, each once however many processes try; return how many this one queued."""
    due = list_due(session, at)
    if not due:
        return 0
    rows = [
        {
            "kind": each.kind,
            "payload": {"site_id": each.site_id, "period_on": each.period_on.isoformat()},
            "period_key": each.key,
            "state": JobState.QUEUED,
            "attempts": 0,
            "max_attempts": get_kind(each.kind).max_attempts,
            "progress": 0.0,
            "progress_detail": {},
            "cancel_requested": False,
            "created_at": at,
        }
        for each in due
    ]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Job).on_conflict_do_nothing(index_elements=["period_key"]).returning(Job.id)
    return len(session.scalars(statement, rows).all())


def remove_past(session: Session, kind: str, site_id: int, *, at: dt.datetime) -> int:
    """Remove rows of an hourly job that ended well more than :data:`HOURLY_KEPT` ago, and return how many."""
    old = delete(Job).where(
        Job.kind == kind,
        Job.state == JobState.DONE,
        Job.ended_at < at - HOURLY_KEPT,
        Job.period_key.startswith(f"{kind}/{site_id}/", autoescape=True),
    )
    return len(session.scalars(old.returning(Job.id)).all())


def last_done_at(session: Session, kind: str, site_id: int, *, before: int) -> dt.datetime | None:
    """Return when the latest periodic job of a kind at a site began that ended well, before another job; or None."""
    query = (
        select(Job.started_at)
        .where(
            Job.kind == kind,
            Job.state == JobState.DONE,
            Job.id < before,
            Job.period_key.startswith(f"{kind}/{site_id}/", autoescape=True),
        )
        .order_by(Job.id.desc())
        .limit(1)
    )
    return session.scalar(query)
