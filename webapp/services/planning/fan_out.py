"""
Several sites or days planned at once: one job that waits for a run of each site's day, and then brings them together.

What spans the runs of a site is an engagement that may be done on several of its days: each run plans it, as it knows
nothing of the others.  So the day on which it is worth most keeps it, and the other days are solved again without it,
beginning from the plans that they have.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from optimizer.plan import Plan as Answer
from optimizer.problem import Problem
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Job, JobState, Plan, PlanRun, PlanState, Site
from webapp.services import audit, jobs, notices, roster_changes
from webapp.services.audit import Actor
from webapp.services.planning import plans, runs, store
from webapp.services.planning.problem import DayProblem, input_digest
from webapp.services.planning.runs import RunRequest

MANY_JOB = "plan.many"
MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class Requested:
    """A request for several days: its job, and the sites' days that could not be asked for, with the reason."""

    job: Job
    left_out: tuple[tuple[Site, dt.date, str], ...]


def request_many(
    session: Session, sites: Sequence[Site], days: Sequence[dt.date], *, request: RunRequest, by: Actor
) -> Requested:
    """
    Queue a run for each day of each site, as parts of one job.

    A day on which nobody works, or of which a run is under way, is left out.

    Raises
    ------
    InvalidInputError
        If nothing is left to plan, or there are more than :data:`MOST_PARTS` days to plan.
    QuotaError
        If the person has as many plans under way as they may have.
    """
    if len(sites) * len(days) > MOST_PARTS:
        raise InvalidInputError(
            f"These are {len(sites) * len(days)} days of sites; at most {MOST_PARTS} are planned at once."
        )
    parent = jobs.enqueue(session, MANY_JOB, {}, by=by)
    parent.state = JobState.WAITING
    left_out = []
    # Sites are locked in one order, so that two requests never wait for each other.
    for site in sorted(sites, key=lambda each: each.id):
        for day_on in sorted(days):
            try:
                with session.begin_nested():
                    runs.request_run(session, site, day_on, request=request, by=by, parent_id=parent.id)
            except (InvalidInputError, ConflictError) as error:
                left_out.append((site, day_on, str(error)))
            else:
                parent.open_parts += 1
    if not parent.open_parts:
        reason = left_out[0][2] if left_out else "Choose a site and a day."
        raise InvalidInputError(f"There is nothing to plan. {reason}")
    parent.payload = {"parts": parent.open_parts, "left_out": [[site.id, f"{on}"] for site, on, _ in left_out]}
    session.flush()
    audit.record(session, "request_many_runs", parent, by=by, detail=parent.payload)
    return Requested(parent, tuple(left_out))


def list_runs(session: Session, job_id: int) -> Sequence[PlanRun]:
    """Return the runs of a job for several days, by site and day, with their jobs and plans."""
    return session.scalars(
        select(PlanRun)
        .join(PlanRun.job)
        .join(PlanRun.site)
        .where(Job.parent_id == job_id)
        .options(joinedload(PlanRun.job), joinedload(PlanRun.site), joinedload(PlanRun.plan))
        .order_by(Site.name, PlanRun.day_on)
    ).all()


def list_current(session: Session, job_id: int) -> list[PlanRun]:
    """Return, for each run of a job with a draft, the run whose draft now stands for it: its own, or a repaired one."""
    asked = list_runs(session, job_id)
    if not asked:
        return []
    later = session.scalars(
        select(PlanRun)
        .where(
            PlanRun.site_id.in_({run.site_id for run in asked}),
            PlanRun.day_on.in_({run.day_on for run in asked}),
            PlanRun.id > min(run.id for run in asked),
        )
        .options(undefer(PlanRun.inputs), joinedload(PlanRun.plan), joinedload(PlanRun.site))
        .order_by(PlanRun.id)
    ).all()
    repaired = {(run.inputs or {}).get("repairs"): run for run in later}
    current = []
    for run in asked:
        newest = run
        while newest.id in repaired:
            newest = repaired[newest.id]
        if newest.plan is not None and newest.plan.state is PlanState.DRAFT:
            current.append(newest)
    return current


@dataclass(frozen=True, slots=True)
class Repair:
    """A day that is solved again without what other days keep, and the plan to begin from."""

    run_id: int
    problem: Problem
    begin: Answer
    dropped: int


def find_repairs(session: Session, job_id: int) -> Iterator[Repair]:
    """
    Yield, one at a time, each day that has to be solved again because another day keeps some of its work.

    The caller writes the new plan before it asks for the next one, which is found from what is stored then.
    """
    done: set[int] = set()
    while True:
        repair = _next_repair(session, job_id, done)
        if repair is None:
            return
        done.add(repair.run_id)
        yield repair


def _next_repair(session: Session, job_id: int, done: set[int]) -> Repair | None:
    by_site: dict[int, list[PlanRun]] = {}
    for run in list_current(session, job_id):
        by_site.setdefault(run.site_id, []).append(run)
    for days in by_site.values():
        loaded = {run.id: store.load_plan(session, run.plan) for run in days if run.plan is not None}
        keepers: dict[str, tuple[float, int]] = {}
        for run in days:
            for each in loaded[run.id].answer.assignments:
                # Where it is worth most; at equal worth the earlier day, which comes first.
                if each.engagement not in keepers or each.value > keepers[each.engagement][0] + 1e-9:
                    keepers[each.engagement] = (each.value, run.id)
        for run in days:
            mine = loaded[run.id]
            lost = {each.engagement for each in mine.answer.assignments if keepers[each.engagement][1] != run.id}
            if lost and run.id not in done:
                kept_elsewhere = {key for key, (_, keeper) in keepers.items() if keeper != run.id}
                return Repair(run.id, without(mine.problem, kept_elsewhere), mine.answer, len(lost))
    return None


def without(problem: Problem, gone: set[str]) -> Problem:
    """Return a problem without some of its engagements."""
    return replace(
        problem,
        engagements=tuple(each for each in problem.engagements if each.id not in gone),
        pins=tuple(each for each in problem.pins if each.engagement not in gone),
        previous=tuple(each for each in problem.previous if each.engagement not in gone),
    )


def keep_repair(session: Session, repair: Repair, answer: Answer, *, by: Actor) -> Plan | None:
    """Keep what a repair found as a draft in the place of the draft before it."""
    before = session.scalars(
        select(PlanRun).where(PlanRun.id == repair.run_id).options(undefer(PlanRun.inputs), joinedload(PlanRun.plan))
    ).one()
    if not answer.has_plan or before.plan is None:
        return None
    horizon = store.horizon_of(before)
    run = PlanRun(
        site_id=before.site_id,
        day_on=before.day_on,
        starts_at=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
        policy_id=before.policy_id,
        seed=before.seed,
        time_limit_seconds=before.time_limit_seconds,
        gap_target=before.gap_target,
        inputs={**(before.inputs or {}), "repairs": before.id},
        created_by_id=before.created_by_id,
        created_at=by.at,
    )
    session.add(run)
    audit.record(session, "repair_plan_run", run, by=by, detail={"repairs": before.id, "dropped": repair.dropped})
    taken = (before.inputs or {}).get("under_way", {})
    built = DayProblem(repair.problem, horizon, input_digest(repair.problem.to_json()), taken)
    roster_changes.copy_notes(session, before.id, run.id)
    plan = runs.finish(session, run, built, answer, by=by)
    plans.discard(session, before.plan, by=by)
    return plan


def end(session: Session, job: Job, *, by: Actor) -> tuple[dict[str, int], str]:
    """Tell the person how the runs of a job ended, and return the figures and what is wrong; empty if nothing is."""
    asked, current = list_runs(session, job.id), list_current(session, job.id)
    failed = sum(1 for run in asked if run.plan is None)
    repaired = sum(1 for run in current if "repairs" in (run.inputs or {}))
    figures = {"runs": len(asked), "plans": len(current), "solved_again": repaired, "without_plan": failed}
    if job.requested_by_id is not None:
        notices.notify(
            session,
            job.requested_by_id,
            kind="run_finished",
            text=f"{len(current)} of {len(asked)} days are planned.",
            link=f"/jobs/{job.id}",
            by=by,
        )
    problem = f"{failed} of {len(asked)} days have no plan. Try these again; the others are drafts." if failed else ""
    return figures, problem
