"""Evidence that waits for somebody to accept it, and the issuers whose badges need nobody."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Name, PrimaryKey, Versioned
from webapp.models.organisation import Person
from webapp.models.record import Attachment, SkillEventKind
from webapp.models.skill import Skill


class SubmissionState(enum.StrEnum):
    """What became of evidence that a person brought."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class EvidenceSubmission(Versioned, Base):
    """
    A certificate, course, badge or test result that a person brought: their word until somebody accepts it.

    ``level`` is what they ask for. ``badge_key`` identifies a badge, so that it counts once and can be revoked;
    ``doubts`` are sentences on why a badge does not count by itself. ``event_id`` is the evidence that an acceptance
    wrote; without ``decided_by_id`` the issuer's signature decided.
    """

    __tablename__ = "evidence_submission"
    __table_args__ = (
        Index("ix_evidence_submission_state", "state", "person_id"),
        CheckConstraint("level BETWEEN 1 AND 5", name="level"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    kind: Mapped[SkillEventKind]
    level: Mapped[int]
    title: Mapped[Name]
    issuer: Mapped[Name] = mapped_column(default="")
    issued_on: Mapped[dt.date | None]
    expires_on: Mapped[dt.date | None]
    note: Mapped[str] = mapped_column(Text, default="")
    link: Mapped[str] = mapped_column(String(400), default="")
    attachment_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id"), index=True)
    badge_key: Mapped[str] = mapped_column(String(400), default="", index=True)
    doubts: Mapped[list[Any]] = mapped_column(default=list)
    state: Mapped[SubmissionState] = mapped_column(default=SubmissionState.WAITING)
    created_at: Mapped[dt.datetime]
    decided_at: Mapped[dt.datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    event_id: Mapped[int | None] = mapped_column(ForeignKey("skill_event.id"), index=True)

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    skill: Mapped[Skill] = relationship()
    attachment: Mapped[Attachment | None] = relationship()
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])


class BadgeIssuer(Versioned, Base):
    """
    An issuer of badges whose signature counts as evidence.

    ``identifiers`` are the addresses or ``did:key`` under which it issues, ``keys`` its public keys as JSON Web Keys,
    ``revoked`` the identifiers of badges that it took back.
    """

    __tablename__ = "badge_issuer"

    id: Mapped[PrimaryKey]
    name: Mapped[Name] = mapped_column(unique=True)
    identifiers: Mapped[list[Any]]
    keys: Mapped[list[Any]] = mapped_column(default=list)
    revoked: Mapped[list[Any]] = mapped_column(default=list)
    active: Mapped[bool] = mapped_column(default=True)

    mappings: Mapped[list[BadgeMapping]] = relationship(
        back_populates="issuer", order_by="BadgeMapping.id", cascade="all, delete-orphan"
    )


class BadgeMapping(Base):
    """Which skill and level a badge of a trusted issuer shows."""

    __tablename__ = "badge_mapping"
    __table_args__ = (
        UniqueConstraint("issuer_id", "achievement_key", "skill_id"),
        CheckConstraint("level BETWEEN 1 AND 5", name="level"),
    )

    id: Mapped[PrimaryKey]
    issuer_id: Mapped[int] = mapped_column(ForeignKey("badge_issuer.id", ondelete="CASCADE"))
    achievement_key: Mapped[str] = mapped_column(String(400))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    level: Mapped[int]

    issuer: Mapped[BadgeIssuer] = relationship(back_populates="mappings")
    skill: Mapped[Skill] = relationship()
