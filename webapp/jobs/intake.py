"""The hourly job that lets customers' words go once their days are over, wherever they are."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from webapp.jobs.registry import JobContext, job
from webapp.models import Site
from webapp.services import customers, engagement_upkeep, schedules
from webapp.services.intake import retention
from webapp.services.talk import threads

WORDS_DAYS = 90
THREAD_DAYS = 90
ROWS_AT_ONCE = 500


@job(schedules.WORDS_JOB)
def expire_words(context: JobContext) -> None:
    """Take out payloads, subjects, praise and messages of a site that have expired, some at a time."""
    site_id, by = int(context.payload["site_id"]), context.actor()

    def moment(option: str, days: int) -> dt.datetime:
        return by.at - dt.timedelta(days=int(context.options.get(option, days)))

    def payloads(session: Session) -> int:
        return retention.expire(session, site_id, by=by, limit=ROWS_AT_ONCE)

    def words(session: Session) -> int:
        before = moment("customer_words_days", WORDS_DAYS)
        return engagement_upkeep.clear_words(session, session.get_one(Site, site_id), before, by=by, limit=ROWS_AT_ONCE)

    def messages(session: Session) -> int:
        before = moment("thread_days", THREAD_DAYS)
        return threads.remove_old(session, session.get_one(Site, site_id), before, by=by, limit=ROWS_AT_ONCE)

    with context.database.transaction() as session:
        customers.strengthen(session, by=by)
        schedules.remove_past(session, schedules.WORDS_JOB, site_id, at=by.at)
    context.finish(
        {
            "rows": context.work_off(payloads, limit=ROWS_AT_ONCE),
            "words_cleared": context.work_off(words, limit=ROWS_AT_ONCE),
            "messages_removed": context.work_off(messages, limit=ROWS_AT_ONCE),
        }
    )
