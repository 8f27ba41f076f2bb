"""Why this agent, and why not that one, for a scheduler who asks; computed from a stored plan on request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from optimizer.explain import why as find_why
from optimizer.explain import why_not as find_why_not
from optimizer.sentences import Obstacle, ObstacleCode, Offer, Sentences, Why, WhyNot
from webapp.errors import NotFoundError
from webapp.models import Plan
from webapp.services.planning import store
from webapp.services.planning.names import Names, load_names

# Intervals are shown as times of day here, and ids of different kinds may be equal, so obstacles have own words.
_OBSTACLES = {
    ObstacleCode.SKILL: "needs {skill} at level {level}, has level {has}",
    ObstacleCode.EXCLUDED: "declined it before",
    ObstacleCode.NOT_LISTED: "is not among those who may take it",
    ObstacleCode.CHANNEL: "does not take this channel",
    ObstacleCode.LANGUAGE: "does not speak its language",
    ObstacleCode.SITE: "works at another site",
    ObstacleCode.WINDOW: "it may start from {first} to {last} only",
    ObstacleCode.OFF_SHIFT: "is off shift, or cannot finish it, for any start from {first} to {last}",
    ObstacleCode.LIMIT: "has reached a limit of the shift",
    ObstacleCode.FROZEN: "nothing may change before {first} any more",
    ObstacleCode.PINNED: "a pin stands against it",
    ObstacleCode.CAPACITY: "has no minutes left for it",
    ObstacleCode.CHANGES: "too many published assignments would change",
    ObstacleCode.AUTHORITY: "may not decide it alone",
    ObstacleCode.OWNER: "it belongs to somebody else",
    ObstacleCode.SHADOW: "nobody can learn beside the lead when it starts from {first} to {last}",
    ObstacleCode.PAIR: "two people serve it together, which only a new run can arrange",
    ObstacleCode.SLOT: "chose other times or skills for stretch work in this shift",
}


def obstacle_words(obstacle: Obstacle, names: Names, time_of: Callable[[int], str]) -> str:
    """Return what keeps an agent from an engagement, as part of a sentence."""
    return _OBSTACLES[obstacle.code].format(
        skill=names.skill(obstacle.skill or ""),
        level=obstacle.level,
        has=obstacle.has,
        first=time_of(obstacle.first) if obstacle.first is not None else "",
        last=time_of(obstacle.last) if obstacle.last is not None else "",
    )


def clock_of(plan: Plan) -> Callable[[int], str]:
    """Return a function from intervals of a plan to the wall-clock times at which they begin."""
    horizon, zone = store.horizon_of(plan.run), ZoneInfo(plan.site.time_zone)
    return lambda index: f"{horizon.start_of(index).astimezone(zone):%H:%M}"


def why(session: Session, plan: Plan, engagement_id: int) -> list[str]:
    """
    Return sentences on why an engagement is with its agent, and how the next best compares.

    Raises
    ------
    NotFoundError
        If the plan does not assign it.
    """
    loaded = store.load_plan(session, plan)
    try:
        found = find_why(loaded.problem, loaded.answer, str(engagement_id))
    except LookupError:
        raise NotFoundError("This plan does not assign that engagement.") from None
    preferred = {
        each.skill
        for asked in loaded.problem.engagements
        if asked.id == str(engagement_id)
        for each in asked.requires
        if each.preferred
    }
    return Sentences().why(_named(found, load_names(session, loaded.problem), preferred))


def why_not(session: Session, plan: Plan, engagement_id: int, person_id: int) -> list[str]:
    """
    Return sentences on why an engagement is not with a certain agent.

    Raises
    ------
    NotFoundError
        If the plan knows no such engagement or agent.
    """
    loaded = store.load_plan(session, plan)
    try:
        found = find_why_not(loaded.problem, loaded.answer, str(engagement_id), str(person_id))
    except LookupError:
        raise NotFoundError("This plan knows no such engagement or agent.") from None
    names = load_names(session, loaded.problem)
    if found.obstacles:
        said = "; ".join(obstacle_words(each, names, clock_of(plan)) for each in found.obstacles)
        return [f"{names.agent(found.agent)} {said}."]
    return Sentences().why_not(_named_other(found, names))


def _named(found: Why, names: Names, preferred: Collection[str]) -> Why:
    def _skill(skill: str) -> str:
        return f"{names.skill(skill)} (preferred)" if skill in preferred else names.skill(skill)

    chosen = found.assignment
    stretch = names.skill(chosen.stretch) if chosen.stretch is not None else None
    return replace(
        found,
        assignment=replace(chosen, agent=names.agent(chosen.agent), stretch=stretch),
        levels=tuple((_skill(skill), has, needed) for skill, has, needed in found.levels),
        alternatives=tuple(replace(offer, agent=names.agent(offer.agent)) for offer in found.alternatives),
    )


def _named_other(found: WhyNot, names: Names) -> WhyNot:
    def _offer(offer: Offer | None) -> Offer | None:
        return replace(offer, agent=names.agent(offer.agent)) if offer is not None else None

    return replace(
        found,
        agent=names.agent(found.agent),
        offer=_offer(found.offer),
        chosen=_offer(found.chosen),
        in_the_way=tuple(names.engagement(each) for each in found.in_the_way),
    )
