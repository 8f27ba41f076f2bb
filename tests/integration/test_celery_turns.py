"""A Celery worker whose database is away says so in one line, and what it was told meanwhile it is told again."""

from __future__ import annotations

import logging

import pytest

from tests import running
from tests.factories import NOW
from webapp.db import Database
from webapp.jobs.celery_worker import take_turn
from webapp.jobs.executor import Executor
from webapp.jobs.messages import Messages
from webapp.models import Job, JobState
from webapp.services import jobs
from webapp.services.audit import Actor


@pytest.fixture
def messages(redis_url):
    """Return messages through an empty Redis."""
    return Messages(redis_url)


@pytest.fixture
def away():
    """Return a database that nobody serves."""
    database = Database(f"postgresql://nobody@127.0.0.1:{running.free_port()}/nothing")
    yield database
    database.dispose()


@pytest.fixture
def job_id(database):
    """Queue a job whose kind nobody has a body for, which ends it at once, and return its key."""
    with database.transaction() as session:
        by = Actor(person_id=None, at=NOW, channel="cli")
        return jobs.enqueue(session, "test.nobody-knows", {}, by=by).id


def _turn(messages, database):
    return take_turn(Executor(database, lambda: NOW), messages, database, clock=lambda: NOW)


def test_a_database_that_is_away_is_one_warning_without_a_traceback(messages, away, caplog):
    caplog.set_level(logging.WARNING)

    answered = _turn(messages, away)

    assert not answered
    (line,) = caplog.records
    assert (line.levelno, line.exc_info) == (logging.WARNING, None)
    assert "OperationalError" in line.getMessage()


def test_what_was_told_while_the_database_was_away_is_told_again(messages, away, database, job_id):
    _turn(messages, away)

    sent = messages.top_up(database, NOW)
    answered = _turn(messages, database)

    assert (sent, answered) == (1, True)
    with database.reading() as session:
        assert session.get_one(Job, job_id).state is JobState.FAILED
