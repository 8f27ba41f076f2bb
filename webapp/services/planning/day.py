"""An agent's day in the published plan: their work with the reasons for it, their answers, their own order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import (
    Assignment,
    AssignmentResponse,
    Engagement,
    EngagementState,
    EngagementType,
    Person,
    Plan,
    PlanState,
    Reservation,
    Response,
    TypeRequirement,
)
from webapp.services import audit, lifecycle, notices
from webapp.services.audit import Actor

ANSWERABLE = lifecycle.UNSTARTED | {EngagementState.RETURNED}


START, FINISH = "start_engagement", "finish_engagement"


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """
    One engagement of the agent's day.

    ``why`` are sentences for the agent: why this work came to them. ``stretch_skill_id`` is the skill that it
    stretches,
    if it does.
    """

    assignment: Assignment
    why: tuple[str, ...]
    stretch_skill_id: int | None
    response: Response | None
    reason: str


@dataclass(frozen=True, slots=True)
class LiveBlock:
    """A run of intervals, half-open, in which minutes are kept for the contacts of one live engagement type."""

    engagement_type: EngagementType
    starts_at: dt.datetime
    ends_at: dt.datetime
    minutes: float


@dataclass(frozen=True, slots=True)
class AgentDay:
    """
    What the published plan of a day holds for one agent; ``plan`` is None while none is published.

    ``work`` stands in the order in which the agent means to do it, by start until they say otherwise.
    """

    day_on: dt.date
    plan: Plan | None
    work: tuple[PlannedWork, ...]
    live: tuple[LiveBlock, ...]

    @property
    def work_minutes(self) -> float:
        """Planned minutes of all deferrable work."""
        return sum(each.assignment.minutes for each in self.work)

    @property
    def live_minutes(self) -> float:
        """Minutes kept for live contacts."""
        return sum(block.minutes for block in self.live)


def find_live_plan(session: Session, site_id: int, day_on: dt.date) -> Plan | None:
    """Return the published plan of a site's day, or None."""
    return session.scalar(
        select(Plan)
        .where(Plan.site_id == site_id, Plan.day_on == day_on, Plan.state == PlanState.PUBLISHED)
        .options(joinedload(Plan.run), joinedload(Plan.site))
    )


def day_of(session: Session, person: Person, day_on: dt.date, *, requirements: bool = False) -> AgentDay:
    """Return what the published plan of a day holds for a person, with what its work requires if that is shown."""
    plan = find_live_plan(session, person.site_id, day_on)
    if plan is None:
        return AgentDay(day_on=day_on, plan=None, work=(), live=())
    kinds = joinedload(Assignment.engagement).joinedload(Engagement.engagement_type)
    if requirements:
        kinds = kinds.selectinload(EngagementType.requirements).joinedload(TypeRequirement.skill)
    assignments = session.scalars(
        select(Assignment)
        .where(Assignment.plan_id == plan.id, Assignment.person_id == person.id)
        .options(kinds, joinedload(Assignment.response))
    ).all()
    return AgentDay(
        day_on=day_on,
        plan=plan,
        work=tuple(_planned_work(each) for each in sorted(assignments, key=_order)),
        live=_live_blocks(session, plan, person.id),
    )


def _order(assignment: Assignment) -> tuple[float, dt.datetime, int]:
    answer = assignment.response
    position = answer.position if answer is not None and answer.position is not None else float("inf")
    return position, assignment.starts_at, assignment.id


def _planned_work(assignment: Assignment) -> PlannedWork:
    answer = assignment.response
    stretch = assignment.why.get("stretch")
    return PlannedWork(
        assignment=assignment,
        why=tuple(assignment.why.get("to_agent", ())),
        stretch_skill_id=int(stretch) if stretch is not None else None,
        response=answer.response if answer is not None else None,
        reason=answer.reason if answer is not None else "",
    )


def _live_blocks(session: Session, plan: Plan, person_id: int) -> tuple[LiveBlock, ...]:
    length = dt.timedelta(minutes=plan.run.interval_minutes)
    blocks: list[LiveBlock] = []
    open_blocks: dict[int, LiveBlock] = {}
    reservations = session.scalars(
        select(Reservation)
        .where(Reservation.plan_id == plan.id, Reservation.person_id == person_id)
        .options(joinedload(Reservation.engagement_type))
        .order_by(Reservation.starts_at, Reservation.engagement_type_id)
    )
    for kept in reservations:
        before = open_blocks.get(kept.engagement_type_id)
        joins = before is not None and before.ends_at == kept.starts_at
        block = LiveBlock(
            engagement_type=kept.engagement_type,
            starts_at=before.starts_at if before is not None and joins else kept.starts_at,
            ends_at=kept.starts_at + length,
            minutes=kept.minutes + (before.minutes if before is not None and joins else 0.0),
        )
        if before is not None and joins:
            blocks.remove(before)
        blocks.append(block)
        open_blocks[kept.engagement_type_id] = block
    return tuple(sorted(blocks, key=lambda block: (block.starts_at, block.engagement_type.name)))


def get_own_assignment(session: Session, assignment_id: int, *, person: Person) -> Assignment:
    """
    Return an assignment of the person in a published plan.

    Raises
    ------
    NotFoundError
        If there is none with this id that is theirs; drafts and superseded plans are not an agent's to see.
    """
    assignment = session.scalar(
        select(Assignment)
        .join(Assignment.plan)
        .where(Assignment.id == assignment_id, Assignment.person_id == person.id, Plan.state == PlanState.PUBLISHED)
        .options(joinedload(Assignment.engagement), joinedload(Assignment.response))
    )
    if assignment is None:
        raise NotFoundError("There is no such work in your day.")
    return assignment


def respond(
    session: Session, assignment: Assignment, *, response: Response, reason: str = "", by: Actor
) -> AssignmentResponse:
    """
    Accept or decline an assignment of a published plan; a decline returns the engagement and tells the scheduler.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent answers.
    InvalidInputError
        If a decline gives no reason.
    ConflictError
        If the plan is no longer the live one, or the engagement is done or cancelled.
    """
    reason = reason.strip()
    if response is Response.DECLINED and not reason:
        raise InvalidInputError("Say why, so that the scheduler can find a better match.", field="reason")
    if len(reason) > 300:
        raise InvalidInputError("Keep the reason under 300 characters.", field="reason")
    answer = _answer(session, assignment, by=by)
    before = answer.response
    answer.response, answer.reason, answer.at = response, reason, by.at
    accepted = response is Response.ACCEPTED
    lifecycle.move(
        session,
        assignment.engagement,
        EngagementState.ACCEPTED if accepted else EngagementState.RETURNED,
        action="accept_assignment" if accepted else "decline_assignment",
        subject=assignment,
        may_stay=True,
        by=by,
        person_id=assignment.person_id,
        detail={
            "engagement_id": assignment.engagement_id,
            "plan_id": assignment.plan_id,
            "before": before.value if before else None,
        },
    )
    if not accepted and before is not Response.DECLINED:
        _tell_scheduler(session, assignment, reason, by=by)
    return answer


def withdraw_response(session: Session, assignment: Assignment, *, by: Actor) -> None:
    """
    Take an answer back: the assignment is unanswered again.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent does it.
    ConflictError
        If the plan is no longer the live one, or the engagement is done or cancelled.
    """
    answer = _answer(session, assignment, by=by)
    before = answer.response
    answer.response, answer.reason, answer.at = None, "", by.at
    lifecycle.move(
        session,
        assignment.engagement,
        lifecycle.unanswered_state(assignment.plan, by.at),
        action="withdraw_response",
        subject=assignment,
        may_stay=True,
        by=by,
        person_id=assignment.person_id,
        detail={"engagement_id": assignment.engagement_id, "before": before.value if before else None},
    )


def start(session: Session, assignment: Assignment, *, by: Actor) -> None:
    """
    Note that the agent has begun; whoever begins has accepted.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent does it.
    ConflictError
        If the plan is no longer the live one, or the engagement cannot be begun as it stands.
    """
    answer = _answer(session, assignment, by=by)
    if answer.response is not Response.ACCEPTED:
        answer.response, answer.reason, answer.at = Response.ACCEPTED, "", by.at
    _progress(session, assignment, EngagementState.IN_PROGRESS, action=START, by=by)


def finish(session: Session, assignment: Assignment, *, by: Actor) -> None:
    """
    Note that the agent is done, whether or not they said that they had begun.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent does it.
    ConflictError
        If the plan is no longer the live one, or the engagement has ended or was given back.
    """
    _require_own(assignment, by=by)
    state = assignment.engagement.state
    if state not in lifecycle.IN_PLAN:
        raise ConflictError(f"This engagement is {state.value}; it is not yours to finish.")
    _progress(session, assignment, EngagementState.DONE, action=FINISH, by=by)


def undo_progress(session: Session, assignment: Assignment, *, by: Actor) -> None:
    """
    Take back that one has begun, or is done: the engagement stands as before.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent does it.
    ConflictError
        If the plan is no longer the live one, or that was not the last that happened to the engagement.
    """
    _require_own(assignment, by=by)
    last = lifecycle.last_event(session, assignment.engagement)
    if last is None or last.before is None or last.action not in {START, FINISH} or last.actor_id != by.person_id:
        raise ConflictError("Something else has happened to this work since, so there is nothing to take back.")
    before = last.before
    if before is EngagementState.PLANNED:
        before = lifecycle.unanswered_state(assignment.plan, by.at)
    if before in {EngagementState.PLANNED, EngagementState.OFFERED} and assignment.response is not None:
        # To begin was to accept, and that answer stands.
        before = EngagementState.ACCEPTED if assignment.response.response is Response.ACCEPTED else before
    _progress(session, assignment, before, action="undo_progress", by=by)


def _progress(session: Session, assignment: Assignment, state: EngagementState, *, action: str, by: Actor) -> None:
    lifecycle.move(
        session,
        assignment.engagement,
        state,
        action=action,
        subject=assignment,
        by=by,
        person_id=assignment.person_id,
        detail={
            "engagement_id": assignment.engagement_id,
            "plan_id": assignment.plan_id,
            "site_id": assignment.plan.site_id,
        },
    )


def reorder(
    session: Session, person: Person, day_on: dt.date, *, assignment_ids: Sequence[int], by: Actor
) -> tuple[int, ...]:
    """
    Put the deferrable work of a day into the agent's own order, and return the order it had.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent does it.
    ConflictError
        If the ids are not exactly those of the day, because another plan was published meanwhile.
    """
    if by.person_id != person.id:
        raise ForbiddenError("Only the agent may order their own day.")
    work = [each.assignment for each in day_of(session, person, day_on).work]
    by_id = {assignment.id: assignment for assignment in work}
    if sorted(assignment_ids) != sorted(by_id) or not work:
        raise ConflictError("Your day has changed since you opened it. Look at it again, then put it in order.")
    for position, assignment_id in enumerate(assignment_ids):
        answer = _answer(session, by_id[assignment_id], by=by)
        if answer.position != position:
            answer.position = position
    before = tuple(by_id)
    audit.record(
        session,
        "reorder_day",
        work[0].plan,
        by=by,
        person_id=person.id,
        detail={"before": list(before), "after": list(assignment_ids)},
    )
    return before


def _require_own(assignment: Assignment, *, by: Actor) -> None:
    if by.person_id != assignment.person_id:
        raise ForbiddenError("Only the agent may answer for their own work.")
    if assignment.plan.state is not PlanState.PUBLISHED:
        raise ConflictError("A newer plan has been published. Look at your day again.")


def _answer(session: Session, assignment: Assignment, *, by: Actor) -> AssignmentResponse:
    _require_own(assignment, by=by)
    if assignment.engagement.state not in ANSWERABLE:
        raise ConflictError(f"This engagement is {assignment.engagement.state.value}; it needs no answer any more.")
    if assignment.response is None:
        # Set through the relationship it would count as a change of the published plan, which is refused.
        session.add(AssignmentResponse(assignment_id=assignment.id, at=by.at))
        session.flush()
        session.refresh(assignment, ["response"])
    if assignment.response is None:
        raise RuntimeError(f"Assignment {assignment.id} lost its answer.")
    return assignment.response


def _tell_scheduler(session: Session, assignment: Assignment, reason: str, *, by: Actor) -> None:
    scheduler_id = assignment.plan.published_by_id or assignment.plan.run.created_by_id
    if scheduler_id is None:
        return
    notices.notify(
        session,
        scheduler_id,
        kind="decline",
        text=f"{assignment.person.name} declined {assignment.engagement.external_id}: {reason}"[:400],
        link=f"/plans/{assignment.plan_id}/declines",
        by=by,
    )
