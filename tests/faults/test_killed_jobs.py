"""
Kill -9 of a server or worker in the middle of a job: the job is offered again and done once, no process stays behind.

The moment differs from round to round; ``MAINSTAY_FAULT_ROUNDS`` says how often.
"""

from __future__ import annotations

import random
import time

import pytest

from tests import running
from tests.faults.installation import solvers_of, wait_until, wait_until_gone
from webapp.jobs.importing import CHECKING_SHARE
from webapp.models import (
    Assignment,
    AuditEvent,
    ImportBatch,
    ImportKind,
    ImportState,
    Job,
    JobState,
    Notice,
    Person,
    Plan,
    PlanRun,
)
from webapp.services.access import get_viewer
from webapp.services.audit import Actor
from webapp.services.importing import batches
from webapp.services.planning import runs

IMPORT_ROWS = 1_000
SERVED = 10
"""Engagements of the small centre that a plan can serve: all but the one that asks for a level nobody has."""


def _request_run(installation, centre) -> int:
    with installation.database.transaction() as session:
        by = Actor(person_id=centre.scheduler.id, at=running.now())
        request = runs.RunRequest(time_limit_seconds=5)
        return runs.request_run(session, session.merge(centre.site), centre.day_on, request=request, by=by).id


def _read_run(installation, run_id) -> tuple[JobState, int, int | None]:
    """Return state and attempts of a run's job, and its plan."""
    with installation.database.reading() as session:
        run = session.get_one(PlanRun, run_id)
        assert run.job is not None
        return run.job.state, run.job.attempts, run.plan.id if run.plan else None


def _kill_while_solving(program, installation, centre) -> tuple[int, list[int]]:
    """Ask a server or worker for a run, kill it up to a second after a solver began, and return run and solvers."""
    with program(installation.url, installation.folder) as victim:
        run_id = _request_run(installation, centre)
        wait_until(lambda: solvers_of(victim.process.pid))
        solvers = solvers_of(victim.process.pid)
        time.sleep(random.uniform(0, 1))
        victim.kill()
    return run_id, solvers


@pytest.mark.parametrize("program", [running.worker, running.server], ids=["worker", "server"])
def test_killed_run_is_offered_again_and_makes_one_plan(installation, centre, rounds, program):
    for _ in range(rounds):
        run_id, solvers = _kill_while_solving(program, installation, centre)

        wait_until_gone(solvers, seconds=5)
        state, attempts, plan_id = _read_run(installation, run_id)
        # Either the whole answer is there, or nothing of it.
        assert (state, attempts) == (JobState.DONE if plan_id else JobState.RUNNING, 1)

        installation.expire_leases()
        installation.work_off()

        assert _read_run(installation, run_id)[:2] == (JobState.DONE, 1 if plan_id else 2)
        assert installation.count(Plan, Plan.run_id == run_id) == 1
        plan_id = _read_run(installation, run_id)[2]
        assert installation.count(Assignment, Assignment.plan_id == plan_id) == SERVED
    installation.assert_sound()


def _queue_import(installation, centre, *, turn: int) -> tuple[int, int]:
    """Queue an import of new people, and return it with its job."""
    rows = "".join(f"n{turn}-{number},Name {number},harbour\n" for number in range(IMPORT_ROWS))
    with installation.database.transaction() as session:
        by, viewer = Actor(person_id=centre.admin.id, at=running.now()), get_viewer(session, centre.admin.id)
        content = f"external_id,name,site\n{rows}".encode()
        batch = batches.upload(
            session, kind=ImportKind.PEOPLE, file_name="people.csv", content=content, viewer=viewer, by=by
        )
        batches.keep_check(session, batch, batches.check(session, batch, viewer=viewer, by=by), by=by)
        batches.queue_apply(session, batch, by=by)
        assert batch.job_id is not None
        return batch.id, batch.job_id


def _import_state(installation, batch_id) -> tuple[ImportState, JobState]:
    with installation.database.reading() as session:
        batch = session.get_one(ImportBatch, batch_id)
        return batch.state, session.get_one(Job, batch.job_id).state


# Nothing is reported before the check is done; from then on the rows are written.
@pytest.mark.parametrize("progress", [0.0, CHECKING_SHARE], ids=["checking", "writing"])
def test_killed_import_is_offered_again_and_writes_its_rows_once(installation, centre, rounds, progress):
    for turn in range(rounds):
        staff = installation.count(Person)
        batch_id, job_id = _queue_import(installation, centre, turn=turn)

        with running.worker(installation.url, installation.folder) as victim:
            begun = (Job.state != JobState.QUEUED, Job.progress >= progress, Job.id == job_id)
            installation.await_job(*begun)
            time.sleep(random.uniform(0, 2))
            victim.kill()
        state, job = _import_state(installation, batch_id)
        if state is ImportState.APPLIED:
            assert (job, installation.count(Person)) == (JobState.DONE, staff + IMPORT_ROWS)
        else:
            assert (job, installation.count(Person)) == (JobState.RUNNING, staff)

        installation.expire_leases()
        installation.work_off()

        assert _import_state(installation, batch_id) == (ImportState.APPLIED, JobState.DONE)
        assert installation.count(Person) == staff + IMPORT_ROWS
        applied = (AuditEvent.action == "apply_import", AuditEvent.subject_id == batch_id)
        assert installation.count(AuditEvent, *applied) == 1
        assert installation.count(Notice, Notice.link == f"/imports/{batch_id}") == 1
    installation.assert_sound()
