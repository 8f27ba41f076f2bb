"""Skill records, the append-only log of skill events that they are projected from, and the files that support it."""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.organisation import Person
from webapp.models.skill import Skill


class SkillEventKind(enum.StrEnum):
    """
    What happened to one person's skill.

    ``claim``, ``withdraw``, ``confirm`` and ``interest`` are the person's own word. ``review`` (a lead's word),
    ``assessment`` (a quiz or test), ``evaluation`` (a quality evaluation of one contact), ``certificate``, ``badge``,
    ``course``, ``endorsement`` (a colleague's word), ``provisional`` (an import) and ``outcome`` (a count of contacts)
    are evidence given by others. ``use`` counts the work finished on a day and carries no level. ``retract`` takes an
    earlier event back (an undone import, a review sent in error). ``withdraw`` and ``retract`` name the event that they
    take back in ``retracts_id``.
    """

    CLAIM = "claim"
    WITHDRAW = "withdraw"
    CONFIRM = "confirm"
    INTEREST = "interest"
    REVIEW = "review"
    ASSESSMENT = "assessment"
    EVALUATION = "evaluation"
    CERTIFICATE = "certificate"
    BADGE = "badge"
    COURSE = "course"
    ENDORSEMENT = "endorsement"
    PROVISIONAL = "provisional"
    OUTCOME = "outcome"
    USE = "use"
    RETRACT = "retract"


class Interest(enum.StrEnum):
    """Whether a person wants work in a skill."""

    NONE = "none"
    GROW = "grow"
    RATHER_NOT = "rather_not"


class Dispute(enum.StrEnum):
    """
    Why the evidence on a record does not agree with itself.

    ``claim_far``: the person claims two levels or more away from what others have seen; ``reviewers_apart``: two
    reviewers within half a year are; ``evidence_apart``: what came after the latest review is.
    """

    CLAIM_FAR = "claim_far"
    REVIEWERS_APART = "reviewers_apart"
    EVIDENCE_APART = "evidence_apart"


class Attachment(Base):
    """A file that supports a skill event, such as a photo of a certificate; ``digest`` is its SHA-256, hexadecimal."""

    __tablename__ = "attachment"

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    file_name: Mapped[str] = mapped_column(String(255))
    content_type: Mapped[str] = mapped_column(String(80))
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[dt.datetime]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class SkillEvent(Base):
    """One line of the log. Rows are never changed or deleted; evidence counts on each day before ``expires_on``."""

    __tablename__ = "skill_event"
    __table_args__ = (
        Index("ix_skill_event_record", "person_id", "skill_id", "id"),
        # The job that projects an import goes through its events by key.
        Index("ix_skill_event_batch", "import_batch_id", "id"),
        # Without it the database looks through the whole log for each event that is deleted.
        Index(
            "ix_skill_event_retracts_id",
            "retracts_id",
            sqlite_where=text("retracts_id IS NOT NULL"),
            postgresql_where=text("retracts_id IS NOT NULL"),
        ),
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
    link: Mapped[str] = mapped_column(String(400), default="")
    attachment_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"))
    retracts_id: Mapped[int | None] = mapped_column(ForeignKey("skill_event.id"))
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    author: Mapped[Person | None] = relationship(foreign_keys=[author_id])
    skill: Mapped[Skill] = relationship()
    attachment: Mapped[Attachment | None] = relationship()


class SkillRecord(Versioned, Base):
    """
    What one person has in one skill: a projection of the skill events.

    It is correct for each day in [``holds_from``, ``changes_on``), where None stands for always: ``changes_on`` is the
    first day on which the projection may differ without a new event, because evidence expires or the level fades, and
    ``holds_from`` the last day on which that happened. Queries for any other day project again.

    ``valid_until`` is the first day on which expiring evidence lowers the level, ``fades_on`` the first on which lack
    of use does. ``validated_low`` and ``validated_high`` bound the central 80 % of what the evidence leaves open.
    ``refreshed_on`` is the day of the latest sign of life: evidence, use, claim or confirmation.
    """

    __tablename__ = "skill_record"
    __table_args__ = (
        UniqueConstraint("person_id", "skill_id"),
        # With the columns that tell who it is and for which days, so that a search reads the index alone.
        Index("ix_skill_record_skill_level", "skill_id", "effective_level", "person_id", "changes_on", "holds_from"),
        Index("ix_skill_record_dispute", "dispute"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"))
    claimed_level: Mapped[int | None]
    claimed_at: Mapped[dt.datetime | None]
    validated_level: Mapped[int] = mapped_column(default=0)
    validated_at: Mapped[dt.datetime | None]
    validated_by: Mapped[SkillEventKind | None]
    validated_low: Mapped[int] = mapped_column(default=0)
    validated_high: Mapped[int] = mapped_column(default=0)
    reviewed_at: Mapped[dt.datetime | None]
    dispute: Mapped[Dispute | None]
    effective_level: Mapped[int] = mapped_column(default=0)
    valid_until: Mapped[dt.date | None]
    fades_on: Mapped[dt.date | None]
    holds_from: Mapped[dt.date | None]
    changes_on: Mapped[dt.date | None] = mapped_column(index=True)
    interest: Mapped[Interest] = mapped_column(default=Interest.NONE)
    last_used_on: Mapped[dt.date | None]
    used_count: Mapped[int] = mapped_column(default=0)
    refreshed_on: Mapped[dt.date | None]
    confirmed_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship()
    skill: Mapped[Skill] = relationship()
