"""
Every plan of a tiny problem, judged by the independent checker alone: the oracle for the solver.

Nothing here knows the model. What one engagement can become is tried out against the rules of one assignment, plans are
combinations of that which break no rule of an agent or of the whole, and their points are those of the checker.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from optimizer.plan import Assignment, Plan, Status
from optimizer.policy import LADDER_STEPS, TIERS
from optimizer.problem import Engagement, Problem
from optimizer.verify.agents import check_agent
from optimizer.verify.assignments import check_assignment, list_obstacles
from optimizer.verify.case import Case, meets
from optimizer.verify.points import total_points
from optimizer.verify.whole import check_asks, check_shares

ROUNDING = 1e-6


@dataclass(frozen=True)
class Tried:
    """A plan that breaks no rule: its assignments, and the points of each tier (customers without reserves)."""

    assignments: tuple[Assignment, ...]
    tiers: dict[str, float]


def list_options(problem: Problem, work: Engagement) -> list[Assignment]:
    """Return every assignment of an engagement that breaks no rule of a single assignment."""
    case = Case.of(problem, Plan(Status.FEASIBLE, objective=0.0))
    ladder = {rung.step for rung in problem.policy.ladder}
    steps = [step for step in LADDER_STEPS if step in ladder]
    relaxed = [subset for count in range(len(steps) + 1) for subset in itertools.combinations(steps, count)]
    agents = [agent.id for agent in problem.agents]
    tried = itertools.product(
        agents,
        range(problem.intervals),
        relaxed,
        [None, *(need.skill for need in work.requires)],
        [None, *agents] if work.shadow else [None],
    )
    candidates = (
        Assignment(work.id, agent, start, work.minutes_with(agent), 0.0, {}, relaxed, stretch, shadow)
        for agent, start, relaxed, stretch, shadow in tried
    )
    return [chosen for chosen in candidates if next(check_assignment(case, chosen), None) is None]


def count_plans(options: list[list[Assignment]]) -> int:
    """Return how many combinations there are, rules of the whole aside."""
    return math.prod(len(each) + 1 for each in options)


def list_plans(problem: Problem, options: list[list[Assignment]]) -> Iterator[Tried]:
    """Yield every combination of options that breaks no rule."""
    for combination in itertools.product(*([None, *each] for each in options)):
        chosen = tuple(each for each in combination if each is not None)
        case = Case.of(problem, Plan(Status.FEASIBLE, objective=0.0, assignments=chosen))
        if any(next(check_agent(case, agent), None) is not None for agent in problem.agents):
            continue
        if next(check_shares(case), None) is None and next(check_asks(case), None) is None:
            points = total_points(case)
            yield Tried(chosen, {tier: sum(points[term] for term in terms) for tier, terms in TIERS.items()})


def best_tiers(problem: Problem, plans: list[Tried]) -> dict[str, float]:
    """Return the best points of each tier, given what the tiers before must keep, for a problem without forecast."""
    best: dict[str, float] = {}
    for tier in TIERS:
        best[tier] = max(each.tiers[tier] for each in plans)
        given_up = 0.0 if tier == "protected" else problem.policy.growth_epsilon * abs(best[tier])
        plans = [each for each in plans if each.tiers[tier] >= best[tier] - given_up - ROUNDING]
    return best


def best_with_reserves(problem: Problem, plans: list[Tried]) -> float:
    """Return the best points of the tier of customers over plans with the best reserves for each of them."""
    least = max(each.tiers["protected"] for each in plans) - ROUNDING
    return max(
        each.tiers["customers"] + _reserve(problem, each.assignments)
        for each in plans
        if each.tiers["protected"] >= least
    )


def _reserve(problem: Problem, chosen: tuple[Assignment, ...]) -> float:
    """Return the points of the best reserves beside some assignments, by a linear program of its own."""
    case = Case.of(problem, Plan(Status.FEASIBLE, objective=0.0, assignments=chosen))
    horizon, count = problem.intervals, len(problem.agents)
    kept = [
        (number, row, interval, agent.concurrency.get(demand.channel, 1.0))
        for number, demand in enumerate(problem.forecast)
        for row, agent in enumerate(problem.agents)
        if all(need.preferred or meets(need, agent) for need in demand.requires)
        and next(list_obstacles(demand, agent), None) is None
        and demand.site in {None, agent.site}
        for interval in range(horizon)
        if agent.capacity[interval] > 0
    ]
    if not kept:
        return 0.0
    weight = problem.policy.weight("service")
    width = len(kept) + count * horizon
    points, most = np.zeros(width), np.full(width, np.inf)
    rows, limit = np.zeros((count * horizon + len(problem.forecast) * horizon, width)), []
    for row, agent in enumerate(problem.agents):
        load = np.zeros(horizon)
        for run in [case.run_of_lead(each) for each in case.led_by[agent.id]] + [
            case.run_of_shadow(each) for each in case.learnt_by[agent.id]
        ]:
            for interval, minutes in ({} if run.overtime else run.load).items():
                load[interval] += minutes
        for interval in range(horizon):
            cell, carry = row * horizon + interval, len(kept) + row * horizon + interval
            into_work = interval + 1 < horizon and agent.capacity[interval + 1] > 0
            most[carry] = problem.max_carry if into_work else 0.0
            rows[cell, carry] = -1.0
            if interval:
                rows[cell, carry - 1] = 1.0
            limit.append(agent.capacity[interval] - load[interval])
    for variable, (number, row, interval, contacts) in enumerate(kept):
        points[variable] = weight * problem.forecast[number].value_per_minute * contacts
        rows[row * horizon + interval, variable] = 1.0
        rows[count * horizon + number * horizon + interval, variable] = contacts
    limit += [minutes for demand in problem.forecast for minutes in demand.minutes]
    solved = linprog(-points, A_ub=rows, b_ub=limit, bounds=list(zip(np.zeros(width), most, strict=True)))
    assert solved.fun is not None, solved.message
    return -float(solved.fun)
