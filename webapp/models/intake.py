"""Intake: the systems that work comes from, the events that they send, and what each event was made of."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Name, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site
from webapp.models.work import Contact, Engagement, EngagementType


class IntakeKind(enum.StrEnum):
    """What kind of system sends the work; an ACD sends contacts that happened, the others work to be done."""

    HELPDESK = "helpdesk"
    ACD = "acd"
    SOCIAL = "social"
    FILES = "files"


class IntakeState(enum.StrEnum):
    """What became of an event; ``review`` means that its engagement waits for somebody to say what it is."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    FAILED = "failed"
    REVIEW = "review"


class IntakeSource(Versioned, Base):
    """
    A system that sends work to one site.

    ``public_id`` stands in its address.  ``secret`` and ``former_secret`` are encrypted
    (:mod:`webapp.services.secrets`); the former is good until ``former_until``, so that a change needs no pause.
    ``mapping_number`` is the version of its mapping that counts.  Work whose type is unsure gets ``default_type``
    until somebody says what it is.
    """

    __tablename__ = "intake_source"
    __table_args__ = (
        CheckConstraint("threshold BETWEEN 0 AND 1", name="threshold"),
        CheckConstraint("retention_days BETWEEN 1 AND 366", name="retention_days"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[Name]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    kind: Mapped[IntakeKind]
    preset: Mapped[str] = mapped_column(String(40), default="")
    signature: Mapped[str] = mapped_column(String(40))
    secret: Mapped[str] = mapped_column(Text)
    former_secret: Mapped[str | None] = mapped_column(Text)
    former_until: Mapped[dt.datetime | None]
    mapping_number: Mapped[int] = mapped_column(default=1)
    default_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    threshold: Mapped[float] = mapped_column(default=0.5)
    retention_days: Mapped[int] = mapped_column(default=30)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
    default_type: Mapped[EngagementType] = relationship()


class IntakeMapping(Base):
    """One version of how a source's payloads are read; versions are kept, so that each event can name its own."""

    __tablename__ = "intake_mapping"
    __table_args__ = (UniqueConstraint("source_id", "number"),)

    id: Mapped[PrimaryKey]
    source_id: Mapped[int] = mapped_column(ForeignKey("intake_source.id"))
    number: Mapped[int]
    rules: Mapped[dict[str, Any]]
    note: Mapped[str] = mapped_column(String(200), default="")
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    created_by: Mapped[Person | None] = relationship()


class IntakeItem(Versioned, Base):
    """
    One thing of a source, such as a ticket: what is known of it, and what it is here.

    ``facts`` holds for each field the newest value and its place in the source's own order, ``[order, value]``, so that
    events give the same in whatever order they come.  ``verdict`` says how its type was found; ``typed`` that a person
    chose it.  Its words are taken out of ``facts`` once ``expires_at`` has passed.
    """

    __tablename__ = "intake_item"
    # What it does to engagements is audited; the row itself repeats what the source said.
    audited: ClassVar[bool] = False
    __table_args__ = (UniqueConstraint("source_id", "external_key"),)

    id: Mapped[PrimaryKey]
    source_id: Mapped[int] = mapped_column(ForeignKey("intake_source.id"))
    external_key: Mapped[str] = mapped_column(String(80))
    customer_key: Mapped[str] = mapped_column(String(80), default="", index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    verdict: Mapped[dict[str, Any]] = mapped_column(default=dict)
    typed: Mapped[bool] = mapped_column(default=False)
    engagement_id: Mapped[int | None] = mapped_column(ForeignKey("engagement.id"), unique=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), unique=True)
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None] = mapped_column(index=True)

    source: Mapped[IntakeSource] = relationship()
    engagement: Mapped[Engagement | None] = relationship()
    contact: Mapped[Contact | None] = relationship()


class IntakeEvent(Base):
    """
    One event that a source sent; its key is unique, so that a copy has no effect.

    ``body`` goes once ``expires_at`` has passed; the key and the digest stay, so that a late copy is still known.
    """

    __tablename__ = "intake_event"
    # It is itself a log; what it did is audited.
    audited: ClassVar[bool] = False
    __table_args__ = (
        UniqueConstraint("source_id", "external_id"),
        Index("ix_intake_event_source_state", "source_id", "state", "id"),
        Index("ix_intake_event_source_received", "source_id", "received_at"),
    )

    id: Mapped[PrimaryKey]
    source_id: Mapped[int] = mapped_column(ForeignKey("intake_source.id"))
    external_id: Mapped[str] = mapped_column(String(200))
    received_at: Mapped[dt.datetime]
    body: Mapped[dict[str, Any] | None]
    body_digest: Mapped[str] = mapped_column(String(64))
    customer_key: Mapped[str] = mapped_column(String(80), default="", index=True)
    state: Mapped[IntakeState]
    error: Mapped[str] = mapped_column(Text, default="")
    item_id: Mapped[int | None] = mapped_column(ForeignKey("intake_item.id"), index=True)
    mapping_number: Mapped[int]
    copies: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[dt.datetime | None] = mapped_column(index=True)

    source: Mapped[IntakeSource] = relationship()
    item: Mapped[IntakeItem | None] = relationship()


class IntakeExample(Base):
    """
    What a person decided: words of a text, and the type that it was given.

    Words are kept as a set of counts without figures and addresses, not as sentences.
    """

    __tablename__ = "intake_example"
    # The decision is audited; this is what is learnt from it.
    audited: ClassVar[bool] = False
    __table_args__ = (UniqueConstraint("item_id"),)

    id: Mapped[PrimaryKey]
    source_id: Mapped[int] = mapped_column(ForeignKey("intake_source.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("intake_item.id"))
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    customer_key: Mapped[str] = mapped_column(String(80), default="", index=True)
    words: Mapped[dict[str, Any]]
    at: Mapped[dt.datetime]


class IntakeRerun(Base):
    """Failed events that were read again with a newer mapping; ``changes`` is enough to take it back."""

    __tablename__ = "intake_rerun"

    id: Mapped[PrimaryKey]
    source_id: Mapped[int] = mapped_column(ForeignKey("intake_source.id"), index=True)
    mapping_number: Mapped[int]
    changes: Mapped[list[Any]]
    at: Mapped[dt.datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    undone_at: Mapped[dt.datetime | None]
