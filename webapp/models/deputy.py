"""Deputies: who looks after whose inbox, and on which days."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person


class Deputyship(Base):
    """
    Somebody who reviews in a lead's place on the days from ``starts_on`` until ``ends_on``, which no longer counts.

    ``ended_at`` is set when it was ended early. The teams are those that the lead leads on the day itself.
    """

    __tablename__ = "deputyship"
    __table_args__ = (
        Index("ix_deputyship_deputy", "deputy_id", "ends_on"),
        CheckConstraint("starts_on < ends_on", name="days"),
        CheckConstraint("lead_id <> deputy_id", name="two_people"),
    )

    id: Mapped[PrimaryKey]
    lead_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    deputy_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_on: Mapped[dt.date]
    ends_on: Mapped[dt.date]
    named_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    named_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]

    lead: Mapped[Person] = relationship(foreign_keys=[lead_id])
    deputy: Mapped[Person] = relationship(foreign_keys=[deputy_id])
    named_by: Mapped[Person | None] = relationship(foreign_keys=[named_by_id])

    @property
    def last_on(self) -> dt.date:
        """The last day that counts."""
        return self.ends_on - dt.timedelta(days=1)
