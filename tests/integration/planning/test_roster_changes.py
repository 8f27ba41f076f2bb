"""A plan carries a mark while shifts or absences of its day differ from what its run planned with."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish
from webapp.models import AbsenceKind, EngagementState, PlanState, Role, RosterChange
from webapp.services import absences, roster_changes, roster_marks, shifts, slipping
from webapp.services.absences import AbsenceDraft
from webapp.services.board import breaches
from webapp.services.planning import publish as publishing
from webapp.services.planning import replan, runs, successors
from webapp.services.shifts import ShiftDraft

AT_NINE = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def agent(make):
    return make.person(name="Ana")


@pytest.fixture
def shift(make, agent):
    """Ana's shift from nine to one."""
    return make.shift(agent, starts_at=AT_NINE, hours=4)


@pytest.fixture
def plan(make, agent, shift):
    """Publish a plan that gives Ana half an hour of work at twelve."""
    plan = draft_plan(make)
    work = make.engagement(earliest_at=AT_NINE, due_at=AT_NINE + 8 * HOUR, state=EngagementState.PLANNED)
    assign(make, plan, work, agent, starts_at=AT_NINE + 3 * HOUR, minutes=30)
    return publish(make, plan)


def _shorten(make, shift, hours, *, at=NOW):
    draft = ShiftDraft(shift.starts_at, AT_NINE + hours * HOUR)
    shifts.update_shift(make.session, shift, draft=draft, version=shift.version, seen={}, by=make.actor(at=at))


def _mark(make, plan):
    return roster_marks.find_mark(make.session, plan)


def test_plan_without_changes_has_no_mark(make, plan):
    assert _mark(make, plan) is None
    assert roster_marks.find_uncovered(make.session, plan) == set()


def test_shorter_shift_marks_the_plan_and_names_what_is_not_covered(make, plan, shift):
    _shorten(make, shift, 3)

    (changed,) = roster_marks.list_changed(make.session, plan)
    assert _mark(make, plan) == roster_marks.Mark(1, NOW)
    assert changed.was == ((AT_NINE, AT_NINE + 4 * HOUR),)
    assert changed.now == ((AT_NINE, AT_NINE + 3 * HOUR),)
    assert (changed.lost, changed.gained) == ([(AT_NINE + 3 * HOUR, AT_NINE + 4 * HOUR)], [])
    assert (changed.person.name, changed.uncovered, changed.imported) == ("Ana", 1, False)


def test_way_back_takes_the_mark_off(make, plan, shift):
    _shorten(make, shift, 3)
    _shorten(make, shift, 2)
    _shorten(make, shift, 4)

    assert _mark(make, plan) is None
    assert make.session.scalars(select(RosterChange)).all() == []


def test_longer_shift_marks_the_plan_and_uncovers_nothing(make, plan, shift):
    _shorten(make, shift, 6)

    assert _mark(make, plan).people == 1
    assert roster_marks.find_uncovered(make.session, plan) == set()


def test_added_and_removed_shifts_mark_the_plan(make, plan, agent, shift):
    added = shifts.add_shift(
        make.session, agent, draft=ShiftDraft(AT_NINE + 5 * HOUR, AT_NINE + 7 * HOUR), by=make.actor()
    )
    assert _mark(make, plan).people == 1
    shifts.remove_shift(make.session, added, by=make.actor())
    assert _mark(make, plan) is None

    shifts.remove_shift(make.session, shift, by=make.actor())

    assert len(roster_marks.find_uncovered(make.session, plan)) == 1


def test_absences_mark_the_plan_until_they_are_taken_back(make, plan, agent, shift):
    draft = AbsenceDraft(AT_NINE + 2 * HOUR, AT_NINE + 4 * HOUR, AbsenceKind.SICK)
    absence = absences.add_absence(make.session, agent, draft=draft, by=make.actor())
    assert len(roster_marks.find_uncovered(make.session, plan)) == 1

    later = AbsenceDraft(AT_NINE + 3.5 * HOUR, AT_NINE + 4 * HOUR, AbsenceKind.SICK)
    absences.update_absence(make.session, absence, draft=later, version=absence.version, seen={}, by=make.actor())
    assert (_mark(make, plan).people, roster_marks.find_uncovered(make.session, plan)) == (1, set())

    absences.remove_absence(make.session, absence, by=make.actor())
    assert _mark(make, plan) is None


def test_absence_outside_every_shift_is_no_change(make, plan, agent, shift):
    draft = AbsenceDraft(AT_NINE + 6 * HOUR, AT_NINE + 7 * HOUR, AbsenceKind.LEAVE)

    absences.add_absence(make.session, agent, draft=draft, by=make.actor())

    assert _mark(make, plan) is None


def test_days_that_are_over_and_other_sites_are_not_marked(make, plan, agent, shift):
    yesterday = publish(make, draft_plan(make, day_on=TODAY - dt.timedelta(days=1)))
    elsewhere = publish(make, draft_plan(make, site=make.site()))
    shifts.add_shift(make.session, agent, draft=ShiftDraft(AT_NINE - 20 * HOUR, AT_NINE - 16 * HOUR), by=make.actor())

    _shorten(make, shift, 3)

    assert _mark(make, yesterday) is None
    assert _mark(make, elsewhere) is None


def test_night_shift_marks_both_days(make, plan, agent):
    tomorrow = draft_plan(make, day_on=TODAY + dt.timedelta(days=1))

    shifts.add_shift(make.session, agent, draft=ShiftDraft(AT_NINE + 13 * HOUR, AT_NINE + 20 * HOUR), by=make.actor())

    assert roster_marks.marks_of(make.session, [plan.run_id, tomorrow.run_id]).keys() == {
        plan.run_id,
        tomorrow.run_id,
    }


def test_superseded_plan_shows_no_mark_but_remembers_it(make, plan, shift):
    plan.state = PlanState.SUPERSEDED
    make.session.flush()

    _shorten(make, shift, 3)

    assert _mark(make, plan) is None
    assert roster_marks.marks_of(make.session, [plan.run_id])[plan.run_id].people == 1


def test_new_run_begins_without_a_mark(make, session, day, solve_day):
    before = solve_day()
    absences.report_sick(session, day.ben, by=make.actor(at=AT_NINE))

    after = solve_day()

    assert (_mark(make, before).people, _mark(make, after)) == (1, None)


def test_what_changes_while_a_run_works_marks_its_plan(make, session, day):
    by = make.actor(day.scheduler, at=AT_NINE)
    run = runs.request_run(session, day.site, TODAY, request=runs.RunRequest(), by=by)
    absences.report_sick(session, day.ben, by=by)
    built = runs.prepare(session, run, today=TODAY)
    extra = shifts.add_shift(
        session, day.ada, draft=ShiftDraft(AT_NINE + 5 * HOUR, AT_NINE + 6 * HOUR), by=make.actor(at=AT_NINE)
    )

    roster_changes.settle_notes(session, run.id, built.seen)

    (row,) = session.scalars(select(RosterChange).where(RosterChange.run_id == run.id)).all()
    assert row.person_id == extra.person_id


def test_plan_that_is_taken_back_to_keeps_its_mark(make, session, day, solve_day):
    by = make.actor(day.scheduler)
    first = publishing.publish_plan(session, solve_day(), today=TODAY, by=by)
    absences.report_sick(session, day.ben, by=make.actor(day.scheduler, at=AT_NINE))
    second = publishing.publish_plan(session, solve_day(), today=TODAY, by=by)

    again = successors.step_back(session, second, today=TODAY, by=by)

    assert _mark(make, second) is None
    assert _mark(make, again) == _mark_of(make, first)


def _mark_of(make, plan):
    return roster_marks.marks_of(make.session, [plan.run_id])[plan.run_id]


def test_board_and_slip_list_tell_what_is_not_covered_any_more(make, plan, agent, shift):
    # Ana is there when the work begins at twelve, and gone before it is done.
    _shorten(make, shift, 3.25)

    found = breaches.list_breaches(make.session, make.home, plan, ends_at=AT_NINE + 12 * HOUR, at=NOW)
    (slip,) = slipping.list_slipping(make.session, viewer=make.viewer(_scheduler(make)), at=NOW)

    assert [each.kind.value for each in found] == ["uncovered"]
    assert (slip.cause.value, slip.agent) == ("uncovered", agent)


def test_absent_agent_is_told_as_away_and_not_twice(make, plan, agent, shift):
    draft = AbsenceDraft(AT_NINE + 2 * HOUR, AT_NINE + 4 * HOUR, AbsenceKind.SICK)
    absences.add_absence(make.session, agent, draft=draft, by=make.actor())

    found = breaches.list_breaches(make.session, make.home, plan, ends_at=AT_NINE + 12 * HOUR, at=NOW)
    (slip,) = slipping.list_slipping(make.session, viewer=make.viewer(_scheduler(make)), at=NOW)

    assert [each.kind.value for each in found] == ["absent"]
    assert slip.cause.value == "away"


def _scheduler(make):
    return make.person(roles=[Role.SCHEDULER], is_agent=False)


def test_replan_from_now_leaves_the_mark_behind(make, session, day, solve_day):
    by = make.actor(day.scheduler, at=AT_NINE)
    live = publishing.publish_plan(session, solve_day(), today=TODAY, by=by)
    absences.report_sick(session, day.ben, by=by)

    run = replan.request_replan(session, day.site, TODAY, request=replan.defaults(live), by=by)
    built = runs.prepare(session, run, today=TODAY)
    roster_changes.settle_notes(session, run.id, built.seen)

    assert roster_marks.marks_of(session, [live.run_id, run.id]).keys() == {live.run_id}
