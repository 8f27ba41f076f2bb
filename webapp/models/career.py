"""Careers: roles inside customer service, the steps between them, and hiring profiles."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site
from webapp.models.skill import Skill


class StepKind(enum.StrEnum):
    """Which way a step of the lattice leads."""

    UP = "up"
    ACROSS = "across"


class ServiceRole(Versioned, Base):
    """A job inside customer service or, with ``outside`` set, elsewhere; pay in ``currency`` a year."""

    __tablename__ = "service_role"
    __table_args__ = (CheckConstraint("pay_from <= pay_to", name="pay"),)

    id: Mapped[PrimaryKey]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    description: Mapped[str] = mapped_column(Text, default="")
    authority: Mapped[str] = mapped_column(String(300), default="")
    rung: Mapped[int]
    pay_from: Mapped[int]
    pay_to: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    outside: Mapped[bool] = mapped_column(default=False)

    requirements: Mapped[list[RoleRequirement]] = relationship(
        back_populates="service_role", cascade="all, delete-orphan", order_by="RoleRequirement.id"
    )
    steps: Mapped[list[RoleStep]] = relationship(
        foreign_keys="RoleStep.from_role_id", back_populates="from_role", cascade="all, delete-orphan"
    )


class RoleRequirement(Base):
    """A skill that a role asks for; a hard gate is never offset by surplus elsewhere."""

    __tablename__ = "role_requirement"
    __table_args__ = (
        UniqueConstraint("service_role_id", "skill_id"),
        CheckConstraint("level BETWEEN 1 AND 5", name="level"),
    )

    id: Mapped[PrimaryKey]
    service_role_id: Mapped[int] = mapped_column(ForeignKey("service_role.id", ondelete="CASCADE"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"), index=True)
    level: Mapped[int]
    weight: Mapped[float] = mapped_column(default=1.0)
    gate: Mapped[bool] = mapped_column(default=False)

    service_role: Mapped[ServiceRole] = relationship(back_populates="requirements")
    skill: Mapped[Skill] = relationship()


class RoleStep(Base):
    """An edge of the career lattice."""

    __tablename__ = "role_step"
    __table_args__ = (UniqueConstraint("from_role_id", "to_role_id"),)

    id: Mapped[PrimaryKey]
    from_role_id: Mapped[int] = mapped_column(ForeignKey("service_role.id", ondelete="CASCADE"))
    to_role_id: Mapped[int] = mapped_column(ForeignKey("service_role.id", ondelete="CASCADE"), index=True)
    kind: Mapped[StepKind] = mapped_column(default=StepKind.UP)

    from_role: Mapped[ServiceRole] = relationship(foreign_keys=[from_role_id], back_populates="steps")
    to_role: Mapped[ServiceRole] = relationship(foreign_keys=[to_role_id])


class HiringProfile(Versioned, Base):
    """Requirements and head count for people to bring in; ``basis`` is the demand that each line traces to."""

    __tablename__ = "hiring_profile"

    id: Mapped[PrimaryKey]
    name: Mapped[Name]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    head_count: Mapped[int]
    note: Mapped[str] = mapped_column(Text, default="")
    basis: Mapped[dict[str, Any]]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
    created_by: Mapped[Person] = relationship()
    requirements: Mapped[list[ProfileRequirement]] = relationship(
        back_populates="hiring_profile", cascade="all, delete-orphan", order_by="ProfileRequirement.id"
    )


class ProfileRequirement(Base):
    """One skill of a hiring profile, and the unserved minutes of work that ask for it."""

    __tablename__ = "profile_requirement"
    __table_args__ = (UniqueConstraint("hiring_profile_id", "skill_id"),)

    id: Mapped[PrimaryKey]
    hiring_profile_id: Mapped[int] = mapped_column(ForeignKey("hiring_profile.id", ondelete="CASCADE"))
    skill_id: Mapped[int] = mapped_column(ForeignKey("skill.id"))
    level: Mapped[int]
    gate: Mapped[bool]
    demand_minutes: Mapped[float]
    engagement_count: Mapped[int]

    hiring_profile: Mapped[HiringProfile] = relationship(back_populates="requirements")
    skill: Mapped[Skill] = relationship()
