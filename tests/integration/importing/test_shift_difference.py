"""A file of shifts is held against the roster before it is applied: what it changes, lacks and touches."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import TODAY
from tests.factories.plans import assign, draft_plan, publish
from webapp.errors import DependencyError, InvalidInputError
from webapp.models import (
    Absence,
    AbsenceKind,
    EngagementState,
    ImportChange,
    ImportKind,
    ImportState,
    Notice,
    Role,
    RosterChange,
    Shift,
)
from webapp.services import roster_marks
from webapp.services.importing import batches

HEADER = "external_id,person,starts_at,ends_at,breaks\n"
AT_NINE = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
"""Nine o'clock in Berlin."""

FILE = HEADER + (
    "same,p1,2026-11-23 09:00,2026-11-23 13:00,\n"
    "moves,p2,2026-11-23 10:00,2026-11-23 14:00,\n"
    "pauses,p1,2026-11-24 09:00,2026-11-24 13:00,11:00-11:30\n"
    "new,p2,2026-11-24 09:00,2026-11-24 13:00,\n"
)


@pytest.fixture
def people(make):
    """Two agents of one team with three shifts of the file and one that it lacks."""
    team = make.team(name="Mail")
    one, two = (make.person(external_id=f"p{number}", name=name, team=team) for number, name in ((1, "Ana"), (2, "Bo")))
    make.shift(one, external_id="same", starts_at=AT_NINE, hours=4)
    make.shift(two, external_id="moves", starts_at=AT_NINE, hours=4)
    make.shift(one, external_id="pauses", starts_at=AT_NINE + dt.timedelta(days=1), hours=4)
    make.shift(two, external_id="gone", starts_at=AT_NINE + dt.timedelta(hours=9), hours=3)
    return one, two


def differences(report):
    return {each.external_id: each.change.value for each in report.difference.listed}


def ids(session):
    return sorted(session.scalars(select(Shift.external_id)))


def test_check_tells_what_is_added_moved_changed_and_gone(make, importing, people):
    report = importing.check(ImportKind.SHIFTS, FILE)

    assert report.sound
    assert differences(report) == {"moves": "moved", "pauses": "changed", "new": "added", "gone": "gone"}
    moved = next(each for each in report.difference.listed if each.external_id == "moves")
    assert (moved.person_id, moved.day_on) == (people[1].id, TODAY)
    assert (moved.before["starts_at"], moved.after["starts_at"]) == (
        "2026-11-23T08:00:00+00:00",
        "2026-11-23T09:00:00+00:00",
    )
    summary = report.as_json()["difference"]
    assert {name: summary[name] for name in ("added", "moved", "changed", "gone", "removed")} == {
        "added": 1,
        "moved": 1,
        "changed": 1,
        "gone": 1,
        "removed": 0,
    }
    assert summary["spans"] == [
        {
            "site_id": make.home.id,
            "site": make.home.name,
            "first_on": "2026-11-23",
            "last_on": "2026-11-24",
            "people": 2,
            "teams": ["Mail"],
        }
    ]


def test_shifts_that_the_file_lacks_stay_unless_it_is_said(make, importing, people):
    importing.apply(ImportKind.SHIFTS, FILE)

    assert ids(make.session) == ["gone", "moves", "new", "pauses", "same"]


def test_shifts_that_the_file_lacks_go_where_it_is_said_and_come_back(make, importing, people):
    report = importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "people"})

    assert report.total.removed == 1
    assert ids(make.session) == ["moves", "new", "pauses", "same"]

    importing.undo()

    assert ids(make.session) == ["gone", "moves", "pauses", "same"]
    back = make.session.scalar(select(Shift).where(Shift.external_id == "gone"))
    assert (back.person_id, back.starts_at) == (people[1].id, AT_NINE + dt.timedelta(hours=9))


def test_breaks_of_a_removed_shift_come_back(make, importing, people):
    pause = (AT_NINE + dt.timedelta(hours=11), AT_NINE + dt.timedelta(hours=11.5))
    make.shift(people[0], external_id="late", starts_at=AT_NINE + dt.timedelta(hours=9), hours=3, breaks=[pause])
    importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "people"})

    importing.undo()

    back = make.session.scalar(select(Shift).where(Shift.external_id == "late"))
    assert [(each.starts_at, each.ends_at) for each in back.breaks] == [pause]


def test_span_ends_with_the_days_of_the_file(make, importing, people):
    for name, days in (("before", -1), ("after", 2)):
        make.shift(people[0], external_id=name, starts_at=AT_NINE + dt.timedelta(days=days), hours=4)

    importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "sites"})

    assert {"before", "after"} <= set(ids(make.session))


def test_only_those_whom_the_file_speaks_for_lose_shifts(make, importing, people):
    mate = make.person(external_id="p3", team=people[0].team)
    other = make.person(external_id="p4", team=make.team(name="Phone"))
    for person in (mate, other):
        make.shift(person, external_id=f"of-{person.external_id}", starts_at=AT_NINE, hours=4)

    gone = {
        missing: {
            name
            for name, change in differences(
                importing.check(ImportKind.SHIFTS, FILE, options={"missing": missing})
            ).items()
            if change == "gone"
        }
        for missing in ("people", "teams", "sites")
    }

    assert gone == {"people": {"gone"}, "teams": {"gone", "of-p3"}, "sites": {"gone", "of-p3", "of-p4"}}


def test_file_of_one_site_never_removes_shifts_of_another(make, importing, people):
    away = make.site(name="Leeds", time_zone="Europe/London")
    # They sit in the file's team, but belong elsewhere.
    stranger = make.person(external_id="p9", site=away)
    stranger.team_id = people[0].team_id
    make.shift(stranger, external_id="theirs", starts_at=AT_NINE, hours=4)

    for missing in ("people", "teams", "sites"):
        importing.apply(ImportKind.SHIFTS, FILE, options={"missing": missing})
        importing.undo()
        importing.apply(ImportKind.SHIFTS, FILE, options={"missing": missing})

    assert "theirs" in ids(make.session)


def test_each_site_of_a_file_has_its_own_days(make, importing, people):
    away = make.site(name="Leeds", time_zone="Europe/London")
    other = make.person(external_id="p9", site=away)
    make.shift(other, external_id="later", starts_at=AT_NINE + dt.timedelta(days=1), hours=4)

    report = importing.check(
        ImportKind.SHIFTS,
        FILE + "theirs,p9,2026-11-23 09:00,2026-11-23 13:00,\n",
        options={"missing": "sites"},
    )

    assert "later" not in differences(report)
    assert [(each.site, each.last_on.day) for each in report.difference.spans] == [
        (make.home.name, 24),
        ("Leeds", 23),
    ]


def test_rows_of_people_out_of_scope_or_of_another_site_are_refused_and_nothing_is_written(
    make, importing, people, codes
):
    away = make.site(name="Leeds")
    make.person(external_id="p9", site=away)
    scheduler = make.person(roles=[Role.SCHEDULER], is_agent=False)
    file = FILE + "theirs,p9,2026-11-23 09:00,2026-11-23 13:00,\n"

    refused = importing.apply(ImportKind.SHIFTS, file, as_=scheduler, options={"missing": "sites"})
    bound = importing.apply(ImportKind.SHIFTS, file, site=make.home, options={"missing": "sites"})

    assert codes(refused) == [(6, "person", "unknown_person")]
    assert codes(bound) == [(6, "person", "other_site")]
    assert ids(make.session) == ["gone", "moves", "pauses", "same"]


def test_new_id_may_take_the_place_of_a_shift_that_goes(make, importing, people, codes):
    file = HEADER + "other,p1,2026-11-23 10:00,2026-11-23 14:00,\n"

    kept = importing.check(ImportKind.SHIFTS, file)
    removed = importing.apply(ImportKind.SHIFTS, file, options={"missing": "people"})

    assert codes(kept) == [(2, "starts_at", "overlap")]
    assert removed.sound
    assert "same" not in ids(make.session)


def test_unknown_choice_is_refused(importing, people):
    with pytest.raises(InvalidInputError, match="Missing shifts are one of keep, people, teams, sites"):
        importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "all"})


def test_undo_names_what_took_the_place_of_a_removed_shift(make, importing, people):
    importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "people"})
    make.shift(people[1], external_id="by-hand", starts_at=AT_NINE + dt.timedelta(hours=10), hours=2)

    with pytest.raises(DependencyError) as refused:
        importing.undo()

    assert list(refused.value.rows) == ["shift gone would overlap shift by-hand of the same person"]
    assert "gone" not in ids(make.session)


def test_undo_names_a_removed_shift_that_is_there_again(make, importing, people):
    importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "people"})
    first = importing.batch
    importing.apply(ImportKind.SHIFTS, HEADER + "gone,p2,2026-12-01 10:00,2026-12-01 12:00,\n")

    with pytest.raises(DependencyError) as refused:
        importing.undo(first)

    assert list(refused.value.rows) == ["shift gone is there again"]


def test_absences_and_training_outlive_a_new_file(make, importing, people):
    training = make.absence(
        people[1],
        starts_at=AT_NINE + dt.timedelta(hours=10),
        ends_at=AT_NINE + dt.timedelta(hours=11),
        kind=AbsenceKind.TRAINING,
    )

    importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "sites"})
    importing.undo()

    assert make.session.scalar(select(Absence.id)) == training.id


def _planned(make, people, *, day_on=TODAY, starts_at=AT_NINE):
    plan = draft_plan(make, day_on=day_on)
    work = make.engagement(earliest_at=starts_at, state=EngagementState.PLANNED)
    assign(make, plan, work, people[1], starts_at=starts_at, minutes=30)
    return publish(make, plan)


def test_check_names_the_plans_and_what_falls_outside_the_new_shifts(make, importing, people):
    plan = _planned(make, people)
    _planned(make, people, day_on=TODAY + dt.timedelta(days=3), starts_at=AT_NINE + dt.timedelta(days=3))

    report = importing.check(ImportKind.SHIFTS, FILE)

    (touched,) = report.difference.plans
    # Bo begins at ten now; the work at nine is not covered any more.
    assert (touched.plan_id, touched.day_on, touched.people, touched.assignments, touched.uncovered) == (
        plan.id,
        TODAY,
        1,
        1,
        1,
    )
    assert make.session.scalar(select(func.count()).select_from(RosterChange)) == 0


def test_import_marks_plans_and_tells_each_scheduler_once(make, importing, people):
    scheduler = make.person(name="Sam", roles=[Role.SCHEDULER], is_agent=False)
    elsewhere = make.person(roles=[Role.SCHEDULER], site=make.site(), is_agent=False)
    plan = _planned(make, people)
    _planned(make, people, day_on=TODAY + dt.timedelta(days=1), starts_at=AT_NINE + dt.timedelta(days=1))

    importing.apply(ImportKind.SHIFTS, FILE, as_=scheduler, options={"missing": "people"})

    mark = roster_marks.find_mark(make.session, plan)
    assert mark is not None
    assert mark.people == 1
    (notice,) = make.session.scalars(select(Notice)).all()
    assert (notice.person_id, notice.link) == (scheduler.id, f"/plans/{plan.id}#shifts-changed")
    assert notice.text == (
        f"A new file of the workforce system changed shifts at {make.home.name}: the plans of Mon 23 Nov, Tue 24 Nov "
        "no longer fit, and 1 assignment is not covered any more. Open today's plan to re-optimise from now."
    )
    assert elsewhere.id != notice.person_id


def test_undo_takes_the_mark_away_where_nothing_else_changed(make, importing, people):
    plan = _planned(make, people)
    importing.apply(ImportKind.SHIFTS, FILE)

    importing.undo()

    assert roster_marks.find_mark(make.session, plan) is None
    assert make.session.scalar(select(func.count()).select_from(RosterChange)) == 0


def test_undo_keeps_the_mark_of_what_else_changed(make, importing, people):
    plan = _planned(make, people)
    importing.apply(ImportKind.SHIFTS, HEADER + "moves,p2,2026-11-23 10:00,2026-11-23 14:00,\n")
    importing.apply(ImportKind.SHIFTS, HEADER + "same,p1,2026-11-23 10:00,2026-11-23 13:00,\n")

    importing.undo()

    (changed,) = roster_marks.list_changed(make.session, plan)
    assert (changed.person.name, changed.uncovered, changed.imported) == ("Bo", 1, True)


def test_same_file_again_changes_and_marks_nothing(make, importing, people):
    importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "people"})
    plan = _planned(make, people)

    report = importing.apply(ImportKind.SHIFTS, FILE, options={"missing": "people"})

    assert (report.total.new, report.total.changed, report.total.removed) == (0, 0, 0)
    assert roster_marks.find_mark(make.session, plan) is None
    assert not make.session.scalars(select(ImportChange).where(ImportChange.batch_id == importing.batch.id)).all()


def test_what_is_applied_is_what_the_check_showed(make, importing, people):
    batch = batches.upload(
        make.session,
        kind=ImportKind.SHIFTS,
        file_name="week.csv",
        content=FILE.encode(),
        options={"missing": "people"},
        viewer=None,
        by=make.actor(),
    )
    report = batches.check(make.session, batch, viewer=None, by=make.actor())
    batches.keep_check(make.session, batch, report, by=make.actor())
    make.shift(people[0], external_id="since", starts_at=AT_NINE + dt.timedelta(hours=9), hours=3)

    with pytest.raises(batches.ChangedSinceError):
        batches.apply(make.session, batch, viewer=None, by=make.actor())

    assert "since" in ids(make.session)
    assert batch.state is ImportState.CHECKED
    again = batches.check(make.session, batch, viewer=None, by=make.actor())
    batches.keep_check(make.session, batch, again, by=make.actor())
    batches.apply(make.session, batch, viewer=None, by=make.actor())
    assert "since" not in ids(make.session)


def test_listed_differences_are_kept_with_the_import(make, importing, people):
    importing.apply(ImportKind.SHIFTS, FILE)

    kept = importing.batch.difference

    assert kept["all"] == 4
    assert [each["shift"] for each in kept["listed"]] == ["moves", "gone", "pauses", "new"]
