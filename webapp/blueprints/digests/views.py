"""What waits for me: the digest as a page, as it stands now."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from webapp.services import digests
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import current_person, current_viewer, get_session, today

blueprint = Blueprint("digests", __name__)


@blueprint.get("/my/week")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Show what waits for the person: the weekly message, with what has been done since left out."""
    person = current_person()
    on = today(person.site)
    days = int(current_app.extensions["config"].overdue_days)
    digest = digests.digest_of(get_session(), person, viewer=current_viewer(), on=on, overdue_days=days)
    return render_template("digests/index.html", digest=digest, on=on)
