"""Durable jobs: the rows are the truth about background work, whatever executes it."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person


class JobState(enum.StrEnum):
    """
    Where a job stands.

    ``waiting`` is a job whose parts are being worked on; ``dead`` means that its attempts are used up, ``discarded``
    that somebody has looked at a dead one and lets it be.
    """

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"
    DISCARDED = "discarded"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self not in OPEN_STATES

    @property
    def can_be_retried(self) -> bool:
        """Whether the job ended without doing what was asked."""
        return self.ended and self not in {JobState.DONE, JobState.DISCARDED}


OPEN_STATES = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.WAITING})
"""The states of a job that has not ended."""


class Job(Base):
    """
    One piece of background work.

    A worker takes a job by a conditional update that sets ``lease_owner`` and ``lease_until`` and counts
    ``attempts``; it renews the lease while
    it works. A job whose lease has run out is offered again. ``payload`` and ``result`` hold ids and figures only.
    ``period_key`` names the period of a periodic job, such as one day at one site, which is queued once. A job that
    was tried in vain is not taken again before ``not_before``. ``open_parts`` counts the parts of a job, those whose
    ``parent_id`` it is, that have not ended.
    """

    __tablename__ = "job"
    # Jobs audit what they do, not that they beat.
    audited: ClassVar[bool] = False
    __table_args__ = (Index("ix_job_state_created", "state", "created_at"),)

    id: Mapped[PrimaryKey]
    kind: Mapped[str] = mapped_column(String(40))
    payload: Mapped[dict[str, Any]]
    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=5)
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_until: Mapped[dt.datetime | None]
    progress: Mapped[float] = mapped_column(default=0.0)
    progress_detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    result: Mapped[dict[str, Any] | None]
    error: Mapped[str | None] = mapped_column(Text)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    requested_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    period_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    not_before: Mapped[dt.datetime | None]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), index=True)
    open_parts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]

    requested_by: Mapped[Person | None] = relationship()


class JobWorker(Base):
    """A process that runs jobs, as it was last seen; ``name`` begins the lease owner of the jobs that it holds."""

    __tablename__ = "job_worker"
    # A process says that it lives; nobody did anything.
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(String(80), unique=True)
    executor: Mapped[str] = mapped_column(String(20))
    concurrency: Mapped[int]
    started_at: Mapped[dt.datetime]
    seen_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]


class ExportFile(Base):
    """
    A file that a job wrote for one person.

    ``link_digest`` is the SHA-256 of the only address at which it can be fetched, once and until ``link_until``.
    ``scope`` says where the person's roles held when it was written; null is a file of a version before.
    """

    __tablename__ = "export_file"
    # The job that writes it and each download write their own audit events.
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    form: Mapped[str] = mapped_column(String(10))
    rows: Mapped[int | None]
    size: Mapped[int | None]
    scope: Mapped[dict[str, Any] | None]
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    link_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    link_until: Mapped[dt.datetime | None]
    downloaded_at: Mapped[dt.datetime | None]

    job: Mapped[Job] = relationship()


class Notice(Base):
    """A short message to one person inside Mainstay: a run has finished, an assignment was declined."""

    __tablename__ = "notice"
    # A notice repeats what an audit event already says.
    audited: ClassVar[bool] = False
    __table_args__ = (Index("ix_notice_person_read", "person_id", "read_at"),)

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[dt.datetime]
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(400))
    link: Mapped[str] = mapped_column(String(200), default="")
    read_at: Mapped[dt.datetime | None]
