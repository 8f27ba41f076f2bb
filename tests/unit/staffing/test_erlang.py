"""Erlang's formulas against published values, closed forms and each other."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.staffing import (
    abandonment,
    agents_needed,
    delay_probability,
    loss_probability,
    mean_wait_minutes,
    service_level,
)

loads = st.floats(0.01, 80)
agents = st.integers(1, 100)


def test_one_agent_blocks_load_over_one_plus_load():
    # B(1, a) = a / (1 + a): a = 0.5 gives 1/3.
    assert loss_probability(1, 0.5) == pytest.approx(1 / 3)


def test_two_agents_by_hand():
    # B(2, 1) = (1/2) / (1 + 1 + 1/2) = 1/5; C = 2·0.2 / (2 − 1·0.8) = 1/3.
    assert loss_probability(2, 1.0) == pytest.approx(0.2)
    assert delay_probability(2, 1.0) == pytest.approx(1 / 3)


def test_single_server_queue_waits_with_probability_load():
    # M/M/1: P(wait) = ρ, mean wait = ρ h / (1 − ρ) = 0.8 · 3 / 0.2 = 12.
    assert delay_probability(1, 0.8) == pytest.approx(0.8)
    assert mean_wait_minutes(1, 0.8, handle_minutes=3) == pytest.approx(12.0)


def test_published_example_of_ten_erlang():
    # 10 Erlang, 14 agents: P(wait) 0.174, the value of standard Erlang C tables.
    assert delay_probability(14, 10.0) == pytest.approx(0.1741, abs=5e-4)


def test_service_level_at_once_is_who_does_not_wait():
    assert service_level(2, 1.0, handle_minutes=3, within_minutes=0) == pytest.approx(2 / 3)


def test_overload_answers_nobody_in_time_and_waits_for_ever():
    assert service_level(3, 3.0, handle_minutes=3, within_minutes=1) == 0.0
    assert math.isinf(mean_wait_minutes(3, 3.0, handle_minutes=3))
    assert delay_probability(3, 4.0) == 1.0


def test_no_load_needs_nobody():
    assert agents_needed(0.0, handle_minutes=3, target=0.8, within_minutes=1 / 3) == 0
    assert service_level(0, 0.0, handle_minutes=3, within_minutes=0) == 1.0
    assert mean_wait_minutes(0, 0.0, handle_minutes=3) == 0.0
    assert delay_probability(4, 0.0) == 0.0
    assert abandonment(0, 0.0, handle_minutes=3, patience_minutes=2) == 0.0


@given(load=loads, target=st.floats(0.1, 0.99), within=st.floats(0, 5))
def test_agents_needed_is_the_least_number_that_reaches_the_target(load, target, within):
    number = agents_needed(load, handle_minutes=3, target=target, within_minutes=within)

    assert service_level(number, load, handle_minutes=3, within_minutes=within) >= target
    assert number == math.floor(load) + 1 or (
        service_level(number - 1, load, handle_minutes=3, within_minutes=within) < target
    )


@given(load=loads, number=agents)
def test_probabilities_lie_in_order(load, number):
    blocking, waiting = loss_probability(number, load), delay_probability(number, load)

    assert 0 <= blocking <= waiting <= 1


@given(load=loads, number=st.integers(0, 100))
def test_patience_of_the_handle_time_makes_the_queue_a_poisson_distribution(load, number):
    """With equal rates of answer and of giving up the chain is M/M/∞: closed form by the Poisson distribution."""
    expected, weight = 0.0, math.exp(-load)
    for state in range(1, 400):
        weight *= load / state
        expected += max(0, state - number) * weight
    share = abandonment(number, load, handle_minutes=3, patience_minutes=3)

    assert share == pytest.approx(expected / load, abs=1e-9)


@given(load=loads)
def test_nobody_to_answer_makes_everybody_give_up(load):
    assert abandonment(0, load, handle_minutes=3, patience_minutes=1) == pytest.approx(1.0)


def test_endless_patience_is_erlang_c():
    """As patience grows, θ E[Q] / λ tends to the mean wait of Erlang C over patience."""
    patience = 1e7

    share = abandonment(14, 10.0, handle_minutes=3, patience_minutes=patience)

    assert share * patience == pytest.approx(mean_wait_minutes(14, 10.0, handle_minutes=3), rel=1e-3)


def test_heavy_overload_gives_up_what_cannot_be_served():
    # The fluid limit: of 2000 Erlang on 1000 agents half give up.
    assert abandonment(1000, 2000.0, handle_minutes=3, patience_minutes=2) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    "call",
    [
        lambda: loss_probability(-1, 1.0),
        lambda: delay_probability(1, math.nan),
        lambda: service_level(1, 0.5, handle_minutes=0, within_minutes=1),
        lambda: service_level(1, 0.5, handle_minutes=1, within_minutes=-1),
        lambda: agents_needed(1.0, handle_minutes=1, target=1.0, within_minutes=1),
        lambda: agents_needed(-1.0, handle_minutes=1, target=0.5, within_minutes=1),
        lambda: abandonment(1, 1.0, handle_minutes=1, patience_minutes=0),
    ],
)
def test_impossible_arguments_are_refused(call):
    with pytest.raises(ValueError, match=r"must|needed"):
        call()
