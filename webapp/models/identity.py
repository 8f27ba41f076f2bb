"""What identity systems know of people and teams, beside what Mainstay keeps itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.organisation import Person, Team


class ScimUser(Versioned, Base):
    """
    A person as the identity system sent them.

    ``user_name`` is unique without regard to case, for which ``user_key`` holds it in lower case.  ``attributes`` are
    those of the sent resource that no column of the person has.  After ``removed_at`` the identity system knows the
    person no more; they stay in Mainstay, deactivated.
    """

    __tablename__ = "scim_user"

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), unique=True)
    user_name: Mapped[str] = mapped_column(String(254))
    user_key: Mapped[str] = mapped_column(String(254), unique=True)
    attributes: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime]
    changed_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship()


class ScimGroup(Versioned, Base):
    """A team as the identity system sent it; ``external_id`` is that system's own key."""

    __tablename__ = "scim_group"

    id: Mapped[PrimaryKey]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id", ondelete="CASCADE"), unique=True)
    external_id: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[dt.datetime]
    changed_at: Mapped[dt.datetime]

    team: Mapped[Team] = relationship()


class ExternalIdentity(Base):
    """
    Whom an identity provider means by a subject: linked once, by a verified address, and by the subject from then on.

    A person has one subject at each issuer, so that an address that is handed to somebody new does not hand over the
    account with it.
    """

    __tablename__ = "external_identity"
    __table_args__ = (UniqueConstraint("issuer", "subject"), UniqueConstraint("issuer", "person_id"))

    id: Mapped[PrimaryKey]
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    linked_at: Mapped[dt.datetime]

    person: Mapped[Person] = relationship()
