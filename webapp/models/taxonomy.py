"""Taxonomies: published vocabularies of skills and occupations, their releases, and what a release changes."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, PrimaryKey
from webapp.models.job import Job
from webapp.models.organisation import Person


class TaxonomyCode(enum.StrEnum):
    """The taxonomies that Mainstay reads."""

    ESCO = "esco"
    ONET = "onet"


class ConceptKind(enum.StrEnum):
    """What sort of thing a concept is."""

    SKILL = "skill"
    KNOWLEDGE = "knowledge"
    TECHNOLOGY = "technology"
    GROUP = "group"
    OCCUPATION = "occupation"
    OCCUPATION_GROUP = "occupation-group"


class LabelKind(enum.StrEnum):
    """Which of its further names a label is; the preferred one stands at the concept itself."""

    ALTERNATIVE = "alternative"
    HIDDEN = "hidden"


class RelationKind(enum.StrEnum):
    """How one concept stands to another."""

    BROADER = "broader"
    ESSENTIAL = "essential"
    OPTIONAL = "optional"
    RELATED = "related"


class ReleaseState(enum.StrEnum):
    """Where a release stands."""

    UPLOADED = "uploaded"
    CHECKED = "checked"
    REFUSED = "refused"
    APPLIED = "applied"


class ChangeKind(enum.StrEnum):
    """What a release does to a concept."""

    ADDED = "added"
    REMOVED = "removed"
    RELABELLED = "relabelled"
    MOVED = "moved"
    REWORDED = "reworded"
    RELINKED = "relinked"


class Taxonomy(Base):
    """A published vocabulary, as its newest applied release has it."""

    __tablename__ = "taxonomy"

    id: Mapped[PrimaryKey]
    code: Mapped[TaxonomyCode] = mapped_column(unique=True)

    releases: Mapped[list[TaxonomyRelease]] = relationship(
        back_populates="taxonomy", order_by="TaxonomyRelease.id.desc()"
    )


class TaxonomyRelease(Base):
    """
    One upload of a taxonomy's files, and what became of it.

    ``content`` is a ZIP archive of the files; it is let go once the release is applied.  ``report`` holds what each
    file gave, which files are missing, the number of changes and the problems.  ``base_id`` is the release that the
    difference was taken to.
    """

    __tablename__ = "taxonomy_release"
    # Before a release is applied it changes nothing; applying it writes an event about the taxonomy.
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    taxonomy_id: Mapped[int] = mapped_column(ForeignKey("taxonomy.id"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    state: Mapped[ReleaseState] = mapped_column(default=ReleaseState.UPLOADED)
    file_name: Mapped[str] = mapped_column(String(255))
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    base_id: Mapped[int | None] = mapped_column(ForeignKey("taxonomy_release.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]
    applied_at: Mapped[dt.datetime | None]

    taxonomy: Mapped[Taxonomy] = relationship(back_populates="releases")
    created_by: Mapped[Person | None] = relationship()
    job: Mapped[Job | None] = relationship()


class TaxonomyConcept(Base):
    """
    A skill, an occupation or a group of them; the taxonomy knows it by its ``uri``.

    A concept that a release no longer has keeps its row and is marked by ``removed_in_id``.  ``collections`` are names
    between spaces, with one at each end; ``facts`` holds what only some concepts have, such as a job zone.
    """

    __tablename__ = "taxonomy_concept"
    __table_args__ = (
        UniqueConstraint("taxonomy_id", "uri"),
        Index("ix_taxonomy_concept_taxonomy_kind_label", "taxonomy_id", "kind", "label"),
    )

    id: Mapped[PrimaryKey]
    taxonomy_id: Mapped[int] = mapped_column(ForeignKey("taxonomy.id"))
    uri: Mapped[str] = mapped_column(String(300))
    code: Mapped[Code] = mapped_column(default="")
    kind: Mapped[ConceptKind]
    label: Mapped[str] = mapped_column(String(300))
    description: Mapped[str] = mapped_column(Text, default="")
    collections: Mapped[str] = mapped_column(String(300), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    added_in_id: Mapped[int] = mapped_column(ForeignKey("taxonomy_release.id"))
    removed_in_id: Mapped[int | None] = mapped_column(ForeignKey("taxonomy_release.id"))

    taxonomy: Mapped[Taxonomy] = relationship()
    removed_in: Mapped[TaxonomyRelease | None] = relationship(foreign_keys=[removed_in_id])
    labels: Mapped[list[TaxonomyLabel]] = relationship(order_by="TaxonomyLabel.text")


class TaxonomyLabel(Base):
    """A further name of a concept."""

    __tablename__ = "taxonomy_label"

    id: Mapped[PrimaryKey]
    concept_id: Mapped[int] = mapped_column(ForeignKey("taxonomy_concept.id"), index=True)
    kind: Mapped[LabelKind]
    text: Mapped[str] = mapped_column(String(300))


class TaxonomyRelation(Base):
    """
    How one concept stands to another.

    ``broader``: ``other`` contains ``concept``; ``essential`` and ``optional``: ``concept`` asks for ``other``;
    ``related``: they resemble each other.  ``importance`` and ``level`` are from 0 to 100, None where nobody said.
    """

    __tablename__ = "taxonomy_relation"
    __table_args__ = (UniqueConstraint("concept_id", "other_id", "kind"),)

    id: Mapped[PrimaryKey]
    concept_id: Mapped[int] = mapped_column(ForeignKey("taxonomy_concept.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("taxonomy_concept.id"), index=True)
    kind: Mapped[RelationKind]
    importance: Mapped[float | None]
    level: Mapped[float | None]

    concept: Mapped[TaxonomyConcept] = relationship(foreign_keys=[concept_id])
    other: Mapped[TaxonomyConcept] = relationship(foreign_keys=[other_id])


class TaxonomyChange(Base):
    """One line of the difference between a release and what stood before it."""

    __tablename__ = "taxonomy_change"
    # A difference is only shown; applying the release is what is audited.
    audited: ClassVar[bool] = False
    __table_args__ = (Index("ix_taxonomy_change_release_kind", "release_id", "kind"),)

    id: Mapped[PrimaryKey]
    release_id: Mapped[int] = mapped_column(ForeignKey("taxonomy_release.id", ondelete="CASCADE"))
    kind: Mapped[ChangeKind]
    concept_kind: Mapped[ConceptKind]
    uri: Mapped[str] = mapped_column(String(300))
    label: Mapped[str] = mapped_column(String(300))
    before: Mapped[str] = mapped_column(Text, default="")
    after: Mapped[str] = mapped_column(Text, default="")
