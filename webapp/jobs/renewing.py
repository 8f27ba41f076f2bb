"""The job that writes many records anew, some at a time, so that others need not wait for it."""

from __future__ import annotations

from webapp.jobs.registry import JobContext, job
from webapp.services import record_renewal


@job(record_renewal.RENEW_JOB)
def renew_records(context: JobContext) -> None:
    """Write the waiting records of skills anew; each part is a transaction, so a worker that dies loses nothing."""
    skill_ids = [int(skill_id) for skill_id in context.payload["skill_ids"]]
    with context.database.reading() as session:
        expected = record_renewal.count_waiting(session, skill_ids)
    done = 0
    while True:
        if context.should_cancel():
            break
        with context.database.transaction() as session:
            count = record_renewal.renew_part(session, skill_ids, by=context.actor())
            if not count:
                context.complete(session, {"records": done})
                return
        done += count
        context.report(min(1.0, done / max(1, expected)), {"records": done, "of": expected})
    if not context.lost.is_set():
        with context.database.transaction() as session:
            context.end_cancelled(session)
