"""The jobs that compare and apply releases of taxonomies."""

from __future__ import annotations

from collections.abc import Callable

from webapp.errors import ConflictError
from webapp.jobs.registry import JobContext, PermanentJobError, job
from webapp.models import ReleaseState
from webapp.services import notices
from webapp.services.taxonomies import releases
from webapp.services.taxonomies.attribution import PUBLICATIONS
from webapp.services.taxonomies.difference import Difference
from webapp.services.taxonomies.draft import ReleaseDraft
from webapp.services.taxonomies.problems import ReleaseRefusedError

_READING_SHARE = 0.7


class _CancelledError(Exception):
    """Cancellation was asked for while files were read."""


@job(releases.CHECK_JOB)
def check_release(context: JobContext) -> None:
    """Compare a release with what is stored, and keep the difference as the job ends."""
    found = _read(context)
    if found is None:
        return
    draft, difference, base_id = found
    context.report(_READING_SHARE, {"phase": "writing"})
    with context.database.transaction() as session:
        release = releases.get_release(session, _release_id(context))
        releases.keep_difference(session, release, draft, difference, base_id=base_id)
        context.complete(session, {"release_id": release.id, **difference.counts()})


@job(releases.APPLY_JOB)
def apply_release(context: JobContext) -> None:
    """
    Compare a release once more without holding others up, then write it whole in the transaction that ends the job.

    Whoever dies on the way has written nothing; the job is offered again.
    """
    found = _read(context)
    if found is None:
        return
    draft, difference, _ = found
    context.report(_READING_SHARE, {"phase": "writing"})
    try:
        with context.database.transaction() as session:
            release = releases.get_release(session, _release_id(context))
            # What was shown and confirmed was the difference to this base; to any other, people have to look again.
            base_id = release.base_id
            releases.apply_release(session, release, draft, difference, base_id=base_id, by=context.actor())
            if context.requested_by_id is not None:
                name = f"{PUBLICATIONS[release.taxonomy.code].name} {release.name}"
                notices.notify(
                    session,
                    context.requested_by_id,
                    kind="taxonomy",
                    text=f"{name} is applied.",
                    link=f"/taxonomies/releases/{release.id}",
                    by=context.actor(),
                )
            context.complete(session, {"release_id": release.id, **difference.counts()})
    except ConflictError as error:
        raise PermanentJobError(str(error)) from error


def _read(context: JobContext) -> tuple[ReleaseDraft, Difference, int | None] | None:
    """Return what a release says and changes, and what to; None if the job ended: refused or cancelled."""
    refused = None
    with context.database.reading() as session:
        release = releases.get_release_with_files(session, _release_id(context))
        if release.state is ReleaseState.APPLIED:
            raise PermanentJobError("This release is applied already.")
        base = releases.current_release(session, release.taxonomy)
        try:
            draft, difference = releases.read_release(session, release, progress=_reporter(context))
        except ReleaseRefusedError as error:
            refused = error
        except _CancelledError:
            pass
        else:
            return draft, difference, base.id if base else None
    if refused is not None:
        with context.database.transaction() as session:
            releases.keep_refusal(session, releases.get_release(session, _release_id(context)), refused)
            context.complete(session, {"release_id": _release_id(context), "problems": len(refused.problems)})
    elif not context.lost.is_set():
        with context.database.transaction() as session:
            context.end_cancelled(session)
    return None


def _release_id(context: JobContext) -> int:
    return int(context.payload["release_id"])


def _reporter(context: JobContext) -> Callable[[int, int, str], None]:
    def report(number: int, of: int, name: str) -> None:
        if context.should_cancel():
            raise _CancelledError
        # A release has a dozen files: one report for each is no burden.
        context.report(_READING_SHARE * number / max(1, of), {"phase": f"reading {name}"})

    return report
