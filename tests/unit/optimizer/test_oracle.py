"""On tiny problems the optimum equals that of trying everything."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from optimizer import Status, solve, verify
from optimizer.assignment.columns import STEP_BIT, enumerate_columns
from optimizer.fit import Fit
from optimizer.roster import Roster
from tests.factories.brute_force import best_tiers, best_with_reserves, count_plans, list_options, list_plans
from tests.factories.optimizer_problems import learning_problems, problems

EXAMPLES = int(os.environ.get("MAINSTAY_ORACLE_EXAMPLES", "40"))
"""Problems for each property; some of them have too many plans to try and are passed over."""

MOST_PLANS = 3_000
MOST_PLANS_WITH_RESERVES = 80

tiny = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@tiny
@given(learning_problems() | problems())
def test_columns_are_exactly_the_assignments_that_break_no_rule(problem):
    """The model's columns and the checker's rules of one assignment are written apart and say the same."""
    roster = Roster.of(problem)
    columns = enumerate_columns(Fit(roster))
    skills = {position: name for name, position in roster.skills.items()}
    leads, shadows = columns.select(~columns.shadows), columns.select(columns.shadows)
    beside = set(zip(shadows.pair.tolist(), shadows.agent.tolist(), shadows.start.tolist(), strict=True))
    listed = set()
    for column in range(len(leads)):
        work, agent, start = int(leads.engagement[column]), int(leads.agent[column]), int(leads.start[column])
        relaxed = tuple(step for step, bit in STEP_BIT.items() if leads.relaxed[column] & bit)
        learners = [other for other in range(len(roster.ids)) if other != agent and (work, other, start) in beside]
        for learner in learners if leads.pair[column] >= 0 else [None]:
            shadow = None if learner is None else roster.ids[learner]
            listed.add((work, roster.ids[agent], start, relaxed, skills.get(int(leads.stretch[column])), shadow))

    allowed = {
        (index, each.agent, each.start, each.relaxed, each.stretch, each.shadow)
        for index, work in enumerate(problem.engagements)
        for each in list_options(problem, work)
        # A learner has minutes for the work within the limit of their shift; the model leaves the others out at once.
        if each.shadow is None or problem.agents[roster.index[each.shadow]].max_stretch_minutes >= work.minutes
    }
    assert listed == allowed


@tiny
@given(learning_problems(forecast=False) | problems(forecast=False))
def test_every_tier_equals_trying_everything(problem):
    options = [list_options(problem, work) for work in problem.engagements]
    assume(count_plans(options) <= MOST_PLANS)
    plans = list(list_plans(problem, options))

    plan = solve(problem)

    assert verify(problem, plan) == ()
    if not plans:
        assert plan.status is Status.INFEASIBLE
        assert plan.conflicts
        return
    best = best_tiers(problem, plans)
    assert plan.status is Status.OPTIMAL
    for tier in plan.tiers:
        assert tier.objective == pytest.approx(best[tier.tier], abs=1e-4), tier.tier
        assert tier.bound >= best[tier.tier] - 1e-5
    least = best["customers"] - problem.policy.growth_epsilon * abs(best["customers"])
    assert plan.objective >= least - 1e-4


@tiny
@given(learning_problems() | problems())
def test_customers_and_reserves_equal_trying_everything(problem):
    options = [list_options(problem, work) for work in problem.engagements]
    assume(problem.forecast and count_plans(options) <= MOST_PLANS_WITH_RESERVES)
    plans = list(list_plans(problem, options))

    plan = solve(problem)

    if not plans:
        assert plan.status is Status.INFEASIBLE
        return
    best = best_with_reserves(problem, plans)
    customers = next(tier for tier in plan.tiers if tier.tier == "customers")
    assert customers.objective == pytest.approx(best, abs=1e-4)
    assert customers.bound >= best - 1e-5


@tiny
@given(learning_problems() | problems())
def test_every_plan_passes_the_independent_checker(problem):
    plan = solve(problem)

    assert plan.status in (Status.OPTIMAL, Status.INFEASIBLE)
    assert verify(problem, plan) == ()
    assert type(plan).from_json(plan.to_json()) == plan


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False))
def test_a_higher_rate_never_changes_what_customers_get(problem):
    """The cost tier comes after customers and may give up ε of them at most, whatever the rates are."""
    dear = replace(
        problem,
        agents=tuple(replace(agent, cost_per_minute=50.0) for agent in problem.agents),
        policy=replace(problem.policy, weights={**problem.policy.weights, "cost": 1.0}),
    )

    best = solve(replace(problem, policy=replace(problem.policy, growth_epsilon=0.0))).tiers[0].objective
    plan = solve(dear)

    assert plan.objective >= best - problem.policy.growth_epsilon * abs(best) - 1e-4
