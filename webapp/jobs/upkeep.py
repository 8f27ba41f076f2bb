"""The periodic jobs that keep the inventory alive: refreshing records, counting work, weekly digests."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from webapp.jobs.registry import JobContext, job
from webapp.models import Site
from webapp.services import digests, records, schedules, work_evidence
from webapp.services.work_evidence import Counted

RECORDS_AT_ONCE = 200
PEOPLE_AT_ONCE = 20
"""What one transaction holds: other writers wait for it, at most a fraction of a second."""

OVERDUE_DAYS = 10


@job(schedules.REFRESH_JOB)
def refresh_records(context: JobContext) -> None:
    """Write the records of a site anew on which something expired or faded by the day, some at a time."""
    site_id, on = _site_and_day(context)

    def refresh(session: Session) -> int:
        return records.refresh_due(session, on, by=context.actor(), site_id=site_id, limit=RECORDS_AT_ONCE)

    context.finish({"on": on.isoformat(), "records": context.work_off(refresh, limit=RECORDS_AT_ONCE)})


@job(schedules.WORK_JOB)
def count_work(context: JobContext) -> None:
    """Make the log say how much work people of a site did up to the day, some people at a time."""
    site_id, on = _site_and_day(context)
    with context.database.reading() as session:
        site = session.get_one(Site, site_id)
        since = schedules.last_done_at(session, schedules.WORK_JOB, site_id, before=context.job_id)
        first_on = work_evidence.first_day_to_count(session, site, on, since=since)
        people = work_evidence.list_people(session, site)
    counted = Counted()
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        if context.should_cancel():
            break
        with context.database.transaction() as session:
            counted += work_evidence.count_work(
                session,
                session.get_one(Site, site_id),
                people[start : start + PEOPLE_AT_ONCE],
                first_on=first_on,
                until=on,
                by=context.actor(),
            )
        context.report(start / len(people), {"rows": start, "of": len(people)})
    context.finish(
        {
            "from": first_on.isoformat(),
            "until": on.isoformat(),
            "written": counted.written,
            "taken_back": counted.taken_back,
        },
    )


@job(schedules.DIGEST_JOB)
def send_digests(context: JobContext) -> None:
    """Leave each person of a site their digest of the week; all of them as the job ends, so that nobody gets two."""
    site_id, _ = _site_and_day(context)
    with context.database.reading() as session:
        site = session.get_one(Site, site_id)
        on = context.clock().astimezone(ZoneInfo(site.time_zone)).date()
        messages = digests.compose(
            session, site, on, overdue_days=int(context.options.get("overdue_days", OVERDUE_DAYS))
        )
    with context.database.transaction() as session:
        count = digests.deliver(session, messages, by=context.actor())
        context.complete(session, {"digests": count})


def _site_and_day(context: JobContext) -> tuple[int, dt.date]:
    return int(context.payload["site_id"]), dt.date.fromisoformat(context.payload["period_on"])
