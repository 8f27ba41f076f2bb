"""The executor: takes jobs one after another and runs their bodies, inside the server or as ``mainstay worker``."""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import OperationalError

from webapp.db import Database
from webapp.errors import MainstayError
from webapp.jobs.registry import JobContext, PermanentJobError, get_body
from webapp.services import jobs

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
        self._database = database
        self._clock = clock
        self._options = dict(options or {})
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    def stop(self) -> None:
        """Ask the loop to end after the job at hand."""
        self._stop.set()

    def run_forever(self) -> None:
        """Take jobs until :meth:`stop` is called; a database that does not answer is tried again."""
        while not self._stop.is_set():
            try:
                worked = self.run_once()
            except OperationalError as error:
                logger.warning("The job queue cannot be read: %s", type(error.orig).__name__)
                worked = False
            if not worked:
                self._stop.wait(self._poll_seconds)

    def run_once(self) -> bool:
        """Take one job and run it to its end; return whether there was one."""
        with self._database.reading() as session:
            if not jobs.has_free(session, at=self._clock()):
                return False
        with self._database.transaction() as session:
            job = jobs.lease_next(session, owner=self._owner, at=self._clock())
            if job is None:
                return False
            context = JobContext(
                database=self._database,
                clock=self._clock,
                job_id=job.id,
                owner=self._owner,
                payload=job.payload,
                requested_by_id=job.requested_by_id,
                options=self._options,
            )
            kind = job.kind
        self._run(kind, context)
        return True

    def _run(self, kind: str, context: JobContext) -> None:
        done = threading.Event()
        pulse = threading.Thread(target=_beat_until, args=(done, context), name=f"pulse-{context.job_id}", daemon=True)
        pulse.start()
        try:
            get_body(kind)(context)
        except jobs.LeaseLostError:
            logger.warning("Job %s was taken over by another worker.", context.job_id)
        except (PermanentJobError, MainstayError) as error:
            reason = str(error)
            self._end(
                lambda session: jobs.fail(session, context.job_id, owner=self._owner, at=self._clock(), error=reason)
            )
        except Exception as error:
            logger.exception("Job %s failed", context.job_id)
            message = f"{type(error).__name__}: {error}"[:2000]
            self._end(
                lambda session: jobs.release(
                    session, context.job_id, owner=self._owner, at=self._clock(), error=message
                )
            )
        finally:
            done.set()
            pulse.join()

    def _end(self, action: Callable[[Any], None]) -> None:
        try:
            with self._database.transaction() as session:
                action(session)
        except jobs.LeaseLostError:
            logger.warning("A job ended elsewhere before it could be marked here.")


def _beat_until(done: threading.Event, context: JobContext) -> None:
    while not done.wait(HEARTBEAT_SECONDS):
        try:
            context.beat()
        except OperationalError:
            logger.warning("Job %s could not renew its lease; trying again.", context.job_id)
