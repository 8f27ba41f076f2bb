"""
Large runs taken apart: agents and engagements that share nothing are solved by several workers at once, then joined.

The run's own job solves the whole in the end, from where its parts arrived, so that what spans parts holds: the cap on
changes, the share of proactive work, balance and growth.  A part that failed only makes that solve begin with less.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from optimizer.parts import join, split
from optimizer.plan import Plan as Answer
from optimizer.problem import Problem
from webapp.models import PlanPart, PlanRun
from webapp.services import audit, job_workers, jobs
from webapp.services.audit import Actor
from webapp.services.planning.problem import DayProblem

PART_JOB = "plan.part"
LEAST_ENGAGEMENTS = 400
"""Engagements from which on a problem is worth taking apart."""

MOST_PARTS = 8
PARTS_SHARE = 0.6
"""Share of the time limit for the parts; the whole has the rest."""


def has_parts(session: Session, run_id: int) -> bool:
    """Return whether a run was taken apart."""
    return session.scalar(select(PlanPart.id).where(PlanPart.run_id == run_id).limit(1)) is not None


def find_parts(session: Session, problem: Problem, *, at: dt.datetime) -> tuple[Problem, ...]:
    """Return the parts of a problem; none if it is small, hangs together, or only one worker is there to solve it."""
    if len(problem.engagements) < LEAST_ENGAGEMENTS or job_workers.count_places(session, at=at) < 2:
        return ()
    return _cut(problem)


def _cut(problem: Problem) -> tuple[Problem, ...]:
    return split(problem, most=MOST_PARTS, time_limit_s=max(1.0, PARTS_SHARE * problem.policy.time_limit_s))


def take_apart(
    session: Session, run: PlanRun, built: DayProblem, parts: Sequence[Problem], *, owner: str, by: Actor
) -> None:
    """
    Let the job of a run wait for its parts, which are queued.

    Raises
    ------
    LeaseLostError
        If the worker no longer holds the job.
    """
    # Whoever solves a part takes this problem apart again and finds the same parts.
    run.problem = built.problem.to_json()
    asked = [jobs.Part(PART_JOB, {"run_id": run.id, "number": number}) for number in range(len(parts))]
    queued = jobs.split(session, run.job_id or 0, asked, owner=owner, by=by)
    session.add_all(
        PlanPart(
            run_id=run.id,
            number=number,
            job_id=job.id,
            agents=len(part.agents),
            engagements=len(part.engagements),
        )
        for number, (part, job) in enumerate(zip(parts, queued, strict=True))
    )
    session.flush()
    audit.record(session, "split_plan_run", run, by=by, detail={"site_id": run.site_id, "parts": len(parts)})


def load_part(session: Session, run_id: int, number: int) -> Problem:
    """Return the problem of a part."""
    run = session.scalars(select(PlanRun).where(PlanRun.id == run_id).options(undefer(PlanRun.problem))).one()
    return _cut(Problem.from_json(run.problem))[number]


def keep_part(session: Session, run_id: int, number: int, answer: Answer) -> None:
    """Keep what the optimizer said of a part."""
    part = session.scalars(select(PlanPart).where(PlanPart.run_id == run_id, PlanPart.number == number)).one()
    part.status, part.objective, part.bound = answer.status.value, answer.objective, answer.bound
    part.seconds, part.answer = answer.seconds, answer.to_json() if answer.has_plan else None
    session.flush()


def list_parts(session: Session, run_id: int) -> Sequence[PlanPart]:
    """Return the parts of a run, with their jobs."""
    return session.scalars(select(PlanPart).where(PlanPart.run_id == run_id).order_by(PlanPart.number)).all()


def begin_from_parts(session: Session, run_id: int, built: DayProblem) -> Answer | None:
    """Return where the solve of the whole begins: the plans of its parts together, or None if none has one."""
    query = select(PlanPart.answer).where(PlanPart.run_id == run_id, PlanPart.answer.is_not(None))
    return join(built.problem, [Answer.from_json(each) for each in session.scalars(query.order_by(PlanPart.number))])


def rest_of_time(problem: Problem) -> Problem:
    """Return a problem with the share of the time limit that its parts left."""
    rest = max(1.0, (1 - PARTS_SHARE) * problem.policy.time_limit_s)
    return replace(problem, policy=replace(problem.policy, time_limit_s=rest))
