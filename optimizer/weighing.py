"""
What each weight of a policy cost: the same problem, solved with one weight at 0 after the other.

All plans are measured with the weights of the policy as it is, so that the changes are in the points of its own plan.
The tolerance ε by which later tiers may lower earlier ones is weighed in the same way.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from optimizer.assignment.columns import STEP_BIT, enumerate_columns
from optimizer.fit import Fit
from optimizer.plan import Plan, Status
from optimizer.policy import PAIR_TERMS, WEIGHTED_TERMS, Policy
from optimizer.problem import Problem
from optimizer.reasons import WeightCost, WeightCosts
from optimizer.roster import Roster
from optimizer.solve import solve
from optimizer.totals import total_terms

EPSILON = "growth_epsilon"

Solve = Callable[[Problem], Plan]


def weigh_terms(problem: Problem, plan: Plan, *, seconds: float, resolve: Solve = solve) -> WeightCosts:
    """Return what each weight of the policy changes, and what ε does.

    Parameters
    ----------
    plan
        The plan of the problem as it is.
    seconds
        Time of all solves together; each gets an equal part, and the policy's time limit at most.
    resolve
        Solves a problem; by default in this process.

    Raises
    ------
    ValueError
        If there is no plan to compare with.
    """
    if plan.objective is None or plan.bound is None:
        raise ValueError("there is no plan to compare with")
    policies = dict(_without_one(problem.policy))
    base = total_terms(problem, plan.assignments, plan.reserved)
    without = {}
    for name, policy in policies.items():
        limit = min(policy.time_limit_s, seconds / len(policies))
        other = resolve(replace(problem, policy=replace(policy, time_limit_s=limit)))
        if other.objective is not None and other.bound is not None and other.status is not Status.CANCELLED:
            terms = measure(problem, other)
            changes = {term: terms[term] - points for term, points in base.items()}
            uncertain = max(_undecided(plan), _undecided(other))
            without[name] = WeightCost(changes, uncertain)
    return WeightCosts(base, without)


def _undecided(plan: Plan) -> float:
    """Return the points of the customers' tier that its search left open, not those that later tiers took."""
    return next((tier.bound - tier.objective for tier in plan.tiers if tier.tier == "customers"), 0.0)


def _without_one(policy: Policy) -> Iterator[tuple[str, Policy]]:
    for term in WEIGHTED_TERMS:
        if policy.weight(term) > 0:
            yield term, replace(policy, weights={**policy.weights, term: 0.0})
    if policy.growth_epsilon > 0:
        yield EPSILON, replace(policy, growth_epsilon=0.0)


def measure(problem: Problem, plan: Plan) -> dict[str, float]:
    """Return the points of a plan by term, with the weights of a problem's policy, whatever it was solved with."""
    fit = Fit(Roster.of(problem))
    index = {engagement.id: position for position, engagement in enumerate(problem.engagements)}
    columns = enumerate_columns(fit, sorted(index[each.engagement] for each in plan.assignments))
    columns = columns.select(~columns.shadows)
    alone = (columns.relaxed & STEP_BIT["drop_shadow"]) > 0
    parts = (columns.engagement, columns.agent, columns.start, columns.overtime, alone)
    column_at = {place: column for column, place in enumerate(zip(*(part.tolist() for part in parts), strict=True))}
    published = {each.engagement: (each.agent, each.start) for each in problem.previous}
    measured = []
    for each in plan.assignments:
        engagement = problem.engagements[index[each.engagement]]
        agent = fit.roster.index[each.agent]
        steps = ("overtime" in each.relaxed, "drop_shadow" in each.relaxed)
        column = column_at[index[each.engagement], agent, each.start, *steps]
        terms = {term: float(columns.terms[term][column]) for term in (*PAIR_TERMS, "given", "relaxation")}
        if each.shadow is not None:
            terms["growth"] += problem.policy.weight("growth") * engagement.minutes
            rate = problem.agents[fit.roster.index[each.shadow]].cost_per_minute
            terms["cost"] -= problem.policy.weight("cost") * engagement.minutes * rate
        if published.get(each.engagement, (each.agent, each.start)) != (each.agent, each.start):
            terms["stability"] = -problem.policy.weight("stability") * engagement.minutes
        measured.append(replace(each, terms=terms))
    return total_terms(problem, measured, plan.reserved)
