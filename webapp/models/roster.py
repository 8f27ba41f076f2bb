"""The roster: shifts with breaks, and absences. The workforce-management system owns shifts; Mainstay imports them."""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, PrimaryKey, Versioned
from webapp.models.organisation import Person


class AbsenceKind(enum.StrEnum):
    """Why somebody is away; no more is kept than planning needs."""

    LEAVE = "leave"
    SICK = "sick"
    TRAINING = "training"
    OTHER = "other"


class Shift(Versioned, Base):
    """One person's paid working time, half-open. ``inferred`` marks shifts that were read off a call log."""

    __tablename__ = "shift"
    __table_args__ = (
        Index("ix_shift_person_start", "person_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
    )

    id: Mapped[PrimaryKey]
    external_id: Mapped[Code] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[dt.datetime] = mapped_column(index=True)
    ends_at: Mapped[dt.datetime]
    inferred: Mapped[bool] = mapped_column(default=False)

    person: Mapped[Person] = relationship()
    breaks: Mapped[list[ShiftBreak]] = relationship(
        back_populates="shift", cascade="all, delete-orphan", order_by="ShiftBreak.starts_at"
    )


class ShiftBreak(Base):
    """A break inside a shift, half-open."""

    __tablename__ = "shift_break"
    __table_args__ = (CheckConstraint("starts_at < ends_at", name="order"),)

    id: Mapped[PrimaryKey]
    shift_id: Mapped[int] = mapped_column(ForeignKey("shift.id", ondelete="CASCADE"), index=True)
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]

    shift: Mapped[Shift] = relationship(back_populates="breaks")


class Absence(Versioned, Base):
    """Time in which a person cannot be planned, half-open."""

    __tablename__ = "absence"
    __table_args__ = (
        Index("ix_absence_person_start", "person_id", "starts_at"),
        CheckConstraint("starts_at < ends_at", name="order"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    kind: Mapped[AbsenceKind]

    person: Mapped[Person] = relationship()
