"""The periodic jobs that look after engagements: their day, and check-ins for tomorrow."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from webapp.jobs.registry import JobContext, job
from webapp.models import Site
from webapp.services import check_ins, engagement_upkeep, schedules

ROWS_AT_ONCE = 500


@job(schedules.ENGAGEMENTS_JOB)
def keep_engagements(context: JobContext) -> None:
    """Offer the work of the day, and expire what nobody began in time."""
    site_id, on = int(context.payload["site_id"]), dt.date.fromisoformat(context.payload["period_on"])

    def expire(session: Session) -> int:
        site = session.get_one(Site, site_id)
        return engagement_upkeep.expire(session, site, on, by=context.actor(), limit=ROWS_AT_ONCE)

    with context.database.transaction() as session:
        offered = engagement_upkeep.offer_day(session, session.get_one(Site, site_id), on, by=context.actor())
    expired = context.work_off(expire, limit=ROWS_AT_ONCE)
    context.finish({"on": on.isoformat(), "offered": offered, "expired": expired})


@job(schedules.CHECK_INS_JOB)
def make_check_ins(context: JobContext) -> None:
    """Make the check-ins of a site's rules for the day after."""
    site_id, on = int(context.payload["site_id"]), dt.date.fromisoformat(context.payload["period_on"])
    with context.database.transaction() as session:
        site = session.get_one(Site, site_id)
        made = check_ins.create(session, site, on + dt.timedelta(days=1), by=context.actor())
        context.complete(session, {"on": on.isoformat(), "check_ins": made})
