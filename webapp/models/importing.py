"""Imports: uploaded files, what each row did, and how columns were mapped; enough to check and to undo."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.organisation import Person


class ImportKind(enum.StrEnum):
    """What a file holds."""

    PEOPLE = "people"
    SKILLS = "skills"
    RECORDS = "records"
    SKILL_EVENTS = "skill-events"
    EVALUATIONS = "evaluations"
    SHIFTS = "shifts"
    ENGAGEMENT_TYPES = "engagement-types"
    ENGAGEMENTS = "engagements"
    FORECAST = "forecast"
    ACD_LOG = "acd-log"


class ImportState(enum.StrEnum):
    """
    Where an import stands.

    While it is ``staged`` its skill events are being written and do not count (:mod:`webapp.models.staging`).
    """

    UPLOADED = "uploaded"
    CHECKED = "checked"
    REFUSED = "refused"
    STAGED = "staged"
    APPLIED = "applied"
    UNDONE = "undone"


class ImportBatch(Base):
    """
    One file and what became of it.

    ``projected_to`` is the last skill event of an applied import whose record is projected again; None once all are.
    ``difference`` lists, for a file of shifts, what its last check found against the roster
    (:mod:`webapp.services.importing.shift_difference`).
    """

    __tablename__ = "import_batch"
    __table_args__ = (
        Index("ix_import_batch_kind_created", "kind", "created_at"),
        Index("ix_import_batch_state", "state"),
        Index("ix_import_batch_projected_to", "projected_to"),
    )

    id: Mapped[PrimaryKey]
    kind: Mapped[ImportKind]
    state: Mapped[ImportState] = mapped_column(default=ImportState.UPLOADED)
    file_name: Mapped[str] = mapped_column(String(255))
    file_digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    mapping: Mapped[dict[str, Any]] = mapped_column(default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)
    difference: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]
    applied_at: Mapped[dt.datetime | None]
    undone_at: Mapped[dt.datetime | None]
    projected_to: Mapped[int | None] = mapped_column(BigInteger)

    created_by: Mapped[Person | None] = relationship()


class ImportChange(Base):
    """What one row of a file did to one database row: enough to take it back, and to see later edits."""

    __tablename__ = "import_change"
    __table_args__ = (Index("ix_import_change_batch_row", "batch_id", "row_number"),)

    id: Mapped[PrimaryKey]
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    row_number: Mapped[int]
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int]
    label: Mapped[str] = mapped_column(String(200))
    created: Mapped[bool]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


class ColumnMapping(Base):
    """How the headers of a file were mapped to columns, remembered per kind and header line."""

    __tablename__ = "column_mapping"
    # A remembered convenience, not a fact.
    audited: ClassVar[bool] = False
    __table_args__ = (UniqueConstraint("kind", "header_digest"),)

    id: Mapped[PrimaryKey]
    kind: Mapped[ImportKind]
    header_digest: Mapped[str] = mapped_column(String(64))
    mapping: Mapped[dict[str, Any]]
    updated_at: Mapped[dt.datetime]
