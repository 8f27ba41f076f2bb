"""A call log becomes people, work, evidence and shifts; forecasts come from it, and days are scored against it."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from sqlalchemy import func, select

from webapp.errors import InvalidInputError
from webapp.models import (
    Channel,
    Contact,
    ContactOutcome,
    EngagementType,
    ForecastInterval,
    ForecastSource,
    ImportKind,
    Person,
    Role,
    Shift,
    SkillEvent,
    SkillEventKind,
)
from webapp.services.call_replay import replay_day
from webapp.services.forecasting import actual_minutes, build_forecast
from webapp.services.service_levels import ServiceLevel

HEADER = "call_id,customer,type,date,entered_at,queued_at,left_queue_at,outcome,served_at,ended_at,agent"
DAY = dt.date(2026, 11, 9)  # A Monday.


def log(calls):
    """Return a log in the plain preset: (id, type, day, minute of the day, minutes of service, agent)."""
    lines = [HEADER]
    for number, kind, day, minute, lasting, agent in calls:
        start, end = (dt.timedelta(minutes=minute), dt.timedelta(minutes=minute + lasting))
        if agent:
            lines.append(f"{number},c{number},{kind},{day},{start},{start},{start},served,{start},{end},{agent}")
        else:
            lines.append(f"{number},,{kind},{day},{start},{start},{end},abandoned,,,")
    return "\n".join(lines) + "\n"


@pytest.fixture
def bank(make):
    """Return the site of the log."""
    return make.site(code="bank", name="Bank", time_zone="Asia/Jerusalem")


def days_of_calls(days, *, volume=10, agent="AVI"):
    return [(f"{day:%d}-{number}", "PS", day, 600 + 3 * number, 2, agent) for day in days for number in range(volume)]


def test_log_gives_people_types_evidence_and_inferred_shifts(make, importing, bank):
    calls = [*days_of_calls([DAY], volume=6), ("x", "NW", DAY, 700, 4, "DORIT"), ("y", "NW", DAY, 701, 3, "")]

    report = importing.apply(ImportKind.ACD_LOG, log(calls), site=bank)

    avi = make.session.scalar(select(Person).where(Person.external_id == "acd-bank-avi"))
    kind = make.session.scalar(select(EngagementType).where(EngagementType.code == "bank-nw"))
    event = make.session.scalar(select(SkillEvent).where(SkillEvent.person_id == avi.id))
    shift = make.session.scalar(select(Shift).where(Shift.person_id == avi.id))
    assert report.sound
    assert report.categories == {"served by an agent": 7, "given up while waiting": 1}
    assert (avi.name, avi.job_title, avi.site_id) == ("AVI", "Agent (from the call log)", bank.id)
    assert (kind.channel, kind.handle_minutes, kind.median_handle_minutes) == (Channel.VOICE, 4.0, 4.0)
    assert [(line.skill.code, line.level) for line in kind.requirements] == [("bank-nw", 1)]
    assert (event.kind, event.count, event.level) == (SkillEventKind.OUTCOME, 6, 1)
    assert shift.inferred
    # 10:00 in Jerusalem is 08:00 UTC; the sixth call begins at 10:15 and lasts two minutes.
    assert (shift.starts_at.hour, shift.ends_at.minute) == (8, 17)


def test_same_log_again_changes_nothing(importing, bank):
    text = log(days_of_calls([DAY]))
    importing.apply(ImportKind.ACD_LOG, text, site=bank)

    again = importing.apply(ImportKind.ACD_LOG, text, site=bank)

    assert (again.total.new, again.total.changed) == (0, 0)


def test_later_log_adds_to_the_counts_of_the_earlier_one(make, importing, bank):
    importing.apply(ImportKind.ACD_LOG, log(days_of_calls([DAY], volume=30)), site=bank)

    report = importing.apply(ImportKind.ACD_LOG, log(days_of_calls([DAY + dt.timedelta(days=1)], volume=30)), site=bank)

    assert report.tallies["skill_event"].changed == 1
    assert make.session.scalar(select(func.max(SkillEvent.count))) == 60
    importing.undo()
    assert make.session.scalar(select(func.count()).select_from(Contact)) == 30


def test_undone_log_leaves_no_contact_and_can_come_again(make, importing, bank):
    text = log(days_of_calls([DAY]))
    importing.apply(ImportKind.ACD_LOG, text, site=bank)

    importing.undo()

    left = [make.session.scalar(select(func.count()).select_from(model)) for model in (Contact, Shift, EngagementType)]
    assert left == [0, 0, 0]
    assert make.session.scalar(select(Person.active)) is False
    importing.apply(ImportKind.ACD_LOG, text, site=bank)
    assert make.session.scalar(select(Person.active)) is True


def test_evidence_ends_before_the_day_that_is_to_be_judged(make, importing, bank):
    calls = [*days_of_calls([DAY]), *days_of_calls([DAY + dt.timedelta(days=1)], volume=45)]

    report = importing.apply(ImportKind.ACD_LOG, log(calls), site=bank, options={"evidence_before": "2026-11-10"})

    assert make.session.scalars(select(SkillEvent.count)).all() == [10]
    assert make.session.scalar(select(func.count()).select_from(Contact)) == 55
    assert any("45 services on or after 2026-11-10" in note for note in report.notes)


def test_log_without_site_or_preset_is_refused(importing, bank):
    text = log(days_of_calls([DAY]))

    nowhere = importing.check(ImportKind.ACD_LOG, text)
    needed = ("call_id", "type", "date", "outcome", "served_at", "ended_at", "agent")
    mapping = dict(zip(needed, "abcdefg", strict=True))
    strange = importing.check(ImportKind.ACD_LOG, "a,b,c,d,e,f,g\n1,2,3,4,5,6,7\n", site=bank, mapping=mapping)
    empty = importing.check(ImportKind.ACD_LOG, f"{HEADER}\n1,2,3,x,,,,lost,,,\n", site=bank)

    assert [report.problems[0].code for report in (nowhere, strange, empty)] == ["no_site", "no_preset", "no_calls"]


def test_scheduler_imports_logs_of_their_own_sites(make, importing, bank):
    other = make.person(roles=[Role.SCHEDULER], site=make.site(code="else"))

    report = importing.check(ImportKind.ACD_LOG, log(days_of_calls([DAY])), site=bank, as_=other)

    assert [problem.code for problem in report.problems] == ["out_of_scope"]


@pytest.mark.parametrize("options", [{"preset": "nope"}, {"evidence_before": "soon"}, {"colour": "red"}])
def test_wrong_options_are_refused(importing, bank, options):
    with pytest.raises(InvalidInputError):
        importing.apply(ImportKind.ACD_LOG, log(days_of_calls([DAY])), site=bank, options=options)


def test_forecast_is_the_weighted_mean_of_like_days_before(make, importing, bank):
    """Last Monday weighs 3 · 0.95⁷, yesterday 0.95; the quiet Saturday says nothing about a Monday."""
    target = DAY + dt.timedelta(days=7)
    calls = [
        *days_of_calls([DAY], volume=10),
        *days_of_calls([DAY + dt.timedelta(days=5)], volume=1),
        *days_of_calls([DAY + dt.timedelta(days=6)], volume=9),
    ]
    importing.apply(ImportKind.ACD_LOG, log(calls), site=bank)

    built = build_forecast(
        make.session, bank, target, interval_minutes=60, level=ServiceLevel(share=0), by=make.actor()
    )

    same, yesterday = 3 * 0.95**7, 0.95
    volume = (10 * same + 9 * yesterday) / (same + yesterday)
    row = make.session.scalar(select(ForecastInterval))
    assert set(built.weights) == {DAY, target - dt.timedelta(days=1)}
    assert built.volume == pytest.approx(volume, abs=1e-3)
    assert row.minutes == pytest.approx(2 * volume, abs=1e-2)
    assert row.starts_at == dt.datetime(2026, 11, 16, 8, tzinfo=dt.UTC)


def test_forecast_reads_nothing_of_the_day_itself(make, importing, bank):
    importing.apply(ImportKind.ACD_LOG, log(days_of_calls([DAY])), site=bank)

    with pytest.raises(InvalidInputError, match="No contacts are known"):
        build_forecast(make.session, bank, DAY, by=make.actor())


def test_new_forecast_replaces_the_old_one_and_leaves_what_was_imported(make, importing, bank):
    importing.apply(ImportKind.ACD_LOG, log(days_of_calls([DAY, DAY + dt.timedelta(days=1)])), site=bank)
    target = DAY + dt.timedelta(days=2)
    build_forecast(make.session, bank, target, by=make.actor())
    importing.apply(
        ImportKind.FORECAST, f"site,type,starts_at,volume,minutes\nbank,bank-ps,{target} 10:00,1,99\n", site=bank
    )

    build_forecast(make.session, bank, target, by=make.actor())

    rows = make.session.scalars(select(ForecastInterval)).all()
    assert [(row.minutes, row.source) for row in rows] == [(99.0, ForecastSource.IMPORTED)]


def test_forecast_has_intervals_of_15_30_or_60_minutes(make, bank):
    with pytest.raises(InvalidInputError):
        build_forecast(make.session, bank, DAY, interval_minutes=7, by=make.actor())


def test_actual_minutes_run_on_from_arrival_and_the_abandoned_would_have_needed_the_mean(make, importing, bank):
    calls = [("a", "PS", DAY, 625, 10, "AVI"), ("b", "PS", DAY, 660, 1, "")]
    importing.apply(ImportKind.ACD_LOG, log(calls), site=bank)
    kind = make.session.scalar(select(EngagementType))

    minutes = actual_minutes(make.session, bank, DAY, 30)

    # 10:25 begins in interval 20 and runs five minutes into interval 21; the one given up at 11:00 wants 10 minutes.
    assert minutes == {(kind.id, 20): 5.0, (kind.id, 21): 5.0, (kind.id, 22): 10.0}


def test_replayed_day_has_an_item_for_each_contact_with_its_arrival(make, importing, bank):
    importing.apply(ImportKind.ACD_LOG, log([*days_of_calls([DAY], volume=6), ("z", "PS", DAY, 640, 1, "")]), site=bank)

    problem = replay_day(make.session, bank, DAY)

    assert len(problem.engagements) == 7
    assert {item.minutes for item in problem.engagements} == {2.0}
    assert all(item.due == item.earliest <= item.latest for item in problem.engagements)
    assert len(problem.agents) == 1


def test_day_without_contacts_cannot_be_replayed(make, bank):
    with pytest.raises(InvalidInputError):
        replay_day(make.session, bank, DAY)


def test_real_log_of_the_bank_is_accounted_for_to_the_last_row(make, importing, shared_data):
    """Each of 22,002 calls is a contact or has a reason why not; the day is forecast within 15 % by the half hour."""
    site = make.site(code="bank", time_zone="Asia/Jerusalem")
    content = (shared_data / "demand" / "technion_aug_01-14.csv").read_bytes()

    report = importing.apply(
        ImportKind.ACD_LOG, content, site=site, options={"preset": "technion", "evidence_before": "2010-08-10"}
    )

    assert report.rows == sum(report.categories.values()) == 22_002
    assert report.tallies["contact"].new + len(report.rejected) == 22_002
    assert report.tallies["person"].new == 22
    assert report.categories["A phantom call, which the log itself says to ignore."] == 192
    assert report.categories["Served, but by nobody who is named."] == 150
    day = dt.date(2010, 8, 10)
    build_forecast(make.session, site, day, level=ServiceLevel(share=0), by=make.actor())
    midnight = dt.datetime(2010, 8, 9, 21, tzinfo=dt.UTC)
    forecast, actual = [0.0] * 48, [0.0] * 48
    for row in make.session.scalars(select(ForecastInterval)):
        forecast[math.floor((row.starts_at - midnight) / dt.timedelta(minutes=30))] += row.volume
    arrived = make.session.scalars(
        select(Contact.arrived_at).where(
            Contact.arrived_at >= midnight, Contact.arrived_at < midnight + dt.timedelta(days=1)
        )
    )
    for moment in arrived:
        actual[math.floor((moment - midnight) / dt.timedelta(minutes=30))] += 1
    missed = sum(abs(expected - came) for expected, came in zip(forecast, actual, strict=True))
    assert missed / sum(actual) < 0.15
    assert (
        make.session.scalar(select(func.count()).select_from(Contact).where(Contact.outcome == ContactOutcome.SERVED))
        == 14_344
    )
