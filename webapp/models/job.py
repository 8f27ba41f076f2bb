"""Durable jobs: the rows are the truth about background work, whatever executes it."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person


class JobState(enum.StrEnum):
    """Where a job stands; ``dead`` means that its attempts are used up."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DEAD = "dead"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


class Job(Base):
    """
    One piece of background work.

    A worker takes a job by a conditional update that sets ``lease_owner`` and ``lease_until`` and counts
    ``attempts``; it renews the lease while
    it works. A job whose lease has run out is offered again. ``payload`` and ``result`` hold ids and figures only.
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
    created_at: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]

    requested_by: Mapped[Person | None] = relationship()


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
