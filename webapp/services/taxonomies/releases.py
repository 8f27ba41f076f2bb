"""
Releases of taxonomies: taken in, shown as a difference, applied on confirmation, listed.

A release is read and compared without a lock; writing it is one transaction, which first makes sure that what it was
compared with still stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    Job,
    ReleaseState,
    Taxonomy,
    TaxonomyCode,
    TaxonomyRelease,
)
from webapp.services import audit, jobs
from webapp.services.audit import Actor
from webapp.services.taxonomies import applying
from webapp.services.taxonomies.archive import Files, read_zip
from webapp.services.taxonomies.difference import Difference, compare
from webapp.services.taxonomies.draft import ReleaseDraft
from webapp.services.taxonomies.problems import ReleaseRefusedError
from webapp.services.taxonomies.sources.base import Progress
from webapp.services.taxonomies.sources.esco import read_esco
from webapp.services.taxonomies.sources.onet import read_onet
from webapp.services.taxonomies.stored import load_taxonomy

CHECK_JOB = "taxonomy.check"
APPLY_JOB = "taxonomy.apply"
_NAME_LENGTH = 40

Source = Callable[..., ReleaseDraft]
SOURCES: Mapping[TaxonomyCode, Source] = {TaxonomyCode.ESCO: read_esco, TaxonomyCode.ONET: read_onet}


def _silent(_number: int, _of: int, _name: str) -> None:
    """Tell nobody."""


def find_taxonomy(session: Session, code: TaxonomyCode) -> Taxonomy | None:
    """Return a taxonomy, or None if no file of it was ever taken in."""
    return session.scalar(select(Taxonomy).where(Taxonomy.code == code))


def get_taxonomy(session: Session, code: str) -> Taxonomy:
    """
    Return a taxonomy by its code.

    Raises
    ------
    NotFoundError
        If no file of it was ever taken in.
    """
    taxonomy = find_taxonomy(session, TaxonomyCode(code)) if code in set(TaxonomyCode) else None
    if taxonomy is None:
        raise NotFoundError("There is no such taxonomy.")
    return taxonomy


def current_release(session: Session, taxonomy: Taxonomy | None) -> TaxonomyRelease | None:
    """Return the release that was applied last, or None."""
    if taxonomy is None:
        return None
    return session.scalar(
        select(TaxonomyRelease)
        .where(TaxonomyRelease.taxonomy_id == taxonomy.id, TaxonomyRelease.state == ReleaseState.APPLIED)
        .order_by(TaxonomyRelease.applied_at.desc(), TaxonomyRelease.id.desc())
        .limit(1)
    )


def compare_files(
    session: Session, code: TaxonomyCode, files: Files, *, progress: Progress = _silent
) -> tuple[ReleaseDraft, Difference]:
    """
    Return what files say and what they would change; nothing is written.

    Raises
    ------
    ReleaseRefusedError
        If a file is malformed, naming file, row and column, or none is known.
    """
    draft = SOURCES[code](files, report=progress)
    return draft, compare(draft, load_taxonomy(session, find_taxonomy(session, code)))


def take_release(
    session: Session,
    *,
    code: TaxonomyCode,
    name: str,
    file_name: str,
    files: Files,
    content: bytes | None,
    by: Actor,
) -> TaxonomyRelease:
    """
    Take in the files of a release; they change nothing yet.

    Raises
    ------
    InvalidInputError
        If the release has no name or a long one.
    """
    name = name.strip()
    if not name:
        raise InvalidInputError("Say which release it is, such as 1.2.", field="name")
    if len(name) > _NAME_LENGTH:
        raise InvalidInputError(f"Keep the name under {_NAME_LENGTH} characters.", field="name")
    taxonomy = find_taxonomy(session, code) or Taxonomy(code=code)
    if taxonomy.id is None:
        session.add(taxonomy)
        # The row says only that there is a taxonomy of this name; what is in it is audited when it is applied.
        audit.record(session, "add_taxonomy", taxonomy, by=by, detail={"code": code.value})
    release = TaxonomyRelease(
        taxonomy=taxonomy,
        name=name,
        file_name=file_name[-255:],
        digest=files.digest(),
        content=content,
        report={},
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(release)
    session.flush()
    return release


def upload_release(
    session: Session, *, code: TaxonomyCode, name: str, file_name: str, content: bytes, by: Actor
) -> TaxonomyRelease:
    """
    Take in a ZIP archive with the files of a release, and queue the job that compares it.

    Raises
    ------
    InvalidInputError
        If the release has no name.
    ReleaseRefusedError
        If the archive is none, too large or dangerous.
    """
    files = read_zip(file_name, content)
    release = take_release(session, code=code, name=name, file_name=file_name, files=files, content=content, by=by)
    queue_check(session, release, by=by)
    return release


def queue_check(session: Session, release: TaxonomyRelease, *, by: Actor) -> Job:
    """Queue the job that compares a release with what is stored."""
    return _queue(session, release, CHECK_JOB, by=by)


def queue_apply(session: Session, release: TaxonomyRelease, *, by: Actor) -> Job:
    """
    Queue the job that applies a release.

    Raises
    ------
    ConflictError
        If it was not compared yet, or is applied already.
    """
    if release.state is not ReleaseState.CHECKED:
        raise ConflictError(f"This release is {release.state.value}; only one that was compared can be applied.")
    return _queue(session, release, APPLY_JOB, by=by)


def _queue(session: Session, release: TaxonomyRelease, kind: str, *, by: Actor) -> Job:
    if release.job is not None and not release.job.state.ended:
        raise ConflictError("Mainstay is at work on this release already.")
    release.job = jobs.enqueue(session, kind, {"release_id": release.id}, by=by)
    session.flush()
    return release.job


def read_release(
    session: Session, release: TaxonomyRelease, *, progress: Progress = _silent
) -> tuple[ReleaseDraft, Difference]:
    """
    Return what an uploaded release says and what it would change; nothing is written.

    Raises
    ------
    ConflictError
        If its files were let go, because it is applied.
    ReleaseRefusedError
        If a file is malformed.
    """
    if release.content is None:
        raise ConflictError("The files of this release are not kept any more: it is applied.")
    return compare_files(
        session, release.taxonomy.code, read_zip(release.file_name, release.content), progress=progress
    )


def keep_difference(
    session: Session, release: TaxonomyRelease, draft: ReleaseDraft, difference: Difference, *, base_id: int | None
) -> TaxonomyRelease:
    """Keep what a release would change, and what to, so that people can look at it."""
    _require_open(release)
    release.state, release.base_id = ReleaseState.CHECKED, base_id
    release.report = _report(draft, difference)
    applying.write_changes(session, release, difference.changes)
    session.flush()
    return release


def keep_refusal(session: Session, release: TaxonomyRelease, error: ReleaseRefusedError) -> TaxonomyRelease:
    """Keep why a release cannot be read."""
    _require_open(release)
    release.state = ReleaseState.REFUSED
    release.report = {"problems": [problem.as_json() for problem in error.problems]}
    session.flush()
    return release


def _require_open(release: TaxonomyRelease) -> None:
    if release.state is ReleaseState.APPLIED:
        raise ConflictError("This release is applied already.")


def _report(draft: ReleaseDraft, difference: Difference) -> dict[str, Any]:
    return {
        "files": [file.as_json() for file in draft.files],
        "unused": draft.unused,
        "missing": draft.missing,
        "counts": difference.counts(),
        "problems": [],
    }


def apply_release(
    session: Session,
    release: TaxonomyRelease,
    draft: ReleaseDraft,
    difference: Difference,
    *,
    base_id: int | None,
    by: Actor,
) -> TaxonomyRelease:
    """
    Write what a release changes; concepts that it no longer has are marked, not deleted.

    Parameters
    ----------
    session
        A writing session; its transaction makes the release whole or nothing.
    release, draft, difference
        The release, what its files say and what they change.
    base_id
        The release that the difference was taken to, None for the first.
    by
        Who confirmed it.

    Raises
    ------
    ConflictError
        If another release was applied since the difference was taken, or this one is applied already.
    """
    _require_open(release)
    base = current_release(session, release.taxonomy)
    if (base.id if base else None) != base_id:
        raise ConflictError(
            "Another release was applied meanwhile, so that the difference is no longer right. Compare again."
        )
    applying.write_changes(session, release, difference.changes)
    applying.write_release(session, release, difference)
    release.state, release.applied_at, release.base_id = ReleaseState.APPLIED, by.at, base_id
    release.report, release.content = _report(draft, difference), None
    detail = {
        "taxonomy": release.taxonomy.code.value,
        "release": release.name,
        "digest": release.digest,
        "counts": difference.counts(),
    }
    audit.record(session, "apply_taxonomy_release", release.taxonomy, by=by, detail=detail)
    return release


def discard_release(session: Session, release: TaxonomyRelease) -> None:
    """
    Let go of a release that was not applied, with its files.

    Raises
    ------
    ConflictError
        If it is applied, or a job is at work on it.
    """
    _require_open(release)
    if release.job is not None and not release.job.state.ended:
        raise ConflictError("Mainstay is at work on this release. Cancel that first.")
    applying.write_changes(session, release, [])
    session.delete(release)
    session.flush()


def get_release(session: Session, release_id: int) -> TaxonomyRelease:
    """
    Return a release with its taxonomy, job and who brought it.

    Raises
    ------
    NotFoundError
        If there is no such release.
    """
    release = session.scalar(
        select(TaxonomyRelease)
        .where(TaxonomyRelease.id == release_id)
        .options(
            joinedload(TaxonomyRelease.taxonomy),
            joinedload(TaxonomyRelease.job),
            joinedload(TaxonomyRelease.created_by),
        )
    )
    if release is None:
        raise NotFoundError("There is no such release.")
    return release


def get_release_with_files(session: Session, release_id: int) -> TaxonomyRelease:
    """Return a release and its files, which other readers leave where they are."""
    return session.get_one(TaxonomyRelease, release_id, options=[undefer(TaxonomyRelease.content)])
