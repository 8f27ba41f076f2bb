"""Union, difference and minutes of half-open spans."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from webapp.services import spans

START = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def at(minute: float) -> dt.datetime:
    return START + dt.timedelta(minutes=minute)


def span(start: float, end: float) -> spans.Span:
    return (at(start), at(end))


minute_pairs = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), max_size=8)


def covered(pairs: list[tuple[int, int]]) -> set[int]:
    """Return the whole minutes that pairs cover, the oracle."""
    return {minute for start, end in pairs for minute in range(start, end)}


def minutes_in(united: list[spans.Span]) -> set[int]:
    return covered(
        [(round(spans.minutes_of((START, start))), round(spans.minutes_of((START, end)))) for start, end in united]
    )


def test_spans_that_touch_do_not_overlap_but_unite():
    assert not spans.overlaps(span(0, 30), span(30, 60))
    assert spans.unite([span(30, 60), span(0, 30)]) == [span(0, 60)]


def test_a_hole_splits_a_span():
    assert spans.subtract([span(0, 60)], [span(20, 30)]) == [span(0, 20), span(30, 60)]


def test_a_hole_over_everything_leaves_nothing():
    assert spans.subtract([span(10, 20)], [span(0, 60)]) == []


def test_what_lies_outside_is_clipped():
    assert spans.clip([span(0, 10), span(15, 40), span(60, 70)], at(20), at(60)) == [span(20, 40)]


def test_minutes_fall_into_the_intervals_they_touch():
    """45 min from 00:20 on: 10 in the first half hour, 30 in the second, 5 in the third."""
    minutes = spans.minutes_per_interval([span(20, 65)], starts_at=START, interval_minutes=30, intervals=4)

    assert minutes == [10, 30, 5, 0]


def test_what_begins_before_the_horizon_counts_from_its_begin():
    assert spans.minutes_per_interval([span(-50, 10)], starts_at=START, interval_minutes=30, intervals=2) == [10, 0]


def test_length_is_real_time_even_for_times_of_a_zone():
    """Berlin, 22:00 to 06:00 over the night in which the clock is put back."""
    berlin = ZoneInfo("Europe/Berlin")
    night = (dt.datetime(2026, 10, 24, 22, tzinfo=berlin), dt.datetime(2026, 10, 25, 6, tzinfo=berlin))

    assert spans.minutes_of(night) == 9 * 60


@given(minute_pairs, minute_pairs)
def test_difference_equals_the_set_difference_of_minutes(pairs, holes):
    left = spans.subtract([span(*pair) for pair in pairs], [span(*hole) for hole in holes])

    assert minutes_in(left) == covered(pairs) - covered(holes)
    assert all(one[1] < other[0] for one, other in itertools.pairwise(left))


@given(minute_pairs, st.integers(1, 50))
def test_intervals_share_out_all_minutes(pairs, interval):
    united = spans.unite(span(*pair) for pair in pairs)

    minutes = spans.minutes_per_interval(united, starts_at=START, interval_minutes=interval, intervals=121)

    assert sum(minutes) == len(covered(pairs))
    assert all(0 <= each <= interval for each in minutes)
