"""A plan is scored against the day as it came, beside a plan that spreads minutes evenly."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import even_spread, score_reservations, solve, verify
from optimizer.plan import Reservation
from optimizer.problem import Forecast, Requirement
from tests.factories.optimizer_problems import a_problem, an_agent, problems

VOICE = Forecast("voice", "voice", (Requirement("billing", 1),), (30.0, 10.0), 2.0)
CHAT = Forecast("chat", "chat", (), (30.0, 30.0), 1.0)


def test_kept_minutes_cover_at_most_what_came():
    # Interval 0: 20 kept for 30 that came. Interval 1: 15 kept for 5.
    problem = a_problem([an_agent(capacity=(30.0, 30.0))], [], forecast=(VOICE,))
    kept = [Reservation("voice", "a1", 0, 20.0), Reservation("voice", "a1", 1, 15.0)]

    score = score_reservations(problem, kept, {"voice": (30.0, 5.0)})

    assert score.share == pytest.approx(25 / 35)
    assert score.share_by_interval == pytest.approx((20 / 30, 1.0))
    assert score.share_by_class == {"voice": pytest.approx(25 / 35)}


def test_concurrency_turns_agent_minutes_into_contact_minutes():
    problem = a_problem([an_agent(capacity=(30.0, 30.0), concurrency={"chat": 3})], [], forecast=(CHAT,))

    score = score_reservations(problem, [Reservation("chat", "a1", 0, 10.0)], {"chat": (30.0, 0.0)})

    assert score.share == 1.0


def test_work_that_nobody_forecast_counts_as_not_covered():
    problem = a_problem([an_agent(capacity=(30.0, 30.0))], [], forecast=(VOICE,))

    score = score_reservations(problem, [], {"surprise": (10.0, 0.0)})

    assert score.share == 0.0
    assert score.share_by_interval == (0.0, None)


def test_a_day_without_work_has_no_share():
    problem = a_problem([an_agent()], [])

    assert score_reservations(problem, [], {}).share is None


def test_actual_minutes_need_one_number_for_each_interval():
    problem = a_problem([an_agent(capacity=(30.0, 30.0))], [], forecast=(VOICE,))

    with pytest.raises(ValueError, match="2 numbers"):
        score_reservations(problem, [], {"voice": (1.0,)})


def test_even_spread_gives_every_class_the_same_and_no_more_than_it_asks():
    # Interval 0: 15 each. Interval 1: 15 each, but voice asks for 10 only.
    problem = a_problem([an_agent(capacity=(30.0, 30.0))], [], forecast=(VOICE, CHAT))

    plan = even_spread(problem)

    assert {(kept.class_, kept.interval): kept.minutes for kept in plan.reserved} == {
        ("voice", 0): pytest.approx(15),
        ("chat", 0): pytest.approx(15),
        ("voice", 1): pytest.approx(10),
        ("chat", 1): pytest.approx(15),
    }
    assert plan.objective == pytest.approx(15 * 2 + 15 + 10 * 2 + 15)
    assert verify(problem, plan) == ()


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False))
def test_a_solved_plan_is_never_worth_less_than_even_spread(problem):
    evenly = even_spread(problem).objective

    assert evenly is not None
    assert solve(problem).tiers[0].objective >= evenly - 1e-5
