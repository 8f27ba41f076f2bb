"""The checker finds what is wrong with a lead and a learner, and with the account of growth."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.plan import Growth, Plan, Reservation, TierResult
from optimizer.problem import Problem, Requirement
from optimizer.verify import verify
from tests.factories.plan_by_hand import (
    POLICY,
    plan_by_hand,
    problem_by_hand,
    rules_of,
    with_agent,
    with_assignment,
    with_engagement,
)


@pytest.fixture
def pair() -> tuple[Problem, Plan]:
    """Return problem and plan in which Ben learns beside Ada in e1: 20 minutes more of growth, 10 minutes more due."""
    third = 20 / 3
    paired = with_agent(
        with_engagement(problem_by_hand(), 0, shadow=True), "ben", max_stretch_minutes=40.0, growth_due_minutes=50.0
    )
    beside = {"service": 20.0, "match": 10.0, "growth": 20.0}
    plan = with_assignment(plan_by_hand(), 0, shadow="ben", terms=beside, value=50.0)
    sums = {"service": 50.0, "match": 10 + third, "growth": 40.0, "debt": -10.0}
    return paired, replace(plan, terms=sums, growth=(Growth("ben", 50.0, 40.0, 10.0),))


def test_pair_made_by_hand_breaks_no_rule(pair):
    assert verify(*pair) == ()


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("shadow", {"shadow": "ada"}),
        ("shadow", {"shadow": None}),
        ("shadow", {"start": 3}),
        ("shadow", {"relaxed": ("drop_shadow",)}),
    ],
)
def test_wrong_half_of_a_pair_is_found(pair, rule, change):
    problem, plan = pair
    shorter = with_agent(problem, "ben", capacity=(30.0, 30.0, 30.0, 10.0))

    assert rule in rules_of(shorter, with_assignment(plan, 0, **change))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("shadow", {"wants": ()}),
        ("shadow", {"skills": {"billing": 4}}),
        ("stretch", {"max_stretch_minutes": 39.0}),
        ("capacity", {"capacity": (5.0, 20.0, 30.0, 30.0)}),
        ("growth", {"growth_due_minutes": 60.0}),
        ("growth", {"growth_due_minutes": 0.0}),
    ],
)
def test_pair_against_the_learners_own_rules_is_found(pair, rule, change):
    problem, plan = pair

    assert rule in rules_of(with_agent(problem, "ben", **change), plan)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("shadow", {"excluded_agents": ("ben",)}),
        ("shadow", {"language": "es"}),
        ("shadow", {"site": "north"}),
        ("shadow", {"shadow": False}),
        ("shadow", {"requires": (Requirement("billing", 3, preferred=True),)}),
    ],
)
def test_pair_against_the_engagements_own_rules_is_found(pair, rule, change):
    problem, plan = pair
    there = with_agent(problem, "ada", languages=("es",), site="north")

    assert rule in rules_of(with_engagement(there, 0, **change), plan)


def test_a_learners_own_concurrency_does_not_shorten_their_minutes(pair):
    """Twenty minutes beside Ada load Ben with twenty, although he handles two mails at a time himself."""
    problem, plan = pair
    chat = replace(problem.forecast[0], requires=(), minutes=(40.0, 0.0, 0.0, 40.0))
    wider = replace(with_agent(problem, "ben", concurrency={"email": 2.0}), forecast=(chat,))
    kept = (*plan.reserved, Reservation("chat-now", "ben", 0, 20.1))

    assert "capacity" in rules_of(wider, replace(plan, reserved=kept))


@pytest.mark.parametrize(
    "growth",
    [
        (),
        (Growth("ben", 50.0, 40.0, 9.0),),
        (Growth("ben", 50.0, 41.0, 10.0),),
        (Growth("ben", 49.0, 40.0, 10.0),),
        (Growth("ada", 50.0, 40.0, 10.0),),
    ],
)
def test_wrong_account_of_growth_is_found(pair, growth):
    problem, plan = pair

    assert "growth" in rules_of(problem, replace(plan, growth=growth))


def test_growth_of_somebody_unknown_is_found(pair):
    problem, plan = pair

    assert rules_of(problem, replace(plan, growth=(Growth("carl", 1.0, 0.0, 1.0),))) == {"reference"}


def test_debt_that_a_later_tier_made_larger_is_found(pair):
    """Five percent of ε are for customers and growth; of what is protected nothing may go."""
    problem, plan = pair
    generous = replace(problem, policy=replace(POLICY, growth_epsilon=0.05))
    customers = TierResult("customers", plan.objective, plan.objective, 0.0, plan.objective)
    right = replace(plan, tiers=(TierResult("protected", -10.0, -10.0, 0.0, -10.0), customers))
    wrong = replace(plan, tiers=(TierResult("protected", -9.9, -9.9, 0.0, -10.0), customers))
    backwards = replace(plan, tiers=right.tiers[::-1])

    assert verify(generous, right) == ()
    assert "epsilon" in rules_of(generous, wrong)
    assert "tier" in rules_of(generous, backwards)
