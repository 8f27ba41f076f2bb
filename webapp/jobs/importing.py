"""The jobs that check and apply imports."""

from __future__ import annotations

import time

from sqlalchemy.orm import Session

from webapp.jobs.registry import JobContext, PermanentJobError, job
from webapp.jobs.staged import StagedImport
from webapp.models import ImportBatch, ImportState
from webapp.services import access, jobs, notices
from webapp.services.access import Viewer
from webapp.services.importing import batches
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.kinds.base import Progress
from webapp.services.importing.running import ImportRefusedError, Report

REPORT_SECONDS = 1.0
CHECKING_SHARE = 0.7


class _CancelledError(Exception):
    """Cancellation was asked for while the file was gone through."""


@job(batches.CHECK_JOB)
def check_import(context: JobContext) -> None:
    """Check a file, and keep what was found as the job ends."""
    report = _check(context)
    if report is not None:
        _keep(context, report)


@job(batches.APPLY_JOB)
def apply_import(context: JobContext) -> None:
    """
    Write a file so that others see all of it or nothing, whenever the worker dies; the job is offered again then.

    A file of skill events is staged. Any other is checked without holding others up, then written whole in the
    transaction that ends the job.
    """
    if _is_staged(context):
        _apply_staged(context)
    else:
        _apply_whole(context)


def _apply_whole(context: JobContext) -> None:
    report = _check(context)
    if report is None:
        return
    if not report.sound:
        _keep(context, report)
        return
    context.report(CHECKING_SHARE, {"phase": "writing", "rows": report.rows})
    try:
        with context.database.transaction() as session:
            batch = session.get_one(ImportBatch, _batch_id(context))
            batches.apply(session, batch, viewer=_viewer(context), by=context.actor())
            _end(context, session)
    except ImportRefusedError as error:
        # What the file refers to changed between the check and the writing.
        _keep(context, error.report)
    except batches.ChangedSinceError as error:
        raise PermanentJobError(str(error)) from error


def _end(context: JobContext, session: Session) -> None:
    """Tell the person that their import is done, and end the job."""
    batch = session.get_one(ImportBatch, _batch_id(context))
    names = ("new", "changed", "unchanged", *(("removed",) if batch.report.get("removed") else ()))
    figures = [f"{batch.report.get(name, 0):,} {name}" for name in names]
    if context.requested_by_id is not None:
        notices.notify(
            session,
            context.requested_by_id,
            kind="import",
            text=f"Import done. {batch.file_name}: {', '.join(figures)}.",
            link=f"/imports/{batch.id}",
            by=context.actor(),
        )
    context.complete(session, {"import_id": batch.id, "rows": batch.report.get("rows", 0)})


def _is_staged(context: JobContext) -> bool:
    with context.database.reading() as session:
        return KINDS[session.get_one(ImportBatch, _batch_id(context)).kind].staged


def _apply_staged(context: JobContext) -> None:
    with context.database.reading() as session:
        batch = session.get_one(ImportBatch, _batch_id(context))
        if _is_over(batch):
            raise PermanentJobError(f"This import is {batch.state.value} already.")
        if batch.state is ImportState.STAGED and batch.job_id != context.job_id:
            raise PermanentJobError("Another job works on this import.")
        published, expected = batch.state is ImportState.APPLIED, batches.estimate_rows(batch)
    staged = _staged(context, viewer=_viewer(context), progress=_reporter(context, expected))
    try:
        if not published:
            staged.write()
        context.report(CHECKING_SHARE, {"phase": "writing"})
        staged.project(at_end=lambda session: _end(context, session))
    except ImportRefusedError as error:
        _keep(context, error.report)
    except _CancelledError:
        _end_cancelled(context)


def _staged(context: JobContext, *, viewer: Viewer | None = None, progress: Progress | None = None) -> StagedImport:
    def guard(session: Session) -> None:
        jobs.beat(session, context.job_id, owner=context.owner, at=context.clock())

    return StagedImport(
        context.database, _batch_id(context), viewer=viewer, by=context.actor(), guard=guard, progress=progress
    )


@job(batches.FINISH_JOB)
def finish_import(context: JobContext) -> None:
    """
    Finish what a console command left behind when it was killed.

    What already counts is projected; what does not is deleted, and the file waits to be imported again.
    """
    with context.database.reading() as session:
        state = session.get_one(ImportBatch, _batch_id(context)).state
    staged = _staged(context)
    if state is ImportState.APPLIED:
        staged.project(at_end=lambda session: context.complete(session, {"import_id": staged.batch_id}))
        return
    staged.discard()
    with context.database.transaction() as session:
        context.complete(session, {"import_id": staged.batch_id})


def _is_over(batch: ImportBatch) -> bool:
    return batch.state is ImportState.UNDONE or (batch.state is ImportState.APPLIED and batch.projected_to is None)


def _check(context: JobContext) -> Report | None:
    """Return what a check finds, or None if the job ended: cancelled, or its import is applied already."""
    with context.database.reading() as session:
        batch = session.get_one(ImportBatch, _batch_id(context))
        if batch.state in {ImportState.APPLIED, ImportState.UNDONE}:
            raise PermanentJobError(f"This import is {batch.state.value} already.")
        progress = _reporter(context, batches.estimate_rows(batch))
        try:
            return batches.check(session, batch, viewer=_viewer(context), by=context.actor(), progress=progress)
        except _CancelledError:
            pass
    _end_cancelled(context)
    return None


def _end_cancelled(context: JobContext) -> None:
    if not context.lost.is_set():
        with context.database.transaction() as session:
            context.end_cancelled(session)


def _keep(context: JobContext, report: Report) -> None:
    with context.database.transaction() as session:
        batch = session.get_one(ImportBatch, _batch_id(context))
        batches.keep_check(session, batch, report, by=context.actor())
        context.complete(session, {"import_id": batch.id, "rows": report.rows, "errors": report.problem_count})


def _batch_id(context: JobContext) -> int:
    return int(context.payload["import_id"])


def _viewer(context: JobContext) -> Viewer:
    """Return the person who asked, with the scope that they have now."""
    if context.requested_by_id is None:
        raise PermanentJobError("An import needs the person who asked for it.")
    with context.database.reading() as session:
        return access.get_viewer(session, context.requested_by_id)


def _reporter(context: JobContext, expected: int) -> Progress:
    told_at = time.monotonic()

    def report(rows: int) -> None:
        nonlocal told_at
        if context.should_cancel():
            raise _CancelledError
        # Each report is a write; more than one a second would only make others wait for the database.
        if time.monotonic() - told_at >= REPORT_SECONDS:
            told_at = time.monotonic()
            share = CHECKING_SHARE * min(1.0, rows / max(1, expected))
            context.report(share, {"phase": "checking", "rows": rows, "of": max(rows, expected)})

    return report
