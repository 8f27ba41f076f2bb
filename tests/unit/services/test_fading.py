"""How a level fades without use."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.fading import faded_level, last_fade, next_fade

DAY = dt.date(2026, 11, 22)
levels = st.integers(0, 5)
half_lives = st.integers(1, 2000)
idle_days = st.integers(-50, 6000)


@pytest.mark.parametrize(
    ("idle", "level"),
    # 5 · 2^(−d/100) passes 4.5 after 15.2 days, 3.5 after 51.5, 2.5 after 100 and 1.5 after 173.7.
    [(0, 5), (15, 5), (16, 4), (51, 4), (52, 3), (100, 3), (101, 2), (173, 2), (174, 1), (5000, 1)],
)
def test_an_expert_fades_by_the_half_life(idle, level):
    assert faded_level(5, idle, 100) == level


@given(levels, idle_days)
def test_without_a_half_life_a_level_stands(level, idle):
    assert faded_level(level, idle, None) == level


@given(levels, idle_days, half_lives)
def test_a_level_fades_but_not_to_nothing(level, idle, half_life):
    assert min(level, 1) <= faded_level(level, idle, half_life) <= level


@given(levels, levels, idle_days, idle_days, half_lives)
def test_more_time_or_a_lower_level_never_means_more(first, second, sooner, later, half_life):
    low, high = sorted((first, second))
    early, late = sorted((sooner, later))

    assert faded_level(low, late, half_life) <= faded_level(high, early, half_life)


@given(levels, st.integers(-50, 2000), half_lives)
def test_the_next_fall_is_the_first_day_with_a_lower_level(level, idle, half_life):
    on = DAY + dt.timedelta(days=idle)

    falls_on = next_fade(level, DAY, on, half_life)

    now = faded_level(level, idle, half_life)
    if falls_on is None:
        assert now <= 1
    else:
        assert falls_on > on
        assert faded_level(level, (falls_on - DAY).days, half_life) < now
        assert faded_level(level, (falls_on - DAY).days - 1, half_life) == now


@given(levels, st.integers(-50, 2000), half_lives)
def test_the_last_fall_is_the_first_day_with_the_present_level(level, idle, half_life):
    fell_on = last_fade(level, DAY, DAY + dt.timedelta(days=idle), half_life)

    now = faded_level(level, idle, half_life)
    if fell_on is None:
        assert now == level
    else:
        assert faded_level(level, (fell_on - DAY).days, half_life) == now
        assert faded_level(level, (fell_on - DAY).days - 1, half_life) > now
