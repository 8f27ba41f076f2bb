"""The worker process that Redis tells of jobs, by Celery; it ends as :mod:`webapp.jobs.worker` does."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from celery.signals import worker_shutdown, worker_shutting_down
from sqlalchemy.exc import SQLAlchemyError

from webapp.db import Database
from webapp.jobs import build_executor, build_keeper, build_messages
from webapp.jobs.executor import Executor
from webapp.jobs.messages import TASK, Messages

if TYPE_CHECKING:
    from flask import Flask

logger = logging.getLogger(__name__)


def run_celery(app: Flask, *, concurrency: int, grace_seconds: float) -> None:
    """Take messages from Redis, in so many threads, until SIGTERM or SIGINT; a message is one turn of the executor."""
    executor, messages = build_executor(app), build_messages(app)
    database, clock = app.extensions["database"], app.extensions["clock"]
    keeper = build_keeper(app, executor, kind="celery", concurrency=concurrency)

    # Celery comes without types.
    @messages.celery.task(name=TASK, acks_late=True, ignore_result=True)  # type: ignore[untyped-decorator]
    def run_job(job_id: int) -> None:
        """Take one job, usually the one named, and run it."""
        logger.debug("Told of job %s", job_id)
        take_turn(executor, messages, database, clock=clock)

    def leave(**_said: Any) -> None:
        _leave(executor, grace_seconds)

    worker_shutting_down.connect(leave, weak=False)
    worker_shutdown.connect(lambda **_said: keeper.note_end(), weak=False)
    keeper.start(executor.stopping)
    worker = messages.celery.Worker(
        # Threads: a solve is a process of its own, and leases are renewed beside the bodies.
        pool="threads",
        concurrency=concurrency,
        hostname=executor.owner.replace(":", "-"),
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()


def take_turn(executor: Executor, messages: Messages, database: Database, *, clock: Callable[[], dt.datetime]) -> bool:
    """
    Take one job and run it, tell of what it left free, and return whether the database answered.

    While it does not, the message is spent all the same, as if its worker had died: the row is the truth, and the
    keeper sends what is missing once it can count again. To send it back at once would only bring it again at once.
    """
    try:
        if executor.run_once():
            # What ended may have let others in: the whole of which it was a part, or what its person's quota held.
            messages.top_up(database, clock())
    except SQLAlchemyError as error:
        logger.warning("The job queue cannot be read: %s", type(error).__name__)
        return False
    return True


def _leave(executor: Executor, grace_seconds: float) -> None:
    executor.stop()
    timer = threading.Timer(grace_seconds, executor.hand_back)
    timer.daemon = True
    timer.start()
