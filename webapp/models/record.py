"""Skill records and the append-only log of skill events that they are projected from."""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.organisation import Person
from webapp.models.skill import Skill


class SkillEventKind(enum.StrEnum):
    """
    What happened to one person's skill.

    ``review``, ``provisional`` and ``outcome`` are evidence given by others; ``claim``, ``withdraw``, ``confirm`` and
    ``interest`` are the person's own word; ``retract`` takes an earlier event back (an undone import, a review sent in
    error). ``withdraw`` and ``retract`` name the event that they take back in ``retracts_id``.
    """

    CLAIM = "claim"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    INTEREST = "interest"
    REVIEW = "review"
    PROVISIONAL = "provisional"
    OUTCOME = "outcome"
    RETRACT = "retract"


class Interest(enum.StrEnum):
    """Whether a person wants work in a skill."""

    NONE = "none"
    GROW = "grow"
    RATHER_NOT = "rather_not"


class SkillEvent(Base):
    """One line of the log. Rows are never changed or deleted; evidence counts on each day before ``expires_on``."""

    __tablename__ = "skill_event"
    __table_args__ = (
        Index("ix_skill_event_record", "person_id", "skill_id", "id"),
        CheckConstraint("level IS NULL OR level BETWEEN 0 AND 5", name="level"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    kind: Mapped[SkillEventKind]
    at: Mapped[dt.datetime]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    level: Mapped[int | None]
    interest: Mapped[Interest | None]
    count: Mapped[int | None]
    expires_on: Mapped[dt.date | None]
    note: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(120), default="")
    retracts_id: Mapped[int | None] = mapped_column(ForeignKey("skill_event.id"))
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"), index=True)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    author: Mapped[Person | None] = relationship(foreign_keys=[author_id])
    skill: Mapped[Skill] = relationship()


class SkillRecord(Versioned, Base):
    """
    What one person has in one skill: a projection of the skill events.

    It is correct for each day in [``holds_from``, ``changes_on``), where None stands for always: ``changes_on`` is the
    first day on which the projection would differ without a new event, because evidence expires, and ``holds_from`` the
    last day on which that happened. Queries for any other day project again.
    """

    __tablename__ = "skill_record"
    __table_args__ = (
        UniqueConstraint("person_id", "skill_id"),
        Index("ix_skill_record_skill_level", "skill_id", "effective_level"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"))
    claimed_level: Mapped[int | None]
    claimed_at: Mapped[dt.datetime | None]
    validated_level: Mapped[int] = mapped_column(default=0)
    validated_at: Mapped[dt.datetime | None]
    validated_by: Mapped[SkillEventKind | None]
    effective_level: Mapped[int] = mapped_column(default=0)
    valid_until: Mapped[dt.date | None]
    holds_from: Mapped[dt.date | None]
    changes_on: Mapped[dt.date | None] = mapped_column(index=True)
    interest: Mapped[Interest] = mapped_column(default=Interest.NONE)
    last_used_on: Mapped[dt.date | None]
    confirmed_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship()
    skill: Mapped[Skill] = relationship()
