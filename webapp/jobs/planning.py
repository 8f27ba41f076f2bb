"""The jobs that solve a plan run, one part of it, and several runs at once."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from webapp.jobs.registry import JobContext, job
from webapp.models import Job, PlanRun
from webapp.services import jobs
from webapp.services.planning import fan_out, runs, split_run
from webapp.services.planning.earlier import find_earlier
from webapp.services.planning.words import status_words


@job(runs.JOB_KIND)
def solve_run(context: JobContext) -> None:
    """Build the problem of a run, let the optimizer answer, and keep the answer as the job ends."""
    run_id = int(context.payload["run_id"])
    with context.database.reading() as session:
        run = session.get_one(PlanRun, run_id)
        today = context.clock().astimezone(ZoneInfo(run.site.time_zone)).date()
        built = runs.prepare(session, run, today=today)
        earlier = find_earlier(session, run.site_id, run.day_on, horizon=built.horizon)
        keep_people = bool((run.inputs or {}).get("replan"))
        joins = split_run.has_parts(session, run_id)
        parts = () if joins or keep_people else split_run.find_parts(session, built.problem, at=context.clock())
        if joins:
            earlier = split_run.begin_from_parts(session, run_id, built) or earlier
    if parts:
        with context.database.transaction() as session:
            run = session.get_one(PlanRun, run_id)
            split_run.take_apart(session, run, built, parts, owner=context.owner, by=context.actor())
        return
    answer = runs.solve(
        split_run.rest_of_time(built.problem) if joins else built.problem,
        report=context.reporter(),
        should_cancel=context.should_cancel,
        memory_mb=context.options.get("solver_memory_mb"),
        earlier=earlier,
        keep=earlier if keep_people else None,
    )
    with context.database.transaction() as session:
        run = session.get_one(PlanRun, run_id)
        plan = runs.finish(session, run, built, answer, by=context.actor())
        if context.cancelled.is_set():
            context.end_cancelled(session)
        elif plan is None and session.get_one(Job, context.job_id).parent_id is not None:
            # Whoever asked for several days sees which has no plan, and can try that one again.
            error = f"{status_words(run.status)}."
            jobs.fail(session, context.job_id, owner=context.owner, at=context.clock(), error=error)
        else:
            context.complete(session, {"run_id": run_id, "plan_id": plan.id if plan else None, "status": run.status})


@job(split_run.PART_JOB)
def solve_part(context: JobContext) -> None:
    """Let the optimizer answer a part of a run, and keep the answer for the solve of the whole."""
    run_id, number = int(context.payload["run_id"]), int(context.payload["number"])
    with context.database.reading() as session:
        problem = split_run.load_part(session, run_id, number)
    answer = runs.solve(
        problem,
        report=context.reporter(),
        should_cancel=context.should_cancel,
        memory_mb=context.options.get("solver_memory_mb"),
    )
    with context.database.transaction() as session:
        split_run.keep_part(session, run_id, number, answer)
        if context.cancelled.is_set():
            context.end_cancelled(session)
        else:
            context.complete(session, {"run_id": run_id, "part": number, "status": answer.status.value})


@job(fan_out.MANY_JOB)
def bring_together(context: JobContext) -> None:
    """Solve days again that plan what another day of their site keeps, each in a transaction, and tell the person."""
    with context.database.reading() as session:
        for repair in fan_out.find_repairs(session, context.job_id):
            # What is found next is read from what is written here.
            session.commit()
            answer = runs.solve(
                repair.problem,
                report=context.reporter(),
                should_cancel=context.should_cancel,
                memory_mb=context.options.get("solver_memory_mb"),
                earlier=repair.begin,
            )
            if context.should_cancel():
                break
            with context.database.transaction() as writing:
                jobs.beat(writing, context.job_id, owner=context.owner, at=context.clock())
                fan_out.keep_repair(writing, repair, answer, by=context.actor())
            session.expire_all()
    with context.database.transaction() as session:
        if context.cancelled.is_set():
            context.end_cancelled(session)
            return
        figures, wrong = fan_out.end(session, session.get_one(Job, context.job_id), by=context.actor())
        if wrong:
            jobs.fail(session, context.job_id, owner=context.owner, at=context.clock(), error=wrong)
        else:
            context.complete(session, figures)
