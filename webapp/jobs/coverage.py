"""The job that searches a week for its single points of failure."""

from __future__ import annotations

import datetime as dt
import time
from zoneinfo import ZoneInfo

from webapp.jobs.registry import JobContext, job
from webapp.models import Site
from webapp.services.coverage import single_points
from webapp.services.coverage.week import read_week

REPORT_SECONDS = 0.5


@job(single_points.JOB_KIND)
def search_week(context: JobContext) -> None:
    """Read the week, search it, and keep what was found as the job ends."""
    first_on = dt.date.fromisoformat(context.payload["first_on"])
    with context.database.reading() as session:
        site = session.get_one(Site, int(context.payload["site_id"]))
        today = context.clock().astimezone(ZoneInfo(site.time_zone)).date()
        week = read_week(session, site, first_on, today=today)
        minutes, works = week.supply(), week.demand()
    began_at = told_at = time.monotonic()

    def should_cancel() -> bool:
        # Each report is a write; more than two a second would only make others wait for the database.
        nonlocal told_at
        now = time.monotonic()
        if now - told_at >= REPORT_SECONDS:
            told_at = now
            context.report(min(0.99, (now - began_at) / single_points.JOB_SECONDS))
        return context.should_cancel()

    found = single_points.search(minutes, works, seconds=single_points.JOB_SECONDS, should_cancel=should_cancel)
    with context.database.transaction() as session:
        if context.cancelled.is_set():
            context.end_cancelled(session)
        else:
            context.complete(session, single_points.to_json(found))
