"""Productive minutes from shifts, breaks and absences."""

from __future__ import annotations

import datetime as dt

import pytest

from webapp.services import roster, zones


@pytest.mark.parametrize(
    ("first", "hours"),
    [(dt.date(2026, 10, 24), 9), (dt.date(2026, 3, 28), 7), (dt.date(2026, 6, 1), 8)],
    ids=["put back", "put forward", "no change"],
)
def test_a_night_in_berlin_lasts_as_long_as_it_really_does(make, first, hours):
    """22:00–06:00 lasts 9 h where the clock is put back and 7 h where it is put forward."""
    person = make.person()
    starts_at = zones.to_utc(dt.datetime.combine(first, dt.time(22)), "Europe/Berlin")
    ends_at = zones.to_utc(dt.datetime.combine(first + dt.timedelta(days=1), dt.time(6)), "Europe/Berlin")
    make.shift(person, starts_at=starts_at, hours=(ends_at - starts_at) / dt.timedelta(hours=1))

    minutes = roster.capacity(make.session, [person.id], starts_at, 30, 20)

    assert sum(minutes[person.id]) == hours * 60
    assert minutes[person.id][: 2 * hours] == [30.0] * (2 * hours)


@pytest.mark.parametrize(("day", "hours"), [(dt.date(2026, 10, 25), 25), (dt.date(2026, 3, 29), 23)])
def test_a_day_of_change_is_covered_whole(make, day, hours):
    person = make.person()
    starts_at, ends_at = zones.day_bounds(day, "Europe/Berlin")
    make.shift(person, starts_at=starts_at, hours=hours)

    minutes = roster.capacity(make.session, [person.id], starts_at, 60, hours)

    assert minutes == {person.id: [60.0] * hours}
    assert starts_at + dt.timedelta(hours=hours) == ends_at


def test_breaks_and_absences_are_taken_off_once(make):
    """A break inside an absence counts once: 8 h − 30 min break − 3 h absence that holds the other break."""
    person = make.person()
    start = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
    hour = dt.timedelta(hours=1)
    make.shift(
        person,
        starts_at=start,
        breaks=[(start + 2 * hour, start + 2.5 * hour), (start + 6 * hour, start + 6.5 * hour)],
    )
    make.absence(person, start + 5 * hour, start + 24 * hour)

    minutes = roster.capacity(make.session, [person.id], start, 60, 9)

    assert minutes[person.id] == [60, 60, 30, 60, 60, 0, 0, 0, 0]


def test_intervals_that_begin_inside_a_shift_count_its_rest(make):
    person = make.person()
    start = dt.datetime(2026, 11, 23, 8, 10, tzinfo=dt.UTC)
    make.shift(person, starts_at=start, hours=1)

    minutes = roster.capacity(make.session, [person.id], start.replace(minute=30), 15, 4)

    assert minutes[person.id] == [15, 15, 10, 0]


def test_people_without_a_shift_have_zeros_and_others_are_left_out(make):
    idle, working = make.person(), make.person()
    shift = make.shift(working)

    minutes = roster.capacity(make.session, [idle.id], shift.starts_at, 60, 3)

    assert minutes == {idle.id: [0.0, 0.0, 0.0]}


def test_more_people_than_one_statement_takes(make):
    person = make.person()
    shift = make.shift(person, hours=1)

    minutes = roster.capacity(make.session, [*range(100_000, 102_000), person.id], shift.starts_at, 60, 1)

    assert len(minutes) == 2001
    assert minutes[person.id] == [60.0]
