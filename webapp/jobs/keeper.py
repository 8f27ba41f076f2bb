"""What each process that runs jobs does beside them: say that it lives, queue what is due, and tell of what waits."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from webapp.db import Database
from webapp.services import deliveries, export_files, job_workers, schedules
from webapp.services.connections import forgotten
from webapp.services.routing import sweeping

logger = logging.getLogger(__name__)

SCHEDULE_SECONDS = 60.0
DELETE_EVERY = dt.timedelta(minutes=10)


class Keeper:
    """
    The regular duties of a process that runs jobs.

    Parameters
    ----------
    database
        Where the jobs are.
    clock
        Tells the present moment in UTC.
    name
        The name under which the process holds jobs.
    executor
        ``embedded``, ``worker`` or ``celery``.
    concurrency
        How many jobs it can hold at once.
    top_up
        Sends what messages are missing, where jobs are told of by messages.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], dt.datetime],
        *,
        name: str,
        executor: str,
        concurrency: int,
        top_up: Callable[[], object] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._executor = executor
        self._concurrency = concurrency
        self._top_up = top_up
        self._looked: dict[str, dt.datetime] = {}
        self._deleted_at: dt.datetime | None = None

    def start(self, stop: threading.Event) -> threading.Thread:
        """Do the duties in a thread until ``stop`` is set."""
        thread = threading.Thread(target=self._run_until, args=(stop,), name="job-keeper", daemon=True)
        thread.start()
        return thread

    def _run_until(self, stop: threading.Event) -> None:
        while True:
            for duty in (
                self.note_alive,
                self.keep_schedule,
                self.delete_exports,
                self.wake_deliveries,
                self.wake_writes,
                self.sweep_routing,
                self._top_up,
            ):
                try:
                    if duty is not None:
                        duty()
                except SQLAlchemyError as error:
                    logger.warning("The jobs cannot be looked after: %s", type(error).__name__)
            if stop.wait(job_workers.SEEN_EVERY_SECONDS):
                return

    def note_alive(self) -> None:
        """Write that this process lives."""
        with self._database.transaction() as session:
            job_workers.note(
                session, self._name, executor=self._executor, concurrency=self._concurrency, at=self._clock()
            )

    def note_end(self) -> None:
        """Write that this process ends."""
        try:
            with self._database.transaction() as session:
                job_workers.note_end(session, self._name, at=self._clock())
        except SQLAlchemyError as error:
            logger.warning("The end of this worker could not be noted: %s", type(error).__name__)

    def keep_schedule(self) -> int:
        """Queue the periodic jobs that are due, if it is time to look again; return how many this process queued."""
        at = self._clock()
        if not self._is_time("schedule", at):
            return 0
        with self._database.reading() as session:
            due = schedules.list_due(session, at)
        if not due:
            return 0
        with self._database.transaction() as session:
            return schedules.queue_due(session, at)

    def wake_deliveries(self) -> bool:
        """Queue a job for deliveries that a dead job left, if it is time to look; return whether there were any."""
        at = self._clock()
        if not self._is_time("deliveries", at):
            return False
        with self._database.reading() as session:
            if not deliveries.is_forgotten(session, at=at):
                return False
        with self._database.transaction() as session:
            return deliveries.wake_forgotten(session, at=at)

    def wake_writes(self) -> int:
        """Queue jobs for connections whose writes a dead job left, if it is time to look; return how many."""
        at = self._clock()
        if not self._is_time("writes", at):
            return 0
        with self._database.reading() as session:
            if not forgotten.list_forgotten(session, at=at):
                return 0
        with self._database.transaction() as session:
            return forgotten.wake_forgotten(session, at=at)

    def _is_time(self, duty: str, at: dt.datetime) -> bool:
        """Return whether a duty was last seen to a minute ago, and note that it is seen to now."""
        last = self._looked.get(duty)
        if last is not None and at - last < dt.timedelta(seconds=SCHEDULE_SECONDS):
            return False
        self._looked[duty] = at
        return True

    def sweep_routing(self) -> int:
        """Move on contacts that nobody answered in time, where no telephone system asks for it itself."""
        with self._database.reading() as session:
            site_ids = sweeping.list_overdue(session, at=self._clock())
        for site_id in site_ids:
            with self._database.transaction() as session:
                sweeping.sweep(session, site_id, at=self._clock())
        return len(site_ids)

    def delete_exports(self) -> int:
        """Delete the files of exports whose day is over, if it is time to look again; return how many there were."""
        at = self._clock()
        if self._deleted_at is not None and at - self._deleted_at < DELETE_EVERY:
            return 0
        self._deleted_at = at
        with self._database.reading() as session:
            if not export_files.has_expired(session, at=at):
                return 0
        with self._database.transaction() as session:
            return export_files.purge(session, at=at)
