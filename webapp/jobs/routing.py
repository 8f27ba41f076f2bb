"""The jobs of live routing: fresh desks and prices, and old records taken away."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from webapp.errors import MainstayError
from webapp.jobs.registry import JobContext, job
from webapp.models import Site
from webapp.services import schedules
from webapp.services.planning import runs
from webapp.services.routing import desks, keeping, refreshing

KEPT_DAYS = 30


@job(refreshing.PRICES_JOB)
def refresh_prices(context: JobContext) -> None:
    """Build the desk of a site anew: with the prices of a new plan, or with prices solved for the rest of the day."""
    site_id = int(context.payload["site_id"])
    with context.database.reading() as session:
        site = session.get_one(Site, site_id)
        try:
            wanted = refreshing.find_repricing(session, site, at=context.clock())
        except MainstayError:
            # A pin that can no longer be met stops a plan, not the floor: the plan's own prices go on.
            wanted = None
    priced = None
    if wanted is not None:
        answer = runs.solve(
            wanted.problem,
            should_cancel=context.should_cancel,
            memory_mb=context.options.get("solver_memory_mb"),
        )
        priced = wanted.with_prices(answer)
    with context.database.transaction() as session:
        desk = desks.refresh(session, session.get_one(Site, site_id), at=context.clock(), priced=priced)
        context.complete(
            session, {"desk_id": desk.id, "plan_id": desk.plan_id, "priced": desk.priced, "resolved": desk.resolved}
        )


@job(schedules.ROUTING_JOB)
def remove_old_routing(context: JobContext) -> None:
    """Take away contacts and decisions of a site that were kept long enough, some at a time."""
    site_id = int(context.payload["site_id"])
    days = int(context.options.get("routing_days", KEPT_DAYS))
    before = context.clock() - dt.timedelta(days=days)

    def remove(session: Session) -> int:
        count = keeping.remove_old(session, site_id, before=before)
        keeping.note_removal(session, session.get_one(Site, site_id), before=before, count=count, by=context.actor())
        return count

    context.finish({"contacts": context.work_off(remove, limit=keeping.ROWS_AT_ONCE)})
