"""Jobs survive their workers: nothing is lost, nothing is done twice."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.errors import ConflictError, NotFoundError, QuotaError
from webapp.jobs.executor import Executor
from webapp.jobs.registry import PermanentJobError, job
from webapp.models import Job, JobState, Role, Site
from webapp.services import audit, jobs
from webapp.services.access import get_viewer
from webapp.services.audit import Actor
from webapp.services.job_kinds import quota_of

SYSTEM = Actor(person_id=None, at=NOW, channel="cli")


@job("test.add-site")
def _add_site(context):
    with context.database.transaction() as session:
        site = Site(code=context.payload["code"], name="Built by a job", time_zone="UTC")
        session.add(site)
        audit.record(session, "add_site", site, by=context.actor())
        context.complete(session, {"site": site.id})


@job("test.refuse")
def _refuse(_context):
    raise PermanentJobError("The file is gone.")


@job("test.crash")
def _crash(_context):
    raise RuntimeError("A disk went away")


@job("test.wait-for-cancel")
def _wait_for_cancel(context):
    with context.database.transaction() as session:
        jobs.request_cancel(session, session.get_one(Job, context.job_id))
    context.report(0.5, {"gap": 0.1})
    assert context.should_cancel()
    with context.database.transaction() as session:
        jobs.end_cancelled(session, context.job_id, owner=context.owner, at=context.clock())


@pytest.fixture
def enqueue(database):
    """Queue a job and return its key."""

    def _enqueue(kind, payload=None, **values):
        with database.transaction() as session:
            return jobs.enqueue(session, kind, payload or {}, by=SYSTEM, **values).id

    return _enqueue


@pytest.fixture
def executor(database):
    return Executor(database, lambda: NOW)


def _read(database, job_id):
    with database.reading() as session:
        return session.get_one(Job, job_id)


def test_effect_and_end_of_a_job_are_one_transaction(database, enqueue, executor):
    job_id = enqueue("test.add-site", {"code": "north"})

    assert executor.run_once()
    assert not executor.run_once()

    ended = _read(database, job_id)
    assert (ended.state, ended.progress, ended.attempts) == (JobState.DONE, 1.0, 1)
    with database.reading() as session:
        assert session.scalars(select(Site.code)).all() == ["north"]


def test_job_of_a_dead_worker_is_taken_over_when_its_lease_runs_out(database, enqueue):
    job_id = enqueue("test.add-site", {"code": "north"})
    with database.transaction() as session:
        assert jobs.lease_next(session, owner="dead", at=NOW) is not None

    with database.transaction() as session:
        assert jobs.lease_next(session, owner="alive", at=NOW + jobs.LEASE / 2) is None
    later = NOW + jobs.LEASE + dt.timedelta(seconds=1)
    with database.transaction() as session:
        taken = jobs.lease_next(session, owner="alive", at=later)
        assert taken is not None
        assert (taken.id, taken.attempts) == (job_id, 2)


def test_worker_that_lost_its_lease_can_no_longer_end_the_job(database, enqueue):
    """What it wrote in the same transaction goes with it, so that nothing is done twice."""
    job_id = enqueue("test.add-site", {"code": "north"})
    with database.transaction() as session:
        jobs.lease_next(session, owner="slow", at=NOW)
    with database.transaction() as session:
        jobs.lease_next(session, owner="fast", at=NOW + 2 * jobs.LEASE)

    with pytest.raises(jobs.LeaseLostError), database.transaction() as session:
        jobs.complete(session, job_id, owner="slow", at=NOW + 2 * jobs.LEASE)

    assert _read(database, job_id).state is JobState.RUNNING


def test_permanent_error_fails_the_job_at_once_with_its_reason(database, enqueue, executor):
    job_id = enqueue("test.refuse")

    executor.run_once()

    assert (_read(database, job_id).state, _read(database, job_id).error) == (JobState.FAILED, "The file is gone.")


def test_unknown_kind_fails_the_job(database, enqueue, executor):
    job_id = enqueue("test.never-heard-of")

    executor.run_once()

    assert _read(database, job_id).state is JobState.FAILED


def test_crashing_job_is_tried_again_after_a_pause_and_then_dead(database, enqueue, executor, caplog):
    job_id = enqueue("test.crash", max_attempts=2)

    executor.run_once()
    paused = _read(database, job_id)
    assert paused.state is JobState.QUEUED
    assert NOW < paused.not_before <= NOW + dt.timedelta(seconds=5)
    assert not executor.run_once()
    Executor(database, lambda: paused.not_before).run_once()

    dead = _read(database, job_id)
    assert (dead.state, dead.attempts) == (JobState.DEAD, 2)
    assert "A disk went away" in (dead.error or "")


def test_job_whose_workers_keep_dying_is_ended_as_dead(database, enqueue):
    job_id = enqueue("test.add-site", max_attempts=1)
    with database.transaction() as session:
        jobs.lease_next(session, owner="first", at=NOW)

    with database.transaction() as session:
        assert jobs.lease_next(session, owner="second", at=NOW + 2 * jobs.LEASE) is None

    assert _read(database, job_id).state is JobState.DEAD


def test_cancelled_before_it_began_never_runs(database, enqueue, executor):
    job_id = enqueue("test.add-site", {"code": "north"})
    with database.transaction() as session:
        jobs.request_cancel(session, session.get_one(Job, job_id))

    assert not executor.run_once()
    assert _read(database, job_id).state is JobState.CANCELLED


def test_body_learns_of_its_cancellation_with_its_next_report(database, enqueue, executor):
    job_id = enqueue("test.wait-for-cancel")

    executor.run_once()

    ended = _read(database, job_id)
    assert (ended.state, ended.progress, ended.progress_detail) == (JobState.CANCELLED, 0.5, {"gap": 0.1})


def test_ended_job_cannot_be_cancelled(database, enqueue, executor):
    job_id = enqueue("test.add-site", {"code": "north"})
    executor.run_once()

    with pytest.raises(ConflictError), database.transaction() as session:
        jobs.request_cancel(session, session.get_one(Job, job_id))


def test_one_person_cannot_fill_the_queue(make):
    person = make.person()
    by = make.actor(person)
    quota = quota_of("plans")
    for _ in range(quota.running + quota.waiting):
        jobs.enqueue(make.session, "plan.solve", {}, by=by)

    with pytest.raises(QuotaError, match="2 at work and 5 waiting"):
        jobs.enqueue(make.session, "plan.solve", {}, by=by)

    # Another kind of work, and another person, have room of their own.
    jobs.enqueue(make.session, "import.check", {}, by=by)
    jobs.enqueue(make.session, "plan.solve", {}, by=make.actor(make.person()))


def test_job_is_open_to_who_asked_for_it_and_to_admins(make):
    owner, stranger, admin = make.person(), make.person(), make.person(roles=[Role.ADMIN])
    queued = jobs.enqueue(make.session, "test.add-site", {}, by=make.actor(owner))

    assert jobs.get_job(make.session, queued.id, viewer=get_viewer(make.session, owner.id)) is queued
    assert jobs.get_job(make.session, queued.id, viewer=get_viewer(make.session, admin.id)) is queued
    with pytest.raises(NotFoundError):
        jobs.get_job(make.session, queued.id, viewer=get_viewer(make.session, stranger.id))
