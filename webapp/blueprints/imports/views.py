"""Files in, by pages: choose a kind, upload, map columns, check, import, undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.imports.forms import MappingForm, UploadForm
from webapp.errors import DependencyError, InvalidInputError
from webapp.forms import add_error
from webapp.models import ImportBatch, ImportKind
from webapp.services import access, audit
from webapp.services.access import Permission
from webapp.services.exporting.kinds import exports_of
from webapp.services.importing import batches, templates, undoing
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.problems import FileRefusedError
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success

blueprint = Blueprint("imports", __name__, url_prefix="/imports")

_SHOWN_PROBLEMS = 50
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@blueprint.get("")
@requires(Permission.IMPORT_DIRECTORY)
def index() -> ResponseReturnValue:
    """Offer what can be imported, and list what was."""
    return _index()


@blueprint.get("/work")
@requires(Permission.IMPORT_WORK)
def work_index() -> ResponseReturnValue:
    """Offer what schedulers import, and list what was."""
    return _index()


def _index() -> ResponseReturnValue:
    session, viewer = get_session(), current_viewer()
    kinds = batches.kinds_of(viewer)
    if request.args.get("format") == "csv":
        found = batches.list_batches(session, viewer=viewer, kinds=kinds)
        header = ("import", "kind", "file", "state", "rows", "errors", "by", "at")
        return csv_response("imports.csv", header, [_line(batch) for batch in found])
    page = page_from_request(batches.count_batches(session, viewer=viewer, kinds=kinds))
    return render_template(
        "imports/index.html",
        kinds=[KINDS[kind] for kind in kinds],
        titles={kind: KINDS[kind].title for kind in kinds},
        exportable=exports_of(viewer),
        batches=batches.list_batches(session, viewer=viewer, kinds=kinds, offset=page.offset, limit=page.size),
        page=page,
    )


def _line(batch: ImportBatch) -> Sequence[Any]:
    by = batch.created_by.name if batch.created_by else "operator"
    figures = (batch.report.get("rows"), batch.report.get("errors"))
    return (batch.id, batch.kind.value, batch.file_name, batch.state.value, *figures, by, batch.created_at.isoformat())


def _kind(name: str) -> ImportKind:
    try:
        kind = ImportKind(name)
    except ValueError:
        abort(404)
    batches.require_kind(kind, viewer=current_viewer())
    return kind


@blueprint.get("/template/<kind>.<any(csv, xlsx):form>")
@requires(Permission.IMPORT_FILES)
def template(kind: str, form: str) -> ResponseReturnValue:
    """Answer with a template of a kind."""
    name = _kind(kind)
    content = templates.template_xlsx(name) if form == "xlsx" else templates.template_csv(name)
    return Response(
        content,
        mimetype=_XLSX if form == "xlsx" else "text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name.value}-template.{form}"'},
    )


@blueprint.route("/new/<kind>", methods=["GET", "POST"])
@requires(Permission.IMPORT_FILES)
def new(kind: str) -> ResponseReturnValue:
    """Take a file."""
    name = _kind(kind)
    viewer = current_viewer()
    sites = access.list_sites(get_session(), viewer=viewer, permission=KINDS[name].permission)
    form = UploadForm()
    form.offer(name, sites, site_needed=KINDS[name].needs_site)
    if form.validate_on_submit():
        upload = form.file.data
        try:
            batch = batches.upload(
                get_session(),
                kind=name,
                file_name=upload.filename or "file",
                content=upload.read(),
                site=next((site for site in sites if site.id == form.site_id.data), None),
                options=form.choices_made(),
                viewer=viewer,
                by=actor(),
            )
            # A file whose first rows cannot be read is refused here, beside its field, and not on the page after.
            batches.preview(get_session(), batch)
            return redirect(url_for(".columns", batch_id=batch.id))
        except FileRefusedError as error:
            form.file.errors = [*form.file.errors, str(error)]
        except InvalidInputError as error:
            add_error(form, error)
    status = 422 if form.is_submitted() else 200
    return render_template("imports/new.html", kind=KINDS[name], form=form), status


def get_import(batch_id: int) -> ImportBatch:
    """Return the import of the address, if the viewer may see it."""
    return batches.get_batch(get_session(), batch_id, viewer=current_viewer())


@blueprint.route("/<int:batch_id>/columns", methods=["GET", "POST"])
@requires(Permission.IMPORT_FILES)
def columns(batch_id: int) -> ResponseReturnValue:
    """Let the person say which header holds which column, then check the file."""
    batch = get_import(batch_id)
    header, rows = batches.preview(get_session(), batch)
    form = MappingForm.of(KINDS[batch.kind].columns, header, batch.mapping)
    if form.validate_on_submit():
        try:
            batches.map_columns(get_session(), batch, mapping=form.mapping(), by=actor())
            check_again(batch)
            return redirect(url_for(".show", batch_id=batch.id))
        except InvalidInputError as error:
            field = f"column_{error.field}"
            add_error(form, InvalidInputError(str(error), field=field if field in form else None))
    status = 422 if form.is_submitted() else 200
    return (
        render_template(
            "imports/columns.html", batch=batch, kind=KINDS[batch.kind], form=form, header=header, rows=rows
        ),
        status,
    )


def check_again(batch: ImportBatch) -> None:
    """Check a short file at once, and let a job check a long one."""
    if len(batch.content) > batches.AT_ONCE_BYTES:
        batches.queue_check(get_session(), batch, by=actor())
        return
    report = batches.check(get_session(), batch, viewer=current_viewer(), by=actor())
    batches.keep_check(get_session(), batch, report, by=actor())


@blueprint.get("/<int:batch_id>")
@requires(Permission.IMPORT_FILES)
def show(batch_id: int) -> ResponseReturnValue:
    """Show an import: its check, its progress, its report."""
    watch(f"import:{batch_id}")
    return _page(get_import(batch_id))


def _page(batch: ImportBatch, *, hindrances: Sequence[str] = ()) -> str:
    session = get_session()
    job = batches.find_job(session, batch)
    if job is not None:
        watch(f"job:{job.id}")
    return render_template(
        "imports/show.html",
        batch=batch,
        kind=KINDS[batch.kind],
        job=job,
        report=batch.report,
        shown=_SHOWN_PROBLEMS,
        hindrances=hindrances,
        may_undo=undoing.may_undo(batch, viewer=current_viewer()),
        events=audit.history(session, batch),
    )


@blueprint.get("/<int:batch_id>/problems.csv")
@requires(Permission.IMPORT_FILES)
def problems(batch_id: int) -> ResponseReturnValue:
    """Answer with each problem and each rejected row as CSV."""
    report = get_import(batch_id).report
    header = ("row", "column", "value", "code", "message", "accepted")
    listed = [*report.get("problems", []), *report.get("rejected", [])]
    return csv_response(f"import-{batch_id}-problems.csv", header, [[line[name] for name in header] for line in listed])


@blueprint.post("/<int:batch_id>/check")
@requires(Permission.IMPORT_FILES)
def check(batch_id: int) -> ResponseReturnValue:
    """Check the file again, because what it refers to has changed."""
    check_again(get_import(batch_id))
    return redirect(url_for(".show", batch_id=batch_id))


@blueprint.post("/<int:batch_id>/apply")
@requires(Permission.IMPORT_FILES)
def apply(batch_id: int) -> ResponseReturnValue:
    """Let a job write the file into the database."""
    batches.queue_apply(get_session(), get_import(batch_id), by=actor())
    return redirect(url_for(".show", batch_id=batch_id))


@blueprint.post("/<int:batch_id>/undo")
@requires(Permission.IMPORT_FILES)
def undo(batch_id: int) -> ResponseReturnValue:
    """Take an import back, or name the rows that later changes depend on."""
    batch = get_import(batch_id)
    try:
        undoing.undo(get_session(), batch, viewer=current_viewer(), by=actor())
    except DependencyError as error:
        return _page(batch, hindrances=error.rows), 409
    flash_success(f"The import of {batch.file_name} is undone.")
    return redirect(url_for(".show", batch_id=batch_id))
