"""Plans between the optimizer's form and rows: an answer is stored, and read back to be checked or changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import plan as answered
from optimizer import problem as asked
from optimizer.totals import with_totals
from webapp.errors import ConflictError
from webapp.models import Assignment, Engagement, Pin, Plan, PlanRun, PlanState, Reservation, Unassigned
from webapp.services.planning import causes, reasons, stored_problems, tranches
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.names import Names, load_names


@dataclass(frozen=True, slots=True)
class LoadedPlan:
    """A stored plan with the problem that it answers, both in the optimizer's form."""

    problem: asked.Problem
    answer: answered.Plan
    horizon: Horizon


def horizon_of(run: PlanRun) -> Horizon:
    """Return the intervals of a run."""
    return Horizon(run.starts_at, run.interval_minutes, run.intervals)


def load_problem(run: PlanRun) -> asked.Problem:
    """
    Return the problem of a run.

    Raises
    ------
    ConflictError
        If the run has not built it yet.
    """
    problem = stored_problems.read_problem(run)
    if problem is None:
        raise ConflictError("This run has not begun yet.")
    return problem


def load_plan(session: Session, plan: Plan) -> LoadedPlan:
    """
    Return a stored plan in the optimizer's form.

    A plan that was changed by hand keeps its bound, but claims no tier and no optimum any more.  Pins of the run
    that were taken off since no longer bind.
    """
    run = plan.run
    problem = _without_released_pins(session, load_problem(run))
    horizon = horizon_of(run)
    report = run.answer or {}
    assignments = session.scalars(select(Assignment).where(Assignment.plan_id == plan.id).order_by(Assignment.id)).all()
    unassigned = session.scalars(select(Unassigned).where(Unassigned.plan_id == plan.id).order_by(Unassigned.id))
    reserved = session.scalars(select(Reservation).where(Reservation.plan_id == plan.id).order_by(Reservation.id))
    answer = {
        "version": 1,
        "status": run.status,
        "objective": plan.objective,
        "bound": run.bound,
        "gap": run.gap,
        "seconds": run.seconds or 0.0,
        "peak_mb": run.peak_mb or 0.0,
        "terms": plan.terms,
        "assignments": [_assignment_json(each, horizon) for each in assignments],
        "unassigned": [
            {
                "engagement": str(each.engagement_id),
                "cause": _without_words(each.detail),
                "fix": _without_words(each.fix or {"code": "none"}),
            }
            for each in unassigned
        ],
        "reserved": [],
        "prices": plan.prices,
        "tiers": report.get("tiers", []),
        "solver": report.get("solver", ""),
        "route": report.get("route", ""),
        "seed": run.seed,
        "stopped_by": run.stopped_by,
        "problem": problem.digest(),
        "conflicts": [],
        "message": report.get("message", ""),
    }
    kept = {
        (each.engagement_type_id, str(each.person_id), horizon.index_of(each.starts_at)): each.minutes
        for each in reserved
    }
    loaded = answered.Plan.from_json(answer).with_changes(reserved=tranches.spread(problem, kept))
    if any(each.moved_by_id is not None for each in assignments):
        loaded = with_totals(problem, loaded.with_changes(status=answered.Status.FEASIBLE, tiers=()))
    return LoadedPlan(problem=problem, answer=loaded, horizon=horizon)


def _without_released_pins(session: Session, problem: asked.Problem) -> asked.Problem:
    if not problem.pins:
        return problem
    wanted = {int(pin.engagement) for pin in problem.pins}
    rows = select(Pin.engagement_id, Pin.person_id).where(Pin.removed_at.is_(None), Pin.engagement_id.in_(wanted))
    still = {(str(engagement_id), str(person_id)) for engagement_id, person_id in session.execute(rows)}
    kept = tuple(pin for pin in problem.pins if (pin.engagement, pin.agent) in still)
    return replace(problem, pins=kept) if len(kept) < len(problem.pins) else problem


def _without_words(detail: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if key != "text"}


def _assignment_json(assignment: Assignment, horizon: Horizon) -> dict[str, Any]:
    extra = {key: assignment.why[key] for key in ("stretch", "shadow") if assignment.why.get(key) is not None}
    return {
        "engagement": str(assignment.engagement_id),
        "agent": str(assignment.person_id),
        "start": horizon.index_of(assignment.starts_at),
        "minutes": assignment.minutes,
        "value": assignment.value,
        "terms": assignment.terms,
        "relaxed": assignment.relaxed,
        **extra,
    }


def keep_report(run: PlanRun, answer: answered.Plan) -> None:
    """Note on a run how the optimizer's work ended."""
    run.status = answer.status.value
    run.stopped_by = answer.stopped_by.value if answer.stopped_by is not None else None
    run.objective, run.bound, run.gap = answer.objective, answer.bound, answer.gap
    run.seconds, run.peak_mb = answer.seconds, answer.peak_mb
    written = answer.to_json()
    run.conflict = written.get("conflicts") or None
    run.answer = {key: written.get(key) for key in ("solver", "route", "tiers", "message", "problem")}


def add_plan(session: Session, run: PlanRun, problem: asked.Problem, answer: answered.Plan, *, at: dt.datetime) -> Plan:
    """Store an answer as the draft plan of its run."""
    plan = Plan(
        run=run,
        site_id=run.site_id,
        day_on=run.day_on,
        state=PlanState.DRAFT,
        objective=answer.objective or 0.0,
        terms=dict(answer.terms),
        prices=answer.to_json()["prices"],
        created_at=at,
    )
    session.add(plan)
    session.flush()
    write_rows(session, plan, problem, answer)
    return plan


def write_rows(
    session: Session,
    plan: Plan,
    problem: asked.Problem,
    answer: answered.Plan,
    *,
    moved_by: Mapping[int, int | None] | None = None,
) -> None:
    """
    Make the rows of a draft plan equal to an answer; rows that stay the same keep their ids.

    Parameters
    ----------
    session
        A session.
    plan
        A draft.
    problem, answer
        What was asked and what is to be stored.
    moved_by
        Engagement id → the person who moved it by hand, or None to take that mark off.
    """
    names = load_names(session, problem)
    plan.objective, plan.terms = answer.objective or 0.0, dict(answer.terms)
    _write_assignments(session, plan, problem, answer, names, moved_by or {})
    _write_unassigned(session, plan, answer, names)
    _write_reservations(session, plan, answer)
    session.flush()


def _write_assignments(
    session: Session,
    plan: Plan,
    problem: asked.Problem,
    answer: answered.Plan,
    names: Names,
    moved_by: Mapping[int, int | None],
) -> None:
    horizon = horizon_of(plan.run)
    stored = {each.engagement_id: each for each in _rows(session, Assignment, plan)}
    earliest = _earliest(session, answer)
    pins = _open_pins(session, answer)
    explained = reasons.explain_assignments(problem, answer, names)
    for chosen in answer.assignments:
        engagement_id = int(chosen.engagement)
        row = stored.pop(engagement_id, None)
        if row is None:
            row = Assignment(plan_id=plan.id, engagement_id=engagement_id)
            session.add(row)
        begin = horizon.start_of(chosen.start)
        pin = pins.get(engagement_id)
        row.person_id = int(chosen.agent)
        # Work that becomes possible only inside the interval begins when it becomes possible.
        row.starts_at = (
            max(begin, earliest[engagement_id]) if horizon.index_of(earliest[engagement_id]) == chosen.start else begin
        )
        row.minutes, row.value = chosen.minutes, chosen.value
        row.terms, row.relaxed = dict(chosen.terms), list(chosen.relaxed)
        row.why = {"to_agent": list(explained[chosen.engagement]), "stretch": chosen.stretch, "shadow": chosen.shadow}
        row.pin_id = pin.id if pin is not None and pin.person_id == row.person_id else None
        if engagement_id in moved_by:
            row.moved_by_id = moved_by[engagement_id]
    for row in stored.values():
        session.delete(row)
    # An engagement may not be assigned and unassigned at once, not even between two statements.
    session.flush()


def _write_unassigned(session: Session, plan: Plan, answer: answered.Plan, names: Names) -> None:
    horizon, zone = horizon_of(plan.run), ZoneInfo(plan.run.site.time_zone)
    times = [f"{moment.astimezone(zone):%H:%M}" for moment in horizon.starts()]
    stored = {each.engagement_id: each for each in _rows(session, Unassigned, plan)}
    written = answer.to_json()["unassigned"]
    for left, plain in zip(answer.unassigned, written, strict=True):
        engagement_id = int(left.engagement)
        row = stored.pop(engagement_id, None)
        if row is None:
            row = Unassigned(plan_id=plan.id, engagement_id=engagement_id)
            session.add(row)
        row.cause = left.cause.code.value
        row.detail = plain["cause"] | {"text": causes.cause_words(left.cause, names)}
        row.fix = plain["fix"] | {"text": causes.fix_words(left.fix, names, horizon, times)}
    for row in stored.values():
        session.delete(row)


def _write_reservations(session: Session, plan: Plan, answer: answered.Plan) -> None:
    horizon = horizon_of(plan.run)
    stored = {
        (each.engagement_type_id, each.person_id, horizon.index_of(each.starts_at)): each
        for each in _rows(session, Reservation, plan)
    }
    for (type_id, agent, interval), minutes in tranches.merge(answer.reserved).items():
        row = stored.pop((type_id, int(agent), interval), None)
        if row is None:
            session.add(
                Reservation(
                    plan_id=plan.id,
                    engagement_type_id=type_id,
                    person_id=int(agent),
                    starts_at=horizon.start_of(interval),
                    minutes=minutes,
                )
            )
        else:
            row.minutes = minutes
    for row in stored.values():
        session.delete(row)


def _rows(session: Session, model: type[Any], plan: Plan) -> list[Any]:
    return list(session.scalars(select(model).where(model.plan_id == plan.id)))


def _earliest(session: Session, answer: answered.Plan) -> dict[int, dt.datetime]:
    wanted = {int(chosen.engagement) for chosen in answer.assignments}
    rows = session.execute(select(Engagement.id, Engagement.earliest_at).where(_among(Engagement.id, wanted)))
    return dict(rows.all())


def _open_pins(session: Session, answer: answered.Plan) -> dict[int, Pin]:
    wanted = {int(chosen.engagement) for chosen in answer.assignments}
    pins = session.scalars(select(Pin).where(Pin.removed_at.is_(None)))
    return {pin.engagement_id: pin for pin in pins if pin.engagement_id in wanted}


def _among(column: Any, ids: set[int]) -> Any:
    # Ids of one plan are close together; a range keeps the statement short however many there are.
    return column.between(min(ids, default=0), max(ids, default=0))
