"""
Jobs through Celery and Redis: whoever is killed and whatever Redis forgets, each job is done once.

``MAINSTAY_FAULT_ROUNDS`` says how many workers are killed, once in CI and 200 times in full; the command stands in
docs/benchmarks.md.
"""

from __future__ import annotations

import functools
import random
import time

import pytest
import redis

from tests import running
from tests.factories import Make
from tests.faults.installation import wait_until
from webapp.jobs.messages import QUEUE
from webapp.models import AuditEvent, ExportFile, ImportKind, Job, JobState, JobWorker, Person, Role
from webapp.services import export_files
from webapp.services.audit import Actor
from webapp.services.exporting.formats import Format
from webapp.services.job_kinds import configure_quotas, read_quotas
from webapp.services.jobs import LEASE

TOP_UP_SECONDS = 30.0
"""Within so many seconds each worker notices that messages are missing."""


START_SECONDS = 120.0
"""A worker may take long to start where others keep the machine busy."""

QUOTAS = "exports=50/900"


@pytest.fixture
def settings(redis_url):
    """Return the settings of an installation whose jobs are told of through Redis."""
    return {"MAINSTAY_EXECUTOR": "celery", "CELERY_BROKER_URL": redis_url, "JOB_QUOTAS": QUOTAS}


@pytest.fixture
def people(installation):
    """Give an admin among enough people for an export to take a moment."""
    with installation.database.writing() as session:
        make = Make(session)
        admin = make.person(roles=[Role.ADMIN])
        names = [
            Person(name=f"Name {n}", external_id=f"n{n}", site_id=admin.site_id, active=True) for n in range(3_000)
        ]
        session.add_all(names)
        make.commit()
        admin_id = admin.id
    configure_quotas(read_quotas(QUOTAS))
    yield admin_id
    configure_quotas({})


def _queue(installation, person_id, *, count) -> list[int]:
    with installation.database.transaction() as session:
        by = Actor(person_id=person_id, at=running.now())
        return [export_files.request(session, ImportKind.PEOPLE, Format.CSV, by=by).job_id for _ in range(count)]


def _done(installation, keys):
    return installation.count(Job, Job.id.in_(keys), Job.state == JobState.DONE)


def _assert_done_once(installation, keys) -> None:
    assert _done(installation, keys) == len(keys)
    written = (ExportFile.job_id.in_(keys), ExportFile.content.is_not(None))
    assert installation.count(ExportFile, *written) == len(keys)
    told = (AuditEvent.action == "write_export", AuditEvent.subject_id.in_(keys))
    assert installation.count(AuditEvent, *told) == len(keys)


def _worker(installation, settings):
    return running.worker(installation.url, installation.folder, **settings)


def test_jobs_are_done_that_were_queued_where_nobody_sends_messages(installation, people, settings):
    """Whoever queues a job and dies before the message leaves has lost nothing."""
    keys = _queue(installation, people, count=5)

    with _worker(installation, settings):
        wait_until(lambda: _done(installation, keys) == 5, seconds=START_SECONDS + TOP_UP_SECONDS)

    _assert_done_once(installation, keys)


def test_killed_worker_loses_no_job_and_does_none_twice(installation, people, settings, rounds):
    keys = []
    for _ in range(rounds):
        fresh = _queue(installation, people, count=3)
        keys += fresh
        with _worker(installation, settings) as victim:
            taken = (Job.id.in_(fresh), Job.state != JobState.QUEUED)
            wait_until(functools.partial(installation.count, Job, *taken), seconds=START_SECONDS)
            time.sleep(random.uniform(0, 0.3))
            victim.kill()
        installation.expire_leases()

    with _worker(installation, settings):
        wait_until(lambda: _done(installation, keys) == len(keys), seconds=60 + len(keys))

    _assert_done_once(installation, keys)
    installation.assert_sound()


def test_job_of_a_killed_worker_is_taken_again_within_a_minute(installation, people, settings):
    """Nothing but the clock ends the lease here."""
    with _worker(installation, settings) as victim:
        wait_until(lambda: installation.count(JobWorker), seconds=START_SECONDS)
        [key] = _queue(installation, people, count=1)
        with installation.database.transaction() as session:
            # A worker holds it that is about to die, whenever this one looks.
            job = session.get_one(Job, key)
            job.state, job.attempts = JobState.RUNNING, 1
            job.lease_owner, job.lease_until = "dead:1:00", running.now() + LEASE
        began = time.monotonic()
        wait_until(lambda: _done(installation, [key]), seconds=60)

        assert 20 < time.monotonic() - began <= 60
        victim.kill()

    _assert_done_once(installation, [key])
    assert installation.count(Job, Job.id == key, Job.attempts == 2) == 1


def test_emptied_redis_loses_no_job(installation, people, settings, redis_url):
    """The messages are gone while the worker lives, as after a restart of Redis without its file."""
    with redis.Redis.from_url(redis_url) as client, _worker(installation, settings):
        wait_until(lambda: client.exists("_kombu.binding.mainstay"), seconds=START_SECONDS)
        keys = []
        for _ in range(3):
            keys += _queue(installation, people, count=10)
            client.flushdb()

        wait_until(lambda: _done(installation, keys) == len(keys), seconds=2 * TOP_UP_SECONDS)

        assert client.llen(QUEUE) <= len(keys)
    _assert_done_once(installation, keys)


def test_worker_that_is_asked_to_end_finishes_its_job(installation, people, settings):
    keys = _queue(installation, people, count=1)

    with _worker(installation, settings) as asked:
        wait_until(lambda: installation.count(Job, Job.state != JobState.QUEUED), seconds=START_SECONDS)
        asked.process.terminate()
        assert asked.process.wait(timeout=60) == 0

    _assert_done_once(installation, keys)
    assert installation.count(Job, Job.attempts == 1) == 1
