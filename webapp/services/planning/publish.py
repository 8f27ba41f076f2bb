"""Publishing: a person makes a draft the live plan of a day."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.verify import Violation, verify
from webapp.errors import ConflictError, ForbiddenError
from webapp.models import (
    Assignment,
    AssignmentResponse,
    Engagement,
    EngagementState,
    Plan,
    PlanState,
    Reservation,
    Response,
    Site,
)
from webapp.services import audit, lifecycle, notices, outbox
from webapp.services.audit import Actor
from webapp.services.planning import plans, store
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.explanations import clock_of
from webapp.services.planning.names import load_names
from webapp.services.planning.staleness import Change, Freshness, check_freshness, find_begun
from webapp.services.planning.words import violation_words

# Rules about a plan's own bookkeeping, which compares with the inputs of its run; the others are about the day itself.
_BOOKKEEPING = frozenset({"problem", "status", "terms", "objective", "tier", "bound", "gap", "epsilon", "prices"})


class StalePlanError(ConflictError):
    """
    The inputs of a plan changed since its run.

    Parameters
    ----------
    freshness
        What changed, and the digest by which a person confirms that they have seen it.
    broken
        Rules that the plan would break now; while there are any, it can only be run again.
    """

    def __init__(self, freshness: Freshness, broken: tuple[str, ...]) -> None:
        super().__init__(
            "What this plan was made from has changed since. Run the day again, or look at the changes and confirm."
            if not broken
            else "What this plan was made from has changed since, and it would break rules now. Run the day again."
        )
        self.freshness = freshness
        self.broken = broken

    @property
    def inputs(self) -> tuple[Change, ...]:
        """What changed."""
        return self.freshness.changes


def find_broken_rules(session: Session, plan: Plan, freshness: Freshness) -> tuple[str, ...]:
    """Return which rules of the present day a plan would break: somebody fell ill, work was cancelled."""
    if freshness.now is None:
        return tuple(change.text for change in freshness.changes)
    loaded = store.load_plan(session, plan)
    present = freshness.now.problem
    begun = find_begun(session, loaded.answer)
    asked = {engagement.id for engagement in loaded.problem.engagements} - begun
    gone = sorted(
        chosen.engagement
        for chosen in loaded.answer.assignments
        if chosen.engagement not in {engagement.id for engagement in present.engagements} | begun
    )
    # New work is no rule that the plan breaks; it is told as a change. The objective is that of the old inputs.
    restricted = replace(
        present,
        engagements=tuple(engagement for engagement in present.engagements if engagement.id in asked),
        pins=tuple(pin for pin in present.pins if pin.engagement in asked),
        previous=(),
        frozen_before=0,
    )
    kept = {engagement.id for engagement in restricted.engagements}
    answer = loaded.answer.with_changes(
        assignments=tuple(chosen for chosen in loaded.answer.assignments if chosen.engagement in kept),
        unassigned=tuple(left for left in loaded.answer.unassigned if left.engagement in kept),
    )
    names = load_names(session, loaded.problem)
    broken = [f"{names.engagement(key)} is planned but no longer to be done." for key in gone]
    violations = [each for each in verify(restricted, answer) if each.rule not in _BOOKKEEPING]
    overfull = Counter(each.agent for each in violations if _is_overfull(each))
    first = {each.agent: each.interval or 0 for each in reversed(violations) if _is_overfull(each)}
    time_of = clock_of(plan)
    # A person who is away all day breaks the rule in each interval; people want to read it once.
    broken += [
        f"{names.agent(agent or '')} has more planned than there is time for: {count} "
        f"{'interval' if count == 1 else 'intervals'}, the first at {time_of(first[agent])}."
        for agent, count in overfull.items()
    ]
    return (*broken, *(violation_words(each, names) for each in violations if not _is_overfull(each)))


def _is_overfull(violation: Violation) -> bool:
    return violation.rule == "capacity" and violation.agent is not None and violation.interval is not None


def publish_plan(
    session: Session, plan: Plan, *, today: dt.date, seen_digest: str = "", follows: bool = False, by: Actor
) -> Plan:
    """
    Make a draft the live plan of its day; the one before is superseded, and the agents concerned are told.

    Parameters
    ----------
    session
        A session.
    plan
        A draft; from now on it is immutable.
    today
        Today at the site.
    seen_digest
        Digest of the changed inputs that the person has looked at and publishes in spite of.
    follows
        Whether it repeats a plan that was live but for moves that were checked one by one: what else has changed since
        is as stale in the plan that it supersedes.
    by
        The person behind it.

    Raises
    ------
    ForbiddenError
        If there is no person behind it.
    StalePlanError
        If inputs changed since the run and exactly these changes were not confirmed, or the plan would break rules now.
    ConflictError
        If it is no draft, or breaks a rule of its own problem.
    """
    if by.person_id is None:
        raise ForbiddenError("A plan is published by a person. Say who you are.")
    wait_for_others(session, plan)
    plans.require_draft(plan)
    freshness = None if follows else check_freshness(session, plan, today=today)
    if freshness is not None and not freshness.fresh:
        broken = find_broken_rules(session, plan, freshness)
        if broken or not seen_digest or seen_digest != freshness.digest:
            raise StalePlanError(freshness, broken)
    loaded = store.load_plan(session, plan)
    violations = verify(loaded.problem, loaded.answer)
    if violations:
        raise ConflictError(
            f"This plan breaks {len(violations)} rules and cannot be published: {violations[0].message}"
        )
    before = find_live_plan(session, plan.site_id, plan.day_on)
    if before is not None:
        before.state = PlanState.SUPERSEDED
        # Only one plan of a day may be live, at no moment two.
        session.flush()
    plan.state, plan.published_at, plan.published_by_id = PlanState.PUBLISHED, by.at, by.person_id
    plan.supersedes_id = before.id if before is not None else None
    session.flush()
    _carry_answers(session, plan, before, by=by)
    told = _tell_agents(session, plan, before, by=by)
    outbox.emit_published(session, plan, before, at=by.at)
    # Before a day has its first plan, everybody's page says that there is none.
    changed = told if before is not None else sorted({*told, *(int(agent.id) for agent in loaded.problem.agents)})
    audit.record(
        session,
        "publish_plan",
        plan,
        by=by,
        detail={
            "site_id": plan.site_id,
            "day": plan.day_on.isoformat(),
            "supersedes_id": plan.supersedes_id,
            "input_digest": plan.run.input_digest,
            "confirmed_digest": freshness.digest if freshness is not None and not freshness.fresh else None,
            "agents_told": len(told),
            "days_changed": changed,
        },
    )
    return plan


def wait_for_others(session: Session, plan: Plan) -> None:
    """Wait for whoever publishes a plan of the site, to the end of the transaction; a plan is then as they left it."""
    session.execute(select(Site.id).where(Site.id == plan.site_id).with_for_update())
    session.refresh(plan, ["state", "version"])


def _carry_answers(session: Session, plan: Plan, before: Plan | None, *, by: Actor) -> None:
    """Set the states of the engagements; an acceptance stands where agent and start stayed the same."""
    accepted: dict[tuple[int, int, dt.datetime], AssignmentResponse] = {}
    dropped: set[int] = set()
    if before is not None:
        old = session.scalars(
            select(Assignment).where(Assignment.plan_id == before.id).options(joinedload(Assignment.response))
        ).all()
        for row in old:
            if row.response is not None and row.response.response is Response.ACCEPTED:
                accepted[row.engagement_id, row.person_id, row.starts_at] = row.response
        dropped = {row.engagement_id for row in old}
    rows = session.scalars(select(Assignment).where(Assignment.plan_id == plan.id)).all()
    ids, kept = {row.engagement_id for row in rows}, set()
    for row in rows:
        answer = accepted.get((row.engagement_id, row.person_id, row.starts_at))
        if answer is not None:
            kept.add(row.engagement_id)
            session.add(AssignmentResponse(assignment_id=row.id, response=Response.ACCEPTED, at=answer.at))
    move = partial(lifecycle.move_all, session, action="publish_plan", by=by)
    move(dropped - ids, among=lifecycle.UNSTARTED, state=EngagementState.CLASSIFIED)
    move(ids - kept, among=lifecycle.WAITING | lifecycle.UNSTARTED, state=lifecycle.unanswered_state(plan, by.at))
    move(kept, among=lifecycle.WAITING, state=EngagementState.PLANNED)
    # An answer that stands leaves no line in the history.
    move(kept, among=lifecycle.UNSTARTED, state=EngagementState.ACCEPTED)
    session.flush()


def _tell_agents(session: Session, plan: Plan, before: Plan | None, *, by: Actor) -> list[int]:
    """Leave a notice for every agent whose day is new or different, and return their ids."""
    now, was = _days(session, plan, at=by.at), _days(session, before, at=by.at) if before is not None else {}
    concerned = sorted(person for person in now.keys() | was.keys() if now.get(person) != was.get(person))
    for person_id in concerned:
        items = sum(1 for entry in now.get(person_id, frozenset()) if entry[0] == "work")
        what = f"{items} engagements for you" if items != 1 else "1 engagement for you"
        verb = "has changed" if person_id in was else "is planned"
        notices.notify(
            session,
            person_id,
            kind="day_published",
            text=f"Your day on {plan.day_on:%a %-d %b} {verb}: {what}.",
            link=f"/day?day={plan.day_on.isoformat()}",
            by=by,
        )
    return concerned


def _days(session: Session, plan: Plan, *, at: dt.datetime) -> dict[int, frozenset[tuple[str, int, dt.datetime]]]:
    """Return what each agent still has before them; what is done, or kept minutes of the past, concerns nobody."""
    over = at - dt.timedelta(minutes=plan.run.interval_minutes)
    days: dict[int, set[tuple[str, int, dt.datetime]]] = {}
    work = (
        select(Assignment.person_id, Assignment.engagement_id, Assignment.starts_at)
        .join(Assignment.engagement)
        .where(Engagement.state.not_in(lifecycle.ENDED))
    )
    for person_id, engagement_id, starts_at in session.execute(work.where(Assignment.plan_id == plan.id)):
        days.setdefault(person_id, set()).add(("work", engagement_id, starts_at))
    live = select(Reservation.person_id, Reservation.engagement_type_id, Reservation.starts_at)
    for person_id, type_id, starts_at in session.execute(
        live.where(Reservation.plan_id == plan.id, Reservation.starts_at > over)
    ):
        days.setdefault(person_id, set()).add(("live", type_id, starts_at))
    return {person_id: frozenset(entries) for person_id, entries in days.items()}
