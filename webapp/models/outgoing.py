"""What leaves Mainstay: events and their deliveries by webhook, connections to other systems, calendar feeds."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site


class EventKind(enum.StrEnum):
    """What others may be told of."""

    PLAN_PUBLISHED = "plan.published"
    ASSIGNMENT_CHANGED = "assignment.changed"
    LEVEL_VALIDATED = "level.validated"
    ENGAGEMENT_STATE = "engagement.state_changed"
    JOB_DEAD = "job.dead"
    TEST = "test"


class DeliveryState(enum.StrEnum):
    """Where a delivery stands; ``dead`` means that its attempts are used up."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class OutgoingEvent(Base):
    """
    Something that happened, in the transaction in which it happened: the outbox.

    ``key`` is the event id by which receivers know a repetition; ``payload`` holds ids, states, levels and times, no
    names and no words. ``id`` grows with time: of two events about one subject, the greater is the newer.
    """

    __tablename__ = "outgoing_event"
    # It repeats what an audit event of the same transaction says.
    audited: ClassVar[bool] = False
    __table_args__ = (
        Index(
            "ix_outgoing_event_open",
            "id",
            sqlite_where=text("fanned_out_at IS NULL"),
            postgresql_where=text("fanned_out_at IS NULL"),
        ),
    )

    id: Mapped[PrimaryKey]
    key: Mapped[str] = mapped_column(String(36), unique=True)
    kind: Mapped[EventKind]
    at: Mapped[dt.datetime] = mapped_column(index=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int]
    payload: Mapped[dict[str, Any]]
    fanned_out_at: Mapped[dt.datetime | None]


class WebhookSubscription(Versioned, Base):
    """
    An address that is told of events.

    ``secret`` is encrypted; the one before it signs as well until ``previous_until``, so that a receiver can change
    over. ``paused_at`` is set where Mainstay itself stopped delivering because too much died.
    """

    __tablename__ = "webhook_subscription"

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(Text)
    previous_secret: Mapped[str | None] = mapped_column(Text)
    previous_until: Mapped[dt.datetime | None]
    kinds: Mapped[list[Any]]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    active: Mapped[bool] = mapped_column(default=True)
    active_since: Mapped[dt.datetime]
    paused_at: Mapped[dt.datetime | None]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    site: Mapped[Site | None] = relationship()
    created_by: Mapped[Person | None] = relationship()


class WebhookDelivery(Base):
    """One event on its way to one subscription."""

    __tablename__ = "webhook_delivery"
    # A delivery changes nothing that anybody here sees; sending again by hand is audited.
    audited: ClassVar[bool] = False
    __table_args__ = (
        UniqueConstraint("subscription_id", "event_id"),
        Index("ix_webhook_delivery_due", "state", "next_at"),
    )

    id: Mapped[PrimaryKey]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("webhook_subscription.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(ForeignKey("outgoing_event.id", ondelete="CASCADE"), index=True)
    state: Mapped[DeliveryState] = mapped_column(default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[dt.datetime]
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]

    subscription: Mapped[WebhookSubscription] = relationship()
    event: Mapped[OutgoingEvent] = relationship()


class ConnectionPreset(enum.StrEnum):
    """The kinds of systems that Mainstay can write to."""

    ZENDESK = "zendesk"
    FRESHDESK = "freshdesk"
    GENESYS = "genesys"
    TWILIO = "twilio"
    CSV = "csv"


class PersonKey(enum.StrEnum):
    """By what the other system knows an agent, where no id of theirs is entered."""

    EXTERNAL_ID = "external_id"
    EMAIL = "email"


class Connection(Versioned, Base):
    """
    Another system that is kept in step with a site: assignees of a helpdesk, skill levels of an ACD.

    ``credentials`` are an encrypted JSON object. ``person_ids`` and ``skill_ids`` say which id of theirs stands for an
    agent's or a skill's code. In ``shadow``, what would be written is recorded and nothing is sent.
    """

    __tablename__ = "connection"

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    preset: Mapped[ConnectionPreset]
    base_url: Mapped[str] = mapped_column(String(500), default="")
    account: Mapped[str] = mapped_column(String(120), default="")
    credentials: Mapped[str] = mapped_column(Text, default="")
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    people_by: Mapped[PersonKey] = mapped_column(default=PersonKey.EXTERNAL_ID)
    person_ids: Mapped[dict[str, Any]] = mapped_column(default=dict)
    skill_ids: Mapped[dict[str, Any]] = mapped_column(default=dict)
    writes_assignees: Mapped[bool] = mapped_column(default=False)
    writes_levels: Mapped[bool] = mapped_column(default=False)
    shadow: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()


class WriteKind(enum.StrEnum):
    """What is written to another system."""

    ASSIGNEE = "assignee"
    LEVELS = "levels"


class WriteState(enum.StrEnum):
    """Where a write stands."""

    WAITING = "waiting"
    WRITTEN = "written"
    RECORDED = "recorded"
    REFUSED = "refused"
    DEAD = "dead"


class ConnectionWrite(Base):
    """
    What one thing of another system should say, and what it was last made to say.

    There is one row for each ticket or user: writing is needed while ``wanted`` and ``written`` differ, so that
    repeating a job, or dying in the middle of one, writes nothing twice that matters.
    """

    __tablename__ = "connection_write"
    # The levels and plans that it repeats are audited where they change.
    audited: ClassVar[bool] = False
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "subject_id"),
        Index("ix_connection_write_due", "state", "next_at"),
    )

    id: Mapped[PrimaryKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    kind: Mapped[WriteKind]
    subject_id: Mapped[int]
    target: Mapped[Code]
    wanted: Mapped[dict[str, Any]]
    written: Mapped[dict[str, Any] | None]
    state: Mapped[WriteState] = mapped_column(default=WriteState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[dt.datetime]
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(String(300), default="")
    changed_at: Mapped[dt.datetime]
    written_at: Mapped[dt.datetime | None]

    connection: Mapped[Connection] = relationship()


class CalendarFeed(Base):
    """A secret link under which a person's calendar reads their own day; only the digest of its token is kept."""

    __tablename__ = "calendar_feed"
    # Making and revoking it is audited by the service; that it was fetched is not a change.
    audited: ClassVar[bool] = False
    __table_args__ = (
        Index(
            "ix_calendar_feed_open",
            "person_id",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]
    fetched_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship()
