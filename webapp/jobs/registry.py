"""The registry of job bodies, and what a body is given."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from webapp.db import Database
from webapp.services import jobs
from webapp.services.audit import Actor

_REPORT_SECONDS = 0.5


class PermanentJobError(Exception):
    """The job cannot succeed by being tried again; the message is for the person who asked for it."""


@dataclass(slots=True)
class JobContext:
    """
    One attempt at one job, as its body sees it.

    A body writes its effect and calls :meth:`complete` in ONE transaction: if the worker dies before, the job is
    offered again and nothing was written; if it dies after, the job is done.
    """

    database: Database
    clock: Callable[[], dt.datetime]
    job_id: int
    owner: str
    payload: Mapping[str, Any]
    requested_by_id: int | None
    options: Mapping[str, Any] = field(default_factory=dict)
    cancelled: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)

    def should_cancel(self) -> bool:
        """Return whether the body should stop: cancellation was asked for, or the lease is lost."""
        return self.cancelled.is_set() or self.lost.is_set()

    def report(self, progress: float, detail: Mapping[str, Any] | None = None) -> None:
        """Note progress in [0, 1] with figures for the page, and renew the lease."""
        self._beat(progress, detail)

    def beat(self) -> None:
        """Renew the lease."""
        self._beat(None, None)

    def _beat(self, progress: float | None, detail: Mapping[str, Any] | None) -> None:
        try:
            with self.database.transaction() as session:
                if jobs.beat(session, self.job_id, owner=self.owner, at=self.clock(), progress=progress, detail=detail):
                    self.cancelled.set()
        except jobs.LeaseLostError:
            self.lost.set()

    def complete(self, session: Session, result: Mapping[str, Any] | None = None) -> None:
        """End the job well, in the transaction of its effect."""
        jobs.complete(session, self.job_id, owner=self.owner, at=self.clock(), result=result)

    def end_cancelled(self, session: Session) -> None:
        """End the job as cancelled, in a transaction of the body."""
        jobs.end_cancelled(session, self.job_id, owner=self.owner, at=self.clock())

    def finish(self, result: Mapping[str, Any]) -> None:
        """End a job that wrote part by part: well, or as cancelled; what it wrote stays."""
        if self.lost.is_set():
            return
        with self.database.transaction() as session:
            if self.cancelled.is_set():
                self.end_cancelled(session)
            else:
                self.complete(session, result)

    def work_off(self, step: Callable[[Session], int], *, limit: int) -> int:
        """
        Do something part by part, each in a transaction of its own, until nothing is left or the job is to stop.

        Parameters
        ----------
        step
            Does at most ``limit`` rows, or ``limit`` of each kind that it looks after, and returns how many.
        limit
            Fewer than that were the last.

        Returns
        -------
        int
            How many rows were done in all.
        """
        done = 0
        while not self.should_cancel():
            with self.database.transaction() as session:
                count = step(session)
            done += count
            if count < limit:
                break
            # Others wrote in between; the page shows how far it is.
            self.report(0.5, {"rows": done})
        return done

    def reporter(self) -> Callable[[float, Mapping[str, Any]], None]:
        """Return a :meth:`report` that writes at most twice a second: more would make others wait for the database."""
        told_at = 0.0

        def report(progress: float, detail: Mapping[str, Any]) -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= _REPORT_SECONDS:
                told_at = time.monotonic()
                self.report(progress, detail)

        return report

    def actor(self) -> Actor:
        """Return the person who asked for the job, acting through it."""
        return Actor(person_id=self.requested_by_id, at=self.clock(), channel="job")


Body = Callable[[JobContext], None]
_BODIES: dict[str, Body] = {}


def job(kind: str) -> Callable[[Body], Body]:
    """Register a function as the body of a kind of job."""

    def register(body: Body) -> Body:
        _BODIES[kind] = body
        return body

    return register


def get_body(kind: str) -> Body:
    """
    Return the body of a kind of job.

    Raises
    ------
    PermanentJobError
        If this version knows no such kind.
    """
    body = _BODIES.get(kind)
    if body is None:
        raise PermanentJobError(f"This version knows no job of kind {kind!r}.")
    return body
