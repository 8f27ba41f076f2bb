"""
Growth never takes more from customers than the policy's ε, which a second solve without growth proves.

``MAINSTAY_GROWTH_INSTANCES`` sets the number of random days; `docs/benchmarks.md` has the result of a hundred.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Plan, Policy, Problem, Status, solve, verify
from optimizer.benchmarks.generator import Shape, generate
from tests.factories.optimizer_problems import problems

INSTANCES = int(os.environ.get("MAINSTAY_GROWTH_INSTANCES", "3"))
DAY = Shape(agents=5, engagements=20, intervals=6, load=0.9, skills=5, breadth=0.6, rich=True)
CUSTOMERS = {"service": 1.0, "match": 0.2, "continuity": 0.2}
EPSILON = 0.02
GAP = 0.001


def _policy(**weights: float) -> Policy:
    return Policy(weights=CUSTOMERS | weights, growth_epsilon=EPSILON, gap=GAP, time_limit_s=60.0)


def _stretch_minutes(plan: Plan) -> float:
    return sum(each.minutes for each in plan.assignments if each.stretch is not None)


def _objective(plan: Plan) -> float:
    assert plan.objective is not None
    return plan.objective


@pytest.mark.parametrize("seed", range(1001, 1001 + INSTANCES))
def test_customers_lose_at_most_epsilon_to_stretch(seed, record_property):
    """The second solve has no growth tier at all; each solve may miss the optimum by the gap."""
    customers_alone = solve(generate(DAY, seed, _policy()))
    problem = generate(DAY, seed, _policy(growth=3.0))

    plan = solve(problem)

    lost = 1 - _objective(plan) / _objective(customers_alone)
    record_property("lost", lost)
    assert plan.status is customers_alone.status is Status.OPTIMAL
    assert verify(problem, plan) == ()
    assert lost <= EPSILON + GAP
    assert _stretch_minutes(plan) >= _stretch_minutes(customers_alone) - 1e-6


def test_growth_is_more_than_what_falls_off_by_chance():
    """Otherwise the property above would hold of a tier that does nothing."""
    seeds = range(1001, 1004)

    without = sum(_stretch_minutes(solve(generate(DAY, seed, _policy()))) for seed in seeds)
    grown = sum(_stretch_minutes(solve(generate(DAY, seed, _policy(growth=3.0)))) for seed in seeds)

    assert grown >= 1.5 * without
    assert grown > 0


def _growth_of(problem: Problem, epsilon: float) -> float:
    plan = solve(replace(problem, policy=replace(problem.policy, growth_epsilon=epsilon)))
    return next((tier.objective for tier in plan.tiers if tier.tier == "growth"), 0.0)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False))
def test_a_larger_epsilon_never_lowers_growth(problem):
    problem = replace(problem, policy=replace(problem.policy, weights={"service": 1.0, "growth": 1.0}))

    none, little, all_of_it = (_growth_of(problem, epsilon) for epsilon in (0.0, 0.1, 1.0))

    assert none - 1e-5 <= little <= all_of_it + 1e-5
