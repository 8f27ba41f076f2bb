"""Who decides, who owns, who learns: instances small enough to solve on paper, each with its arithmetic."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer import Status, solve, verify
from optimizer.policy import LADDER_STEPS, LadderStep
from optimizer.problem import Forecast, Requirement
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, placed

LEARNER = an_agent("learner", skills={"billing": 2}, wants=("billing",), max_stretch_minutes=60.0)
MENTOR = an_agent("mentor", skills={"billing": 5}, mentor_for=("billing",))
GROWING = replace(EXACT, weights={"service": 1.0, "growth": 1.0})


def _solve(problem):
    plan = solve(problem)
    assert verify(problem, plan) == ()
    return plan


def test_whoever_may_not_decide_it_alone_does_not_get_it():
    # a1 is as able as a2, but only a2 may refund and write off; no ladder changes that.
    needs = an_engagement(authority=("refund", "write-off"))
    agents = [an_agent("a1", authorities=("refund",)), an_agent("a2", authorities=("write-off", "refund"))]
    every_step = replace(EXACT, ladder=tuple(LadderStep(step, 0.0) for step in LADDER_STEPS))

    assert placed(_solve(a_problem(agents, [needs]))) == {"e1": ("a2", 0)}
    assert _solve(a_problem(agents[:1], [needs], policy=every_step)).assignments == ()


def test_minutes_for_calls_are_kept_by_those_who_may_decide_them():
    calls = Forecast("refunds", "voice", (), (60.0,), 1.0, authority=("refund",))
    agents = [an_agent("a1"), an_agent("a2", authorities=("refund",))]

    plan = _solve(a_problem(agents, [], forecast=(calls,)))

    assert [(kept.agent, kept.minutes) for kept in plan.reserved] == [("a2", pytest.approx(30))]


def test_a_case_stays_with_its_owner():
    # The owner is full with e2 (25 minutes, 30 points); 25 + 10 > 30, so the case waits although a1 is free.
    case = an_engagement("e1", owner="a2")
    other = an_engagement("e2", minutes=25, value=30, eligible_agents=("a2",))

    plan = _solve(a_problem([an_agent("a1"), an_agent("a2")], [case, other]))

    assert placed(plan) == {"e2": ("a2", 0)}


def test_handing_a_case_over_is_a_step_of_the_ladder():
    # 10 − 4 with a1; the owner is away. Where the owner is there, the case costs nothing.
    policy = replace(EXACT, ladder=(LadderStep("hand_over", 4.0),))
    away, there = an_agent("a2", capacity=(0.0,)), an_agent("a2")

    handed = _solve(a_problem([an_agent("a1"), away], [an_engagement(owner="a2")], policy=policy))
    kept = _solve(a_problem([an_agent("a1"), there], [an_engagement(owner="a2")], policy=policy))

    assert handed.assignments[0].relaxed == ("hand_over",)
    assert handed.objective == pytest.approx(6)
    assert placed(kept) == {"e1": ("a2", 0)}
    assert kept.objective == pytest.approx(10)


def test_a_pair_takes_the_minutes_of_two():
    # The learner sits beside the mentor for 20 minutes: of their 30, 10 are left, and e2 needs 15.
    # Growth: 20 minutes of learning. The lead alone brings service.
    easy = an_engagement("e2", minutes=15, value=5, requires=(Requirement("billing", 1),), eligible_agents=("learner",))
    pair = an_engagement("e1", minutes=20, shadow=True)

    plan = _solve(a_problem([LEARNER, MENTOR], [pair, easy], policy=GROWING))

    assert [(each.engagement, each.agent, each.shadow) for each in plan.assignments] == [("e1", "mentor", "learner")]
    assert plan.objective == pytest.approx(10)
    assert plan.terms["growth"] == pytest.approx(20)
    assert plan.assignments[0].terms == {"service": 10.0, "growth": 20.0}


def test_a_pair_is_not_torn_apart_for_more_value():
    # e2 is worth 30 and only the learner may take it: 15 + 20 > 30. Half a pair is no way out.
    dear = an_engagement(
        "e2", minutes=15, value=30, requires=(Requirement("billing", 1),), eligible_agents=("learner",)
    )
    pair = an_engagement("e1", minutes=20, shadow=True)

    assert placed(_solve(a_problem([LEARNER, MENTOR], [pair, dear]))) == {"e2": ("learner", 0)}


def test_serving_without_the_learner_is_a_step_of_the_ladder():
    policy = replace(EXACT, ladder=(LadderStep("drop_shadow", 4.0),))
    pair = an_engagement(shadow=True)

    alone = _solve(a_problem([MENTOR], [pair], policy=policy))
    together = _solve(a_problem([LEARNER, MENTOR], [pair], policy=policy))

    assert (alone.assignments[0].shadow, alone.assignments[0].relaxed) == (None, ("drop_shadow",))
    assert alone.objective == pytest.approx(6)
    assert (together.assignments[0].shadow, together.assignments[0].relaxed) == ("learner", ())
    assert _solve(a_problem([MENTOR], [pair])).assignments == ()


@pytest.mark.parametrize(
    ("learner", "work"),
    [
        ({"wants": ("spanish",)}, {}),
        ({"skills": {"billing": 3}}, {}),
        ({"max_stretch_minutes": 9.0}, {}),
        ({"capacity": (9.0,)}, {}),
        ({}, {"language": "es"}),
        ({}, {"site": "north"}),
        ({}, {"excluded_agents": ("learner",)}),
        ({}, {"requires": (Requirement("billing", 3, preferred=True),)}),
    ],
    ids=["wants another", "has it", "no stretch left", "too short", "language", "site", "excluded", "only preferred"],
)
def test_not_everybody_can_learn_beside_the_lead(learner, work):
    mentor = replace(MENTOR, languages=("es",), site="north")
    problem = a_problem([replace(LEARNER, **learner), mentor], [an_engagement(shadow=True, **work)])

    assert _solve(problem).assignments == ()


def test_a_pair_starts_together_and_the_learner_works_at_their_own_pace():
    # The mentor does two chats at a time: 20 minutes take 10. The learner, one at a time, takes 20 and starts in 1 too.
    mentor = replace(MENTOR, capacity=(30.0, 10.0), concurrency={"chat": 2.0})
    learner = replace(LEARNER, capacity=(0.0, 20.0), concurrency={"chat": 2.0})
    chat = an_engagement(minutes=20, channel="chat", due=1, latest=1, shadow=True)

    assert placed(_solve(a_problem([learner, mentor], [chat]))) == {"e1": ("mentor", 1)}
    shorter = replace(learner, capacity=(0.0, 19.0))
    assert _solve(a_problem([shorter, mentor], [chat])).assignments == ()


def test_learning_beside_others_counts_as_stretch_in_limits_and_balance():
    # 15 stretch minutes a shift: one pair of 10, not two. Balance of the learner: 10 of 30 is above 0.1 and 0.2 and 0.3
    # by 7 + 4 + 1 = 12; of the mentor no stretch, and 10 of 30 is below every breakpoint of occupancy.
    learner = replace(LEARNER, max_stretch_minutes=15.0)
    pairs = [an_engagement("e1", shadow=True), an_engagement("e2", shadow=True)]
    policy = replace(EXACT, weights={"service": 1.0, "balance": 0.5}, growth_epsilon=0.0)

    plan = _solve(a_problem([learner, MENTOR], pairs, policy=policy))

    assert len(plan.assignments) == 1
    assert plan.terms["balance"] == pytest.approx(-6)


def test_a_learners_minutes_cost_and_no_given_value_hides_that():
    # Given 7 for the mentor. The learner adds 10 minutes: growth 10 · 1, cost 10 · 2.
    policy = replace(EXACT, weights={"service": 1.0, "growth": 1.0, "cost": 1.0})
    learner = replace(LEARNER, cost_per_minute=2.0)

    plan = _solve(a_problem([learner, MENTOR], [an_engagement(shadow=True, values={"mentor": 7.0})], policy=policy))

    assert plan.assignments[0].terms == {"given": 7.0, "growth": 10.0, "cost": -20.0}


def test_growth_that_is_due_comes_before_customers():
    # The learner's stretch on e1 (late: 5 of 10 points) is due; without the floor the mentor serves it at once (10).
    learner = replace(LEARNER, capacity=(0.0, 30.0))
    mentor = replace(MENTOR, capacity=(30.0, 30.0))
    work = an_engagement(due=0, latest=1)

    free = _solve(a_problem([learner, mentor], [work]))
    floor = _solve(a_problem([replace(learner, growth_due_minutes=10.0), mentor], [work]))

    assert free.objective == pytest.approx(10)
    assert free.growth == ()
    assert placed(floor) == {"e1": ("learner", 1)}
    assert floor.objective == pytest.approx(5)
    assert [(each.due, each.planned, each.debt) for each in floor.growth] == [(10, 10, 0)]
    assert [tier.tier for tier in floor.tiers] == ["protected", "customers"]
    assert (floor.gap, floor.status) == (0, Status.OPTIMAL)


def test_growth_that_can_not_be_given_stays_owed():
    # 25 due; the only stretch is 10, learning beside e2 (20 minutes) does not fit beside it in 25: 20 is the most.
    learner = replace(LEARNER, capacity=(25.0,), growth_due_minutes=25.0)
    pair = an_engagement("e2", minutes=20, shadow=True, value=1.0)

    plan = _solve(a_problem([learner, MENTOR], [an_engagement("e1"), pair]))

    assert [(each.agent, each.planned, each.debt) for each in plan.growth] == [("learner", 20, 5)]
    assert plan.terms["debt"] == pytest.approx(-5)
    assert plan.tiers[0].tier == "protected"
    assert plan.tiers[0].objective == pytest.approx(-5)
    assert plan.tiers[0].bound == pytest.approx(-5)
    assert set(placed(plan)) == {"e1", "e2"}


def test_later_tiers_give_up_nothing_of_the_growth_that_is_due():
    # ε is all of the customers' value and the learner's minutes are dear: cost would take the work from them.
    learner = replace(LEARNER, cost_per_minute=100.0, growth_due_minutes=10.0)
    policy = replace(EXACT, weights={"service": 1.0, "cost": 1.0}, growth_epsilon=1.0)

    plan = _solve(a_problem([learner, MENTOR], [an_engagement()], policy=policy))

    assert placed(plan) == {"e1": ("learner", 0)}
