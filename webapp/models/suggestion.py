"""Suggestions of skills that a person does not want to see again."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person
from webapp.models.skill import Skill


class DismissedSuggestion(Base):
    """A skill that a person said they do not have, or do not want on their record, when it was suggested to them."""

    __tablename__ = "dismissed_suggestion"
    __table_args__ = (UniqueConstraint("person_id", "skill_id"),)

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    at: Mapped[dt.datetime]

    person: Mapped[Person] = relationship()
    skill: Mapped[Skill] = relationship()
