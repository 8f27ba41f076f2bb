"""Shifts and absences as a scheduler edits them."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import AbsenceKind, Role
from webapp.services import absences, audit, roster, shifts
from webapp.services.absences import AbsenceDraft
from webapp.services.access import Permission
from webapp.services.shifts import ShiftDraft

HOUR = dt.timedelta(hours=1)
EIGHT = dt.datetime(2026, 11, 23, 7, tzinfo=dt.UTC)
"""Eight in the morning in Berlin."""


def day_shift(*breaks: tuple[float, float]) -> ShiftDraft:
    """Return a shift from 8 to 16, with breaks given in hours after its begin."""
    return ShiftDraft(
        EIGHT, EIGHT + 8 * HOUR, tuple((EIGHT + start * HOUR, EIGHT + end * HOUR) for start, end in breaks)
    )


def test_a_shift_keeps_its_breaks(make):
    person = make.person()

    shift = shifts.add_shift(make.session, person, draft=day_shift((4, 4.5)), by=make.actor())

    assert [(each.starts_at, each.ends_at) for each in shift.breaks] == [(EIGHT + 4 * HOUR, EIGHT + 4.5 * HOUR)]
    assert audit.person_history(make.session, person.id)[0].action == "add_shift"


@pytest.mark.parametrize(
    ("draft", "field", "words"),
    [
        (ShiftDraft(EIGHT, EIGHT), "ends_at", "ends after it begins"),
        (ShiftDraft(EIGHT, EIGHT + 25 * HOUR), "ends_at", "24 hours"),
        (day_shift((-1, 1)), "breaks", "07:00–09:00 lies outside"),
        (day_shift((7, 9)), "breaks", "15:00–17:00 lies outside"),
        (day_shift((3, 2)), "breaks", "11:00–10:00 ends before it begins"),
        (day_shift((2, 3), (2.5, 4)), "breaks", "10:30–12:00 overlaps"),
    ],
)
def test_a_shift_that_breaks_a_rule_is_refused_in_local_words(make, draft, field, words):
    with pytest.raises(InvalidInputError, match=words) as refused:
        shifts.add_shift(make.session, make.person(), draft=draft, by=make.actor())

    assert refused.value.field == field


def test_breaks_that_touch_are_two_breaks(make):
    shift = shifts.add_shift(make.session, make.person(), draft=day_shift((2, 3), (3, 4)), by=make.actor())

    assert len(shift.breaks) == 2


def test_a_shift_that_overlaps_another_names_it(make):
    person = make.person(name="Ada")
    make.shift(person, starts_at=EIGHT + 7 * HOUR, hours=2)

    with pytest.raises(InvalidInputError, match=r"Ada has a shift already: 23 Nov 2026, 15:00 to 23 Nov 2026, 17:00"):
        shifts.add_shift(make.session, person, draft=day_shift(), by=make.actor())


def test_shifts_that_touch_and_shifts_of_others_do_not_overlap(make):
    person = make.person()
    make.shift(person, starts_at=EIGHT + 8 * HOUR, hours=2)
    make.shift(make.person(), starts_at=EIGHT)

    assert shifts.add_shift(make.session, person, draft=day_shift(), by=make.actor()).id


def test_a_changed_break_alone_is_a_new_version(make):
    shift = make.shift(make.person(), starts_at=EIGHT, breaks=[(EIGHT + HOUR, EIGHT + 2 * HOUR)], inferred=True)
    make.session.refresh(shift)
    version, seen = shift.version, shifts.describe_shift(shift, "Europe/Berlin")

    shifts.update_shift(
        make.session, shift, draft=day_shift((1, 2), (5, 6)), version=version, seen=seen, by=make.actor()
    )

    make.session.flush()
    assert shift.version == version + 1
    assert shift.inferred is False
    with pytest.raises(ConflictError) as lost:
        shifts.update_shift(make.session, shift, draft=day_shift(), version=version, seen=seen, by=make.actor())
    assert lost.value.changes == {"Breaks": ("09:00–10:00", "09:00–10:00, 13:00–14:00")}


def test_a_break_is_taken_out(make):
    shift = make.shift(make.person(), starts_at=EIGHT, breaks=[(EIGHT + HOUR, EIGHT + 2 * HOUR)])
    make.session.refresh(shift)

    shifts.update_shift(make.session, shift, draft=day_shift(), version=shift.version, seen={}, by=make.actor())

    assert shift.breaks == []


def test_saving_a_shift_without_a_change_leaves_it_inferred(make):
    shift = make.shift(make.person(), starts_at=EIGHT, inferred=True)

    shifts.update_shift(make.session, shift, draft=day_shift(), version=shift.version, seen={}, by=make.actor())

    assert shift.inferred is True


def test_a_removed_shift_can_be_added_again(make):
    person = make.person()
    shift = shifts.add_shift(make.session, person, draft=day_shift((4, 5)), by=make.actor())

    draft = shifts.remove_shift(make.session, shift, by=make.actor())

    assert roster.shifts_between(make.session, [person.id], EIGHT, EIGHT + 24 * HOUR) == []
    assert draft == day_shift((4, 5))


def test_sick_lasts_from_now_to_the_end_of_the_local_day(make):
    """It is 10:00 in Berlin; the day ends at 23:00 UTC."""
    person = make.person()
    make.shift(person, starts_at=EIGHT)

    absence = absences.report_sick(make.session, person, by=make.actor())

    assert (absence.starts_at, absence.kind) == (NOW, AbsenceKind.SICK)
    assert absence.ends_at == dt.datetime(2026, 11, 23, 23, tzinfo=dt.UTC)


def test_sick_lasts_to_the_end_of_a_shift_into_the_next_day(make):
    person = make.person()
    night = make.shift(person, starts_at=EIGHT + 14 * HOUR)

    absence = absences.report_sick(make.session, person, by=make.actor())

    assert absence.ends_at == night.ends_at


def test_nobody_is_sick_twice_at_once(make):
    person = make.person(name="Ada")
    absences.report_sick(make.session, person, by=make.actor())

    with pytest.raises(ConflictError, match=r"Ada is noted as away \(sick\) from 23 Nov 2026, 10:00"):
        absences.report_sick(make.session, person, by=make.actor())


def test_the_trail_does_not_say_that_somebody_was_sick(make):
    person = make.person()
    absence = absences.report_sick(make.session, person, by=make.actor())
    draft = AbsenceDraft(absence.starts_at, absence.ends_at, AbsenceKind.OTHER)
    absences.update_absence(make.session, absence, draft=draft, version=absence.version, seen={}, by=make.actor())
    absences.remove_absence(make.session, absence, by=make.actor())

    events = audit.person_history(make.session, person.id)

    assert [event.action for event in events] == ["remove_absence", "edit_absence", "add_absence"]
    assert events[1].detail == {"kind": True}
    assert "sick" not in str([event.detail for event in events])


def test_absences_of_two_kinds_may_overlap_and_of_one_kind_may_not(make):
    person = make.person()
    make.absence(person, NOW, NOW + 4 * HOUR, kind=AbsenceKind.TRAINING)

    assert absences.report_sick(make.session, person, by=make.actor()).id
    with pytest.raises(InvalidInputError, match="training") as refused:
        absences.add_absence(
            make.session,
            person,
            draft=AbsenceDraft(NOW + HOUR, NOW + 6 * HOUR, AbsenceKind.TRAINING),
            by=make.actor(),
        )
    assert refused.value.field == "starts_at"


@pytest.mark.parametrize("ends_at", [NOW, NOW + dt.timedelta(days=367)])
def test_an_absence_has_a_sensible_length(make, ends_at):
    with pytest.raises(InvalidInputError) as refused:
        absences.add_absence(
            make.session, make.person(), draft=AbsenceDraft(NOW, ends_at, AbsenceKind.LEAVE), by=make.actor()
        )

    assert refused.value.field == "ends_at"


def test_whoever_changes_an_absence_second_sees_what_changed(make):
    absence = make.absence(make.person(), NOW, NOW + HOUR)
    version, seen = absence.version, absences.describe_absence(absence, "Europe/Berlin")
    longer = AbsenceDraft(NOW, NOW + 2 * HOUR, AbsenceKind.LEAVE)
    absences.update_absence(make.session, absence, draft=longer, version=version, seen=seen, by=make.actor())
    make.session.flush()

    with pytest.raises(ConflictError) as lost:
        absences.update_absence(make.session, absence, draft=longer, version=version, seen=seen, by=make.actor())

    assert lost.value.changes == {"Ends": ("23 Nov 2026, 11:00", "23 Nov 2026, 12:00")}


def test_saving_an_absence_without_a_change_writes_no_event(make):
    absence = make.absence(make.person(), NOW, NOW + HOUR)
    same = AbsenceDraft(NOW, NOW + HOUR, AbsenceKind.LEAVE)

    absences.update_absence(make.session, absence, draft=same, version=absence.version, seen={}, by=make.actor())

    assert audit.history(make.session, absence) == []


def test_a_lead_sees_the_roster_of_their_team_alone(make):
    team, other = make.team(), make.team()
    mine, foreign = make.person(team=team, name="Ada"), make.person(team=other, name="Bob")
    lead = make.viewer(make.person(roles=[Role.LEAD], leads=[team]))
    shift, hidden = make.shift(mine), make.shift(foreign)
    absence, hidden_absence = make.absence(mine, NOW, NOW + HOUR), make.absence(foreign, NOW, NOW + HOUR)

    rows = roster.list_roster(
        make.session, viewer=lead, site=make.home, starts_at=NOW, ends_at=NOW + HOUR, team_id=team.id, text="ad"
    )

    assert [(row.person, list(row.shifts), list(row.absences)) for row in rows] == [(mine, [shift], [absence])]
    assert roster.count_people(make.session, viewer=lead, site=make.home) == 1
    assert roster.list_roster_sites(make.session, viewer=lead) == [make.home]
    assert roster.list_plannable_people(make.session, viewer=lead, site=make.home) == []
    view = {"viewer": lead, "permission": Permission.VIEW_ROSTER}
    assert roster.get_shift(make.session, shift.id, **view) is shift
    assert roster.get_absence(make.session, absence.id, **view) is absence
    with pytest.raises(NotFoundError):
        roster.get_shift(make.session, hidden.id, **view)
    with pytest.raises(NotFoundError):
        roster.get_absence(make.session, hidden_absence.id, **view)


def test_a_persons_week_is_cut_into_days(make):
    person = make.person()
    monday = make.shift(person, starts_at=EIGHT, breaks=[(EIGHT + HOUR, EIGHT + 2 * HOUR)])
    make.session.refresh(monday)
    make.shift(person, starts_at=EIGHT + 24 * HOUR)
    make.absence(person, EIGHT + 6 * HOUR, EIGHT + 9 * HOUR)
    admin = make.viewer(make.person(roles=[Role.ADMIN], name="Zoe"))
    [week] = roster.list_roster(make.session, viewer=admin, site=make.home, starts_at=EIGHT, ends_at=EIGHT + 48 * HOUR)

    day = week.within(EIGHT - 8 * HOUR, EIGHT + 16 * HOUR)

    assert list(day.shifts) == [monday]
    assert day.working_minutes(EIGHT - 8 * HOUR, EIGHT + 16 * HOUR) == 5 * 60
    assert [person.name for person in roster.list_plannable_people(make.session, viewer=admin, site=make.home)] == [
        person.name
    ]
