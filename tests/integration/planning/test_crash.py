"""Kill -9 of a worker in the middle of a run: nothing half-written, no orphan solver, the job is offered again."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.db import Database
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import Assignment, Interest, Job, JobState, Plan, PlanRun, Unassigned
from webapp.services.planning import runs

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

ROOT = Path(__file__).resolve().parents[3]


def children_of(pid: int) -> set[int]:
    """Return the processes that a process started and that still live, their own children included."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            after_name = stat.rpartition(")")[2].split()
            if after_name[0] != "Z":
                parents[int(entry.name)] = int(after_name[1])
    found = {child for child, parent in parents.items() if parent == pid}
    return found | {grandchild for child in found for grandchild in children_of(child)}


def is_alive(pid: int) -> bool:
    """Return whether a process lives; one that only waits to be collected does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Return whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def long_run(session: Session, make: Make, day: Day) -> int:
    """Queue a run over so much choice that no proof ends it before its limit; return its id."""
    for number in range(12):
        agent = make.person()
        make.record(agent, day.billing, 1 + number % 4, interest=Interest.GROW)
        make.record(agent, day.tech, number % 3, interest=Interest.GROW)
        make.shift(agent, starts_at=AT_NINE, hours=4)
    kinds = [
        make.engagement_type(requires={skill: level}, handle_minutes=7.0 + 3 * level)
        for skill in (day.billing, day.tech)
        for level in (2, 3)
    ]
    for number in range(160):
        window = AT_NINE + dt.timedelta(minutes=30 * (number % 4))
        make.engagement(
            kinds[number % 4], earliest_at=window, due_at=window + dt.timedelta(hours=1), priority=1 + number % 5
        )
    request = runs.RunRequest(time_limit_seconds=90, gap=0.0)
    run = runs.request_run(session, day.site, TODAY, request=request, by=make.actor(day.scheduler))
    make.commit()
    return run.id


@pytest.fixture
def worker(database: Database, long_run: int) -> Iterator[subprocess.Popen[bytes]]:
    """Return ``mainstay worker`` as a process of its own."""
    environment = os.environ | {
        "DATABASE_URL": database.url.render_as_string(hide_password=False),
        "MAINSTAY_ENV": "test",
        "MAINSTAY_EXECUTOR": "none",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "worker"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    yield process
    process.kill()
    process.wait()


def test_a_killed_worker_leaves_nothing_and_its_job_is_done_by_another(
    database: Database, long_run: int, worker: subprocess.Popen[bytes]
) -> None:
    def is_solving() -> bool:
        with database.reading() as session:
            job = session.scalars(select(Job).where(Job.kind == "plan.solve")).one()
            return job.state is JobState.RUNNING and "phase" in job.progress_detail and bool(children_of(worker.pid))

    assert wait_for(is_solving, seconds=60)
    solvers = children_of(worker.pid)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()

    assert wait_for(lambda: not any(is_alive(pid) for pid in solvers), seconds=10)
    with database.reading() as session:
        assert session.get_one(PlanRun, long_run).status is None
        for model in (Plan, Assignment, Unassigned):
            assert session.scalars(select(model)).first() is None

    with database.transaction() as session:
        session.get_one(PlanRun, long_run).time_limit_seconds = 3.0
        session.info["audited"] = True
    load_bodies()
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    assert Executor(database, lambda: max(later, NOW)).run_once()

    with database.reading() as session:
        run = session.get_one(PlanRun, long_run)
        assert run.job is not None
        assert (run.job.state, run.job.attempts) == (JobState.DONE, 2)
        assert len(session.scalars(select(Plan)).all()) == 1
