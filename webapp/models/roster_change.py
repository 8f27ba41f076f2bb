"""What of the roster is not any more as a run planned with it."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person
from webapp.models.plan import PlanRun


class RosterChange(Base):
    """
    One person's working time of a day, as a run knew it and as it is now.

    ``was`` and ``now`` list half-open spans as pairs of ISO 8601 moments in UTC. The row is there only while they
    differ: who puts a shift back takes the mark off the plan. ``import_batch_id`` is the import that changed it last.
    """

    __tablename__ = "roster_change"
    # It repeats what the audited change of a shift, an absence or an import did to the plans that are there.
    audited: ClassVar[bool] = False
    __table_args__ = (UniqueConstraint("run_id", "person_id"),)

    id: Mapped[PrimaryKey]
    run_id: Mapped[int] = mapped_column(ForeignKey("plan_run.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    was: Mapped[list[Any]]
    now: Mapped[list[Any]]
    changed_at: Mapped[dt.datetime]
    import_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))

    run: Mapped[PlanRun] = relationship()
    person: Mapped[Person] = relationship()
