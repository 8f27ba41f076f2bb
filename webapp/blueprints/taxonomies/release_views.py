"""Pages of the releases of taxonomies: upload, difference, apply, discard."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.taxonomies.forms import UploadForm
from webapp.blueprints.taxonomies.views import KIND_WORDS, blueprint
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import ChangeKind, TaxonomyRelease
from webapp.services import audit
from webapp.services.access import Permission
from webapp.services.taxonomies import history, releases
from webapp.services.taxonomies.attribution import PUBLICATIONS
from webapp.web.arguments import choice_argument
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success

CHANGE_WORDS = {
    ChangeKind.ADDED: "Added",
    ChangeKind.REMOVED: "Removed",
    ChangeKind.RELABELLED: "Relabelled",
    ChangeKind.MOVED: "Moved",
    ChangeKind.REWORDED: "Reworded",
    ChangeKind.RELINKED: "Other links",
}


@blueprint.route("/upload", methods=["GET", "POST"])
@requires(Permission.EDIT_CATALOGUE)
def upload() -> ResponseReturnValue:
    """Take the files of a release, and let a job compare them."""
    form = UploadForm()
    if form.validate_on_submit():
        sent = form.file.data
        try:
            release = releases.upload_release(
                get_session(),
                code=form.code,
                name=form.name.data or "",
                file_name=sent.filename or "release.zip",
                content=sent.read(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            return redirect(url_for(".release", release_id=release.id))
    page = render_template("taxonomies/upload.html", form=form, publications=PUBLICATIONS)
    return page, 422 if form.is_submitted() else 200


@blueprint.get("/releases/<int:release_id>")
@requires(Permission.EDIT_CATALOGUE)
def release(release_id: int) -> ResponseReturnValue:
    """Show what a release changes, before it is applied and ever after; as a page or as CSV."""
    session = get_session()
    shown = releases.get_release(session, release_id)
    counts = shown.report.get("counts", {})
    if request.args.get("format") == "csv":
        return _csv(shown)
    first = next((kind for kind in ChangeKind if counts.get(kind.value)), ChangeKind.ADDED)
    kind = choice_argument("change", ChangeKind) or first
    page = page_from_request(counts.get(kind.value, 0))
    return render_template(
        "taxonomies/release.html",
        release=shown,
        publication=PUBLICATIONS[shown.taxonomy.code],
        job=shown.job,
        counts=counts,
        unchanged=not any(counts.values()),
        kind=kind,
        change_words=CHANGE_WORDS,
        kind_words=KIND_WORDS,
        changes=history.list_changes(session, shown, kind, offset=page.offset, limit=page.size),
        page=page,
        losing=history.list_losing(session, shown),
        events=audit.history(session, shown.taxonomy),
    )


def _csv(shown: TaxonomyRelease) -> ResponseReturnValue:
    header = ("change", "kind", "uri", "label", "before", "after")
    changes = history.list_changes(get_session(), shown)
    rows = (
        (line.kind.value, line.concept_kind.value, line.uri, line.label, line.before, line.after) for line in changes
    )
    return csv_response(f"{shown.taxonomy.code.value}-{shown.name}.csv", header, rows)


@blueprint.post("/releases/<int:release_id>/check")
@requires(Permission.EDIT_CATALOGUE)
def check(release_id: int) -> ResponseReturnValue:
    """Compare a release again, because another was applied meanwhile."""
    session = get_session()
    shown = releases.get_release(session, release_id)
    if shown.applied_at is not None:
        raise ConflictError("This release is applied already.")
    releases.queue_check(session, shown, by=actor())
    return redirect(url_for(".release", release_id=release_id))


@blueprint.post("/releases/<int:release_id>/apply")
@requires(Permission.EDIT_CATALOGUE)
def apply(release_id: int) -> ResponseReturnValue:
    """Let a job write a release."""
    session = get_session()
    releases.queue_apply(session, releases.get_release(session, release_id), by=actor())
    return redirect(url_for(".release", release_id=release_id))


@blueprint.post("/releases/<int:release_id>/discard")
@requires(Permission.EDIT_CATALOGUE)
def discard(release_id: int) -> ResponseReturnValue:
    """Let go of a release that was not applied."""
    session = get_session()
    shown = releases.get_release(session, release_id)
    name = f"{PUBLICATIONS[shown.taxonomy.code].name} {shown.name}"
    releases.discard_release(session, shown)
    flash_success(f"{name} is discarded. The catalogue and the taxonomy are as they were.")
    return redirect(url_for(".index"))
