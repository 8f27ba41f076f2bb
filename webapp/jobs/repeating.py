"""The job that forgets what repeated requests of programs were answered, after 72 hours."""

from __future__ import annotations

from webapp.jobs.registry import JobContext, job
from webapp.services import idempotency, schedules


@job(schedules.ANSWERS_JOB)
def forget_answers(context: JobContext) -> None:
    """Delete old answers of all sites; whichever site's job comes first finds them."""
    with context.database.transaction() as session:
        count = idempotency.forget_old(session, at=context.clock())
        context.complete(session, {"answers": count})
