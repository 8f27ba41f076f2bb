"""The skill catalogue: skills, their groups, level descriptions and the links between them."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.taxonomy import TaxonomyConcept


class SkillKind(enum.StrEnum):
    """What sort of ability a skill is."""

    PRODUCT = "product"
    CHANNEL = "channel"
    LANGUAGE = "language"
    TOOL = "tool"
    HUMAN = "human"


class LinkKind(enum.StrEnum):
    """How one skill stands to another."""

    PREREQUISITE = "prerequisite"
    BROADER = "broader"
    RELATED = "related"


class SkillGroup(Base):
    """A heading of the catalogue."""

    __tablename__ = "skill_group"

    id: Mapped[PrimaryKey]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]

    skills: Mapped[list[Skill]] = relationship(back_populates="group", order_by="Skill.name")


class Skill(Versioned, Base):
    """
    An assessable ability.

    ``half_life_days`` says how a level fades without use, in days; None lets it stand. With ``certificate_required``
    nobody holds the skill without a current certificate. ``merged_into_id`` names the skill that took this one's place;
    it is never itself merged into another. ``concept_id`` is the concept of a taxonomy that it was made of.
    """

    __tablename__ = "skill"
    __table_args__ = (CheckConstraint("half_life_days > 0", name="half_life_days"),)

    id: Mapped[PrimaryKey]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name] = mapped_column(index=True)
    kind: Mapped[SkillKind]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("skill_group.id"), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    retired_at: Mapped[dt.datetime | None]
    half_life_days: Mapped[int | None]
    certificate_required: Mapped[bool] = mapped_column(default=False)
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("skill.id"), index=True)
    concept_id: Mapped[int | None] = mapped_column(ForeignKey("taxonomy_concept.id"), index=True)

    concept: Mapped[TaxonomyConcept | None] = relationship()
    merged_into: Mapped[Skill | None] = relationship(remote_side="Skill.id")
    group: Mapped[SkillGroup | None] = relationship(back_populates="skills")
    level_descriptions: Mapped[list[SkillLevelDescription]] = relationship(
        back_populates="skill", order_by="SkillLevelDescription.level", cascade="all, delete-orphan"
    )
    links: Mapped[list[SkillLink]] = relationship(
        foreign_keys="SkillLink.skill_id", back_populates="skill", cascade="all, delete-orphan"
    )
    synonyms: Mapped[list[SkillSynonym]] = relationship(
        back_populates="skill", order_by="SkillSynonym.text", cascade="all, delete-orphan"
    )


class SkillLevelDescription(Base):
    """What one level of one skill looks like, in the centre's own words."""

    __tablename__ = "skill_level_description"
    __table_args__ = (UniqueConstraint("skill_id", "level"), CheckConstraint("level BETWEEN 1 AND 5", name="level"))

    id: Mapped[PrimaryKey]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id", ondelete="CASCADE"))
    level: Mapped[int]
    text: Mapped[str] = mapped_column(Text)

    skill: Mapped[Skill] = relationship(back_populates="level_descriptions")


class SkillSynonym(Base):
    """Another word for a skill: people who search by it find the skill."""

    __tablename__ = "skill_synonym"
    __table_args__ = (UniqueConstraint("skill_id", "text"),)

    id: Mapped[PrimaryKey]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id", ondelete="CASCADE"))
    text: Mapped[Name]

    skill: Mapped[Skill] = relationship(back_populates="synonyms")


class SkillLink(Base):
    """
    An edge of the skill graph.

    ``prerequisite``: ``skill`` needs ``other`` first; ``broader``: ``other`` contains ``skill``; ``related``: what is
    known of
    ``other`` carries over to ``skill`` by ``weight`` in (0, 1].
    """

    __tablename__ = "skill_link"
    __table_args__ = (
        UniqueConstraint("skill_id", "other_id", "kind"),
        CheckConstraint("skill_id <> other_id", name="no_loop"),
        CheckConstraint("weight > 0 AND weight <= 1", name="weight"),
    )

    id: Mapped[PrimaryKey]
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id", ondelete="CASCADE"), index=True)
    other_id: Mapped[int] = mapped_column(ForeignKey("skill.id", ondelete="CASCADE"), index=True)
    kind: Mapped[LinkKind]
    weight: Mapped[float] = mapped_column(default=1.0)

    skill: Mapped[Skill] = relationship(foreign_keys=[skill_id], back_populates="links")
    other: Mapped[Skill] = relationship(foreign_keys=[other_id])


class SkillMerge(Base):
    """
    One skill put in another's place, and what moved with it, so that it can be undone and replayed.

    ``moved`` lists the rows of other tables that were changed or removed; events keep their skill.
    """

    __tablename__ = "skill_merge"

    id: Mapped[PrimaryKey]
    source_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    at: Mapped[dt.datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    undone_at: Mapped[dt.datetime | None]
    moved: Mapped[dict[str, Any]] = mapped_column(default=dict)

    source: Mapped[Skill] = relationship(foreign_keys=[source_id])
    target: Mapped[Skill] = relationship(foreign_keys=[target_id])
