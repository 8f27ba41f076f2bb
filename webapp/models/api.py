"""What programs need that use the API: tokens, and the answers that are given again to a repeated request."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person, Site


class TokenScope(enum.StrEnum):
    """A part of the API that a token may be good for; reading and writing apart."""

    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    SKILLS_READ = "skills:read"
    SKILLS_WRITE = "skills:write"
    RECORDS_READ = "records:read"
    RECORDS_WRITE = "records:write"
    WORK_READ = "work:read"
    WORK_WRITE = "work:write"
    ROSTER_READ = "roster:read"
    ROSTER_WRITE = "roster:write"
    PLANS_READ = "plans:read"
    PLANS_WRITE = "plans:write"
    ROUTING_READ = "routing:read"
    ROUTING_WRITE = "routing:write"
    JOBS_READ = "jobs:read"
    JOBS_WRITE = "jobs:write"
    SCIM = "scim"


class ApiToken(Base):
    """
    A key by which a program acts as a person, with no more rights than they have, and often with fewer.

    Of the secret only the SHA-256 is kept, which cannot be turned back: it is 32 random bytes.  ``prefix`` is its
    beginning, by which people tell tokens apart.  A token with a site sees and changes nothing of other sites.
    """

    __tablename__ = "api_token"
    # Each use counts here; making and revoking one is audited by the service.
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[Any]]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    last_used_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]

    person: Mapped[Person] = relationship()
    site: Mapped[Site | None] = relationship()


class IdempotentAnswer(Base):
    """
    What a request with an ``Idempotency-Key`` was answered, kept in the transaction of what it did.

    The row is written empty before the request does anything, so that of two with the same key one waits for the other.
    """

    __tablename__ = "idempotent_answer"
    # It repeats what the command of the request audits.
    audited: ClassVar[bool] = False
    __table_args__ = (UniqueConstraint("token_id", "key"),)

    id: Mapped[PrimaryKey]
    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(255))
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(Text)
    body_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column(default=0)
    headers: Mapped[dict[str, Any]] = mapped_column(default=dict)
    body: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[dt.datetime] = mapped_column(index=True)
