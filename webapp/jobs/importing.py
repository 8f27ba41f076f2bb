"""The jobs that check and apply imports."""

from __future__ import annotations

import time

from webapp.jobs.registry import JobContext, PermanentJobError, job
from webapp.models import ImportBatch, ImportState
from webapp.services import access, jobs, notices
from webapp.services.access import Viewer
from webapp.services.importing import batches
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
    Check a file without holding others up, then write it whole in the transaction that ends the job.

    Whoever dies on the way has written nothing; the job is offered again.
    """
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
            viewer = _viewer(context)
            report = batches.apply(session, batch, viewer=viewer, by=context.actor())
            total = report.total
            text = f"{batch.file_name}: {total.new:,} new, {total.changed:,} changed, {total.unchanged:,} unchanged."
            notices.notify(
                session,
                viewer.person_id,
                kind="import",
                text=f"Import done. {text}",
                link=f"/imports/{batch.id}",
                by=context.actor(),
            )
            context.complete(session, {"import_id": batch.id, "rows": report.rows})
    except ImportRefusedError as error:
        # What the file refers to changed between the check and the writing.
        _keep(context, error.report)


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
    if not context.lost.is_set():
        with context.database.transaction() as session:
            jobs.end_cancelled(session, context.job_id, owner=context.owner, at=context.clock())
    return None


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
