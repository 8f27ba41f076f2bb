"""
Swaps: two agents exchange two assignments of the live plan.

One proposes, the other agrees; what it costs is then known.  Within the policy's limit, and where nothing gives way,
the swap is made at once; else the scheduler decides.  What is made is a plan that follows the live one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from optimizer.moves import Move, MoveError, apply_moves, check_move
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Assignment, Engagement, Person, Plan, PlanState, Site, Swap, SwapState
from webapp.services import audit, lifecycle, notices
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning import policies, successors
from webapp.services.planning.offers import present_plan

_OPEN = (SwapState.PROPOSED, SwapState.AGREED)


@dataclass(frozen=True, slots=True)
class SwapCheck:
    """What a swap would do: what stands against it, what gives way, and the points that the plan loses."""

    violations: tuple[str, ...]
    value_lost: float
    displaced: int

    @property
    def allowed(self) -> bool:
        """Whether no rule stands against it."""
        return not self.violations


def check_swap(session: Session, one: Assignment, other: Assignment, *, today: dt.date) -> SwapCheck:
    """Return what it would mean for two assignments of a live plan to change hands, each at its own time."""
    loaded = present_plan(session, one.plan, today=today)
    horizon = loaded.horizon
    moves = _moves(one, other, horizon.index_of(one.starts_at), horizon.index_of(other.starts_at))
    try:
        free = apply_moves(loaded.problem, loaded.answer, moves[:2])
    except MoveError:
        return SwapCheck(("one of the two is pinned",), 0.0, 0)
    before, violations, displaced = loaded.answer.objective or 0.0, [], 0
    for move in moves[2:]:
        check = check_move(loaded.problem, free, move.engagement, move.agent or "", move.start or 0)
        violations += [each.code.value.replace("_", " ") for each in check.violations]
        displaced += len(check.displaced)
        if check.is_allowed:
            free = apply_moves(loaded.problem, free, [move])
    lost = before - (free.objective or 0.0)
    return SwapCheck(tuple(violations), round(lost, 2), displaced)


def _moves(one: Assignment, other: Assignment, start: int, other_start: int) -> list[Move]:
    # Both leave their places first, so that neither stands in the other's way.
    return [
        Move(str(one.engagement_id)),
        Move(str(other.engagement_id)),
        Move(str(one.engagement_id), str(other.person_id), start),
        Move(str(other.engagement_id), str(one.person_id), other_start),
    ]


def list_partners(session: Session, assignment: Assignment) -> Sequence[Assignment]:
    """Return the work of others in the same live plan that has not begun and that one could ask for, by start."""
    return session.scalars(
        select(Assignment)
        .join(Assignment.engagement)
        .where(
            Assignment.plan_id == assignment.plan_id,
            Assignment.person_id != assignment.person_id,
            Engagement.engagement_type_id == assignment.engagement.engagement_type_id,
            Engagement.state.in_(lifecycle.UNSTARTED),
        )
        .options(
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type), joinedload(Assignment.person)
        )
        .order_by(Assignment.starts_at, Assignment.id)
    ).all()


def propose_swap(
    session: Session, mine: Assignment, theirs: Assignment, *, reason: str = "", today: dt.date, by: Actor
) -> Swap:
    """
    Ask another agent to exchange two assignments.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent asks.
    ConflictError
        If the plan is not live any more, work of the two has begun, or one of the two waits for another swap.
    InvalidInputError
        If a rule stands against it, or the reason is too long.
    """
    if by.person_id != mine.person_id:
        raise ForbiddenError("Only the agent may propose to exchange their own work.")
    if len(reason.strip()) > 300:
        raise InvalidInputError("Keep the reason under 300 characters.", field="reason")
    # Two who propose at once come one after the other here, and the second sees what the first has asked for.
    session.refresh(mine.plan, with_for_update={"key_share": True})
    _require_open(mine, theirs)
    waiting = session.scalar(
        select(Swap.id).where(
            Swap.state.in_(_OPEN),
            Swap.plan_id == mine.plan_id,
            or_(
                Swap.engagement_id.in_((mine.engagement_id, theirs.engagement_id)),
                Swap.other_engagement_id.in_((mine.engagement_id, theirs.engagement_id)),
            ),
        )
    )
    if waiting is not None:
        raise ConflictError("One of the two already waits for another exchange.")
    check = check_swap(session, mine, theirs, today=today)
    if not check.allowed:
        raise InvalidInputError(f"This exchange breaks a rule: {'; '.join(check.violations)}.", field="other")
    swap = Swap(
        site_id=mine.plan.site_id,
        plan_id=mine.plan_id,
        proposer_id=mine.person_id,
        engagement_id=mine.engagement_id,
        other_id=theirs.person_id,
        other_engagement_id=theirs.engagement_id,
        state=SwapState.PROPOSED,
        reason=reason.strip(),
        proposed_at=by.at,
    )
    session.add(swap)
    _record(session, "propose_swap", swap, by=by)
    _tell(session, swap.other_id, swap, f"{mine.person.name} proposes to exchange work with you.", by=by)
    return swap


def _require_open(one: Assignment, other: Assignment) -> None:
    successors.require_live(one.plan)
    if other.plan_id != one.plan_id:
        raise ConflictError("A newer plan has been published. Look at your day again.")
    if any(each.engagement.state not in lifecycle.UNSTARTED for each in (one, other)):
        raise ConflictError("One of the two has begun or is not planned any more.")


def get_swap(session: Session, swap_id: int, *, person: Person) -> Swap:
    """
    Return a swap that a person proposed or was asked for.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    swap = session.scalar(
        select(Swap).where(Swap.id == swap_id, or_(Swap.proposer_id == person.id, Swap.other_id == person.id))
    )
    if swap is None:
        raise NotFoundError("There is no such exchange.")
    return swap


def get_swap_of_site(session: Session, swap_id: int, *, viewer: Viewer) -> Swap:
    """
    Return a swap of a site where the viewer publishes plans.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    swap = session.scalar(
        select(Swap)
        .join(Site, Site.id == Swap.site_id)
        .where(Swap.id == swap_id, viewer.sees_site(Permission.PUBLISH_PLANS))
    )
    if swap is None:
        raise NotFoundError("There is no such exchange.")
    return swap


def list_own(session: Session, person: Person, plan: Plan | None) -> Sequence[Swap]:
    """Return the open swaps of a person in a live plan, newest first."""
    if plan is None:
        return []
    query = _listed().where(
        Swap.plan_id == plan.id,
        Swap.state.in_(_OPEN),
        or_(Swap.proposer_id == person.id, Swap.other_id == person.id),
    )
    return session.scalars(query).all()


def list_agreed(session: Session, plan: Plan | None) -> Sequence[Swap]:
    """Return the swaps of a live plan on which both agents agree and that wait for the scheduler."""
    if plan is None:
        return []
    return session.scalars(_listed().where(Swap.plan_id == plan.id, Swap.state == SwapState.AGREED)).all()


def _listed() -> Select[Swap]:
    return (
        select(Swap)
        .options(
            joinedload(Swap.proposer),
            joinedload(Swap.other),
            joinedload(Swap.engagement).joinedload(Engagement.engagement_type),
            joinedload(Swap.other_engagement).joinedload(Engagement.engagement_type),
        )
        .order_by(Swap.id.desc())
    )


def agree(session: Session, swap: Swap, *, today: dt.date, by: Actor) -> Swap:
    """
    Let the agent who was asked agree; the swap is made at once where the policy allows it.

    Raises
    ------
    ForbiddenError
        If somebody else agrees.
    ConflictError
        If it is not proposed any more, or the plan is not live any more.
    InvalidInputError
        If a rule stands against it by now.
    """
    if by.person_id != swap.other_id:
        raise ForbiddenError("Only the agent who was asked may agree.")
    _require_state(swap, SwapState.PROPOSED)
    mine, theirs = _assignments(session, swap)
    check = check_swap(session, mine, theirs, today=today)
    if not check.allowed:
        raise InvalidInputError(f"This exchange breaks a rule by now: {'; '.join(check.violations)}.")
    swap.state, swap.answered_at, swap.value_lost = SwapState.AGREED, by.at, check.value_lost
    _record(session, "agree_swap", swap, by=by)
    limit = policies.PlanningSettings.of(swap.plan.run.policy).swap_max_loss
    if not check.displaced and check.value_lost <= limit:
        return make_swap(session, swap, today=today, by=by)
    if swap.plan.published_by_id is not None:
        _tell(
            session,
            swap.plan.published_by_id,
            swap,
            f"{swap.proposer.name} and {swap.other.name} want to exchange work, at {check.value_lost:.0f} points.",
            by=by,
            link="/board#swaps",
        )
    return swap


def make_swap(session: Session, swap: Swap, *, today: dt.date, by: Actor) -> Swap:
    """
    Publish the plan in which two agents have exchanged work.

    Raises
    ------
    ConflictError
        If they have not agreed, or the plan is not live any more.
    InvalidInputError
        If a rule stands against it by now.
    """
    _require_state(swap, SwapState.AGREED)
    mine, theirs = _assignments(session, swap)
    check = check_swap(session, mine, theirs, today=today)
    if not check.allowed:
        raise InvalidInputError(f"This exchange breaks a rule by now: {'; '.join(check.violations)}.")
    run = swap.plan.run
    length = dt.timedelta(minutes=run.interval_minutes)
    starts = [int((each.starts_at - run.starts_at) / length) for each in (mine, theirs)]
    made = successors.succeed(session, swap.plan, _moves(mine, theirs, *starts), kind="swap", today=today, by=by)
    swap.state, swap.made_plan_id = SwapState.MADE, made.id
    swap.decided_by_id, swap.decided_at = by.person_id, by.at
    _record(session, "make_swap", swap, by=by)
    return swap


def refuse(session: Session, swap: Swap, *, by: Actor) -> Swap:
    """
    Say no to a swap, as the agent who was asked or as the scheduler; the proposer is told.

    Raises
    ------
    ConflictError
        If nobody waits for an answer any more.
    """
    if swap.state.ended:
        raise ConflictError(f"This exchange is {swap.state.value} already.")
    swap.state, swap.decided_by_id, swap.decided_at = SwapState.REFUSED, by.person_id, by.at
    _record(session, "refuse_swap", swap, by=by)
    _tell(session, swap.proposer_id, swap, f"Your exchange with {swap.other.name} does not take place.", by=by)
    return swap


def withdraw(session: Session, swap: Swap, *, by: Actor) -> Swap:
    """
    Take a proposal back.

    Raises
    ------
    ForbiddenError
        If somebody else than the proposer does.
    ConflictError
        If nobody waits for an answer any more.
    """
    if by.person_id != swap.proposer_id:
        raise ForbiddenError("Only the agent who proposed it may take it back.")
    if swap.state.ended:
        raise ConflictError(f"This exchange is {swap.state.value} already.")
    swap.state, swap.decided_by_id, swap.decided_at = SwapState.WITHDRAWN, by.person_id, by.at
    _record(session, "withdraw_swap", swap, by=by)
    return swap


def _require_state(swap: Swap, state: SwapState) -> None:
    if swap.state is not state:
        raise ConflictError(f"This exchange is {swap.state.value} by now.")
    if swap.plan.state is not PlanState.PUBLISHED:
        raise ConflictError("A newer plan has been published meanwhile. Propose the exchange again.")


def _assignments(session: Session, swap: Swap) -> tuple[Assignment, Assignment]:
    rows = session.scalars(
        select(Assignment)
        .where(
            Assignment.plan_id == swap.plan_id,
            Assignment.engagement_id.in_((swap.engagement_id, swap.other_engagement_id)),
        )
        .options(joinedload(Assignment.engagement), joinedload(Assignment.person))
    )
    by_engagement = {row.engagement_id: row for row in rows}
    mine, theirs = by_engagement[swap.engagement_id], by_engagement[swap.other_engagement_id]
    _require_open(mine, theirs)
    return mine, theirs


def _record(session: Session, action: str, swap: Swap, *, by: Actor) -> None:
    session.flush()
    audit.record(
        session,
        action,
        swap,
        by=by,
        person_id=swap.proposer_id,
        detail={"site_id": swap.site_id, "plan_id": swap.plan_id, "days_changed": [swap.proposer_id, swap.other_id]},
    )


def _tell(session: Session, person_id: int, swap: Swap, text: str, *, by: Actor, link: str = "") -> None:
    day = session.get_one(Plan, swap.plan_id).day_on.isoformat()
    notices.notify(session, person_id, kind="swap", text=text, link=link or f"/day?day={day}#swaps", by=by)
