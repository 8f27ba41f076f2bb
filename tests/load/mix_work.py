"""What goes on beside the page mix: one import after the other, and one optimisation after the other."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tests import running
from webapp.db import Database
from webapp.errors import MainstayError
from webapp.models import EngagementType, ImportBatch, ImportKind, Job, JobState, Person, Role, RoleGrant, Site
from webapp.services.audit import Actor
from webapp.services.importing import batches
from webapp.services.planning import runs

LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Done:
    """How much was done meanwhile; ``rows`` are imported ones."""

    imports: int = 0
    rows: int = 0
    plans: int = 0
    failed: int = 0


class Work:
    """
    Asks for imports and plans through the job queue, as their pages do, until told to stop.

    Parameters
    ----------
    database
        Where.
    rows
        Engagements in each imported file.
    seconds
        Time limit of each optimisation.
    """

    def __init__(self, database: Database, *, rows: int, seconds: float) -> None:
        self._database, self._rows, self._seconds = database, rows, seconds
        self._over = threading.Event()
        self.done = Done()

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Work until the block ends; it begins once both an import and a plan are at work."""
        self._over.clear()
        threads = [threading.Thread(target=self._repeat, args=(turn,)) for turn in (self._import, self._plan)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _repeat(self, turn: Callable[[int], None]) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            try:
                turn(number)
            except (MainstayError, OperationalError):
                self.done.failed += 1
                self._over.wait(1.0)

    def _import(self, number: int) -> None:
        with self._database.transaction() as session:
            by = _by(session)
            name = f"load-{time.monotonic_ns()}-{number}"
            batch = batches.upload(
                session,
                kind=ImportKind.ENGAGEMENTS,
                file_name=f"{name}.csv",
                content=_file(session, name, self._rows),
                viewer=None,
                by=by,
            )
            session.flush()
            batches.queue_check(session, batch, by=by)
            batch_id = batch.id
        if not self._await_import(batch_id):
            return
        with self._database.transaction() as session:
            batches.queue_apply(session, session.get_one(ImportBatch, batch_id), by=_by(session))
        if self._await_import(batch_id):
            self.done.imports += 1
            self.done.rows += self._rows

    def _await_import(self, batch_id: int) -> bool:
        with self._database.reading() as session:
            job_id = session.get_one(ImportBatch, batch_id).job_id or 0
        return self._await(job_id)

    def _plan(self, _number: int) -> None:
        with self._database.transaction() as session:
            site = session.scalars(select(Site).order_by(Site.id).limit(1)).one()
            job_id = _request(session, site, self._seconds)
        self.done.plans += self._await(job_id)

    def _await(self, job_id: int) -> bool:
        """Wait for a job's end, however long; return whether it did what it should."""
        while True:
            with self._database.reading() as session:
                state = session.get_one(Job, job_id).state
            if state.ended:
                self.done.failed += state is not JobState.DONE
                return state is JobState.DONE
            time.sleep(LOOK_SECONDS)


def _request(session: Session, site: Site, seconds: float) -> int:
    """Ask for a plan of the first day from today on that has shifts."""
    request = runs.RunRequest(time_limit_seconds=seconds, gap=0.0001)
    for days in range(3):
        with contextlib.suppress(MainstayError):
            day_on = running.now().date() + dt.timedelta(days=days)
            return runs.request_run(session, site, day_on, request=request, by=_by(session)).job_id or 0
    raise RuntimeError("Nobody works in the next days.")


def _by(session: Session) -> Actor:
    admin = session.scalars(select(Person.id).join(RoleGrant).where(RoleGrant.role == Role.ADMIN).limit(1)).one()
    return Actor(person_id=admin, at=running.now(), channel="page")


def _file(session: Session, name: str, rows: int) -> bytes:
    kinds = session.scalars(select(EngagementType).order_by(EngagementType.id)).all()
    kind = next(each for each in kinds if not each.channel.live)
    site = session.scalars(select(Site.code).order_by(Site.id.desc()).limit(1)).one()
    begins = (running.now() + dt.timedelta(days=10)).replace(hour=9, minute=0, second=0, microsecond=0)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["external_id", "type", "site", "customer_key", "earliest_at", "due_at"])
    for number in range(rows):
        window = (begins.isoformat(), (begins + dt.timedelta(hours=8)).isoformat())
        writer.writerow([f"{name}-{number}", kind.code, site, f"k{number}", *window])
    return text.getvalue().encode()
