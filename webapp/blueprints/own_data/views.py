"""What Mainstay holds about the person who asks, and all of it as one file."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, render_template, send_file
from flask.typing import ResponseReturnValue

from webapp.services import own_export
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, get_session, today

blueprint = Blueprint("own_data", __name__, url_prefix="/my/data")


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Show what there is about oneself, by kind and number."""
    parts = own_export.list_parts(get_session(), current_person())
    return render_template("own_data/index.html", parts=parts, left_out=own_export.LEFT_OUT)


@blueprint.post("")
@requires(Permission.USE_MAINSTAY)
def export() -> ResponseReturnValue:
    """Answer with everything about oneself as one archive; taking it is a change, which the trail keeps."""
    person = current_person()
    # A person's files are few enough for memory: services/attachments.py limits them.
    archive = BytesIO()
    own_export.export_own(get_session(), person, archive, by=actor())
    archive.seek(0)
    name = f"mainstay-{person.external_id}-{today(person.site)}.zip"
    answer = send_file(archive, mimetype="application/zip", as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "no-store"
    return answer
