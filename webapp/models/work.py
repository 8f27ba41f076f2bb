"""Work: engagement types and their requirements, engagements, contacts that have happened, and forecast demand."""

from __future__ import annotations

import datetime as dt
import enum
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site
from webapp.models.skill import Skill


class Channel(enum.StrEnum):
    """How a customer is met."""

    VOICE = "voice"
    CHAT = "chat"
    EMAIL = "email"
    CASE = "case"
    CALLBACK = "callback"
    SOCIAL = "social"
    COMMUNITY = "community"

    @property
    def live(self) -> bool:
        """Whether contacts arrive unplanned and want an answer at once: they are forecast, not assigned."""
        return self in {Channel.VOICE, Channel.CHAT}


class Stance(enum.StrEnum):
    """Why the work is done."""

    REACTIVE = "reactive"
    PROACTIVE = "proactive"
    COMMUNITY = "community"
    PRAISE = "praise"


class EngagementState(enum.StrEnum):
    """Where an engagement stands; :mod:`webapp.services.lifecycle` says what may follow what."""

    RECEIVED = "received"
    CLASSIFIED = "classified"
    PLANNED = "planned"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    RETURNED = "returned"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class EngagementType(Versioned, Base):
    """A kind of work. ``value`` is in points, ``handle_minutes`` in minutes of one contact."""

    __tablename__ = "engagement_type"
    __table_args__ = (
        CheckConstraint("handle_minutes > 0", name="handle_minutes"),
        CheckConstraint("concurrency >= 1", name="concurrency"),
    )

    id: Mapped[PrimaryKey]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    channel: Mapped[Channel]
    stance: Mapped[Stance] = mapped_column(default=Stance.REACTIVE)
    handle_minutes: Mapped[float]
    median_handle_minutes: Mapped[float | None]
    concurrency: Mapped[int] = mapped_column(default=1)
    value: Mapped[float] = mapped_column(default=10.0)
    active: Mapped[bool] = mapped_column(default=True)

    requirements: Mapped[list[TypeRequirement]] = relationship(
        back_populates="engagement_type", cascade="all, delete-orphan", order_by="TypeRequirement.id"
    )


class TypeRequirement(Base):
    """A skill that an engagement type asks for."""

    __tablename__ = "type_requirement"
    __table_args__ = (
        UniqueConstraint("engagement_type_id", "skill_id"),
        CheckConstraint("level BETWEEN 1 AND 5", name="level"),
        CheckConstraint("weight > 0", name="weight"),
    )

    id: Mapped[PrimaryKey]
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id", ondelete="CASCADE"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    level: Mapped[int]
    weight: Mapped[float] = mapped_column(default=1.0)
    preferred: Mapped[bool] = mapped_column(default=False)

    engagement_type: Mapped[EngagementType] = relationship(back_populates="requirements")
    skill: Mapped[Skill] = relationship()


class Engagement(Versioned, Base):
    """
    One dated piece of customer work.

    It may start from ``earliest_at`` on, is late after ``due_at`` and may not start after ``latest_at``.
    ``customer_key`` is a key of the
    customer system, never a name. ``owner_id`` is the case owner, who keeps it to its end.
    """

    __tablename__ = "engagement"
    __table_args__ = (
        Index("ix_engagement_site_window", "site_id", "earliest_at", "latest_at"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
        CheckConstraint("earliest_at <= due_at AND due_at <= latest_at", name="window"),
    )

    id: Mapped[PrimaryKey]
    external_id: Mapped[Code] = mapped_column(unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"), index=True)
    customer_key: Mapped[str] = mapped_column(String(80), default="", index=True)
    subject: Mapped[str] = mapped_column(String(200), default="")
    earliest_at: Mapped[dt.datetime]
    due_at: Mapped[dt.datetime]
    latest_at: Mapped[dt.datetime]
    priority: Mapped[int] = mapped_column(default=3)
    minutes: Mapped[float | None]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    state: Mapped[EngagementState] = mapped_column(default=EngagementState.CLASSIFIED, index=True)

    site: Mapped[Site] = relationship()
    engagement_type: Mapped[EngagementType] = relationship()
    owner: Mapped[Person | None] = relationship()

    @property
    def handle_minutes(self) -> float:
        """Minutes that it is planned with: its own, else its type's."""
        return self.minutes if self.minutes is not None else self.engagement_type.handle_minutes


class EngagementEvent(Base):
    """
    One line of an engagement's history: the state or the owner that it got, when and by whom.

    Its own table and not the audit trail, because publishing a plan moves thousands at once and the trail is a chain.
    ``before`` is None where the history begins; ``owner_id`` is set where the owner changed.
    """

    __tablename__ = "engagement_event"
    __table_args__ = (Index("ix_engagement_event_engagement_at", "engagement_id", "at"),)
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id", ondelete="CASCADE"))
    at: Mapped[dt.datetime]
    action: Mapped[str] = mapped_column(String(40))
    before: Mapped[EngagementState | None]
    after: Mapped[EngagementState]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    channel: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    actor: Mapped[Person | None] = relationship(foreign_keys=[actor_id])
    owner: Mapped[Person | None] = relationship(foreign_keys=[owner_id])


class ContactOutcome(enum.StrEnum):
    """How a live contact ended."""

    SERVED = "served"
    ABANDONED = "abandoned"


class Contact(Base):
    """A live contact that has happened, from an ACD's log; plans are forecast from it and scored against it."""

    __tablename__ = "contact"
    __table_args__ = (
        Index("ix_contact_site_arrived", "site_id", "arrived_at"),
        Index("ix_contact_person_type", "person_id", "engagement_type_id"),
        Index("ix_contact_customer_arrived", "customer_key", "arrived_at"),
    )

    id: Mapped[PrimaryKey]
    external_id: Mapped[Code] = mapped_column(unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    customer_key: Mapped[str] = mapped_column(String(80), default="")
    arrived_at: Mapped[dt.datetime]
    served_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    wait_seconds: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[ContactOutcome]
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)

    engagement_type: Mapped[EngagementType] = relationship()


class ForecastSource(enum.StrEnum):
    """Where forecast minutes come from."""

    HISTORY = "history"
    IMPORTED = "imported"


class ForecastInterval(Base):
    """
    Forecast demand of one live engagement type in one interval.

    ``volume`` is contacts that arrive, ``minutes`` are contact minutes, already staffed for the service level.
    """

    __tablename__ = "forecast_interval"
    __table_args__ = (
        UniqueConstraint("site_id", "engagement_type_id", "starts_at"),
        CheckConstraint("minutes >= 0 AND volume >= 0", name="not_negative"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    starts_at: Mapped[dt.datetime] = mapped_column(index=True)
    length_minutes: Mapped[int]
    volume: Mapped[float]
    minutes: Mapped[float]
    source: Mapped[ForecastSource]
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)

    engagement_type: Mapped[EngagementType] = relationship()
