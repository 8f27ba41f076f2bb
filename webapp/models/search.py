"""Searches that people keep, and the changes that they made for many people at once."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person


class SavedSearch(Base):
    """A "who can" search under a name; ``query`` is the part of its address that asks. Shared ones are seen by all."""

    __tablename__ = "saved_search"

    id: Mapped[PrimaryKey]
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    query: Mapped[str] = mapped_column(Text)
    shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime]

    owner: Mapped[Person] = relationship()


class BulkActionKind(enum.StrEnum):
    """What can be done for many people at once."""

    ASK_TO_CONFIRM = "ask_to_confirm"
    RECORD_COURSE = "record_course"


class BulkAction(Base):
    """One command for many people, with the rows that it wrote, so that it can be taken back as one."""

    __tablename__ = "bulk_action"

    id: Mapped[PrimaryKey]
    kind: Mapped[BulkActionKind]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[dt.datetime]
    rows: Mapped[list[Any]]
    undone_at: Mapped[dt.datetime | None]
