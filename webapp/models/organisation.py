"""Sites, teams, people, their roles and their accounts."""

from __future__ import annotations

import datetime as dt
import enum
from typing import ClassVar

from flask_security import RoleMixin, UserMixin
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned

__all__ = ["Account", "Person", "Role", "RoleGrant", "Site", "Team"]


class Role(enum.StrEnum):
    """What a person may be in Mainstay; one person may be several things."""

    AGENT = "agent"
    LEAD = "lead"
    SCHEDULER = "scheduler"
    HR = "hr"
    ADMIN = "admin"


class Site(Versioned, Base):
    """A place with one time zone in which people work."""

    __tablename__ = "site"

    id: Mapped[PrimaryKey]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    time_zone: Mapped[str] = mapped_column(String(60))

    teams: Mapped[list[Team]] = relationship(back_populates="site", order_by="Team.name")


class Team(Versioned, Base):
    """People of one site who work together."""

    __tablename__ = "team"

    id: Mapped[PrimaryKey]
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)

    site: Mapped[Site] = relationship(back_populates="teams")
    members: Mapped[list[Person]] = relationship(back_populates="team", order_by="Person.name")


class Person(Versioned, Base):
    """
    Anyone in the directory; ``is_agent`` marks those who handle engagements.

    ``call_address`` is where colleagues call them at work, such as ``tel:+351220000000``; empty if nowhere.
    """

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_team_active", "team_id", "active"),)

    id: Mapped[PrimaryKey]
    external_id: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name] = mapped_column(index=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    service_role_id: Mapped[int | None] = mapped_column(ForeignKey("service_role.id"), index=True)
    job_title: Mapped[str] = mapped_column(String(120), default="")
    is_agent: Mapped[bool] = mapped_column(default=True)
    active: Mapped[bool] = mapped_column(default=True)
    hired_on: Mapped[dt.date | None]
    call_address: Mapped[str] = mapped_column(String(200), default="")

    site: Mapped[Site] = relationship()
    team: Mapped[Team | None] = relationship(back_populates="members")
    grants: Mapped[list[RoleGrant]] = relationship(
        back_populates="person", foreign_keys="RoleGrant.person_id", cascade="all, delete-orphan"
    )
    account: Mapped[Account | None] = relationship(back_populates="person")


class RoleGrant(RoleMixin, Base):
    """
    A role that a person holds, and where.

    A lead leads teams, a scheduler and HR serve sites, an admin serves all; agents need no place.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("person_id", "role", "site_id", "team_id"),
        CheckConstraint("site_id IS NULL OR team_id IS NULL", name="one_place"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    role: Mapped[Role]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))

    person: Mapped[Person] = relationship(back_populates="grants", foreign_keys=[person_id])
    site: Mapped[Site | None] = relationship()
    team: Mapped[Team | None] = relationship()

    @property
    def name(self) -> str:  # type: ignore[override]
        """The role's name, as the sign-in library reads it."""
        return self.role.value


class Account(UserMixin, Base):
    """A person's means to sign in."""

    __tablename__ = "account"
    # Each sign-in counts here; changes of rights and passwords are audited by the services that make them.
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    # The mixin declares these without None; before the first sign-in there is nothing to tell.
    current_login_at: Mapped[dt.datetime | None]  # type: ignore[assignment]
    last_login_at: Mapped[dt.datetime | None]  # type: ignore[assignment]
    current_login_ip: Mapped[str | None] = mapped_column(String(64))
    last_login_ip: Mapped[str | None] = mapped_column(String(64))
    login_count: Mapped[int] = mapped_column(default=0)

    # Each request reads who is signed in: both at once.
    person: Mapped[Person] = relationship(back_populates="account", lazy="joined", innerjoin=True)
    roles: Mapped[list[RoleGrant]] = relationship(  # type: ignore[assignment]
        primaryjoin="foreign(RoleGrant.person_id) == Account.person_id", viewonly=True, uselist=True
    )
