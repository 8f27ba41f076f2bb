"""The job that solves a plan run."""

from __future__ import annotations

import time
from typing import Any
from zoneinfo import ZoneInfo

from webapp.jobs.registry import JobContext, job
from webapp.models import PlanRun
from webapp.services import jobs
from webapp.services.planning import runs
from webapp.services.planning.earlier import find_earlier

REPORT_SECONDS = 0.5


@job(runs.JOB_KIND)
def solve_run(context: JobContext) -> None:
    """Build the problem of a run, let the optimizer answer, and keep the answer as the job ends."""
    run_id = int(context.payload["run_id"])
    with context.database.reading() as session:
        run = session.get_one(PlanRun, run_id)
        today = context.clock().astimezone(ZoneInfo(run.site.time_zone)).date()
        built = runs.prepare(session, run, today=today)
        earlier = find_earlier(session, run.site_id, run.day_on, horizon=built.horizon)
    answer = runs.solve(
        built.problem,
        report=_throttled(context),
        should_cancel=context.should_cancel,
        memory_mb=context.options.get("solver_memory_mb"),
        earlier=earlier,
    )
    with context.database.transaction() as session:
        run = session.get_one(PlanRun, run_id)
        plan = runs.finish(session, run, built, answer, by=context.actor())
        if context.cancelled.is_set():
            jobs.end_cancelled(session, context.job_id, owner=context.owner, at=context.clock())
        else:
            context.complete(session, {"run_id": run_id, "plan_id": plan.id if plan else None, "status": run.status})


def _throttled(context: JobContext) -> Any:
    told_at = 0.0

    def _report(progress: float, detail: dict[str, Any]) -> None:
        # Each report is a write; more than two a second would only make others wait for the database.
        nonlocal told_at
        if time.monotonic() - told_at >= REPORT_SECONDS:
            told_at = time.monotonic()
            context.report(progress, detail)

    return _report
