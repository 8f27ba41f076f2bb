"""The rules by which unserved work becomes levels and head count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.unserved import LEVEL_COVER, covering_level, suggest_head_count


def test_level_is_the_lowest_that_serves_four_fifths_of_the_minutes():
    """Of 100 minutes, level 2 serves 30 and level 3 serves 30 + 50 = 80, which is enough."""
    assert covering_level({2: 30.0, 3: 50.0, 5: 20.0}) == 3


def test_one_odd_engagement_does_not_raise_the_bar():
    assert covering_level({2: 90.0, 5: 10.0}) == 2


def test_level_follows_the_demand_where_it_has_to():
    """Level 2 would serve 79 of 100 minutes."""
    assert covering_level({2: 79.0, 4: 21.0}) == 4


@given(st.dictionaries(st.integers(1, 5), st.floats(0.5, 500), min_size=1))
def test_covering_level_covers_and_a_lower_one_would_not(minutes):
    level = covering_level(minutes)

    total = sum(minutes.values())
    lower = sum(value for key, value in minutes.items() if key < level)
    assert lower + minutes[level] >= LEVEL_COVER * total - 1e-6
    assert lower < LEVEL_COVER * total


@pytest.mark.parametrize(("minutes", "people"), [(0, 0), (1, 1), (400, 1), (400.1, 2), (1200, 3)])
def test_head_count_is_rounded_up(minutes, people):
    """One shift of 400 productive minutes."""
    assert suggest_head_count(minutes, 400) == people
