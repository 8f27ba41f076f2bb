"""The checker finds every kind of broken rule in a plan that was right before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.plan import Plan, Prices, Reservation, Status, TierResult
from optimizer.policy import LadderStep
from optimizer.problem import Limits, Pin, Placement, Problem, Requirement
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
def problem() -> Problem:
    return problem_by_hand()


@pytest.fixture
def plan() -> Plan:
    return plan_by_hand()


def test_plan_made_by_hand_breaks_no_rule(problem, plan):
    assert verify(problem, plan) == ()


def test_carried_over_minutes_are_allowed_up_to_the_limit(problem, plan):
    """Thirty minutes of reserves beside twenty of mail carry twenty out of interval 0: ten more than allowed."""
    chat = replace(problem.forecast[0], minutes=(30.0, 0.0, 0.0, 0.0))
    wider = replace(problem, forecast=(chat,))
    full = replace(plan, reserved=(Reservation("chat-now", "ada", 0, 20.0),))
    over = replace(plan, reserved=(Reservation("chat-now", "ada", 0, 20.01),))

    assert "capacity" not in rules_of(wider, full)
    assert "capacity" in rules_of(wider, over)


def test_nothing_is_carried_into_time_off(problem, plan):
    late = with_assignment(plan, 0, start=1)
    reserved = (Reservation("chat-now", "ada", 1, 11.0),)
    chat = replace(problem.forecast[0], minutes=(0.0, 20.0, 0.0, 0.0))

    assert "capacity" in rules_of(replace(problem, forecast=(chat,)), replace(late, reserved=reserved))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("reference", {"engagement": "nobody's"}),
        ("reference", {"agent": "carl"}),
        ("reference", {"start": 9}),
        ("minutes", {"minutes": 15.0}),
        ("finish", {"start": 2}),
        ("terms", {"value": 31.0}),
        ("terms", {"terms": {"service": 21.0, "match": 9.0}}),
        ("skill", {"stretch": "billing"}),
        ("ladder", {"relaxed": ("later",)}),
        ("shadow", {"shadow": "ben"}),
        ("reference", {"shadow": "carl"}),
        ("shadow", {"relaxed": ("drop_shadow",)}),
        ("ladder", {"relaxed": ("hand_over",)}),
    ],
)
def test_wrong_assignment_is_found(problem, plan, rule, change):
    assert rule in rules_of(problem, with_assignment(plan, 0, **change))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("excluded", {"excluded_agents": ("ada",)}),
        ("eligible", {"eligible_agents": ()}),
        ("reach", {"language": "spanish"}),
        ("ladder", {"site": "elsewhere"}),
        ("window", {"earliest": 1}),
        ("skill", {"requires": (Requirement("billing", 5),)}),
        ("terms", {"priority": 3}),
        ("shadow", {"shadow": True}),
        ("reach", {"authority": ("refund",)}),
        ("ladder", {"owner": "ben"}),
    ],
)
def test_assignment_against_the_engagements_own_rules_is_found(problem, plan, rule, change):
    assert rule in rules_of(with_engagement(problem, 0, **change), plan)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("skill", {"wants": ()}),
        ("skill", {"skills": {"billing": 1}}),
        ("reach", {"channels": ("voice",)}),
        ("stretch", {"max_stretch_minutes": 10.0}),
        ("contacts", {"limits": Limits(contacts={"email": 0})}),
    ],
)
def test_assignment_against_the_agents_own_rules_is_found(problem, plan, rule, change):
    assert rule in rules_of(with_agent(problem, "ben", **change), plan)


def test_stretch_without_a_mentor_on_shift_is_found(problem, plan):
    assert "skill" in rules_of(with_agent(problem, "ada", mentor_for=()), plan)
    assert "skill" in rules_of(problem, with_assignment(plan, 1, start=2))


def test_heavy_minutes_beyond_the_limit_are_found(problem, plan):
    heavy = with_agent(with_engagement(problem, 0, heavy=True), "ada", limits=Limits(heavy_minutes=19.0))

    assert "heavy" in rules_of(heavy, plan)


def test_engagement_that_is_neither_assigned_nor_listed_is_found(problem, plan):
    assert "once" in rules_of(problem, replace(plan, unassigned=()))


def test_engagement_that_is_assigned_twice_is_found(problem, plan):
    twice = replace(plan, assignments=(*plan.assignments, replace(plan.assignments[0], start=3)))

    assert "once" in rules_of(problem, twice)


@pytest.mark.parametrize(
    "reserved",
    [
        Reservation("chat-now", "ben", 0, 5.0),
        Reservation("chat-now", "ada", 0, 10.1),
        Reservation("chat-now", "ada", 1, 1.0),
        Reservation("chat-now", "ada", 0, -1.0),
    ],
    ids=["unskilled", "more than forecast", "not forecast", "negative"],
)
def test_wrong_reservation_is_found(problem, plan, reserved):
    assert "reserve" in rules_of(problem, replace(plan, reserved=(reserved,)))


def test_reservation_of_something_unknown_is_found(problem, plan):
    assert rules_of(problem, replace(plan, reserved=(Reservation("fax", "ada", 0, 5.0),))) == {"reference"}


def test_minutes_reserved_off_shift_are_found(problem, plan):
    """Interval 2 is Ada's break: a call that comes then can not wait until she is back."""
    chat = replace(problem.forecast[0], minutes=(10.0, 0.0, 5.0, 0.0))
    reserved = (*plan.reserved, Reservation("chat-now", "ada", 2, 5.0))

    assert "reserve" in rules_of(replace(problem, forecast=(chat,)), replace(plan, reserved=reserved))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("pin", {"pins": (Pin("e1", "ben"),)}),
        ("pin", {"pins": (Pin("e1", "ada", 1),)}),
        ("pin", {"pins": (Pin("e3", "ada"),)}),
        ("frozen", {"previous": (Placement("e1", "ben", 0),), "frozen_before": 1}),
        ("frozen", {"frozen_before": 1}),
        ("changes", {"previous": (Placement("e1", "ben", 0), Placement("e3", "ada", 0)), "max_changes": 1}),
        ("terms", {"previous": (Placement("e3", "ada", 0),)}),
    ],
)
def test_what_people_asked_and_did_not_get_is_found(problem, plan, rule, change):
    assert rule in rules_of(replace(problem, **change), plan)


def test_mandatory_engagement_left_out_is_found(problem, plan):
    assert "must" in rules_of(with_engagement(problem, 2, must_assign=True), plan)


@pytest.mark.parametrize("bounds", [{"proactive_share_min": 0.6}, {"proactive_share_max": 0.4}])
def test_share_of_proactive_work_out_of_bounds_is_found(problem, plan, bounds):
    half = with_engagement(problem, 0, stance="proactive")

    assert "share" in rules_of(replace(half, policy=replace(POLICY, **bounds)), plan)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("objective", {"objective": 70.0, "bound": None, "gap": None}),
        ("bound", {"bound": 60.0}),
        ("gap", {"gap": 0.1}),
        ("terms", {"terms": {"service": 50.0}}),
        ("terms", {"terms": {"service": 50.0, "match": 50 / 3, "growth": 20.0, "charm": 1.0}}),
        ("status", {"status": Status.INFEASIBLE}),
        ("prices", {"prices": Prices(agent={"ada": (0.0,)})}),
        ("prices", {"prices": Prices(agent={"ada": (0.0, -0.1, 0.0, 0.0)})}),
        ("problem", {"problem": "0" * 64}),
    ],
)
def test_wrong_account_of_the_whole_plan_is_found(problem, plan, rule, change):
    assert rule in rules_of(problem, replace(plan, **change))


def test_ladder_step_that_was_needed_and_not_named_is_found(problem, plan):
    """Without a wish to grow, Ben needs the step lower_level, and the plan has to say so."""
    ladder = replace(POLICY, ladder=(LadderStep("lower_level", 2.0),))
    unwilling = replace(with_agent(problem, "ben", wants=()), policy=ladder)

    assert "skill" in rules_of(unwilling, plan)
    third = 20 / 3
    told = with_assignment(
        plan,
        1,
        stretch=None,
        relaxed=("lower_level",),
        terms={"service": 20.0, "match": third, "relaxation": -2.0},
        value=18 + third,
    )
    sums = {"service": 50.0, "match": 10 + third, "relaxation": -2.0}
    objective = 58 + third
    told = replace(told, terms=sums, objective=objective, gap=(100.0 - objective) / objective)
    assert verify(unwilling, told) == ()


def test_later_tier_that_took_too_much_is_found(problem, plan):
    best = (60 + 20 / 3) * 1.02
    greedy = replace(
        plan,
        tiers=(
            TierResult("customers", best, best, 0.0, plan.objective),
            TierResult("growth", 20.0, 20.0, 0.0, 20.0),
        ),
    )

    assert "epsilon" in rules_of(problem, greedy)


def test_run_without_a_plan_must_be_empty_and_say_why(problem, plan):
    nothing = Plan(status=Status.TIME_LIMIT_NO_PLAN)

    assert verify(problem, nothing) == ()
    assert rules_of(problem, replace(nothing, status=Status.OPTIMAL)) == {"status"}
    assert rules_of(problem, replace(plan, objective=None)) == {"status"}
