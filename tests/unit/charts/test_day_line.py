"""Positions on the line of a day."""

from __future__ import annotations

import datetime as dt

from webapp.charts.day_line import DayLine
from webapp.services import zones


def line(day: str, zone: str = "Europe/Berlin") -> DayLine:
    return DayLine(*zones.day_bounds(dt.date.fromisoformat(day), zone), zone)


def test_noon_stands_in_the_middle_of_a_plain_day():
    plain = line("2026-11-23")

    assert plain.position(dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC)) == 50.0


def test_what_lies_outside_stands_at_the_edge_and_keeps_its_whole_time_in_words():
    """A night from 22:00 to 06:00 fills the last 2 of 24 hours: 8.333 %."""
    night = (dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC), dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC))

    mark = line("2026-11-23").mark("shift", night, "Shift")

    assert (mark.x, mark.width, mark.title) == (91.667, 8.333, "Shift 22:00–06:00")


def test_an_hour_that_comes_twice_is_shown_twice_and_one_that_is_skipped_not_at_all():
    twice = [tick.label for tick in line("2026-10-25").ticks(every=1)]
    skipped = [tick.label for tick in line("2026-03-29").ticks(every=1)]

    assert twice[:5] == ["00", "01", "02", "02", "03"]
    assert len(twice) == 25
    assert skipped[:4] == ["00", "01", "03", "04"]
    assert len(skipped) == 23


def test_full_hours_are_found_in_a_zone_that_stands_a_quarter_off():
    kathmandu = line("2026-11-23", "Asia/Kathmandu").ticks(every=6)

    assert [(tick.x, tick.label) for tick in kathmandu] == [(0.0, "00"), (25.0, "06"), (50.0, "12"), (75.0, "18")]
