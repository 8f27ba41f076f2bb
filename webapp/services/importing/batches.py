"""Imports as they are kept: uploaded, mapped, checked, applied, listed."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, ForbiddenError, NotFoundError
from webapp.models import ColumnMapping, ImportBatch, ImportKind, ImportState, Job, Site
from webapp.services import audit, jobs
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.importing.content import Content
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.kinds.base import Progress
from webapp.services.importing.problems import MAX_LISTED
from webapp.services.importing.running import Report, Source, run, suggest
from webapp.services.importing.shift_difference import Missing

CHECK_JOB = "import.check"
APPLY_JOB = "import.apply"
FINISH_JOB = "import.finish"
AT_ONCE_BYTES = 256 * 1024
"""Files up to this size are checked while the person waits, larger ones by a job."""

_NAME_LENGTH = 255
_BYTES_AT_ONCE = 1024 * 1024


class ChangedSinceError(ConflictError):
    """What an import would do is not any more what its last check showed."""


def kinds_of(viewer: Viewer) -> list[ImportKind]:
    """Return the kinds that the viewer may import."""
    return [name for name, kind in KINDS.items() if viewer.can(kind.permission)]


def require_kind(kind: ImportKind, *, viewer: Viewer | None) -> None:
    """
    Refuse a kind that the viewer may not import.

    Raises
    ------
    ForbiddenError
        If they may not.
    """
    if viewer is not None and not viewer.can(KINDS[kind].permission):
        raise ForbiddenError(f"Your roles do not include importing {KINDS[kind].title.lower()}.")


def upload(
    session: Session,
    *,
    kind: ImportKind,
    file_name: str,
    content: bytes,
    site: Site | None = None,
    options: Mapping[str, Any] | None = None,
    mapping: Mapping[str, str] | None = None,
    viewer: Viewer | None,
    by: Actor,
) -> ImportBatch:
    """
    Keep a file with the likely mapping of its columns.

    Raises
    ------
    FileRefusedError
        If it cannot be read at all; nothing is kept then.
    ForbiddenError
        If the viewer may not import this kind.
    """
    require_kind(kind, viewer=viewer)
    source = Source(kind, content, site=site, options=KINDS[kind].prepare_options(dict(options or {})))
    if mapping is None:
        mapping = suggest(session, source, source.read())
    batch = ImportBatch(
        kind=kind,
        state=ImportState.UPLOADED,
        file_name=file_name[-_NAME_LENGTH:],
        file_digest=hashlib.sha256(content).hexdigest(),
        content=content,
        site_id=site.id if site is not None else None,
        mapping=dict(mapping),
        options=dict(source.options),
        report={},
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(batch)
    audit.record(session, "upload_import", batch, by=by, detail={"kind": kind.value, "digest": batch.file_digest})
    return batch


def map_columns(session: Session, batch: ImportBatch, *, mapping: Mapping[str, str], by: Actor) -> None:
    """
    Say which header holds which column, and remember it for files with the same header.

    Raises
    ------
    FileRefusedError
        If the mapping cannot work; its problem names the column.
    ConflictError
        If the import was applied already.
    """
    _require_open(batch)
    table = source_of(session, batch).read()
    KINDS[batch.kind].check(table.header, dict(mapping))
    batch.mapping = dict(mapping)
    batch.state, batch.report = ImportState.UPLOADED, {}
    remember(session, batch.kind, table.digest, mapping, by=by)
    audit.record(session, "map_import", batch, by=by, detail={"columns": sorted(mapping)})


def remember(session: Session, kind: ImportKind, digest: str, mapping: Mapping[str, str], *, by: Actor) -> None:
    """Remember a mapping for the next file with the same header."""
    known = session.scalar(
        select(ColumnMapping).where(ColumnMapping.kind == kind, ColumnMapping.header_digest == digest)
    )
    if known is None:
        known = ColumnMapping(kind=kind, header_digest=digest, mapping={}, updated_at=by.at)
        session.add(known)
    known.mapping, known.updated_at = dict(mapping), by.at
    session.flush()


def source_of(session: Session, batch: ImportBatch) -> Source:
    """Return the file of an import, as it is to be read."""
    return _source(session, batch, batch.content)


def _source(session: Session, batch: ImportBatch, content: Content) -> Source:
    site = session.get(Site, batch.site_id) if batch.site_id is not None else None
    return Source(batch.kind, content, mapping=dict(batch.mapping), site=site, options=dict(batch.options))


@contextmanager
def open_source(session: Session, batch: ImportBatch) -> Iterator[Source]:
    """Yield the file of an import, put on disk a part at a time, so that a long one takes no memory."""
    with tempfile.TemporaryDirectory(prefix="mainstay-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            position = 1
            while part := _read_part(session, batch.id, position):
                file.write(part)
                position += len(part)
        yield _source(session, batch, path)


def _read_part(session: Session, batch_id: int, position: int) -> bytes:
    part = func.substr(ImportBatch.content, position, _BYTES_AT_ONCE, type_=LargeBinary)
    return bytes(session.scalar(select(part).where(ImportBatch.id == batch_id)) or b"")


def check(
    session: Session, batch: ImportBatch, *, viewer: Viewer | None, by: Actor, progress: Progress | None = None
) -> Report:
    """Go through the file without writing anything; the session may be a reading one."""
    with open_source(session, batch) as source:
        return run(session, source, viewer=viewer, by=by, progress=progress)


def keep_check(session: Session, batch: ImportBatch, report: Report, *, by: Actor) -> None:
    """
    Keep what a check found.

    Raises
    ------
    ConflictError
        If the import was applied meanwhile.
    """
    _require_open(batch)
    batch.report = report.as_json(limit=MAX_LISTED)
    batch.difference = report.difference.as_json() if report.sound and report.difference is not None else None
    batch.state = ImportState.CHECKED if report.sound else ImportState.REFUSED
    audit.record(session, "check_import", batch, by=by, detail=figures(report))


def apply(
    session: Session, batch: ImportBatch, *, viewer: Viewer | None, by: Actor, progress: Progress | None = None
) -> Report:
    """
    Write a file into the database, whole or not at all, with one audit event.

    Raises
    ------
    ImportRefusedError
        If the file has problems; nothing of it is written.
    ConflictError
        If it was applied already, or would change other shifts than its last check showed.
    ForbiddenError
        If the viewer may not, or no longer, import this kind.
    """
    require_kind(batch.kind, viewer=viewer)
    _require_open(batch)
    with session.begin_nested():
        report = run(session, source_of(session, batch), viewer=viewer, by=by, batch_id=batch.id, progress=progress)
        _require_seen(batch, report)
    if report.difference is not None:
        batch.difference = report.difference.as_json()
    batch.report = report.as_json(limit=MAX_LISTED)
    batch.state, batch.applied_at = ImportState.APPLIED, by.at
    remember(session, batch.kind, report.header_digest, batch.mapping, by=by)
    audit.record(session, "apply_import", batch, by=by, detail={"digest": batch.file_digest, **figures(report)})
    return report


def choose_missing(session: Session, batch: ImportBatch, missing: Missing, *, by: Actor) -> None:
    """
    Say what becomes of stored shifts that a file lacks; it is to be checked again then.

    Raises
    ------
    ConflictError
        If the import was applied already, or holds no shifts.
    """
    _require_open(batch)
    if batch.kind is not ImportKind.SHIFTS:
        raise ConflictError("Only a file of shifts says which shifts there are.")
    kept = {name: value for name, value in batch.options.items() if name != "missing"}
    batch.options = kept if missing is Missing.KEEP else {**kept, "missing": missing.value}
    batch.state, batch.report, batch.difference = ImportState.UPLOADED, {}, None
    audit.record(session, "choose_missing_shifts", batch, by=by, detail={"missing": missing.value})


def _require_seen(batch: ImportBatch, report: Report) -> None:
    """Refuse to write another difference than the one that a check showed."""
    if batch.state is not ImportState.CHECKED or report.difference is None or batch.difference is None:
        return
    if batch.difference["digest"] != report.difference.digest:
        raise ChangedSinceError(
            "The roster has changed since this file was checked. Check it again, and look at the difference."
        )


def _require_open(batch: ImportBatch) -> None:
    if batch.state is ImportState.STAGED:
        raise ConflictError("This import is being written. Wait until it is done, or cancel it.")
    if batch.state in {ImportState.APPLIED, ImportState.UNDONE}:
        raise ConflictError(f"This import was {batch.state.value} already; upload the file again to import it anew.")


def figures(report: Report) -> dict[str, Any]:
    """Return what an audit event tells of a report."""
    total = report.total
    return {
        "kind": report.kind.value,
        "rows": report.rows,
        "new": total.new,
        "changed": total.changed,
        "unchanged": total.unchanged,
        "removed": total.removed,
        "errors": report.problem_count,
    }


def get_batch(session: Session, batch_id: int, *, viewer: Viewer) -> ImportBatch:
    """
    Return an import of the viewer, or anybody's for those who see the whole audit trail.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    batch = session.scalar(
        select(ImportBatch).where(ImportBatch.id == batch_id).options(joinedload(ImportBatch.created_by))
    )
    if batch is None or not _may_see(batch, viewer):
        raise NotFoundError("There is no such import.")
    return batch


def _may_see(batch: ImportBatch, viewer: Viewer) -> bool:
    if not viewer.can(KINDS[batch.kind].permission):
        return False
    return batch.created_by_id == viewer.person_id or viewer.can(Permission.VIEW_AUDIT)


def _of(viewer: Viewer, kinds: Collection[ImportKind]) -> Any:
    query = select(ImportBatch).where(ImportBatch.kind.in_(kinds))
    return query if viewer.can(Permission.VIEW_AUDIT) else query.where(ImportBatch.created_by_id == viewer.person_id)


def count_batches(session: Session, *, viewer: Viewer, kinds: Collection[ImportKind]) -> int:
    """Return how many imports of these kinds the viewer may see."""
    return session.scalar(select(func.count()).select_from(_of(viewer, kinds).subquery())) or 0


def list_batches(
    session: Session, *, viewer: Viewer, kinds: Collection[ImportKind], offset: int = 0, limit: int | None = None
) -> Sequence[ImportBatch]:
    """Return the imports of these kinds that the viewer may see, newest first."""
    query = _of(viewer, kinds).options(joinedload(ImportBatch.created_by)).order_by(ImportBatch.id.desc())
    return list(session.scalars(query.offset(offset).limit(limit)))


def queue_check(session: Session, batch: ImportBatch, *, by: Actor) -> None:
    """
    Let a job check the file.

    Raises
    ------
    ConflictError
        If the import was applied already.
    BusyError
        If the person has too many jobs waiting.
    """
    _require_open(batch)
    _queue(session, batch, CHECK_JOB, by=by)


def queue_apply(session: Session, batch: ImportBatch, *, by: Actor) -> None:
    """
    Let a job write the file into the database.

    Raises
    ------
    ConflictError
        If it was not checked, has problems, was applied already, or a job works on it.
    BusyError
        If the person has too many jobs waiting.
    """
    _require_open(batch)
    if batch.state is not ImportState.CHECKED:
        raise ConflictError("Only a file that was checked and has no problems can be imported.")
    job = find_job(session, batch)
    if job is not None and not job.state.ended:
        raise ConflictError("A job works on this import already.")
    _queue(session, batch, APPLY_JOB, by=by)


def _queue(session: Session, batch: ImportBatch, kind: str, *, by: Actor) -> None:
    job = jobs.enqueue(session, kind, {"import_id": batch.id}, by=by)
    batch.job_id = job.id
    audit.record(session, "queue_import", batch, by=by, detail={"job_id": job.id, "kind": kind})


def find_job(session: Session, batch: ImportBatch) -> Job | None:
    """Return the latest job of an import, if there is one."""
    return session.get(Job, batch.job_id) if batch.job_id is not None else None


def estimate_rows(batch: ImportBatch) -> int:
    """Return about how many rows a file has: those of its last check, else its lines."""
    known = batch.report.get("rows")
    return int(known) if known else batch.content.count(b"\n")


def preview(session: Session, batch: ImportBatch, *, rows: int = 3) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and the first rows of a file, for people who map its columns."""
    table = source_of(session, batch).read()
    return table.header, [row.cells for row in islice(table.rows(), rows)]
