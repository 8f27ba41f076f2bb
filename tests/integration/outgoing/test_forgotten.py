"""Deliveries that a dead job left behind are taken up again, though nothing happens that would queue another job."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.jobs.keeper import Keeper
from webapp.models import EventKind, Job, JobState
from webapp.services import deliveries, outbox


@pytest.fixture
def emitted(make, session, subscribe):
    """Let an event wait for its job, and return the job."""
    subscribe(EventKind.PLAN_PUBLISHED)
    outbox.emit(session, [outbox.NewEvent(EventKind.PLAN_PUBLISHED, "plan", 7)], at=NOW)
    job = session.scalars(select(Job)).one()
    make.commit()
    return job


def _later(minutes):
    return NOW + dt.timedelta(minutes=minutes)


def _end(job, make):
    job.state, job.ended_at = JobState.DEAD, NOW
    make.commit()


def test_what_a_dead_job_left_is_forgotten_after_five_minutes(make, session, emitted):
    _end(emitted, make)

    assert not deliveries.is_forgotten(session, at=_later(4))
    assert deliveries.wake_forgotten(session, at=_later(5))
    assert not deliveries.wake_forgotten(session, at=_later(6)), "a job waits for it now"


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_what_a_job_is_at_is_not_forgotten(make, session, emitted, state):
    emitted.state = state
    make.commit()

    assert not deliveries.is_forgotten(session, at=_later(60))


def test_a_job_that_waits_for_another_delivery_is_too_late(make, session, emitted):
    emitted.not_before = _later(600)
    make.commit()

    assert deliveries.wake_forgotten(session, at=_later(10))

    queued = session.scalars(select(Job).where(Job.state == JobState.QUEUED)).all()
    assert len(queued) == 2


def test_nothing_is_forgotten_where_nothing_waits(session):
    assert not deliveries.is_forgotten(session, at=_later(600))


def test_the_keeper_looks_once_a_minute(database, make, moving_clock, emitted, receiver, work):
    _end(emitted, make)
    keeper = Keeper(database, moving_clock, name="me", executor="worker", concurrency=1)

    assert not keeper.wake_deliveries()
    moving_clock.pass_by(minutes=10)
    assert keeper.wake_deliveries()
    assert not keeper.wake_deliveries()
    work()

    assert len(receiver.requests) == 1
