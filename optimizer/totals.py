"""Totals of a plan from its assignments and reserves, without a model: what a plan that people changed is worth."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from optimizer.control import relative_gap
from optimizer.plan import Assignment, Growth, Plan, Reservation
from optimizer.policy import TERMS, TIERS
from optimizer.problem import Agent, Problem

OCCUPANCY_BREAKPOINTS = (0.6, 0.7, 0.8, 0.9)
SHARE_BREAKPOINTS = (0.1, 0.2, 0.3)


def first_tier(terms: Iterable[tuple[str, float]]) -> float:
    """Return the points of the tier of customers among some terms."""
    return sum(points for term, points in terms if term in TIERS["customers"])


def list_growth(problem: Problem, assignments: Iterable[Assignment]) -> tuple[Growth, ...]:
    """Return what a plan gives to each agent with growth minutes due: stretch work, and learning beside others."""
    planned = _growth_minutes(problem, assignments)
    return tuple(
        Growth(agent.id, due, planned[agent.id], max(0.0, due - planned[agent.id]))
        for agent in problem.agents
        if (due := agent.growth_due_minutes) > 0
    )


def _growth_minutes(problem: Problem, assignments: Iterable[Assignment]) -> dict[str, float]:
    minutes = {each.id: each.minutes for each in problem.engagements}
    grown: dict[str, float] = defaultdict(float)
    for assignment in assignments:
        if assignment.stretch is not None:
            grown[assignment.agent] += assignment.minutes
        if assignment.shadow is not None:
            grown[assignment.shadow] += minutes[assignment.engagement]
    return grown


def total_terms(
    problem: Problem, assignments: Sequence[Assignment], reserved: Sequence[Reservation]
) -> dict[str, float]:
    """Return the weighted points of a whole plan by term.

    Terms of single assignments are taken from them; stability, balance, the debt of growth and what reserves add are
    computed.
    """
    policy = problem.policy
    agents = {agent.id: agent for agent in problem.agents}
    terms = {term: 0.0 for term in TERMS if term != "debt"}
    for assignment in assignments:
        for term, points in assignment.terms.items():
            terms[term] += points
    demand = {each.class_: each for each in problem.forecast}
    for kept in reserved:
        work, agent = demand[kept.class_], agents[kept.agent]
        contacts = agent.concurrency.get(work.channel, 1.0)
        terms["service"] += policy.weight("service") * work.value_per_minute * contacts * kept.minutes
        terms["cost"] -= policy.weight("cost") * agent.cost_per_minute * kept.minutes
    served = {assignment.engagement for assignment in assignments}
    minutes = {each.id: each.minutes for each in problem.engagements}
    left_out = sum(minutes[each.engagement] for each in problem.previous if each.engagement not in served)
    terms["stability"] -= policy.weight("stability") * left_out
    if policy.weight("balance") > 0:
        terms["balance"] = -policy.weight("balance") * _excess_minutes(problem, agents, assignments, reserved)
    growth = list_growth(problem, assignments)
    if growth:
        terms["debt"] = -sum(each.debt for each in growth)
    return {term: points + 0.0 for term, points in terms.items()}


def _excess_minutes(
    problem: Problem,
    agents: dict[str, Agent],
    assignments: Sequence[Assignment],
    reserved: Sequence[Reservation],
) -> float:
    engagements = {each.id: each for each in problem.engagements}
    occupied: dict[str, float] = defaultdict(float)
    stretch = _growth_minutes(problem, assignments)
    heavy: dict[str, float] = defaultdict(float)
    for assignment in assignments:
        engagement, agent = engagements[assignment.engagement], assignment.agent
        if "overtime" not in assignment.relaxed:
            occupied[agent] += assignment.minutes / agents[agent].concurrency.get(engagement.channel, 1.0)
        if assignment.shadow is not None:
            occupied[assignment.shadow] += engagement.minutes
        heavy[agent] += assignment.minutes if engagement.heavy else 0.0
    for kept in reserved:
        occupied[kept.agent] += kept.minutes
    excess = 0.0
    for each in problem.agents:
        capacity = sum(each.capacity)
        if capacity > 0:
            excess += sum(max(0.0, occupied[each.id] - share * capacity) for share in OCCUPANCY_BREAKPOINTS)
            for measure in (stretch, heavy):
                excess += sum(max(0.0, measure[each.id] - share * capacity) for share in SHARE_BREAKPOINTS)
    return excess


def with_totals(problem: Problem, plan: Plan) -> Plan:
    """Return the plan with terms, objective and gap recomputed from its assignments and reserves."""
    terms = total_terms(problem, plan.assignments, plan.reserved)
    objective = first_tier(terms.items())
    bound = None if plan.bound is None else max(plan.bound, objective)
    tiers = tuple(replace(each, kept=sum(terms[term] for term in TIERS[each.tier])) for each in plan.tiers)
    return plan.with_changes(
        terms=terms,
        objective=objective,
        bound=bound,
        gap=None if bound is None else relative_gap(objective, bound),
        tiers=tiers,
        growth=list_growth(problem, plan.assignments),
    )
