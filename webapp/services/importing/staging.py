"""
Writing a long file of skill events a part at a time, so that others need not wait and yet see all of it or nothing.

1. :func:`begin` marks the import as staged: its events do not count (:mod:`webapp.models.staging`).
2. Its events are appended in many short transactions while the file is gone through.
3. :func:`publish` ends that in one short transaction, which writes the audit event; from here on all events count.
4. :func:`prepare_part` and :func:`write_part` project the records again in many short transactions.  The import keeps
   how far it got; until the end whoever reads records projects the rest (:mod:`webapp.services.unprojected`).

What was staged and never published is deleted by :func:`discard_part`: the log only keeps what has counted.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Table, delete, exists, func, select, update
from sqlalchemy.orm import Session

from webapp.errors import ConflictError
from webapp.models import ImportBatch, ImportState, SkillEvent, SkillEventKind
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.importing.batches import figures, remember
from webapp.services.importing.problems import MAX_LISTED
from webapp.services.importing.running import Report
from webapp.services.log_writing import project_as
from webapp.services.projecting import PreparedRecords, prepare_records, write_records

EVENTS_AT_ONCE = 2_000
"""Events of one transaction: it lasts about a tenth of a second."""

_BATCHES: Table = ImportBatch.__table__  # type: ignore[assignment]
_EVENTS: Table = SkillEvent.__table__  # type: ignore[assignment]
_OPEN = (ImportState.UPLOADED, ImportState.CHECKED, ImportState.REFUSED)


class OvertakenError(Exception):
    """Other imports changed the same records while the file was gone through; it has to be gone through again."""


def begin(session: Session, batch_id: int) -> int:
    """
    Mark an import as being written, and return the newest event of the log.

    Raises
    ------
    ConflictError
        If it is being written, or was applied, already.
    """
    _change_state(session, batch_id, was=_OPEN, becomes=ImportState.STAGED)
    return session.connection().scalar(select(func.max(_EVENTS.c.id))) or 0


def _change_state(session: Session, batch_id: int, *, was: tuple[ImportState, ...], becomes: ImportState) -> None:
    # Not by the ORM, which asks for an audit event: the one event of an import is that of its publication.
    changed = session.connection().execute(
        update(_BATCHES).where(_BATCHES.c.id == batch_id, _BATCHES.c.state.in_(was)).values(state=becomes)
    )
    if changed.rowcount != 1:
        raise ConflictError("This import was applied already, or somebody else works on it.")


def publish(session: Session, batch: ImportBatch, report: Report, *, seen_to: int, by: Actor) -> None:
    """
    Let all events of an import count, with one audit event.

    Parameters
    ----------
    session
        A writing session.
    batch
        The import.
    report
        What going through its file found.
    seen_to
        The newest event when that began.
    by
        Who imports, and when.

    Raises
    ------
    OvertakenError
        If another import changed the same records since; the caller discards and begins again.
    ConflictError
        If the import is not being written.
    """
    # Two imports are published one after the other, so that the second one finds what the first one did.
    session.execute(
        select(ImportBatch.id).where(ImportBatch.state == ImportState.STAGED).order_by(ImportBatch.id).with_for_update()
    )
    session.refresh(batch, ["state"])
    if batch.state is not ImportState.STAGED:
        raise ConflictError("This import is not being written.")
    if _is_overtaken(session, batch.id, seen_to):
        raise OvertakenError
    batch.report = report.as_json(limit=MAX_LISTED)
    batch.state, batch.applied_at = ImportState.APPLIED, by.at
    batch.projected_to = _first_event(session, batch.id)
    remember(session, batch.kind, report.header_digest, batch.mapping, by=by)
    audit.record(session, "apply_import", batch, by=by, detail={"digest": batch.file_digest, **figures(report)})


def _first_event(session: Session, batch_id: int) -> int | None:
    """Return the key before the import's first event, or None if it has none and nothing is left to project."""
    first = session.connection().scalar(select(func.min(_EVENTS.c.id)).where(_EVENTS.c.import_batch_id == batch_id))
    return None if first is None else int(first) - 1


def _is_overtaken(session: Session, batch_id: int, seen_to: int) -> bool:
    own, other = _EVENTS.alias("own"), _EVENTS.alias("other")
    counts = _BATCHES.alias("counts")
    counting = exists().where(counts.c.id == other.c.import_batch_id, counts.c.state == ImportState.APPLIED)
    taken_back = (other.c.import_batch_id.is_(None)) & (other.c.kind == SkillEventKind.RETRACT)
    # The few events that are new decide where to look; the import's own are many.
    query = (
        select(other.c.id)
        .where(other.c.id > seen_to, other.c.import_batch_id.is_distinct_from(batch_id), counting | taken_back)
        .where(
            exists().where(
                own.c.person_id == other.c.person_id,
                own.c.skill_id == other.c.skill_id,
                own.c.import_batch_id == batch_id,
            )
        )
        .limit(1)
    )
    return session.connection().scalar(query) is not None


@dataclass(frozen=True, slots=True)
class Part:
    """Some records of an import that are ready to be written, up to an event."""

    projected_to: int
    records: PreparedRecords


def prepare_part(session: Session, batch_id: int, *, on: dt.date) -> Part | None:
    """Project the next records of a published import, or return None if all are; the session may be a reading one."""
    projected_to = session.connection().scalar(select(_BATCHES.c.projected_to).where(_BATCHES.c.id == batch_id))
    if projected_to is None:
        return None
    query = (
        select(_EVENTS.c.id, _EVENTS.c.person_id, _EVENTS.c.skill_id)
        .where(_EVENTS.c.import_batch_id == batch_id, _EVENTS.c.id > projected_to)
        .order_by(_EVENTS.c.id)
        .limit(EVENTS_AT_ONCE)
    )
    events = session.connection().execute(query).all()
    if not events:
        return None
    pairs = project_as(session, {(person_id, skill_id) for _, person_id, skill_id in events})
    return Part(events[-1].id, prepare_records(session, pairs, on))


def write_part(session: Session, batch_id: int, part: Part) -> None:
    """Write some records of a published import, and note how far it got."""
    write_records(session, part.records)
    _note_projected(session, batch_id, part.projected_to)


def end_projection(session: Session, batch_id: int) -> None:
    """Note that all records of an import are projected."""
    _note_projected(session, batch_id, None)


def _note_projected(session: Session, batch_id: int, projected_to: int | None) -> None:
    session.connection().execute(update(_BATCHES).where(_BATCHES.c.id == batch_id).values(projected_to=projected_to))


def discard_part(session: Session, batch_id: int) -> bool:
    """
    Delete some events of an import that was never published, and return whether there may be more.

    With the last of them the import is as it was uploaded.

    Raises
    ------
    ConflictError
        If it is not being written: what has counted is never deleted.
    """
    state = session.connection().scalar(select(_BATCHES.c.state).where(_BATCHES.c.id == batch_id).with_for_update())
    if state is not ImportState.STAGED:
        raise ConflictError("Only an import that is being written can be given up.")
    # The newest first: those that take others of the same file back come after them.
    newest = (
        select(_EVENTS.c.id)
        .where(_EVENTS.c.import_batch_id == batch_id)
        .order_by(_EVENTS.c.id.desc())
        .limit(EVENTS_AT_ONCE)
    )
    ids = session.connection().scalars(newest).all()
    if ids:
        session.connection().execute(delete(_EVENTS).where(_EVENTS.c.id.in_(ids)))
        return True
    _change_state(session, batch_id, was=(ImportState.STAGED,), becomes=ImportState.UPLOADED)
    return False
