"""
What would change it: how much more an agent's work on an engagement would have to be worth for them to be chosen.

Exact by solving again: with :math:`V` the best value of the first tier and :math:`V_p` the best one with the engagement
pinned to the agent, the agent is chosen as soon as the pair is worth :math:`V - V_p` points more. Where a solve ends
with a gap, both bounds of that difference are stated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.explain import find_agent, find_engagement, fixed_elsewhere, list_obstacles, offers_of, why_not
from optimizer.fixes import apply_fix
from optimizer.plan import Cause, CauseCode, Fix, FixCode, Plan, Status, Unassigned
from optimizer.policy import TIERS, WEIGHTED_TERMS
from optimizer.problem import Agent, Engagement, Pin, Problem
from optimizer.reasons import Levels, Obstacle, ObstacleCode, WhatWouldChange
from optimizer.solve import solve

SECONDS = 10.0
_NO_PLAN = Plan(Status.TIME_LIMIT_NO_PLAN)
Solve = Callable[[Problem], Plan]


def what_would_change(
    problem: Problem, plan: Plan, engagement_id: str, agent_id: str, *, seconds: float = SECONDS, resolve: Solve = solve
) -> WhatWouldChange:
    """Return the smallest change of value, and of skill levels, with which an agent would have been chosen.

    Parameters
    ----------
    seconds
        Most time of each solve. There are two, and up to two more for each level that is tried.
    resolve
        Solves a problem; by default in this process.

    Raises
    ------
    LookupError
        If there is no such engagement or agent.
    """
    engagement, agent = find_engagement(problem, engagement_id), find_agent(problem, agent_id)
    answer = WhatWouldChange(engagement_id, agent_id)
    chosen = plan.find_assignment(engagement_id)
    if chosen is not None and chosen.agent == agent_id:
        return replace(answer, value_more=0.0)
    fixed = fixed_elsewhere(problem, engagement_id, agent_id)
    if fixed:
        return replace(answer, obstacles=fixed)
    question = _Question(_first_tier(problem, seconds), engagement, agent, resolve)
    needed = {} if question.can({}) else question.missing(preferred=False)
    if needed and not question.can(needed):
        needed = question.missing(preferred=True)
    if not question.can(needed):
        raised = question.with_levels(needed)
        found = list_obstacles(raised, engagement, find_agent(raised, agent_id))
        return replace(answer, levels_needed=needed, obstacles=found)
    distance = question.distance(needed)
    if distance is None:
        return replace(answer, levels_needed=needed, obstacles=(Obstacle(ObstacleCode.CAPACITY),))
    least, most = distance
    levels = question.smallest_levels(needed) if most > 0 else {}
    side = why_not(problem, plan, engagement_id, agent_id)
    by_price = None if side.offer is None or side.chosen is None else max(0.0, side.chosen.net - side.offer.net)
    return replace(
        answer, levels_needed=needed, value_more=most, value_more_least=least, by_price=by_price, levels=levels
    )


def _first_tier(problem: Problem, seconds: float) -> Problem:
    """Return the problem without its later tiers."""
    weights = {
        term: problem.policy.weight(term) for term in WEIGHTED_TERMS if term in TIERS["customers"]
    }  # fmt: skip
    limit = min(seconds, problem.policy.time_limit_s)
    return replace(problem, policy=replace(problem.policy, weights=weights, time_limit_s=limit))


@dataclass(frozen=True, slots=True)
class _Question:
    """One engagement and one agent, asked of a problem of the first tier alone."""

    problem: Problem
    engagement: Engagement
    agent: Agent
    resolve: Solve

    def missing(self, *, preferred: bool) -> dict[str, int]:
        """Return the levels of the engagement that the agent lacks."""
        return {
            need.skill: need.level
            for need in self.engagement.requires
            if self.agent.skills.get(need.skill, 0) < need.level and (preferred or not need.preferred)
        }

    def with_levels(self, levels: Levels) -> Problem:
        """Return the problem with some levels of the agent raised."""
        raises = [Fix(FixCode.RAISE_LEVEL, self.agent.id, skill, level) for skill, level in levels.items()]
        if not raises:
            return self.problem
        first, *rest = raises
        left_out = Unassigned(self.engagement.id, Cause(CauseCode.UNKNOWN), replace(first, also=tuple(rest)))
        return apply_fix(self.problem, left_out)

    def can(self, levels: Levels) -> bool:
        """Return whether the agent could take the engagement at these levels, were their day empty."""
        offers = offers_of(self.with_levels(levels), _NO_PLAN, self.engagement)
        return any(offer.agent == self.agent.id for offer in offers)

    def distance(self, levels: Levels) -> tuple[float, float] | None:
        """Return the least and the most points that are missing at these levels; None if there is no such plan."""
        problem = self.with_levels(levels)
        here = self.resolve(replace(problem, pins=(*problem.pins, Pin(self.engagement.id, self.agent.id))))
        free = self.resolve(problem)
        if here.objective is None or here.bound is None or free.objective is None or free.bound is None:
            return None
        best, bound = max(free.objective, here.objective), max(free.bound, here.objective)
        return max(0.0, best - here.bound), max(0.0, bound - here.objective)

    def smallest_levels(self, needed: Levels) -> dict[str, int]:
        """Return levels with which the agent is chosen at no other value, none of which could be lower; else none."""
        levels = dict(needed) | self.missing(preferred=True)
        if levels == dict(needed) or not self._is_chosen(levels):
            return {}
        for skill in sorted(levels):
            has = max(self.agent.skills.get(skill, 0), needed.get(skill, 0))
            while levels[skill] > has and self._is_chosen(levels | {skill: levels[skill] - 1}):
                levels[skill] -= 1
        return {skill: level for skill, level in levels.items() if level > self.agent.skills.get(skill, 0)}

    def _is_chosen(self, levels: Levels) -> bool:
        distance = self.distance(levels)
        return distance is not None and distance[1] <= 1e-6 * max(1.0, self.engagement.worth)
