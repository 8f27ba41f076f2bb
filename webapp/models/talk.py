"""Talk between dispatchers and agents: threads on engagements, and what a huddle agreed."""

from __future__ import annotations

import datetime as dt
import enum
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site, Team
from webapp.models.work import Engagement


class MessageKind(enum.StrEnum):
    """What a message of a thread is: something said, a call for help at once, or that its author called somebody."""

    NOTE = "note"
    HELP = "help"
    CALLED = "called"


class ThreadMessage(Base):
    """
    One message on the thread of an engagement: nobody changes it, its author may withdraw its words.

    ``key`` is of the form that sent it, so that sending it twice says it once.
    """

    __tablename__ = "thread_message"
    __table_args__ = (Index("ix_thread_message_engagement_id_id", "engagement_id", "id"),)

    id: Mapped[PrimaryKey]
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id", ondelete="CASCADE"))
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[MessageKind] = mapped_column(default=MessageKind.NOTE)
    text: Mapped[str] = mapped_column(String(1000), default="")
    at: Mapped[dt.datetime] = mapped_column(index=True)
    withdrawn_at: Mapped[dt.datetime | None]
    key: Mapped[str] = mapped_column(String(64), unique=True)

    engagement: Mapped[Engagement] = relationship()
    author: Mapped[Person] = relationship()


class ThreadGuest(Base):
    """Somebody who was called to help: they read the thread from the call on."""

    __tablename__ = "thread_guest"
    __table_args__ = (UniqueConstraint("message_id", "person_id"),)

    id: Mapped[PrimaryKey]
    message_id: Mapped[int] = mapped_column(ForeignKey("thread_message.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)

    message: Mapped[ThreadMessage] = relationship()
    person: Mapped[Person] = relationship()


class ThreadRead(Base):
    """How far a person has read a thread: up to the message whose id is ``up_to``, which may be gone by now."""

    __tablename__ = "thread_read"
    __table_args__ = (UniqueConstraint("engagement_id", "person_id"),)
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    up_to: Mapped[int]


class HuddleNote(Versioned, Base):
    """
    Something that a huddle agreed, and whose it is.

    ``team_id`` is None where it concerns the whole site.
    """

    __tablename__ = "huddle_note"
    __table_args__ = (Index("ix_huddle_note_site_day", "site_id", "day_on"),)

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    day_on: Mapped[dt.date]
    text: Mapped[str] = mapped_column(String(300))
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[dt.datetime]
    done_at: Mapped[dt.datetime | None]

    site: Mapped[Site] = relationship()
    team: Mapped[Team | None] = relationship()
    owner: Mapped[Person] = relationship(foreign_keys=[owner_id])
    author: Mapped[Person] = relationship(foreign_keys=[author_id])
