"""The schedule: each periodic job once in its period at each site, however many processes ask."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.jobs.keeper import SCHEDULE_SECONDS, Keeper
from webapp.models import Engagement, EngagementState, Job, JobState, Notice, SkillEvent, SkillEventKind, ThreadMessage
from webapp.services import jobs, records, schedules
from webapp.services.schedules import DIGEST_JOB, REFRESH_JOB, SCHEDULE, WORDS_JOB, WORK_JOB

KINDS = [each.kind for each in SCHEDULE]


def period(kind, day, hour):
    return f"{day}T{hour:02}" if kind == WORDS_JOB else day


def _keeper(database, clock):
    return Keeper(database, clock, name="here", executor="worker", concurrency=1)


def keys(session):
    return list(session.scalars(select(Job.period_key).order_by(Job.id)))


@pytest.fixture
def site(make):
    return make.site(code="harbour", time_zone="Europe/Berlin")


def test_each_job_is_queued_once_in_its_period(session, site):
    queued = schedules.queue_due(session, NOW)
    again = schedules.queue_due(session, NOW + dt.timedelta(minutes=59))

    assert (queued, again) == (len(KINDS), 0)
    assert list(session.scalars(select(Job.kind).order_by(Job.id))) == KINDS
    assert keys(session) == [f"{kind}/{site.id}/{period(kind, '2026-11-23', NOW.hour)}" for kind in KINDS]


def test_an_hourly_job_is_queued_once_in_each_hour_of_utc_also_where_the_clocks_are_put_back(session, site):
    """Berlin shows 02:00 to 03:00 twice on 25 October 2026."""
    schedules.queue_due(session, dt.datetime(2026, 10, 24, 23, 59, tzinfo=dt.UTC))
    before = len(keys(session))

    for minute in range(0, 180, 20):
        at = dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
        schedules.queue_due(session, at)

    hours = ["2026-10-25T00", "2026-10-25T01", "2026-10-25T02"]
    assert keys(session)[before:] == [f"{WORDS_JOB}/{site.id}/{hour}" for hour in hours]


def test_a_day_begins_at_the_sites_midnight(session, site):
    """23:00 in London is midnight in Berlin."""
    schedules.queue_due(session, dt.datetime(2026, 11, 24, 22, 59, tzinfo=dt.UTC))
    before = len(keys(session))

    schedules.queue_due(session, dt.datetime(2026, 11, 24, 23, 0, tzinfo=dt.UTC))

    assert before == len(KINDS)
    assert keys(session)[before:] == [
        f"{kind}/{site.id}/{'2026-11-24T23' if kind == WORDS_JOB else '2026-11-25'}"
        for kind in KINDS
        if kind != DIGEST_JOB
    ]


def test_whoever_was_off_for_weeks_catches_up_once(session, site):
    schedules.queue_due(session, NOW)

    queued = schedules.queue_due(session, NOW + dt.timedelta(days=17))

    # Thursday, 10 December; its week began on the 7th.
    assert queued == len(KINDS)
    assert keys(session)[queued:] == [
        f"{kind}/{site.id}/{'2026-12-07' if kind == DIGEST_JOB else period(kind, '2026-12-10', NOW.hour)}"
        for kind in KINDS
    ]


def test_many_processes_queue_each_job_once(database, make, site):
    make.commit()
    start, queued = threading.Barrier(6), []

    def ask():
        start.wait()
        with database.transaction() as session:
            queued.append(schedules.queue_due(session, NOW))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(queued) == len(KINDS)
    with database.reading() as session:
        assert len(keys(session)) == len(KINDS)


def test_what_somebody_waits_for_is_run_first(session, make, site):
    schedules.queue_due(session, NOW)
    asked_for = jobs.enqueue(session, "plan.solve", {}, by=make.actor(make.person(site=site)))

    taken = [jobs.lease_next(session, owner="worker", at=NOW) for _ in range(2)]

    assert [job.kind for job in taken if job] == [asked_for.kind, REFRESH_JOB]


class Clock:
    """A clock that a test sets."""

    def __init__(self, at):
        self.at = at

    def __call__(self):
        return self.at


@pytest.fixture
def run(database):
    """Return a function that keeps the schedule at a moment and runs all that is queued."""
    load_bodies()

    def _run(at):
        executor = Executor(database, Clock(at))
        _keeper(database, Clock(at)).keep_schedule()
        while executor.run_once():
            pass
        with database.reading() as session:
            return {job.kind: job for job in session.scalars(select(Job).order_by(Job.id))}

    return _run


def test_a_keeper_looks_once_a_minute(database, make, site):
    make.commit()
    clock = Clock(NOW)
    keeper = _keeper(database, clock)

    counts = [keeper.keep_schedule(), keeper.keep_schedule()]
    clock.at = NOW + dt.timedelta(days=1)
    counts.append(keeper.keep_schedule())
    clock.at += dt.timedelta(seconds=SCHEDULE_SECONDS / 2)

    assert [*counts, keeper.keep_schedule()] == [len(KINDS), 0, len(KINDS) - 1, 0]


def test_the_jobs_of_a_day_refresh_count_and_tell(database, make, run, site):
    person, skill = make.person(site=site), make.skill(name="Billing")
    skill.half_life_days = 100
    make.record(person, skill, 4, at=NOW)
    kind = make.engagement_type(requires={skill: 1})
    make.contact(kind, NOW, 3.0, person_id=person.id, site_id=site.id)
    make.commit()
    later = NOW + dt.timedelta(days=10)

    done = run(later)

    assert {kind: job.state for kind, job in done.items()} == dict.fromkeys(KINDS, JobState.DONE)
    with database.reading() as session:
        used = session.scalars(select(SkillEvent).where(SkillEvent.kind == SkillEventKind.USE)).one()
        told = session.scalars(select(Notice)).one()
    assert (used.person_id, used.count, used.at.date(), used.author_id) == (person.id, 1, TODAY, None)
    assert (told.person_id, told.link) == (person.id, "/my/week")
    assert told.text.startswith("Your week: 1 level falls soon")


def test_records_that_fade_are_refreshed_some_at_a_time(database, make, run, site, monkeypatch):
    monkeypatch.setattr("webapp.jobs.upkeep.RECORDS_AT_ONCE", 2)
    skill = make.skill()
    skill.half_life_days = 100
    people = [make.person(site=site) for _ in range(5)]
    for person in people:
        make.record(person, skill, 4, at=NOW)
    elsewhere = make.person(site=make.site())
    make.record(elsewhere, skill, 4, at=NOW)
    make.commit()

    run(NOW + dt.timedelta(days=25))

    with database.reading() as session:
        ended = session.scalars(select(Job).where(Job.kind == REFRESH_JOB).order_by(Job.id)).all()
        assert {job.payload["site_id"]: job.result["records"] for job in ended} == {site.id: 5, elsewhere.site_id: 1}
        levels = [records.get_record(session, person.id, skill.id).effective_level for person in people]
        assert levels == [3] * 5


def test_nothing_to_say_is_no_digest(database, make, run, site):
    make.person(site=site)
    make.commit()

    run(NOW)

    with database.reading() as session:
        assert session.scalars(select(Notice)).all() == []


def test_a_second_digest_takes_the_place_of_one_that_nobody_read(database, make, run, site):
    person, skill = make.person(site=site), make.skill()
    make.record(person, skill, 3, at=NOW - dt.timedelta(days=90))
    make.commit()
    run(NOW)

    run(NOW + dt.timedelta(days=7))

    with database.reading() as session:
        notices = session.scalars(select(Notice).order_by(Notice.id)).all()
    assert [notice.read_at is None for notice in notices] == [False, True]


def test_a_worker_that_dies_on_the_way_leaves_no_digest_and_the_next_sends_one(database, make, run, site):
    person, skill = make.person(site=site), make.skill()
    make.record(person, skill, 3, at=NOW - dt.timedelta(days=90))
    make.commit()
    with database.transaction() as session:
        schedules.queue_due(session, NOW)
        session.query(Job).filter(Job.kind != DIGEST_JOB).update({"state": JobState.DONE})
        taken = jobs.lease_next(session, owner="dead", at=NOW)
    assert taken is not None

    run(NOW + jobs.LEASE + dt.timedelta(seconds=1))

    with database.reading() as session:
        assert len(session.scalars(select(Notice)).all()) == 1


def test_the_time_of_the_last_count_is_that_of_the_same_site(database, make, run, site):
    other = make.site()
    make.commit()
    run(NOW)

    with database.reading() as session:
        newest = max(session.scalars(select(Job.id)))
        assert schedules.last_done_at(session, WORK_JOB, site.id, before=newest + 1) == NOW
        assert schedules.last_done_at(session, WORK_JOB, other.id, before=1) is None


class TestWords:
    """Customers' words go within an hour of their time, not at the next midnight."""

    def past_its_time(self, make):
        """Return an engagement whose subject, and one message about it, have had their 90 days by NOW."""
        done = make.engagement(state=EngagementState.DONE, subject="CANARY subject")
        done.earliest_at = done.due_at = done.latest_at = NOW - dt.timedelta(days=90, minutes=1)
        person = make.person()
        make.session.add(
            ThreadMessage(engagement_id=done.id, author_id=person.id, text="CANARY words", key="k", at=done.latest_at)
        )
        make.session.flush()
        return done

    def test_they_go_at_the_next_hour(self, make, run):
        run(NOW - dt.timedelta(hours=1))
        done_id = self.past_its_time(make).id
        make.commit()

        run(NOW)

        make.session.expire_all()
        assert make.session.get_one(Engagement, done_id).subject == ""
        assert make.session.scalars(select(ThreadMessage)).all() == []

    def test_they_stay_until_then(self, make, run):
        done_id = self.past_its_time(make).id
        make.commit()

        run(NOW - dt.timedelta(hours=1))

        assert make.session.get_one(Engagement, done_id).subject == "CANARY subject"

    def test_rows_of_hours_long_past_are_removed(self, make, run, database, site):
        make.commit()
        for days in range(10):
            run(NOW - dt.timedelta(days=9 - days))

        with database.reading() as session:
            ended = session.scalars(select(Job.ended_at).where(Job.kind == WORDS_JOB)).all()
        oldest = min(ended)
        assert NOW - schedules.HOURLY_KEPT - dt.timedelta(hours=1) <= oldest < NOW
        assert len(ended) == 8
