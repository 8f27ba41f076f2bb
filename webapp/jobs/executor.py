"""The executor: takes jobs and runs their bodies, inside the server, as ``mainstay worker``, or for Celery."""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp.db import Database
from webapp.errors import MainstayError
from webapp.jobs.registry import JobContext, PermanentJobError, get_body
from webapp.services import jobs
from webapp.services.job_kinds import get_kind

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5.0


class Executor:
    """
    Runs jobs from the database until it is told to stop.

    Parameters
    ----------
    database
        Where the jobs are.
    clock
        Tells the present moment in UTC.
    options
        Settings that bodies may read, such as ``solver_memory_mb``.
    poll_seconds
        How long to wait when there is nothing to do.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], dt.datetime],
        *,
        options: Mapping[str, Any] | None = None,
        poll_seconds: float = 0.5,
    ) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._clock = clock
        self._options = dict(options or {})
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._held: dict[int, JobContext] = {}

    @property
    def stopping(self) -> threading.Event:
        """What is set once the executor takes no more jobs."""
        return self._stop

    def stop(self) -> None:
        """Ask the loops to end after the jobs at hand."""
        self._stop.set()

    def run_forever(self) -> None:
        """Take jobs until :meth:`stop` is called; a database that does not answer is tried again."""
        while not self._stop.is_set():
            try:
                worked = self.run_once()
            except SQLAlchemyError as error:
                # Whatever a database says while it goes down: nobody would notice that this thread had ended.
                logger.warning("The job queue cannot be read: %s", type(error).__name__)
                worked = False
            if not worked:
                self._stop.wait(self._poll_seconds)

    def run_threads(self, concurrency: int) -> list[threading.Thread]:
        """Take jobs in so many threads until :meth:`stop` is called, and return the threads."""
        threads = [
            threading.Thread(target=self.run_forever, name=f"jobs-{number}", daemon=True)
            for number in range(1, concurrency + 1)
        ]
        for thread in threads:
            thread.start()
        return threads

    def run_once(self) -> bool:
        """Take one job and run it to its end; return whether there was one."""
        if self._stop.is_set():
            return False
        with self._database.reading() as session:
            if not jobs.has_free(session, at=self._clock()):
                return False
        with self._database.transaction() as session:
            job = jobs.lease_next(session, owner=self.owner, at=self._clock())
            if job is None:
                return False
            context = JobContext(
                database=self._database,
                clock=self._clock,
                job_id=job.id,
                owner=self.owner,
                payload=job.payload,
                requested_by_id=job.requested_by_id,
                options=self._options,
            )
            kind = job.kind
        self._held[context.job_id] = context
        try:
            self._run(kind, context)
        finally:
            self._held.pop(context.job_id, None)
        return True

    def hand_back(self) -> int:
        """Let other workers have the jobs that are still at work here, and return how many there were."""
        count = 0
        for context in list(self._held.values()):
            # First the lease, then the word to the body: what it still writes must find that it holds the job no more.
            count += self._give_back(context.job_id)
            context.lost.set()
        return count

    def _give_back(self, job_id: int) -> bool:
        return self._end(lambda session: jobs.give_back(session, job_id, owner=self.owner))

    def _run(self, kind: str, context: JobContext) -> None:
        done = threading.Event()
        ends_at = self._clock() + dt.timedelta(minutes=get_kind(kind).timeout_minutes)
        pulse = threading.Thread(
            target=self._beat_until, args=(done, context, ends_at), name=f"pulse-{context.job_id}", daemon=True
        )
        pulse.start()
        try:
            get_body(kind)(context)
        except jobs.LeaseLostError:
            logger.warning("Job %s was taken over by another worker.", context.job_id)
        except (PermanentJobError, MainstayError) as error:
            reason = str(error)
            self._end(
                lambda session: jobs.fail(session, context.job_id, owner=self.owner, at=self._clock(), error=reason)
            )
        except Exception as error:
            logger.exception("Job %s failed", context.job_id)
            self._release(context, f"{type(error).__name__}: {error}"[:2000])
        finally:
            done.set()
            pulse.join()

    def _release(self, context: JobContext, error: str) -> None:
        chance = random.random()  # noqa: S311 - it spreads attempts, nothing is kept secret by it
        self._end(
            lambda session: jobs.release(
                session, context.job_id, owner=self.owner, at=self._clock(), error=error, chance=chance
            )
        )

    def _end(self, action: Callable[[Any], None]) -> bool:
        try:
            with self._database.transaction() as session:
                action(session)
        except jobs.LeaseLostError:
            logger.warning("A job ended elsewhere before it could be marked here.")
            return False
        return True

    def _beat_until(self, done: threading.Event, context: JobContext, ends_at: dt.datetime) -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            try:
                if self._clock() >= ends_at and not context.lost.is_set():
                    # Whether the body stops or hangs: from now on it can write nothing.
                    self._release(context, "It took longer than a job of its kind may take.")
                    context.lost.set()
                    return
                context.beat()
            except SQLAlchemyError:
                logger.warning("Job %s could not renew its lease; trying again.", context.job_id)
