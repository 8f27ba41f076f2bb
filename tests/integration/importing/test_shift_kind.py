"""Shifts from a file are local times of their site, over midnight and over changes of the clock."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from webapp.models import ImportKind, Shift


def test_shifts_are_local_times_and_breaks_may_lie_after_midnight(make, importing, work):
    report = importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks\n"
        "s1,p1,2026-11-23 22:00,2026-11-24 06:00,23:00-23:30; 02:00-02:30\n",
    )

    shift = make.session.scalar(select(Shift))
    assert report.tallies["shift"].new == 1
    assert shift.starts_at == dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC)
    assert [line.starts_at.hour for line in shift.breaks] == [22, 1]


def test_columns_that_a_file_of_shifts_lacks_leave_what_is_there(make, importing, work):
    importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks,inferred\n"
        "s1,p1,2026-11-23 09:00,2026-11-23 13:00,11:00-11:30,yes\n",
    )
    shift = make.session.scalar(select(Shift))

    importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-11-23 09:00,2026-11-23 14:00\n"
    )
    make.session.refresh(shift)
    kept = (shift.inferred, len(shift.breaks))
    importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks,inferred\ns1,p1,2026-11-23 09:00,2026-11-23 14:00,,\n",
    )
    make.session.refresh(shift)

    assert kept == (True, 1)
    assert (shift.inferred, len(shift.breaks)) == (False, 0)


def test_night_of_the_clock_change_lasts_nine_hours(make, importing, work):
    importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-10-24 22:00,2026-10-25 06:00\n"
    )

    shift = make.session.scalar(select(Shift))
    assert shift.ends_at - shift.starts_at == dt.timedelta(hours=9)


def test_times_that_the_clock_skips_or_shows_twice_need_an_offset(make, importing, work, codes):
    report = importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at\n"
        "s1,p1,2026-03-29 02:30,2026-03-29 08:00\n"
        "s2,p2,2026-10-25 02:30,2026-10-25 08:00\n",
    )
    told = importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns2,p2,2026-10-25 02:30+01:00,2026-10-25 08:00\n"
    )

    assert codes(report) == [(2, "starts_at", "skipped_time"), (3, "starts_at", "ambiguous_time")]
    assert "offset" in report.problems[1].accepted
    assert told.sound


def test_impossible_and_overlapping_shifts_are_refused(make, importing, work, codes):
    make.shift(work, starts_at=dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC), external_id="old")

    report = importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks\n"
        "s1,p1,2026-11-23 08:00,2026-11-23 07:00,\n"
        "s2,p1,2026-11-23 08:00,2026-11-24 08:00,\n"
        "s3,p1,2026-11-23 08:00,2026-11-23 16:00,17:00-17:30\n"
        "s4,p1,2026-11-23 08:00,2026-11-23 16:00,12-13\n"
        "s5,p2,2026-11-23 08:00,2026-11-23 16:00,\n"
        "s6,p2,2026-11-23 15:00,2026-11-23 20:00,\n"
        "s7,p1,2026-11-30 10:00,2026-11-30 12:00,\n",
    )
    taken = importing.check(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\nold,p2,2026-12-01 10:00,2026-12-01 12:00\n"
    )

    assert codes(report) == [
        (2, "ends_at", "impossible_shift"),
        (3, "ends_at", "impossible_shift"),
        (4, "breaks", "impossible_break"),
        (5, "breaks", "not_a_break"),
        (7, "starts_at", "overlap"),
        (8, "starts_at", "overlap"),
    ]
    assert codes(taken) == [(2, "external_id", "other_person")]
    assert "row 6" in report.problems[4].message
    assert "shift old" in report.problems[5].message


def test_shift_that_moves_does_not_overlap_its_former_self(make, importing, work):
    importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-11-23 08:00,2026-11-23 16:00\n"
    )

    moved = importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-11-23 09:00,2026-11-23 17:00\n"
    )

    assert moved.tallies["shift"].changed == 1
