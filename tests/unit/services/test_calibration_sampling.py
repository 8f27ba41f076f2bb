"""Sampling: each stratum gets its share, need decides within it, and the week alone is chance."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.calibration_sampling import Candidate, draw, iso_week, share_out, tenure_of

SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1)


def test_places_go_by_the_largest_remainder():
    # Quotas of 6 places for 10, 6 and 3 of 19 people: 3.16, 1.89 and 0.95.
    assert share_out({"a": 10, "b": 6, "c": 3}, 6) == {"a": 3, "b": 2, "c": 1}
    assert share_out({}, 3) == {}
    assert share_out({"a": 4}, 0) == {"a": 0}


@given(SIZES, st.integers(0, 30))
def test_each_stratum_gets_its_quota_rounded_up_or_down(sizes, places):
    shares = share_out(sizes, places)

    total = sum(sizes.values())
    assert sum(shares.values()) == places
    for name, size in sizes.items():
        assert abs(shares[name] - places * size / total) < 1


def people(sizes, records=3):
    """Return candidates: some records of each person of each stratum."""
    number, found = 0, []
    for stratum, size in sizes.items():
        for person in range(size):
            for _ in range(records):
                number += 1
                found.append(Candidate(number, hash((stratum, person)), stratum, 0.5))
    return found


@given(SIZES, st.integers(1, 12), st.integers(1, 52))
def test_a_drawn_sample_gives_each_stratum_its_share_and_asks_for_nobody_twice(sizes, places, week):
    drawn = draw(people(sizes), places, sizes=sizes, week=f"2026-W{week:02}")

    total = sum(sizes.values())
    counts = Counter(candidate.stratum for candidate in drawn)
    assert len(drawn) == min(places, 3 * total)
    for name, size in sizes.items():
        assert abs(counts[name] - places * size / total) < 1 or places > total
    if places <= total:
        assert len({candidate.person_id for candidate in drawn}) == len(drawn)


def test_places_that_a_stratum_cannot_fill_go_to_the_others():
    candidates = [Candidate(1, 1, "a", 0.5), *(Candidate(10 + n, 10 + n, "b", 0.5) for n in range(9))]

    drawn = draw(candidates, 6, sizes={"a": 30, "b": 9}, week="2026-W47")

    assert Counter(candidate.stratum for candidate in drawn) == {"a": 1, "b": 5}


def test_the_same_week_draws_the_same_and_another_week_another():
    candidates = people({"a": 12, "b": 20})

    one = draw(candidates, 6, sizes={"a": 12, "b": 20}, week="2026-W47")
    again = draw(candidates[::-1], 6, sizes={"a": 12, "b": 20}, week="2026-W47")
    other = draw(candidates, 6, sizes={"a": 12, "b": 20}, week="2026-W48")

    assert one == again
    assert one != other


def test_what_is_in_more_doubt_is_drawn_more_often():
    candidates = [Candidate(n, n, "a", 0.9 if n <= 10 else 0.1) for n in range(1, 21)]

    drawn = Counter(
        candidate.weight
        for week in range(400)
        for candidate in draw(candidates, 1, sizes={"a": 20}, week=f"week {week}")
    )

    # With one place the chance of each is its weight over their sum: 9 of 10 are of the heavier kind.
    assert drawn[0.9] / 400 == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("hired_on", "words"),
    [
        (dt.date(2026, 6, 1), "under a year"),
        (dt.date(2025, 1, 1), "1 to 3 years"),
        (dt.date(2020, 1, 1), "3 years or more"),
        (None, "3 years or more"),
    ],
)
def test_tenure_falls_into_three_spans(hired_on, words):
    assert tenure_of(hired_on, dt.date(2026, 11, 23)) == words


def test_a_week_begins_on_monday_and_belongs_to_the_year_of_its_thursday():
    assert iso_week(dt.date(2026, 11, 22)) == "2026-W47"
    assert iso_week(dt.date(2027, 1, 1)) == "2026-W53"
