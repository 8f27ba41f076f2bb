"""
Large exports: a job writes the file, and the person who asked fetches it by a link that holds once.

The file waits for a day.  A link to it is made when its person asks for one, opens for them alone, for fifteen minutes
and one time; only its digest is kept.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, undefer

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import ExportFile, ImportKind, Job, JobState
from webapp.services import audit, jobs, notices
from webapp.services.access import Scope, Viewer
from webapp.services.audit import Actor
from webapp.services.exporting.formats import Format
from webapp.services.exporting.kinds import EXPORTS, require_kind
from webapp.services.importing.kinds import KINDS

WRITE_JOB = "export.write"
KEPT_FOR = dt.timedelta(days=1)
LINK_HOLDS_FOR = dt.timedelta(minutes=15)
MOST_BYTES = 256 * 1024 * 1024
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it is sent."""

    name: str
    media_type: str
    content: bytes


def request(session: Session, kind: ImportKind, form: Format, *, by: Actor) -> ExportFile:
    """
    Queue the writing of all rows of a kind that the person may see.

    Raises
    ------
    InvalidInputError
        If there is no such export, or nobody asks for it.
    QuotaError
        If the person has as many exports waiting as they may have.
    """
    if kind not in EXPORTS or by.person_id is None:
        raise InvalidInputError("There is no such export.")
    job = jobs.enqueue(session, WRITE_JOB, {"kind": kind.value, "form": form.value}, by=by)
    file = ExportFile(
        job_id=job.id,
        person_id=by.person_id,
        kind=kind.value,
        form=form.value,
        created_at=by.at,
        expires_at=by.at + KEPT_FOR,
    )
    session.add(file)
    audit.record(session, "request_export", job, by=by, detail={"kind": kind.value, "form": form.value})
    return file


def keep(session: Session, job_id: int, packed: bytes, *, rows: int, size: int, scope: Scope, by: Actor) -> ExportFile:
    """
    Keep what a job has written, and tell its person.

    Parameters
    ----------
    session
        The session in which the job ends.
    job_id
        The job.
    packed
        The file, compressed by gzip.
    rows, size
        How many rows it has, and bytes when it is unpacked.
    scope
        Where the person's roles held when the rows were read.
    by
        The person, through the job.

    Raises
    ------
    InvalidInputError
        If it is too large to be kept.
    """
    if len(packed) > MOST_BYTES:
        raise InvalidInputError(f"The file has more than {MOST_BYTES // 2**20} MiB, even compressed. Export less.")
    file = session.scalars(select(ExportFile).where(ExportFile.job_id == job_id)).one()
    file.content, file.rows, file.size, file.expires_at = packed, rows, size, by.at + KEPT_FOR
    file.scope = scope.written()
    session.flush()
    audit.record(session, "write_export", session.get_one(Job, job_id), by=by, detail={"kind": file.kind, "rows": rows})
    notices.notify(
        session,
        file.person_id,
        kind="export",
        text=f"Your export is ready: {KINDS[ImportKind(file.kind)].title}, {rows:,} rows.",
        link=f"/jobs/{job_id}",
        by=by,
    )
    return file


def find_file(session: Session, job: Job) -> ExportFile | None:
    """Return the file that a job wrote or is to write, or None."""
    return session.scalar(select(ExportFile).where(ExportFile.job_id == job.id))


def make_link(session: Session, job_id: int, *, viewer: Viewer, by: Actor) -> str:
    """
    Return the token of a new link to the file that a job wrote; the link before it holds no more.

    Raises
    ------
    NotFoundError
        If it is not the viewer's file.
    ConflictError
        If it is not written yet, or deleted already.
    ForbiddenError
        If the viewer may not export this kind any more, or see less of it than when the file was written.
    """
    mine = (ExportFile.job_id == job_id, ExportFile.person_id == viewer.person_id)
    file = session.scalar(select(ExportFile).where(*mine))
    if file is None:
        raise NotFoundError("There is no such file.")
    _require_scope(file, viewer)
    if file.size is None or file.expires_at <= by.at or file.job.state is not JobState.DONE:
        raise ConflictError("This file is not written yet, or deleted already. Export it again.")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    file.link_digest, file.link_until = _digest(token), by.at + LINK_HOLDS_FOR
    session.flush()
    return token


def open_link(session: Session, token: str, *, viewer: Viewer, by: Actor) -> Download:
    """
    Return the file of a link, which holds no more afterwards.

    Raises
    ------
    NotFoundError
        If there is no such link, or it is another person's, was used, or its time is over: all alike.
    ForbiddenError
        If the viewer may not export this kind any more, or see less of it than when the file was written.
    """
    statement = (
        update(ExportFile)
        .where(
            ExportFile.link_digest == _digest(token),
            ExportFile.person_id == viewer.person_id,
            ExportFile.link_until > by.at,
            ExportFile.expires_at > by.at,
        )
        .values(link_digest=None, link_until=None, downloaded_at=by.at)
        .returning(ExportFile.id)
        .execution_options(synchronize_session=False)
    )
    found = session.execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFoundError(
            "This link was used already, or its time is over. Make a new one on the page of the export."
        )
    file = session.scalars(select(ExportFile).where(ExportFile.id == found).options(undefer(ExportFile.content))).one()
    _require_scope(file, viewer)
    audit.record(session, "download_export", file.job, by=by, detail={"kind": file.kind, "rows": file.rows})
    return Download(
        name=f"{file.kind}.{file.form}",
        media_type=Format(file.form).media_type,
        content=gzip.decompress(file.content or b""),
    )


def _require_scope(file: ExportFile, viewer: Viewer) -> None:
    """Refuse a file to a person whose roles hold in fewer places than when it was written."""
    kind = ImportKind(file.kind)
    require_kind(kind, viewer=viewer)
    if file.size is None:
        return
    if file.scope is None or not viewer.scope(EXPORTS[kind].permission).covers(Scope.read(file.scope)):
        raise ForbiddenError(
            "Your roles have changed since this file was written; it may hold what you no longer see. Export it again."
        )


def has_expired(session: Session, *, at: dt.datetime) -> bool:
    """Return whether there is a file whose day is over."""
    return session.scalar(select(ExportFile.id).where(ExportFile.expires_at <= at).limit(1)) is not None


def purge(session: Session, *, at: dt.datetime) -> int:
    """Delete the files whose day is over, and return how many there were."""
    keys = session.scalars(select(ExportFile.id).where(ExportFile.expires_at <= at)).all()
    session.execute(delete(ExportFile).where(ExportFile.id.in_(keys)).execution_options(synchronize_session=False))
    return len(keys)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
