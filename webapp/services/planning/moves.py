"""Moves by hand: a scheduler puts one engagement with another agent or at another time, after an instant check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer import moves as optimizer_moves
from optimizer import plan as answered
from optimizer.moves import MoveCheck
from optimizer.totals import with_totals
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Assignment, Engagement, Person, Plan, PlanState
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.planning import pins, plans, store, tranches
from webapp.services.planning.explanations import clock_of, obstacle_words
from webapp.services.planning.names import Names, load_names


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engagement stands in a plan, and between which intervals it may start; no person if it is left out."""

    engagement: Engagement
    person_id: int | None
    person_name: str
    start: int
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class Check:
    """
    What a move would do.

    ``violations`` are broken rules, in words; with any the move is not possible.  Values are points of the whole plan's
    first tier.
    """

    violations: tuple[str, ...]
    value_before: float
    value_after: float
    displaced: tuple[str, ...]
    released_minutes: float
    text: str
    displaced_ids: tuple[int, ...] = ()
    released: tuple[answered.Reservation, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether no rule stands against the move."""
        return not self.violations


def get_place(session: Session, plan: Plan, engagement_id: int) -> Place:
    """
    Return where an engagement stands in a plan.

    Raises
    ------
    NotFoundError
        If the plan does not know it.
    """
    problem = store.load_problem(plan.run)
    asked = next((each for each in problem.engagements if each.id == str(engagement_id)), None)
    engagement = session.scalar(
        select(Engagement).where(Engagement.id == engagement_id).options(joinedload(Engagement.engagement_type))
    )
    if asked is None or engagement is None:
        raise NotFoundError("This plan knows no such engagement.")
    chosen = session.scalar(
        select(Assignment)
        .where(Assignment.plan_id == plan.id, Assignment.engagement_id == engagement_id)
        .options(joinedload(Assignment.person))
    )
    start = store.horizon_of(plan.run).index_of(chosen.starts_at) if chosen is not None else asked.earliest
    return Place(
        engagement=engagement,
        person_id=chosen.person_id if chosen is not None else None,
        person_name=chosen.person.name if chosen is not None else "",
        start=start,
        earliest=asked.earliest,
        latest=asked.latest,
    )


def start_choices(plan: Plan, place: Place) -> Sequence[tuple[int, str]]:
    """Return the intervals in which an engagement may start, with their wall-clock times."""
    time_of = clock_of(plan)
    return [(index, time_of(index)) for index in range(place.earliest, place.latest + 1)]


def check(session: Session, plan: Plan, engagement_id: int, *, person_id: int, start: int) -> Check:
    """
    Return at once what a move would break, displace and cost, without solving again.

    Raises
    ------
    NotFoundError
        If the plan knows no such engagement or agent.
    """
    loaded = store.load_plan(session, plan)
    names = load_names(session, loaded.problem)
    try:
        found = optimizer_moves.check_move(loaded.problem, loaded.answer, str(engagement_id), str(person_id), start)
    except LookupError:
        raise NotFoundError("This plan knows no such engagement or agent.") from None
    violations = tuple(obstacle_words(each, names, clock_of(plan)) for each in found.violations)
    displaced = tuple(names.engagement(each) for each in found.displaced)
    return Check(
        violations=violations,
        value_before=round(found.value_before, 2),
        value_after=round(found.value_after, 2),
        displaced=displaced,
        released_minutes=round(sum(each.minutes for each in found.released), 1),
        text=_words(found, violations, displaced, names),
        displaced_ids=tuple(map(int, found.displaced)),
        released=found.released,
    )


def _words(found: MoveCheck, violations: Sequence[str], displaced: Sequence[str], names: Names) -> str:
    if violations:
        return f"Not possible: {names.agent(found.agent)} {'; '.join(violations)}."
    lost = found.value_lost
    said = ["Possible without losing value."] if lost < 0.05 else [f"Possible; the plan loses {lost:.1f} points."]
    if lost <= -0.05:
        said = [f"Possible; the plan gains {-lost:.1f} points."]
    if displaced:
        said.append(f"It would push out {', '.join(displaced)}.")
    released = sum(each.minutes for each in found.released)
    if released:
        said.append(f"It takes {released:.0f} minutes kept for live contacts.")
    return " ".join(said)


def move_engagement(
    session: Session,
    plan: Plan,
    engagement_id: int,
    *,
    person_id: int,
    start: int,
    pin_reason: str | None,
    by: Actor,
) -> None:
    """
    Move an engagement of a draft, or only pin it for the next run where the plan cannot change any more.

    Parameters
    ----------
    session, plan
        Where.
    engagement_id, person_id, start
        What goes to whom, from which interval on.
    pin_reason
        Pin it there with this reason; None makes no pin.
    by
        The person who moves it.

    Raises
    ------
    InvalidInputError
        If the move breaks a rule.
    ConflictError
        If the plan is no draft and no pin is asked for, or the engagement is pinned elsewhere.
    NotFoundError
        If the plan knows no such engagement or agent.
    """
    answer = check(session, plan, engagement_id, person_id=person_id, start=start)
    if not answer.allowed:
        raise InvalidInputError(answer.text, field="person_id")
    place = get_place(session, plan, engagement_id)
    horizon = store.horizon_of(plan.run)
    pinned = pins.find_pin(session, engagement_id)
    elsewhere = pinned is not None and (pinned.person_id, horizon.index_of(pinned.starts_at)) != (person_id, start)
    if elsewhere and pin_reason is None and pinned is not None:
        raise ConflictError(f"It is pinned to {pinned.person.name}: {pinned.reason} Take the pin off first.")
    if plan.state is PlanState.DRAFT:
        gave_way = _gave_way(session, plan, answer)
        _apply(session, plan, engagement_id, person_id=person_id, start=start, by=by)
        audit.record(
            session,
            "move_engagement",
            plan,
            by=by,
            detail={
                "engagement_id": engagement_id,
                "before": {"person_id": place.person_id, "start": place.start},
                "after": {"person_id": person_id, "start": start},
                "value_before": answer.value_before,
                "value_after": answer.value_after,
                **gave_way,
            },
        )
    elif pin_reason is None:
        plans.require_draft(plan)
    if pin_reason is not None:
        person = session.get_one(Person, person_id)
        pins.pin_engagement(session, place.engagement, person, horizon.start_of(start), reason=pin_reason, by=by)


def _apply(session: Session, plan: Plan, engagement_id: int, *, person_id: int, start: int, by: Actor) -> None:
    loaded = store.load_plan(session, plan)
    move = optimizer_moves.Move(str(engagement_id), str(person_id), start)
    changed = optimizer_moves.apply_moves(loaded.problem, loaded.answer, [move])
    store.write_rows(session, plan, loaded.problem, changed, moved_by={engagement_id: by.person_id})


def _gave_way(session: Session, plan: Plan, answer: Check) -> dict[str, list[dict[str, float]]]:
    """Return where that stands which a move pushes out, and the kept minutes that it takes, for the move's undo."""
    places = [get_place(session, plan, identity) for identity in answer.displaced_ids]
    kept = tranches.merge(answer.released)
    return {
        "displaced": [
            {"engagement_id": each.engagement.id, "person_id": each.person_id or 0, "start": each.start}
            for each in places
        ],
        "released": [
            {"type_id": type_id, "person_id": int(agent), "interval": interval, "minutes": minutes}
            for (type_id, agent, interval), minutes in kept.items()
        ],
    }


def undo_move(session: Session, plan: Plan, engagement_id: int, *, by: Actor) -> None:
    """
    Take back the latest move of a draft: what it moved, what it pushed out, and the live minutes that it took.

    Raises
    ------
    ConflictError
        If the plan is no draft, if the latest change of it was another one, or if the engagement is pinned since.
    """
    plans.require_draft(plan)
    latest = next(iter(audit.history(session, plan, limit=1)), None)
    moved = latest.detail if latest is not None and latest.action == "move_engagement" else {}
    before = moved.get("before", {})
    if moved.get("engagement_id") != engagement_id or before.get("person_id") is None:
        raise ConflictError("The plan has changed since this move. Move the engagement by hand.")
    pinned = pins.find_pin(session, engagement_id)
    if pinned is not None and moved["before"] != moved["after"]:
        raise ConflictError(f"It is pinned to {pinned.person.name}: {pinned.reason} Take the pin off first.")
    _put_back(session, plan, [{"engagement_id": engagement_id, **before}, *moved["displaced"]], moved["released"])
    audit.record(
        session,
        "undo_move",
        plan,
        by=by,
        detail={"engagement_id": engagement_id, "before": moved["after"], "after": before},
    )


def _put_back(
    session: Session, plan: Plan, places: Sequence[Mapping[str, int]], released: Sequence[Mapping[str, float]]
) -> None:
    loaded = store.load_plan(session, plan)
    problem = loaded.problem
    back = [
        optimizer_moves.Move(str(each["engagement_id"]), str(each["person_id"]), int(each["start"])) for each in places
    ]
    changed = optimizer_moves.apply_moves(problem, loaded.answer, back)
    kept = tranches.merge(changed.reserved)
    for each in released:
        key = int(each["type_id"]), str(each["person_id"]), int(each["interval"])
        kept[key] = kept.get(key, 0.0) + each["minutes"]
    changed = with_totals(problem, changed.with_changes(reserved=tranches.spread(problem, kept)))
    store.write_rows(session, plan, problem, changed, moved_by={int(each["engagement_id"]): None for each in places})
