"""From scores to levels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.evaluations import USUAL_CUTS, key_of, level_of


@pytest.mark.parametrize(
    ("score", "low", "high", "level"),
    [
        (0, 0, 5, 0),
        (1, 0, 5, 1),
        (4, 0, 5, 4),
        (5, 0, 5, 5),
        (1, 1, 5, 0),
        (3, 1, 5, 3),
        (70, 0, 100, 4),
        (69, 0, 100, 3),
    ],
)
def test_a_score_counts_as_the_nearest_fifth_of_its_scale(score, low, high, level):
    assert level_of(score, low, high) == level


def test_a_share_at_a_cut_reaches_it_in_spite_of_binary_fractions():
    assert level_of(0.3, 0, 1, (0.1, 0.1 + 0.2, 0.5, 0.7, 0.9)) == 2


@given(st.floats(0, 10), st.floats(0, 10))
def test_a_better_score_never_counts_as_less(one, other):
    low, high = sorted((one, other))

    assert level_of(low, 0, 10) <= level_of(high, 0, 10) <= len(USUAL_CUTS)


def test_criteria_are_recognised_without_regard_to_case_and_blanks():
    assert key_of("Calls", " Understands  the question") == key_of("calls", "understands the Question")
