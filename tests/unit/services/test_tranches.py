"""Minutes for live contacts are worth what the chance is that they are needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.plan import Plan, Reservation, Status, TierResult
from optimizer.policy import Policy
from optimizer.problem import Agent, Forecast, Problem, Requirement
from optimizer.verify import verify
from webapp.services.planning.tranches import COUNT, by_type, fill_in_order, merge, name, split, spread, type_of

amounts = st.floats(min_value=0.1, max_value=500.0)


@given(staffed=amounts, volume=amounts, handle=st.floats(min_value=0.5, max_value=60.0))
def test_tranches_add_up_and_lose_likelihood(staffed, volume, handle):
    cut = split(staffed, volume=volume, handle_minutes=handle)

    assert sum(each.minutes for each in cut) == pytest.approx(staffed)
    chances = [each.probability for each in cut]
    assert chances == sorted(chances, reverse=True)
    assert all(0.0 <= chance <= 1.0 for chance in chances)


def test_minutes_around_the_mean_are_needed_every_other_time():
    """Ten contacts of six minutes: mean 60; the middle of five tranches of 24 minutes lies at exactly 60."""
    cut = split(120.0, volume=10.0, handle_minutes=6.0)

    assert cut[COUNT // 2].probability == pytest.approx(0.5)


def test_spread_of_demand_is_that_of_a_compound_poisson():
    """Eight contacts of five minutes: mean 40, deviation √16 · 5 = 20; the first tranche of 0–20 is centred at 10."""
    cut = split(100.0, volume=8.0, handle_minutes=5.0)

    # P(Z > (10 − 40) / 20) = Φ(1.5)
    assert cut[0].probability == pytest.approx(0.9331928, abs=1e-6)


def test_forecast_without_a_volume_is_read_as_what_its_minutes_serve():
    assert split(60.0, volume=0.0, handle_minutes=6.0) == split(60.0, volume=10.0, handle_minutes=6.0)


def test_name_of_a_tranche_leads_back_to_its_type():
    assert type_of(name(12, 3)) == 12
    assert type_of("12") == 12


@pytest.fixture
def problem():
    """Two agents and one type in two tranches of 20 contact minutes, worth 2 and 1; Ben holds two chats at once."""
    need = (Requirement("chat", 1),)
    agents = (
        Agent(id="1", skills={"chat": 2}, capacity=(30.0,)),
        Agent(id="2", skills={"chat": 2}, capacity=(30.0,), concurrency={"chat": 2}),
    )
    forecast = (
        Forecast("7.0", "chat", need, (20.0,), value_per_minute=2.0),
        Forecast("7.1", "chat", need, (20.0,), value_per_minute=1.0),
    )
    policy = Policy(weights={"service": 1.0})
    start = datetime(2026, 11, 23, 8, tzinfo=UTC)
    return Problem(start, 30.0, 1, agents=agents, forecast=forecast, policy=policy)


def test_kept_minutes_fill_the_most_valuable_tranche_first(problem):
    """Ada's 12 minutes and 8 contact minutes of Ben's fill the first tranche; the other 12 of his are in the second."""
    found = spread(problem, {(7, "1", 0): 12.0, (7, "2", 0): 10.0})

    assert found == (
        Reservation("7.0", "1", 0, 12.0),
        Reservation("7.0", "2", 0, 4.0),
        Reservation("7.1", "2", 0, 6.0),
    )
    assert merge(found) == {(7, "1", 0): 12.0, (7, "2", 0): 10.0}


def test_minutes_beyond_the_forecast_stay_where_a_checker_finds_them(problem):
    found = spread(problem, {(7, "2", 0): 25.0})

    assert found[-1] == Reservation("7.1", "2", 0, 15.0)


def test_plan_stopped_early_gains_by_filling_in_order(problem):
    """Twelve minutes in the second tranche are worth 12; moved into the first they are worth 24."""
    plan = Plan(
        Status.FEASIBLE,
        objective=12.0,
        bound=60.0,
        gap=4.0,
        terms={"service": 12.0},
        reserved=(Reservation("7.1", "1", 0, 12.0),),
        tiers=(TierResult("customers", 12.0, 60.0, 4.0, 12.0),),
    )
    assert verify(problem, plan) == ()

    better = fill_in_order(problem, plan)

    assert better.objective == pytest.approx(24.0)
    assert better.gap == pytest.approx(1.5)
    assert better.reserved == (Reservation("7.0", "1", 0, 12.0),)
    assert verify(problem, better) == ()


def test_plan_without_reservations_is_left_as_it_is(problem):
    nothing = Plan(Status.FEASIBLE, objective=0.0)

    assert fill_in_order(problem, nothing) is nothing
    assert fill_in_order(problem, replace(nothing, objective=None)).objective is None


def test_types_are_whole_again_for_scores(problem):
    (whole,) = by_type(problem).forecast

    assert (whole.class_, whole.minutes) == ("7", (40.0,))
