"""Imports as durable jobs: nothing half-written whatever happens, and the person learns how it ended."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from sqlalchemy import func, select, update

from tests.factories import NOW
from webapp.jobs import importing as bodies
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.jobs.registry import JobContext
from webapp.models import ImportBatch, ImportKind, ImportState, Job, JobState, Person, Role, Site
from webapp.services import jobs
from webapp.services.importing import batches


@pytest.fixture
def hr(make):
    """Return somebody who may import people."""
    return make.person(roles=[Role.HR], site=make.home)


@pytest.fixture
def queued(make, hr):
    """Return a function that keeps a file of people as checked, and queues its import."""

    def _queued(rows=2, *, job=batches.APPLY_JOB, by=None):
        text = "external_id,name,site\n" + "".join(f"n{number},Name {number},home\n" for number in range(rows))
        batch = batches.upload(
            make.session,
            kind=ImportKind.PEOPLE,
            file_name="people.csv",
            content=text.encode(),
            viewer=make.viewer(hr),
            by=make.actor(hr),
        )
        batch.state = ImportState.CHECKED
        queued = jobs.enqueue(make.session, job, {"import_id": batch.id}, by=by or make.actor(hr))
        batch.job_id = queued.id
        make.commit()
        return batch.id

    return _queued


@pytest.fixture
def executor(database, clock):
    """Return a worker; each ``run_once`` runs one job."""
    load_bodies()
    return Executor(database, clock)


def latest(database, model, column):
    with database.reading() as session:
        return session.scalar(select(column).order_by(model.id.desc()))


def imported(database):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Person).where(Person.external_id.like("n%")))


def test_import_that_is_applied_already_is_not_applied_again(make, database, hr, queued, executor):
    batch_id = queued()
    jobs.enqueue(make.session, batches.APPLY_JOB, {"import_id": batch_id}, by=make.actor(hr))
    make.commit()

    executor.run_once()
    executor.run_once()

    assert latest(database, Job, Job.state) is JobState.FAILED
    assert "applied already" in latest(database, Job, Job.error)
    assert imported(database) == 2


def test_import_needs_the_person_who_asked_for_it(make, database, queued, executor):
    queued(by=make.actor())

    executor.run_once()

    assert latest(database, Job, Job.state) is JobState.FAILED
    assert imported(database) == 0


def test_import_can_be_cancelled_while_its_file_is_gone_through(database, queued, executor, monkeypatch):
    queued()
    monkeypatch.setattr(JobContext, "should_cancel", lambda _context: True)

    executor.run_once()

    assert latest(database, Job, Job.state) is JobState.CANCELLED
    assert imported(database) == 0


def test_worker_that_lost_its_lease_leaves_the_job_to_the_other(database, queued, executor, monkeypatch):
    queued()

    def lose(context):
        context.lost.set()
        return True

    monkeypatch.setattr(JobContext, "should_cancel", lose)

    executor.run_once()

    assert latest(database, Job, Job.state) is JobState.RUNNING
    assert imported(database) == 0


def test_progress_is_told_while_the_file_is_gone_through(database, queued, executor, monkeypatch):
    queued(job=batches.CHECK_JOB)
    monkeypatch.setattr(bodies, "REPORT_SECONDS", 0.0)

    executor.run_once()

    assert latest(database, Job, Job.progress_detail) == {"phase": "checking", "rows": 2, "of": 3}
    assert latest(database, ImportBatch, ImportBatch.state) is ImportState.CHECKED


def test_change_between_check_and_writing_refuses_the_import_whole(database, queued, executor, monkeypatch):
    queued()
    report = JobContext.report

    def meanwhile(context, progress, detail=None):
        if detail and detail["phase"] == "writing":
            with context.database.transaction() as session:
                session.execute(update(Site).values(code="elsewhere"))
                session.info["audited"] = True
        report(context, progress, detail)

    monkeypatch.setattr(JobContext, "report", meanwhile)

    executor.run_once()

    assert latest(database, ImportBatch, ImportBatch.state) is ImportState.REFUSED
    assert latest(database, Job, Job.state) is JobState.DONE
    assert imported(database) == 0


# The moment of writing is seen by SQLite's lock; tests/faults kills imports on PostgreSQL, too.
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_killed_worker_leaves_nothing_and_the_job_is_offered_again(database, queued, executor):
    """Kill -9 while the rows are written: none is there, and another worker writes each of them once."""
    queued(6000)
    path = database.url.database
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{path}", "MAINSTAY_ENV": "test"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "worker"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_until_writing(path)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    assert imported(database) == 0
    with database.transaction() as session:
        own = Job.kind == batches.APPLY_JOB
        assert session.scalar(select(Job.state).where(own)) is JobState.RUNNING
        session.execute(update(Job).where(own).values(lease_until=NOW.replace(year=2000)))
    assert executor.run_once()
    assert imported(database) == 6000
    assert latest(database, ImportBatch, ImportBatch.state) is ImportState.APPLIED


def wait_until_writing(path):
    """Wait until the import's job holds the write lock for a while, as only the writing of rows does."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    refused, deadline = 0, time.monotonic() + 120
    while refused < 8 and time.monotonic() < deadline:
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            refused = 0
        except sqlite3.OperationalError:
            # Whatever else the worker does holds the lock before the job or for a moment only.
            (share,) = connection.execute("SELECT progress FROM job WHERE kind = 'import.apply'").fetchone()
            refused += share >= bodies.CHECKING_SHARE
        time.sleep(0.02)
    connection.close()
    assert refused == 8, "the worker never wrote"
