"""Care for customers and for engagements: a site's rules of ownership, check-ins, praise, and who was erased."""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site
from webapp.models.work import Engagement, EngagementType


class WorkSettings(Versioned, Base):
    """
    How a site looks after its engagements; a site without a row has the defaults.

    ``dispatcher_id`` owns what no agent owns. What is due within ``slip_minutes`` and not begun is about to slip, and
    so is what has arrived or come back and stood untouched for ``untouched_minutes``. Check-ins by rules take at most
    ``check_in_share`` of a day's planned minutes.
    """

    __tablename__ = "work_settings"
    __table_args__ = (
        CheckConstraint("slip_minutes BETWEEN 5 AND 1440", name="slip_minutes"),
        CheckConstraint("untouched_minutes BETWEEN 5 AND 10080", name="untouched_minutes"),
        CheckConstraint("check_in_share BETWEEN 0 AND 1", name="check_in_share"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), unique=True)
    dispatcher_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    slip_minutes: Mapped[int] = mapped_column(default=120)
    untouched_minutes: Mapped[int] = mapped_column(default=60)
    check_in_share: Mapped[float] = mapped_column(default=0.1)

    site: Mapped[Site] = relationship()
    dispatcher: Mapped[Person | None] = relationship()


class CheckInTrigger(enum.StrEnum):
    """What makes a customer due for a check-in."""

    NO_CONTACT = "no_contact"
    AFTER_TYPE = "after_type"
    AFTER_SETBACK = "after_setback"


class CheckInRule(Versioned, Base):
    """
    A rule by which customers are called on, before they call.

    A customer is due ``days`` after their last contact, after an engagement of ``after_type_id`` was done, or after one
    was given back or expired.  The check-in may start between two hours of the site's clock.
    """

    __tablename__ = "check_in_rule"
    __table_args__ = (
        UniqueConstraint("site_id", "name"),
        CheckConstraint("days BETWEEN 1 AND 730", name="days"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="priority"),
        CheckConstraint("from_hour >= 0 AND from_hour < until_hour AND until_hour <= 23", name="hours"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    name: Mapped[Name]
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    trigger: Mapped[CheckInTrigger]
    days: Mapped[int]
    after_type_id: Mapped[int | None] = mapped_column(ForeignKey("engagement_type.id"))
    from_hour: Mapped[int] = mapped_column(default=9)
    until_hour: Mapped[int] = mapped_column(default=17)
    priority: Mapped[int] = mapped_column(default=2)
    active: Mapped[bool] = mapped_column(default=True)

    site: Mapped[Site] = relationship()
    engagement_type: Mapped[EngagementType] = relationship(foreign_keys=[engagement_type_id])
    after_type: Mapped[EngagementType | None] = relationship(foreign_keys=[after_type_id])


class CheckIn(Base):
    """
    A check-in that a rule made: one for each customer and each thing that made them due.

    ``base_on`` is the day of that contact or engagement, ``day_on`` the day for which it was made: those of one rule
    and day are a batch, which can be taken back.
    """

    __tablename__ = "check_in"
    __table_args__ = (UniqueConstraint("rule_id", "customer_key", "base_on"),)

    id: Mapped[PrimaryKey]
    rule_id: Mapped[int] = mapped_column(ForeignKey("check_in_rule.id"))
    customer_key: Mapped[str] = mapped_column(String(80), index=True)
    base_on: Mapped[dt.date]
    day_on: Mapped[dt.date] = mapped_column(index=True)
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"), unique=True)
    undone_at: Mapped[dt.datetime | None]

    rule: Mapped[CheckInRule] = relationship()
    engagement: Mapped[Engagement] = relationship()


class Praise(Base):
    """
    A customer's good word about an agent, and the thank-you that it earned the customer.

    ``words`` are the customer's own; they expire.
    """

    __tablename__ = "praise"

    id: Mapped[PrimaryKey]
    external_id: Mapped[Code] = mapped_column(unique=True)
    at: Mapped[dt.datetime]
    customer_key: Mapped[str] = mapped_column(String(80), index=True)
    words: Mapped[str] = mapped_column(String(400), default="")
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    about_id: Mapped[int | None] = mapped_column(ForeignKey("engagement.id"), index=True)
    thanks_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"), unique=True)
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    about: Mapped[Engagement | None] = relationship(foreign_keys=[about_id])
    thanks: Mapped[Engagement] = relationship(foreign_keys=[thanks_id])


class ErasedCustomer(Base):
    """
    A customer whose key was erased: a digest of it, so that what is restored or imported forgets it again.

    ``key_id`` names the key of this installation that it was made with; null is a plain one of a version before.
    """

    __tablename__ = "erased_customer"

    id: Mapped[PrimaryKey]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    key_id: Mapped[str | None] = mapped_column(String(16))
    at: Mapped[dt.datetime]
    reason: Mapped[str] = mapped_column(String(200))
