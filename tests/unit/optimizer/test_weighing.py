"""What a weight cost is the difference to the plan without it, measured in the points of the policy as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from optimizer import Plan, Sentences, Status, solve, weigh_terms
from optimizer.policy import TERMS, TIERS
from optimizer.problem import Requirement
from optimizer.weighing import EPSILON, measure
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, problems


def test_continuity_that_costs_service_is_told_with_its_price():
    """One hour of a1: the known customer (10 points, 5 for being known) or another (12 points)."""
    policy = replace(EXACT, weights={"service": 1.0, "continuity": 0.5})
    work = [
        an_engagement("e1", minutes=30, known_agents=("a1",)),
        an_engagement("e2", minutes=30, value=12),
    ]
    problem = a_problem([an_agent()], work, policy=policy)
    plan = solve(problem)

    costs = weigh_terms(problem, plan, seconds=30)

    assert costs.terms["service"] == pytest.approx(10)
    without = costs.without["continuity"].changes
    assert without["service"] == pytest.approx(2)
    assert without["continuity"] == pytest.approx(-5)
    assert all(points == 0 for term, points in without.items() if term not in {"service", "continuity"})
    assert Sentences().weights(costs)[1] == "Without the weight of continuity: service +2.0, continuity -5.0."


def test_what_growth_takes_from_customers_is_the_cost_of_epsilon():
    """Stretch work of the learner is a tenth of a point worse for the match, within ε of 5 %."""
    policy = replace(EXACT, weights={"service": 1.0, "match": 0.1, "growth": 1.0}, growth_epsilon=0.05)
    agents = [
        an_agent("learner", skills={"billing": 2}, wants=("billing",), max_stretch_minutes=60),
        an_agent("mentor", mentor_for=("billing",)),
    ]
    problem = a_problem(agents, [an_engagement(requires=(Requirement("billing", 3),))], policy=policy)
    plan = solve(problem)
    assert plan.assignments[0].agent == "learner"

    costs = weigh_terms(problem, plan, seconds=30)

    assert costs.without[EPSILON].changes["growth"] == pytest.approx(-10)
    assert costs.without[EPSILON].changes["match"] == pytest.approx(1 / 3)
    assert set(costs.without) == {"service", "match", "growth", EPSILON}
    said = Sentences().weights(costs)
    assert said[-1] == "If later tiers could take nothing from earlier ones: match +0.3, growth -10.0."
    assert said[0] == "Without the weight of service: match +0.3, growth -10.0."
    assert set(costs.to_json()) == {"terms", "without"}


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(problems(least=1))
def test_a_plan_measures_what_it_says(problem):
    """With the weights that it was solved with, a plan is worth the terms that stand in it."""
    plan = solve(problem)
    assume(plan.has_plan)

    measured = measure(problem, plan)

    assert measured == {term: pytest.approx(plan.terms[term], abs=1e-4) for term in measured}
    assert set(TERMS) - set(measured) <= {"debt"}


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(problems(least=2, asks=False))
def test_no_weight_of_the_first_tier_raises_it_when_it_is_gone(problem):
    """The plan is the best by its own weights: what one weight changes never adds to the first tier."""
    problem = replace(problem, policy=replace(problem.policy, growth_epsilon=0.0))
    problem = replace(problem, agents=tuple(replace(each, growth_due_minutes=0.0) for each in problem.agents))
    plan = solve(problem)

    costs = weigh_terms(problem, plan, seconds=60)

    for cost in costs.without.values():
        assert sum(cost.changes[term] for term in TIERS["customers"]) <= cost.uncertain + 1e-4


def test_without_a_plan_there_is_nothing_to_compare():
    problem = a_problem([an_agent()], [an_engagement()])

    with pytest.raises(ValueError, match="no plan"):
        weigh_terms(problem, Plan(Status.TIME_LIMIT_NO_PLAN), seconds=1)


def test_a_weight_without_a_plan_in_time_is_left_out():
    problem = a_problem([an_agent()], [an_engagement()])

    costs = weigh_terms(problem, solve(problem), seconds=1, resolve=lambda _: Plan(Status.TIME_LIMIT_NO_PLAN))

    assert costs.without == {}
    assert Sentences().weights(costs) == []
