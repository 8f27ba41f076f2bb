"""
Plans that follow a published one with small changes: a move by hand on the live day, a swap, a step back.

A published plan never changes.  What is moved becomes a plan of its own that supersedes it at once, is checked as any
other, and concerns only the agents whose days it changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import problem as asked
from optimizer.moves import Move, MoveError, apply_moves
from optimizer.plan import Status
from optimizer.totals import with_totals
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Assignment, Plan, PlanRun, PlanState, Reservation, Unassigned
from webapp.services import audit, roster_changes
from webapp.services.audit import Actor
from webapp.services.planning import publish, store
from webapp.services.planning.explanations import clock_of, obstacle_words
from webapp.services.planning.names import load_names

UNDO_FOR = dt.timedelta(minutes=30)
"""So long after it was published, a plan can be taken back in one step."""


def load_as_it_stands(session: Session, plan: Plan) -> store.LoadedPlan:
    """
    Return a published plan with every assignment standing where it stands, and nothing frozen.

    What a re-plan was bound by, the plan before it and its cap on changes, says nothing about a change of this one.
    """
    loaded = store.load_plan(session, plan)
    problem = replace(
        loaded.problem,
        previous=tuple(
            asked.Placement(engagement=each.engagement, agent=each.agent, start=each.start)
            for each in loaded.answer.assignments
        ),
        frozen_before=0,
        max_changes=None,
    )
    still = tuple(
        replace(
            each,
            value=each.value - each.terms.get("stability", 0.0),
            terms={term: points for term, points in each.terms.items() if term != "stability"},
        )
        for each in loaded.answer.assignments
    )
    answer = loaded.answer.with_changes(assignments=still, status=Status.FEASIBLE, tiers=(), problem=problem.digest())
    return store.LoadedPlan(problem=problem, answer=with_totals(problem, answer), horizon=loaded.horizon)


def succeed(session: Session, plan: Plan, moves: Sequence[Move], *, kind: str, today: dt.date, by: Actor) -> Plan:
    """
    Publish a plan that differs from the live one by some moves.

    Parameters
    ----------
    session, plan
        The live plan.
    moves
        What goes where, in order; a move without an agent takes an engagement out.
    kind
        Why, as a code for the record: ``offer`` or ``swap``.
    today
        Today at the site.
    by
        The person behind it.

    Raises
    ------
    ConflictError
        If the plan is not live any more.
    InvalidInputError
        If a move breaks a rule.
    """
    # Of two who go on from one plan the second is told that it is live no more: what the first did would be lost.
    publish.wait_for_others(session, plan)
    require_live(plan)
    loaded = load_as_it_stands(session, plan)
    try:
        changed = apply_moves(loaded.problem, loaded.answer, moves)
    except MoveError as error:
        names, time_of = load_names(session, loaded.problem), clock_of(plan)
        said = "; ".join(obstacle_words(each, names, time_of) for each in error.check.violations)
        raise InvalidInputError(f"Not possible: {names.agent(error.check.agent)} {said}.") from error
    run = _copy_run(session, plan, kind=kind, by=by)
    run.problem = loaded.problem.to_json()
    made = _new_plan(session, plan, run, by=by)
    moved_by = {int(move.engagement): by.person_id for move in moves if move.agent is not None}
    store.write_rows(session, made, loaded.problem, changed, moved_by=moved_by)
    audit.record(
        session,
        "make_successor_plan",
        made,
        by=by,
        detail={
            "site_id": plan.site_id,
            "of_plan_id": plan.id,
            "kind": kind,
            "engagement_ids": [int(move.engagement) for move in moves],
        },
    )
    return publish.publish_plan(session, made, today=today, follows=True, by=by)


def require_live(plan: Plan) -> None:
    """
    Refuse to go on from a plan that is not the live one.

    Raises
    ------
    ConflictError
        If another one was published meanwhile.
    """
    if plan.state is not PlanState.PUBLISHED:
        raise ConflictError("A newer plan has been published meanwhile. Look at the board again.")


def find_former(session: Session, plan: Plan, *, at: dt.datetime) -> Plan | None:
    """Return the plan to which one step leads back from a live plan, or None if there is none or it is too late."""
    if plan.state is not PlanState.PUBLISHED or plan.supersedes_id is None or plan.published_at is None:
        return None
    if at - plan.published_at > UNDO_FOR:
        return None
    return session.get(Plan, plan.supersedes_id)


def step_back(session: Session, plan: Plan, *, today: dt.date, by: Actor) -> Plan:
    """
    Publish the plan before the live one again, as a plan of its own.

    Raises
    ------
    ConflictError
        If the plan is not live any more, superseded none, or was published too long ago.
    """
    publish.wait_for_others(session, plan)
    require_live(plan)
    former = find_former(session, plan, at=by.at)
    if former is None:
        raise ConflictError("It is too late to take this plan back. Run the day again.")
    run = _copy_run(session, former, kind="step_back", by=by)
    made = _new_plan(session, former, run, by=by)
    for model in (Assignment, Unassigned, Reservation):
        _copy_rows(session, model, former, made)
    session.flush()
    audit.record(
        session,
        "take_plan_back",
        made,
        by=by,
        detail={"site_id": plan.site_id, "taken_back_id": plan.id, "of_plan_id": former.id},
    )
    return publish.publish_plan(session, made, today=today, follows=True, by=by)


def _copy_run(session: Session, plan: Plan, *, kind: str, by: Actor) -> PlanRun:
    """Return a run that says how the plan came about: the problem and the report of the one that it follows."""
    run = plan.run
    copied = (
        *("site_id", "day_on", "starts_at", "interval_minutes", "intervals", "policy_id", "seed"),
        *("time_limit_seconds", "gap_target", "problem", "input_digest", "status", "stopped_by", "objective", "bound"),
        *("gap", "seconds", "peak_mb", "conflict", "answer"),
    )
    copy = PlanRun(
        **{name: getattr(run, name) for name in copied},
        inputs={**(run.inputs or {}), "kind": kind, "of_plan_id": plan.id},
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(copy)
    session.flush()
    roster_changes.copy_notes(session, run.id, copy.id)
    return copy


def _new_plan(session: Session, plan: Plan, run: PlanRun, *, by: Actor) -> Plan:
    made = Plan(
        run=run,
        site_id=plan.site_id,
        day_on=plan.day_on,
        state=PlanState.DRAFT,
        objective=plan.objective,
        terms=dict(plan.terms),
        prices=plan.prices,
        created_at=by.at,
    )
    session.add(made)
    session.flush()
    return made


def _copy_rows(session: Session, model: type[Assignment | Unassigned | Reservation], of: Plan, to: Plan) -> None:
    names = [column.name for column in model.__table__.columns if column.name not in {"id", "plan_id"}]
    for row in session.scalars(select(model).where(model.plan_id == of.id).order_by(model.id)):
        session.add(model(plan_id=to.id, **{name: getattr(row, name) for name in names}))
