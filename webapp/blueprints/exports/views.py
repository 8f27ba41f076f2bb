"""Files out, by pages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from flask import Blueprint, Response, abort, redirect, url_for
from flask.typing import ResponseReturnValue

from webapp.models import ImportKind
from webapp.services import export_files
from webapp.services.access import Permission
from webapp.services.exporting.formats import Format
from webapp.services.exporting.kinds import EXPORTS, export, require_kind
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_database, get_session, now

blueprint = Blueprint("exports", __name__, url_prefix="/exports")

_BYTES_AT_ONCE = 64 * 1024


@blueprint.get("/<kind>.<any(csv, xlsx, json):form>")
@requires(Permission.USE_MAINSTAY)
def download(kind: str, form: str) -> ResponseReturnValue:
    """Answer with all rows of a kind that the viewer may see."""
    if kind not in {name.value for name in EXPORTS}:
        abort(404)
    name, written, viewer = ImportKind(kind), Format(form), current_viewer()
    require_kind(name, viewer=viewer)
    # A long file waits on disk and not in memory until it is sent.
    target = tempfile.TemporaryFile()  # noqa: SIM115 - it is open until the last part is sent
    try:
        export(get_session(), name, written, target, viewer=viewer, on=now().date())
    except BaseException:
        target.close()
        raise
    answer = Response(_send(target), mimetype=written.media_type)
    answer.call_on_close(target.close)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name.value}.{written.value}"'
    return answer


@blueprint.post("/<kind>.<any(csv, xlsx, json):form>")
@requires(Permission.USE_MAINSTAY)
def prepare(kind: str, form: str) -> ResponseReturnValue:
    """Queue the writing of all rows of a kind, and go to its progress."""
    if kind not in {name.value for name in EXPORTS}:
        abort(404)
    require_kind(ImportKind(kind), viewer=current_viewer())
    file = export_files.request(get_session(), ImportKind(kind), Format(form), by=actor())
    return redirect(url_for("jobs.job", job_id=file.job_id))


@blueprint.get("/links/<link>")
@requires(Permission.USE_MAINSTAY)
def fetch(link: str) -> ResponseReturnValue:
    """Answer with the file of a link, which holds once, for the person who made it."""
    viewer, by = current_viewer(), actor()
    # The link is used up before a byte is sent; a GET has a session that only reads.
    with get_database().transaction() as session:
        found = export_files.open_link(session, link, viewer=viewer, by=by)
    answer = Response(found.content, mimetype=found.media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _send(target: BinaryIO) -> Iterator[bytes]:
    with target:
        target.seek(0)
        while part := target.read(_BYTES_AT_ONCE):
            yield part
