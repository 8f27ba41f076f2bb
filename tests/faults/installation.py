"""An installation to break: its database, commands that may be killed, and what must hold afterwards."""

from __future__ import annotations

import datetime as dt
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func, select, text

from tests import running
from webapp.db import Base, Database
from webapp.models import Job, JobState

LEASE_OVER = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Installation:
    """A migrated database with an address, and a folder for files and logs."""

    database: Database
    url: str
    folder: Path

    def count(self, model: type[Base], *conditions: ColumnElement[bool]) -> int:
        """Return how many rows there are."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0

    def kill_after(self, seconds: float, *words: str) -> None:
        """Start a console command and kill it after a while, wherever it is then."""
        victim = subprocess.Popen(
            running.command(*words),
            cwd=running.ROOT,
            env=running.environment(self.url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        victim.kill()
        victim.wait()

    def expire_leases(self) -> None:
        """Do what waiting for the end of each lease would do."""
        with self.database.transaction() as session:
            for job in session.scalars(select(Job).where(Job.lease_until.is_not(None))):
                if job.lease_until is not None:
                    job.lease_until -= LEASE_OVER

    def await_job(self, *conditions: ColumnElement[bool]) -> None:
        """Wait for a job that is so."""
        wait_until(lambda: self.count(Job, *conditions))

    def work_off(self) -> None:
        """Let a worker end all jobs."""
        with running.worker(self.url, self.folder):
            wait_until(lambda: not self.count(Job, Job.state.in_((JobState.QUEUED, JobState.RUNNING))), seconds=60)

    def run_json(self, *words: str) -> Any:
        """Run a console command to its end and return what it printed as JSON."""
        return running.mainstay_json(*words, database_url=self.url)

    def run(self, *words: str) -> None:
        """Run a console command to its end; it must succeed."""
        running.mainstay(*words, database_url=self.url)

    def assert_sound(self) -> None:
        """Check that the database is whole and its audit chain unbroken."""
        if self.database.is_sqlite:
            with self.database.reading() as session:
                assert session.scalar(text("PRAGMA integrity_check")) == "ok"
                assert session.execute(text("PRAGMA foreign_key_check")).all() == []
        self.run("audit", "verify")


def solvers_of(pid: int) -> list[int]:
    """Return the solver processes that a process has started and that still run."""
    return [child for child in _children(pid) if is_solver(child)]


def _children(pid: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # After the name in brackets, which may hold anything, come the state and the parent.
                state, parent = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == pid and state != "Z":
                found.append(int(folder.name))
    return found


def is_solver(pid: int) -> bool:
    """Return whether a process is a solver of the optimizer; a dead one that nobody has collected is not."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return b"optimizer.worker" in words


def wait_until_gone(solvers: Iterable[int], *, seconds: float) -> None:
    """Wait until none of these solvers runs."""
    pids = tuple(solvers)
    wait_until(lambda: not any(is_solver(pid) for pid in pids), seconds=seconds)


def wait_until(happened: Callable[[], object], *, seconds: float = 30.0) -> None:
    """Wait for something to happen; a fault test that waits in vain has found one."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"nothing happened within {seconds:.0f} s"
        time.sleep(0.02)
