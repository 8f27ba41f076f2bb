"""Quality evaluations: what the criteria of evaluation forms say about skills."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.importing import ImportBatch
from webapp.models.skill import Skill


class EvaluationCriterion(Versioned, Base):
    """
    One criterion of one evaluation form, and the skill that it speaks of.

    ``cuts`` holds, for the levels 1 to 5, the share of the scale from which a score counts as that level, rising.
    Without a skill its scores wait, unless ``ignored`` says that they concern no skill. ``last_batch_id`` is the last
    file that had it and ``waiting`` the number of its scores there that no skill took.
    """

    __tablename__ = "evaluation_criterion"
    __table_args__ = (UniqueConstraint("form", "criterion"),)

    id: Mapped[PrimaryKey]
    form: Mapped[str] = mapped_column(String(120))
    criterion: Mapped[str] = mapped_column(String(200))
    skill_id: Mapped[int | None] = mapped_column(ForeignKey("skill.id"), index=True)
    cuts: Mapped[list[Any]]
    ignored: Mapped[bool] = mapped_column(default=False)
    waiting: Mapped[int] = mapped_column(default=0)
    last_batch_id: Mapped[int | None] = mapped_column(ForeignKey("import_batch.id"))
    last_seen_at: Mapped[dt.datetime]

    skill: Mapped[Skill | None] = relationship()
    last_batch: Mapped[ImportBatch | None] = relationship()
