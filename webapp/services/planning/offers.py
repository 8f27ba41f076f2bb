"""Work that was declined: who else could take it, what that would cost, and offering it to one of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer import problem as asked
from optimizer.explain import list_obstacles
from optimizer.moves import Move, MoveCheck, check_move
from optimizer.sentences import ObstacleCode
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Assignment, Engagement, EngagementState, Person, Plan, PlanState, Response
from webapp.services import audit, lifecycle
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning import store, successors
from webapp.services.planning.problem import build_problem
from webapp.services.planning.successors import load_as_it_stands

BEST = 3
_TRIED_STARTS = 4


@dataclass(frozen=True, slots=True)
class Replacement:
    """
    An agent who could take declined work.

    Parameters
    ----------
    person
        The agent.
    start
        Interval of the plan in which they would begin.
    starts_at
        The same as a moment.
    value_change
        Points of the plan's first tier that this adds to the plan without the work; negative if it costs.
    why
        Sentences: levels, who gives way.
    """

    person: Person
    start: int
    starts_at: dt.datetime
    value_change: float
    why: tuple[str, ...]


def get_declined(session: Session, assignment_id: int, *, viewer: Viewer) -> Assignment:
    """
    Return a declined assignment of a live plan at a site where the viewer runs plans.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    assignment = session.scalar(
        select(Assignment)
        .join(Assignment.plan)
        .join(Plan.site)
        .where(
            Assignment.id == assignment_id,
            Plan.state == PlanState.PUBLISHED,
            viewer.sees_site(Permission.RUN_PLANS),
        )
        .options(
            joinedload(Assignment.plan).joinedload(Plan.site),
            joinedload(Assignment.plan).joinedload(Plan.run),
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type),
            joinedload(Assignment.person),
            joinedload(Assignment.response),
        )
    )
    if assignment is None or assignment.response is None or assignment.response.response is not Response.DECLINED:
        raise NotFoundError("There is no such declined work.")
    return assignment


def present_plan(session: Session, plan: Plan, *, today: dt.date) -> store.LoadedPlan:
    """Return a live plan as it stands, with the minutes, levels and refusals of the present instead of its run's."""
    loaded = load_as_it_stands(session, plan)
    now = build_problem(
        session,
        plan.site,
        plan.day_on,
        policy=plan.run.policy,
        interval_minutes=plan.run.interval_minutes,
        today=today,
        horizon=loaded.horizon,
        # The plan itself holds what is under way.
        take_under_way=False,
    ).problem
    agents = {agent.id: agent for agent in now.agents}
    refused = {engagement.id: engagement.excluded_agents for engagement in now.engagements}
    problem = replace(
        loaded.problem,
        agents=tuple(_as_now(agent, agents.get(agent.id)) for agent in loaded.problem.agents),
        engagements=tuple(
            _refused(each, refused.get(each.id, each.excluded_agents)) for each in loaded.problem.engagements
        ),
    )
    return store.LoadedPlan(problem=problem, answer=loaded.answer, horizon=loaded.horizon)


def _refused(engagement: asked.Engagement, agents: tuple[str, ...]) -> asked.Engagement:
    # A case owner who has given a case back since the run does not keep it any more.
    owner = None if engagement.owner in agents else engagement.owner
    return replace(engagement, excluded_agents=agents, owner=owner)


def _as_now(agent: asked.Agent, now: asked.Agent | None) -> asked.Agent:
    if now is None:
        return replace(agent, capacity=tuple(0.0 for _ in agent.capacity))
    # Skills that no work of today asks for any more are not in the present problem; they are as they were.
    return replace(agent, capacity=now.capacity, skills={**agent.skills, **now.skills})


def find_replacements(
    session: Session, assignment: Assignment, *, today: dt.date, at: dt.datetime
) -> list[Replacement]:
    """
    Return the best agents for declined work, by the value of the plan with it.

    Each agent who may take it is tried at the first starts that are still to come; nobody's begun work is moved.

    Parameters
    ----------
    session, assignment
        A declined assignment of a live plan.
    today, at
        Today at the site, and the present moment.
    """
    plan = assignment.plan
    loaded = present_plan(session, plan, today=today)
    engagement_id = str(assignment.engagement_id)
    engagement = next((each for each in loaded.problem.engagements if each.id == engagement_id), None)
    if engagement is None:
        return []
    people = {str(each.id): each for each in session.scalars(select(Person).where(Person.site_id == plan.site_id))}
    first = max(engagement.earliest, loaded.horizon.index_from(at))
    found = []
    for agent in loaded.problem.agents:
        if agent.id == str(assignment.person_id) or agent.id not in people:
            continue
        checks = list(_checks(loaded, engagement, agent, first=first))
        if checks:
            best = max(checks, key=lambda check: (check.value_after, -check.start))
            found.append(_replacement(loaded, best, people[agent.id], engagement, agent))
    return sorted(found, key=lambda each: (-each.value_change, each.starts_at, each.person.name))[:BEST]


def _checks(
    loaded: store.LoadedPlan, engagement: asked.Engagement, agent: asked.Agent, *, first: int
) -> Iterator[MoveCheck]:
    """Yield what an agent's first possible starts would do, as far as no rule stands against them."""
    last = min(engagement.latest, loaded.horizon.intervals - 1)
    # Asked without a start, this says at once whether levels, refusals or channels stand against the agent.
    against = {each.code for each in list_obstacles(loaded.problem, engagement, agent)} - {
        ObstacleCode.OFF_SHIFT,
        ObstacleCode.SHADOW,
    }
    if against:
        return
    starts = [start for start in range(first, last + 1) if agent.capacity[start] > 0][:_TRIED_STARTS]
    for start in starts:
        check = check_move(loaded.problem, loaded.answer, engagement.id, agent.id, start)
        if check.is_allowed:
            yield check


def _replacement(
    loaded: store.LoadedPlan, check: MoveCheck, person: Person, engagement: asked.Engagement, agent: asked.Agent
) -> Replacement:
    minutes = sum(each.minutes for each in check.released)
    why = [f"Level {agent.skills.get(need.skill, 0)} of {need.level} asked." for need in engagement.requires[:1]]
    if agent.id in engagement.known_agents:
        why.append("The customer knows them, or the case is theirs.")
    if check.displaced:
        count = len(check.displaced)
        why.append(f"Pushes out {count} {'engagement' if count == 1 else 'engagements'} of theirs.")
    if minutes >= 1:
        why.append(f"Takes {minutes:.0f} minutes kept for live contacts.")
    if not check.displaced and minutes < 1:
        why.append("Has the time for it.")
    return Replacement(
        person=person,
        start=check.start,
        starts_at=loaded.horizon.start_of(check.start),
        value_change=round(check.value_after - check.value_before, 2),
        why=tuple(why),
    )


def offer(session: Session, assignment: Assignment, person: Person, *, start: int, today: dt.date, by: Actor) -> Plan:
    """
    Offer declined work to another agent: it stands in their day at once and waits for their answer.

    Raises
    ------
    ConflictError
        If the plan is not live any more, or somebody has taken the work meanwhile.
    InvalidInputError
        If a rule stands against it.
    """
    plan, engagement = assignment.plan, assignment.engagement
    successors.require_live(plan)
    if engagement.state is not EngagementState.RETURNED:
        raise ConflictError(f"This engagement is {engagement.state.value.replace('_', ' ')} by now.")
    loaded = present_plan(session, plan, today=today)
    try:
        check = check_move(loaded.problem, loaded.answer, str(engagement.id), str(person.id), start)
    except LookupError as error:
        raise NotFoundError("This plan knows no such agent.") from error
    if not check.is_allowed or loaded.horizon.start_of(start) + loaded.horizon.length <= by.at:
        raise InvalidInputError(f"{person.name} cannot take it then any more. Look at the offers again.")
    made = successors.succeed(
        session,
        plan,
        [Move(str(engagement.id), str(person.id), start)],
        kind="offer",
        today=today,
        by=by,
    )
    engagement = session.get_one(Engagement, assignment.engagement_id, populate_existing=True)
    # On a day that has come, publishing has put it before the agent already.
    if engagement.state is not EngagementState.OFFERED:
        lifecycle.move(session, engagement, EngagementState.OFFERED, action="offer_engagement", by=by)
    audit.record(
        session,
        "offer_assignment",
        engagement,
        by=by,
        person_id=person.id,
        detail={"plan_id": made.id, "declined_by_id": assignment.person_id, "site_id": plan.site_id},
    )
    audit.record(
        session,
        "answer_decline",
        assignment,
        by=by,
        person_id=assignment.person_id,
        detail={"plan_id": plan.id, "engagement_id": engagement.id, "offered_to_id": person.id},
    )
    return made
