"""Stretch slots: when, and in which skill, agents choose to do work one level above their own."""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.organisation import Person
from webapp.models.skill import Skill


class SlotState(enum.StrEnum):
    """Where a stretch slot stands; only those that are chosen bind plans."""

    CHOSEN = "chosen"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


class StretchSlot(Versioned, Base):
    """
    A part of a shift that its agent chose for stretch work in one skill, half-open.

    It belongs to whichever shift holds its start: the workforce system owns shifts and may send them anew. ``reason``
    is the scheduler's, where they refused it.
    """

    __tablename__ = "stretch_slot"
    __table_args__ = (
        Index("ix_stretch_slot_person_start", "person_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    starts_at: Mapped[dt.datetime] = mapped_column(index=True)
    ends_at: Mapped[dt.datetime]
    state: Mapped[SlotState] = mapped_column(default=SlotState.CHOSEN)
    reason: Mapped[str] = mapped_column(String(300), default="")
    chosen_at: Mapped[dt.datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    skill: Mapped[Skill] = relationship()
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
