"""Wall-clock times become moments, across every change of the clock."""

from __future__ import annotations

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest

from webapp.errors import InvalidInputError
from webapp.services import spans, zones
from webapp.services.zones import Occurrence

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Lisbon",
    "America/New_York",
    "America/St_Johns",
    "America/Santiago",
    "America/Havana",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
)


def wall(text: str) -> dt.datetime:
    """Return what a clock shows, without a time zone."""
    return dt.datetime.fromisoformat(text)


def offset(moment: dt.datetime, zone: str) -> dt.timedelta:
    """Return the offset of a zone at a moment."""
    found = moment.astimezone(ZoneInfo(zone)).utcoffset()
    assert found is not None
    return found


def clock_changes(zone: str) -> list[tuple[dt.datetime, dt.timedelta]]:
    """Return the changes of 2026–28 found by walking through UTC: moment, and by how much."""
    hour = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    changes = []
    while hour.year < 2029:
        before, after = offset(hour, zone), offset(hour + dt.timedelta(hours=1), zone)
        if before != after:
            minutes = (hour + dt.timedelta(minutes=minute) for minute in range(1, 61))
            changes.append((next(moment for moment in minutes if offset(moment, zone) == after), after - before))
        hour += dt.timedelta(hours=1)
    return changes


def test_a_time_without_change_is_converted_by_the_zone():
    assert zones.to_utc(wall("2026-11-23 09:00"), "Europe/Berlin") == dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)


def test_a_skipped_time_is_refused_beside_its_field():
    with pytest.raises(InvalidInputError, match=r"02:30 on 29 Mar 2026 does not exist in Europe/Berlin") as refused:
        zones.to_utc(wall("2026-03-29 02:30"), "Europe/Berlin", field="starts_at")

    assert refused.value.field == "starts_at"


def test_a_time_that_comes_twice_asks_which():
    twice = wall("2026-10-25 02:30")

    with pytest.raises(
        InvalidInputError, match=r"comes twice.*first \(UTC\+0200\) or the second \(UTC\+0100\)"
    ) as asked:
        zones.to_utc(twice, "Europe/Berlin", field="starts_at", occurrence_field="starts_occurrence")

    assert asked.value.field == "starts_occurrence"


@pytest.mark.parametrize(("occurrence", "hour"), [(Occurrence.FIRST, 0), (Occurrence.SECOND, 1)])
def test_a_time_that_comes_twice_is_told_apart(occurrence, hour):
    moment = zones.to_utc(wall("2026-10-25 02:30"), "Europe/Berlin", occurrence=occurrence)

    assert moment == dt.datetime(2026, 10, 25, hour, 30, tzinfo=dt.UTC)
    assert zones.find_occurrence(moment, "Europe/Berlin") is occurrence
    assert zones.to_local(moment, "Europe/Berlin") == wall("2026-10-25 02:30")


def test_a_time_that_comes_once_has_no_occurrence():
    assert zones.find_occurrence(dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC), "Europe/Berlin") is None


@pytest.mark.parametrize(
    ("day", "hours"), [(dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25), (dt.date(2026, 6, 1), 24)]
)
def test_a_day_lasts_as_long_as_its_clock_says(day, hours):
    starts_at, ends_at = zones.day_bounds(day, "Europe/Berlin")

    assert ends_at - starts_at == dt.timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_begins_at_the_change():
    """Cairo puts the clock from 00:00 to 01:00 on 24 April 2026, 22:00 UTC the day before."""
    starts_at, ends_at = zones.day_bounds(dt.date(2026, 4, 24), "Africa/Cairo")

    assert starts_at == dt.datetime(2026, 4, 23, 22, tzinfo=dt.UTC)
    assert ends_at - starts_at == dt.timedelta(hours=23)


def test_twelve_zones_change_their_clocks_six_times():
    assert {zone: len(clock_changes(zone)) for zone in ZONES} == dict.fromkeys(ZONES, 6)


@pytest.mark.parametrize("zone", ZONES)
def test_a_shift_over_a_change_lasts_longer_or_shorter_by_it(zone):
    """Six hours by the clock around each change equal the UTC reference, and so does their sum over intervals."""
    for moment, change in clock_changes(zone):
        local = zones.to_local(moment - dt.timedelta(hours=3), zone)
        until = local + dt.timedelta(hours=6)

        span = (zones.to_utc(local, zone), zones.to_utc(until, zone))

        reference = 6 * 60 - change.total_seconds() / 60
        assert spans.minutes_of(span) == reference
        assert (
            sum(spans.minutes_per_interval([span], starts_at=span[0], interval_minutes=15, intervals=40)) == reference
        )


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_each_other_without_gap_over_three_years(zone):
    day, moments = dt.date(2026, 1, 1), []
    while day.year < 2029:
        moments.append(zones.day_bounds(day, zone))
        day += dt.timedelta(days=1)

    assert all(one[1] == other[0] for one, other in itertools.pairwise(moments))
    assert all(dt.timedelta(hours=23) <= end - start <= dt.timedelta(hours=25) for start, end in moments)
