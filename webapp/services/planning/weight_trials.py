"""What a weight does: a day that is over, solved again for each weight of a grid, beside what was published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.plan import Plan as Answer
from optimizer.policy import WEIGHTED_TERMS
from optimizer.problem import Problem
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Plan, Policy, Site, WeightTrial
from webapp.services import audit, jobs
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning import policies, runs, store
from webapp.services.planning.day import find_live_plan

JOB_KIND = "weights.try"
FACTORS = (0.0, 0.5, 1.0, 2.0, 4.0)
SECONDS_EACH = 5.0
LEAST_WEIGHT = 0.5
"""A weight of nothing has no multiples: the grid is then made of multiples of this one."""


def request_trial(
    session: Session, site: Site, day_on: dt.date, *, policy: Policy, term: str, by: Actor
) -> WeightTrial:
    """
    Queue a trial of one weight on a day that is over.

    Raises
    ------
    InvalidInputError
        If the term has no weight, the day is not over, or no plan of it was published.
    """
    if term not in WEIGHTED_TERMS:
        raise InvalidInputError("Choose a term that has a weight.", field="term")
    if day_on >= by.at.astimezone(ZoneInfo(site.time_zone)).date():
        raise InvalidInputError("Choose a day that is over.", field="day")
    plan = find_live_plan(session, site.id, day_on)
    if plan is None:
        raise InvalidInputError("No plan of this day was published.", field="day")
    weight = policies.optimizer_policy(policy, seed=1, time_limit_seconds=SECONDS_EACH).weight(term) or LEAST_WEIGHT
    trial = WeightTrial(
        site_id=site.id,
        day_on=day_on,
        plan_id=plan.id,
        policy_id=policy.id,
        term=term,
        grid=[round(weight * factor, 6) for factor in FACTORS],
        seconds_each=SECONDS_EACH,
        created_at=by.at,
    )
    session.add(trial)
    session.flush()
    trial.job_id = jobs.enqueue(session, JOB_KIND, {"trial_id": trial.id}, by=by).id
    detail = {"site_id": site.id, "day": day_on.isoformat(), "policy": policy.code, "term": term}
    audit.record(session, "request_weight_trial", trial, by=by, detail=detail)
    return trial


def load(session: Session, trial: WeightTrial) -> tuple[list[Problem], Answer]:
    """Return the day's problem under each weight, and the published plan."""
    loaded = store.load_plan(session, trial.plan)
    policy = policies.optimizer_policy(trial.policy, seed=trial.plan.run.seed, time_limit_seconds=trial.seconds_each)
    # As the day was asked about at first: nothing stands yet, and every change is the weight's.
    problem = replace(loaded.problem, frozen_before=0, max_changes=None)
    problems = [
        replace(problem, policy=replace(policy, weights={**policy.weights, trial.term: float(weight)}))
        for weight in trial.grid
    ]
    return problems, loaded.answer


def try_weights(
    problems: list[Problem],
    published: Answer,
    *,
    grid: list[float],
    report: Callable[[float, dict[str, Any]], None],
    should_cancel: Callable[[], bool],
    solve: Callable[[Problem], Answer],
) -> list[dict[str, Any]] | None:
    """Solve the day for each weight and return what comes of each as plain JSON; None if it was cancelled."""
    points = []
    for number, (problem, weight) in enumerate(zip(problems, grid, strict=True)):
        if should_cancel():
            return None
        report(number / len(problems), {"done": number, "of": len(problems)})
        points.append(_point(weight, solve(problem), published))
    return points


def _point(weight: float, answer: Answer, published: Answer) -> dict[str, Any]:
    before = {each.engagement: each.agent for each in published.assignments}
    after = {each.engagement: each.agent for each in answer.assignments}
    changed = sum(1 for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return {
        "weight": weight,
        "status": answer.status.value,
        "value": answer.objective,
        "terms": dict(answer.terms),
        "served": len(after),
        "changed": changed,
        "live_minutes": round(sum(each.minutes for each in answer.reserved), 1),
        "stretch_minutes": round(sum(each.minutes for each in answer.assignments if each.stretch is not None), 1),
    }


def finish(session: Session, trial: WeightTrial, points: list[dict[str, Any]], *, by: Actor) -> None:
    """Keep what came out of a trial."""
    trial.points = points
    audit.record(session, "finish_weight_trial", trial, by=by, detail={"site_id": trial.site_id})
    session.flush()


def get_trial(session: Session, trial_id: int, *, viewer: Viewer) -> WeightTrial:
    """
    Return a trial of a site whose plans the viewer sees.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = session.scalar(
        select(WeightTrial)
        .join(WeightTrial.site)
        .where(WeightTrial.id == trial_id, viewer.sees_site(Permission.VIEW_PLANS))
        .options(joinedload(WeightTrial.site), joinedload(WeightTrial.job), joinedload(WeightTrial.policy))
    )
    if found is None:
        raise NotFoundError("There is no such trial.")
    return found


def list_trials(session: Session, *, viewer: Viewer, limit: int = 20) -> list[WeightTrial]:
    """Return the newest trials at the sites whose plans the viewer sees."""
    query = (
        select(WeightTrial)
        .join(WeightTrial.site)
        .where(viewer.sees_site(Permission.VIEW_PLANS))
        .options(joinedload(WeightTrial.site), joinedload(WeightTrial.job), joinedload(WeightTrial.policy))
    )
    return list(session.scalars(query.order_by(WeightTrial.id.desc()).limit(limit)))


def list_days(session: Session, site: Site, *, before: dt.date, limit: int = 30) -> list[dt.date]:
    """Return the newest days of a site that are over and had a published plan."""
    query = select(Plan.day_on).where(Plan.site_id == site.id, Plan.published_at.is_not(None), Plan.day_on < before)
    return list(session.scalars(query.distinct().order_by(Plan.day_on.desc()).limit(limit)))


def solver(*, should_cancel: Callable[[], bool], memory_mb: int | None) -> Callable[[Problem], Answer]:
    """Return a solver in a child process whose answers are checked."""
    return lambda problem: runs.solve(problem, should_cancel=should_cancel, memory_mb=memory_mb)
