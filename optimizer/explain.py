"""
Why this agent, why not that one: value and price side by side, as data.

`optimizer.sentences` turns the data into words. An agent's **price** for a piece of work is what its minutes are worth
elsewhere, at the plan's shadow prices; the best agent is the one with the highest value minus price, not the one with
the highest value.
"""

from dataclasses import replace

import numpy as np

from optimizer.assignment.columns import Columns, enumerate_columns
from optimizer.fit import Fit
from optimizer.plan import Assignment, Plan, Unassigned
from optimizer.policy import TIERS
from optimizer.prices import price_columns
from optimizer.problem import Agent, Engagement, Problem
from optimizer.reasons import Obstacle, ObstacleCode, Offer, Why, WhyNot
from optimizer.roster import Roster

__all__ = ["Obstacle", "ObstacleCode", "Offer", "Why", "WhyNot", "explain", "list_obstacles", "why", "why_not"]

ALTERNATIVES = 3


def explain(problem: Problem, plan: Plan, engagement_id: str) -> Why | Unassigned:
    """Return why an engagement is where it is: its agent and start, or the cause for which it is unassigned.

    Raises
    ------
    LookupError
        If the plan does not mention the engagement.
    """
    left_out = plan.find_unassigned(engagement_id)
    return left_out if left_out is not None else why(problem, plan, engagement_id)


def why(problem: Problem, plan: Plan, engagement_id: str) -> Why:
    """Return why an assigned engagement is with its agent, with the next best agents beside it.

    Raises
    ------
    LookupError
        If the plan does not assign the engagement.
    """
    assignment = plan.find_assignment(engagement_id)
    if assignment is None:
        raise LookupError(engagement_id)
    engagement, agent = find_engagement(problem, engagement_id), find_agent(problem, assignment.agent)
    offers = offers_of(problem, plan, engagement)
    return Why(
        assignment=assignment,
        price=_price_of(problem, plan, assignment),
        levels=tuple((need.skill, agent.skills.get(need.skill, 0), need.level) for need in engagement.requires),
        knows_customer=agent.id in engagement.known_agents,
        is_late=assignment.start > engagement.due,
        is_pinned=any(pin.engagement == engagement_id for pin in problem.pins),
        alternatives=tuple(offer for offer in offers if offer.agent != agent.id)[:ALTERNATIVES],
        able=len(offers),
        in_own_slot=is_in_own_slot(agent, assignment),
    )


def is_in_own_slot(agent: Agent, assignment: Assignment) -> bool:
    """Return whether stretch work begins where its agent chose to grow in that skill."""
    return any(
        slot.skill == assignment.stretch and slot.start <= assignment.start < slot.end for slot in agent.stretch_slots
    )


def why_not(problem: Problem, plan: Plan, engagement_id: str, agent_id: str) -> WhyNot:
    """Return why an engagement is not with an agent: what stands against it, or what it would bring and cost.

    Raises
    ------
    LookupError
        If there is no such engagement or agent.
    """
    engagement, agent = find_engagement(problem, engagement_id), find_agent(problem, agent_id)
    chosen = plan.find_assignment(engagement_id)
    offers = {offer.agent: offer for offer in offers_of(problem, plan, engagement)}
    offer = offers.get(agent_id)
    obstacles = (
        list_obstacles(problem, engagement, agent)
        if offer is None
        else fixed_elsewhere(problem, engagement_id, agent_id)
    )
    blockers = () if offer is None else _blockers(plan, engagement, agent, offer)
    return WhyNot(
        engagement=engagement_id,
        agent=agent_id,
        obstacles=obstacles,
        offer=offer,
        chosen=None
        if chosen is None
        else Offer(chosen.agent, chosen.start, _tier_one(chosen), _price_of(problem, plan, chosen)),
        in_the_way=blockers,
    )


def fixed_elsewhere(problem: Problem, engagement_id: str, agent_id: str) -> tuple[Obstacle, ...]:
    """Return what people have fixed against an agent, who could take an engagement: a pin, or the frozen window."""
    if any(pin.engagement == engagement_id and pin.agent != agent_id for pin in problem.pins):
        return (Obstacle(ObstacleCode.PINNED, name=engagement_id),)
    stands = [each for each in problem.previous if each.engagement == engagement_id]
    if any(each.start < problem.frozen_before and each.agent != agent_id for each in stands):
        return (Obstacle(ObstacleCode.FROZEN, first=problem.frozen_before),)
    return ()


def list_obstacles(
    problem: Problem, engagement: Engagement, agent: Agent, start: int | None = None
) -> tuple[Obstacle, ...]:
    """Return every rule that keeps an agent from an engagement, whatever else is planned."""
    found = [
        Obstacle(ObstacleCode.SKILL, skill=need.skill, level=need.level, has=agent.skills.get(need.skill, 0))
        for need in engagement.requires
        if not need.preferred and agent.skills.get(need.skill, 0) < need.level
    ]
    if agent.id in engagement.excluded_agents:
        found.append(Obstacle(ObstacleCode.EXCLUDED))
    if engagement.eligible_agents is not None and agent.id not in engagement.eligible_agents:
        found.append(Obstacle(ObstacleCode.NOT_LISTED))
    if agent.channels is not None and engagement.channel not in agent.channels:
        found.append(Obstacle(ObstacleCode.CHANNEL, name=engagement.channel))
    if engagement.language is not None and engagement.language not in agent.languages:
        found.append(Obstacle(ObstacleCode.LANGUAGE, name=engagement.language))
    if engagement.site is not None and engagement.site != agent.site:
        found.append(Obstacle(ObstacleCode.SITE, name=engagement.site))
    found += [
        Obstacle(ObstacleCode.AUTHORITY, name=name) for name in engagement.authority if name not in agent.authorities
    ]
    if engagement.owner not in {None, agent.id} and problem.policy.price_of("hand_over") is None:
        found.append(Obstacle(ObstacleCode.OWNER, name=engagement.owner))
    if start is not None and not max(engagement.earliest, problem.frozen_before) <= start <= engagement.latest:
        found.append(Obstacle(ObstacleCode.WINDOW, first=engagement.earliest, last=engagement.latest))
    if _has_chosen_otherwise(problem, engagement, agent, start):
        found.append(Obstacle(ObstacleCode.SLOT))
    if not found:
        code = ObstacleCode.SHADOW if _could_lead(problem, engagement, agent) else ObstacleCode.OFF_SHIFT
        found.append(Obstacle(code, first=engagement.earliest, last=engagement.latest))
    return tuple(found)


def _could_lead(problem: Problem, engagement: Engagement, agent: Agent) -> bool:
    """Return whether an agent could serve an engagement of a pair if nobody had to learn beside them."""
    if not engagement.shadow:
        return False
    alone = replace(problem, engagements=(replace(engagement, shadow=False),), pins=(), previous=())
    fit = Fit(Roster.of(alone))
    return bool((enumerate_columns(fit).agent == fit.roster.index[agent.id]).any())


def _has_chosen_otherwise(problem: Problem, engagement: Engagement, agent: Agent, start: int | None) -> bool:
    """Return whether an agent could take an engagement as stretch work if they had chosen no slots."""
    if not agent.stretch_slots:
        return False
    agents = tuple(replace(each, stretch_slots=()) if each is agent else each for each in problem.agents)
    fit = Fit(Roster.of(replace(problem, agents=agents, engagements=(engagement,), pins=(), previous=())))
    columns = enumerate_columns(fit)
    could = (columns.agent == fit.roster.index[agent.id]) & (columns.stretch >= 0)
    return bool((could if start is None else could & (columns.start == start)).any())


def find_engagement(problem: Problem, identity: str) -> Engagement:
    """Return an engagement by its id.

    Raises
    ------
    LookupError
        If there is none.
    """
    for engagement in problem.engagements:
        if engagement.id == identity:
            return engagement
    raise LookupError(identity)


def find_agent(problem: Problem, identity: str) -> Agent:
    """Return an agent by their id.

    Raises
    ------
    LookupError
        If there is none.
    """
    for agent in problem.agents:
        if agent.id == identity:
            return agent
    raise LookupError(identity)


def _columns(problem: Problem, engagement: Engagement) -> tuple[Roster, Columns]:
    """Return every way to take an engagement; who learns beside somebody is no offer."""
    roster = Roster.of(problem)
    columns = enumerate_columns(Fit(roster), [problem.engagements.index(engagement)])
    return roster, columns.select(~columns.shadows)


def offers_of(problem: Problem, plan: Plan, engagement: Engagement) -> list[Offer]:
    """Return the best offer of every agent who could take an engagement, the best first."""
    roster, columns = _columns(problem, engagement)
    stands = [each.start for each in problem.previous if each.engagement == engagement.id]
    open_to = (columns.start >= problem.frozen_before) | np.isin(columns.start, stands)
    columns = columns.select(open_to)
    values = columns.value(TIERS["customers"])
    prices = price_columns(roster, columns, plan.prices)
    best: dict[int, int] = {}
    for column in np.lexsort((columns.start, -(values - prices))).tolist():
        best.setdefault(int(columns.agent[column]), column)
    return [
        Offer(problem.agents[agent].id, int(columns.start[column]), float(values[column]), float(prices[column]))
        for agent, column in best.items()
    ]


def _price_of(problem: Problem, plan: Plan, assignment: Assignment) -> float:
    roster, columns = _columns(problem, find_engagement(problem, assignment.engagement))
    in_overtime = "overtime" in assignment.relaxed
    same = np.flatnonzero(
        (columns.agent == roster.index[assignment.agent])
        & (columns.start == assignment.start)
        & (columns.overtime == in_overtime)
    )
    return float(price_columns(roster, columns.select(same[:1]), plan.prices).sum())


def _tier_one(assignment: Assignment) -> float:
    return sum(points for term, points in assignment.terms.items() if term in TIERS["customers"])


def _blockers(plan: Plan, engagement: Engagement, agent: Agent, offer: Offer) -> tuple[str, ...]:
    """Return the engagements of an agent that start in the window of another, the most valuable first."""
    window = range(engagement.earliest, max(engagement.latest, offer.start) + 1)
    mine = [
        each
        for each in plan.assignments
        if each.agent == agent.id and each.start in window and each.engagement != engagement.id
    ]
    mine.sort(key=lambda each: (-_tier_one(each), each.engagement))
    return tuple(each.engagement for each in mine[:ALTERNATIVES])
