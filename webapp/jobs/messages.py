"""
Messages that jobs wait, through Celery and Redis; the rows stay the truth about the jobs.

A message says that there is work and names the job for which it was sent; whoever gets it takes the job whose turn it
is.  So any message may be lost or come twice: each worker counts from time to time the jobs that are free against the
messages that wait, and sends what is missing.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable

import redis
from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy.orm import Session

from webapp.db import Database
from webapp.services import job_overview, jobs

logger = logging.getLogger(__name__)

QUEUE = "mainstay"
TASK = "mainstay.run_job"
SENT_AT_ONCE = 500
CONNECT_SECONDS = 2.0


def build_celery(broker_url: str) -> Celery:
    """Return the Celery application: no results, no retries of its own, a message confirmed when its job has ended."""
    app = Celery("mainstay", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        # None means for ever: a worker waits until Redis is back.
        broker_connection_max_retries=None,
        broker_transport_options={"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": 30.0},
    )
    return app


class Messages:
    """
    Sends messages that jobs wait.

    Parameters
    ----------
    broker_url
        Address of the Redis database.
    """

    def __init__(self, broker_url: str) -> None:
        self.celery = build_celery(broker_url)
        self._redis: redis.Redis = redis.Redis.from_url(
            broker_url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS
        )

    def send(self, job_ids: Iterable[int]) -> int:
        """Send a message for each job, and return how many went out; without Redis they are sent later."""
        sent = 0
        try:
            with self.celery.producer_pool.acquire(block=True, timeout=CONNECT_SECONDS) as producer:
                for job_id in job_ids:
                    self.celery.send_task(TASK, args=(job_id,), producer=producer, retry=False, ignore_result=True)
                    sent += 1
        except (BrokerError, redis.RedisError, OSError) as error:
            logger.warning("Workers could not be told that jobs wait: %s", type(error).__name__)
        return sent

    def count(self) -> int:
        """Return how many messages wait for a worker."""
        # A queue of Celery in Redis is a list under its name.
        return int(self._redis.llen(QUEUE))

    def top_up(self, database: Database, at: dt.datetime) -> int:
        """
        Send what is missing so that as many messages wait as jobs, and return how many were sent.

        Several workers may do so at once; the messages that are then too many are taken for nothing.
        """
        with database.reading() as session:
            waiting = job_overview.list_free_ids(session, at=at, limit=SENT_AT_ONCE)
        if not waiting:
            return 0
        try:
            missing = len(waiting) - self.count()
        except redis.RedisError as error:
            logger.warning("Redis does not answer: %s", type(error).__name__)
            return 0
        return self.send(waiting[:missing]) if missing > 0 else 0

    def follow(self, database: Database) -> None:
        """Send messages for the jobs that a transaction has queued, once it is committed."""
        database.on_end(self._after)

    def _after(self, session: Session, committed: bool) -> None:  # noqa: FBT001 - the database calls it
        queued = session.info.pop(jobs.QUEUED_HERE, [])
        if queued and committed:
            self.send(dict.fromkeys(queued))
