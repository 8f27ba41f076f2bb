"""The checker finds every kind of broken rule in a plan that was right before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from optimizer.plan import (
    Assignment,
    Cause,
    CauseCode,
    Fix,
    FixCode,
    Growth,
    Plan,
    Prices,
    Reservation,
    Status,
    TierResult,
    Unassigned,
)
from optimizer.policy import LadderStep, Policy
from optimizer.problem import Agent, Engagement, Forecast, Limits, Pin, Placement, Problem, Requirement
from optimizer.verify import verify

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
POLICY = Policy(weights={"service": 1.0, "match": 0.5, "growth": 1.0, "stability": 1.0}, late_share=0.5)


def _engagement(identity, **values):
    given: dict[str, Any] = {
        "minutes": 20.0,
        "channel": "email",
        "earliest": 0,
        "due": 1,
        "latest": 3,
        "priority": 2,
        "value": 10.0,
        "requires": (Requirement("billing", 3),),
    }
    return Engagement(id=identity, **(given | values))


@pytest.fixture
def problem():
    """Two agents, four intervals of 30 minutes; Ada can do all, Ben learns billing and Ada mentors it."""
    ada = Agent(id="ada", skills={"billing": 4, "chat": 3}, capacity=(30.0, 30.0, 0.0, 30.0), mentor_for=("billing",))
    ben = Agent(id="ben", skills={"billing": 2}, capacity=(30.0,) * 4, wants=("billing",), max_stretch_minutes=30.0)
    return Problem(
        start=START,
        interval_minutes=30.0,
        intervals=4,
        max_carry=10.0,
        agents=(ada, ben),
        engagements=(_engagement("e1"), _engagement("e2"), _engagement("e3")),
        forecast=(Forecast("chat-now", "chat", (Requirement("chat", 2),), (10.0, 0.0, 0.0, 40.0)),),
        policy=POLICY,
    )


@pytest.fixture
def plan():
    """
    Return the plan, made by hand.

    e1 with Ada at 0: service 10 · 2 = 20, match 0.5 · 20 · 1 = 10.
    e2 with Ben at 1 as stretch: service 20, match 0.5 · 20 · 2/3 = 6.667, growth 20.
    Ten contact minutes of chat in interval 0 at 1 point. First tier: 30 + 26.667 + 10 = 66.667.
    """
    third = 20 / 3
    return Plan(
        status=Status.FEASIBLE,
        objective=60 + third,
        bound=100.0,
        gap=(100.0 - 60 - third) / (60 + third),
        terms={"service": 50.0, "match": 10 + third, "growth": 20.0},
        assignments=(
            Assignment("e1", "ada", 0, 20.0, 30.0, {"service": 20.0, "match": 10.0}),
            Assignment(
                "e2", "ben", 1, 20.0, 40 + third, {"service": 20.0, "match": third, "growth": 20.0}, stretch="billing"
            ),
        ),
        reserved=(Reservation("chat-now", "ada", 0, 10.0),),
        unassigned=(Unassigned("e3", Cause(CauseCode.SOLD), Fix(FixCode.NONE)),),
        prices=Prices(agent={"ada": (0.0, 0.0, 0.0, 0.0)}),
    )


def _rules(problem, plan):
    return {violation.rule for violation in verify(problem, plan)}


def _moved(plan, number, **changes):
    """Return the plan with one assignment changed."""
    rows = list(plan.assignments)
    rows[number] = replace(rows[number], **changes)
    return replace(plan, assignments=tuple(rows))


def _worker(problem, identity, **changes):
    """Return the problem with one agent changed."""
    agents = tuple(replace(agent, **changes) if agent.id == identity else agent for agent in problem.agents)
    return replace(problem, agents=agents)


def _work(problem, number, **changes):
    """Return the problem with one engagement changed."""
    rows = list(problem.engagements)
    rows[number] = replace(rows[number], **changes)
    return replace(problem, engagements=tuple(rows))


def test_plan_made_by_hand_breaks_no_rule(problem, plan):
    assert verify(problem, plan) == ()


def test_carried_over_minutes_are_allowed_up_to_the_limit(problem, plan):
    """Thirty minutes of reserves beside twenty of mail carry twenty out of interval 0: ten more than allowed."""
    chat = replace(problem.forecast[0], minutes=(30.0, 0.0, 0.0, 0.0))
    wider = replace(problem, forecast=(chat,))
    full = replace(plan, reserved=(Reservation("chat-now", "ada", 0, 20.0),))
    over = replace(plan, reserved=(Reservation("chat-now", "ada", 0, 20.01),))

    assert "capacity" not in _rules(wider, full)
    assert "capacity" in _rules(wider, over)


def test_nothing_is_carried_into_time_off(problem, plan):
    late = _moved(plan, 0, start=1)
    reserved = (Reservation("chat-now", "ada", 1, 11.0),)
    chat = replace(problem.forecast[0], minutes=(0.0, 20.0, 0.0, 0.0))

    assert "capacity" in _rules(replace(problem, forecast=(chat,)), replace(late, reserved=reserved))


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
    assert rule in _rules(problem, _moved(plan, 0, **change))


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
    assert rule in _rules(_work(problem, 0, **change), plan)


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
    assert rule in _rules(_worker(problem, "ben", **change), plan)


def test_stretch_without_a_mentor_on_shift_is_found(problem, plan):
    assert "skill" in _rules(_worker(problem, "ada", mentor_for=()), plan)
    assert "skill" in _rules(problem, _moved(plan, 1, start=2))


def test_heavy_minutes_beyond_the_limit_are_found(problem, plan):
    heavy = _worker(_work(problem, 0, heavy=True), "ada", limits=Limits(heavy_minutes=19.0))

    assert "heavy" in _rules(heavy, plan)


def test_engagement_that_is_neither_assigned_nor_listed_is_found(problem, plan):
    assert "once" in _rules(problem, replace(plan, unassigned=()))


def test_engagement_that_is_assigned_twice_is_found(problem, plan):
    twice = replace(plan, assignments=(*plan.assignments, replace(plan.assignments[0], start=3)))

    assert "once" in _rules(problem, twice)


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
    assert "reserve" in _rules(problem, replace(plan, reserved=(reserved,)))


def test_reservation_of_something_unknown_is_found(problem, plan):
    assert _rules(problem, replace(plan, reserved=(Reservation("fax", "ada", 0, 5.0),))) == {"reference"}


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
    assert rule in _rules(replace(problem, **change), plan)


def test_mandatory_engagement_left_out_is_found(problem, plan):
    assert "must" in _rules(_work(problem, 2, must_assign=True), plan)


@pytest.mark.parametrize("bounds", [{"proactive_share_min": 0.6}, {"proactive_share_max": 0.4}])
def test_share_of_proactive_work_out_of_bounds_is_found(problem, plan, bounds):
    half = _work(problem, 0, stance="proactive")

    assert "share" in _rules(replace(half, policy=replace(POLICY, **bounds)), plan)


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
    assert rule in _rules(problem, replace(plan, **change))


def test_ladder_step_that_was_needed_and_not_named_is_found(problem, plan):
    """Without a wish to grow, Ben needs the step lower_level, and the plan has to say so."""
    ladder = replace(POLICY, ladder=(LadderStep("lower_level", 2.0),))
    unwilling = replace(_worker(problem, "ben", wants=()), policy=ladder)

    assert "skill" in _rules(unwilling, plan)
    third = 20 / 3
    told = _moved(
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

    assert "epsilon" in _rules(problem, greedy)


def test_run_without_a_plan_must_be_empty_and_say_why(problem, plan):
    nothing = Plan(status=Status.TIME_LIMIT_NO_PLAN)

    assert verify(problem, nothing) == ()
    assert _rules(problem, replace(nothing, status=Status.OPTIMAL)) == {"status"}
    assert _rules(problem, replace(plan, objective=None)) == {"status"}


@pytest.fixture
def pair(problem, plan):
    """Return problem and plan in which Ben learns beside Ada in e1: 20 minutes more of growth, 10 minutes more due."""
    third = 20 / 3
    paired = _worker(_work(problem, 0, shadow=True), "ben", max_stretch_minutes=40.0, growth_due_minutes=50.0)
    beside = {"service": 20.0, "match": 10.0, "growth": 20.0}
    plan = _moved(plan, 0, shadow="ben", terms=beside, value=50.0)
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
    shorter = _worker(problem, "ben", capacity=(30.0, 30.0, 30.0, 10.0))

    assert rule in _rules(shorter, _moved(plan, 0, **change))


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

    assert rule in _rules(_worker(problem, "ben", **change), plan)


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
    there = _worker(problem, "ada", languages=("es",), site="north")

    assert rule in _rules(_work(there, 0, **change), plan)


def test_a_learners_own_concurrency_does_not_shorten_their_minutes(pair):
    """Twenty minutes beside Ada load Ben with twenty, although he handles two mails at a time himself."""
    problem, plan = pair
    chat = replace(problem.forecast[0], requires=(), minutes=(40.0, 0.0, 0.0, 40.0))
    wider = replace(_worker(problem, "ben", concurrency={"email": 2.0}), forecast=(chat,))
    kept = (*plan.reserved, Reservation("chat-now", "ben", 0, 20.1))

    assert "capacity" in _rules(wider, replace(plan, reserved=kept))


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

    assert "growth" in _rules(problem, replace(plan, growth=growth))


def test_growth_of_somebody_unknown_is_found(pair):
    problem, plan = pair

    assert _rules(problem, replace(plan, growth=(Growth("carl", 1.0, 0.0, 1.0),))) == {"reference"}


def test_debt_that_a_later_tier_made_larger_is_found(pair):
    """Five percent of ε are for customers and growth; of what is protected nothing may go."""
    problem, plan = pair
    generous = replace(problem, policy=replace(POLICY, growth_epsilon=0.05))
    customers = TierResult("customers", plan.objective, plan.objective, 0.0, plan.objective)
    right = replace(plan, tiers=(TierResult("protected", -10.0, -10.0, 0.0, -10.0), customers))
    wrong = replace(plan, tiers=(TierResult("protected", -9.9, -9.9, 0.0, -10.0), customers))
    backwards = replace(plan, tiers=right.tiers[::-1])

    assert verify(generous, right) == ()
    assert "epsilon" in _rules(generous, wrong)
    assert "tier" in _rules(generous, backwards)


def test_minutes_reserved_off_shift_are_found(problem, plan):
    """Interval 2 is Ada's break: a call that comes then can not wait until she is back."""
    chat = replace(problem.forecast[0], minutes=(10.0, 0.0, 5.0, 0.0))
    reserved = (*plan.reserved, Reservation("chat-now", "ada", 2, 5.0))

    assert "reserve" in _rules(replace(problem, forecast=(chat,)), replace(plan, reserved=reserved))
