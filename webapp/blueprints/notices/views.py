"""Notices: the list, and what happens when one is opened."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.services import notices
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import current_viewer, get_session, now
from webapp.web.toasts import flash_success

blueprint = Blueprint("notices", __name__, url_prefix="/notices")


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """List the person's notices."""
    watch(f"notices:{current_viewer().person_id}")
    return render_template("notices/index.html", notices=notices.list_notices(get_session(), viewer=current_viewer()))


@blueprint.post("/<int:notice_id>/open")
@requires(Permission.USE_MAINSTAY)
def open_notice(notice_id: int) -> ResponseReturnValue:
    """Mark a notice as read and go where it leads."""
    notice = notices.get_notice(get_session(), notice_id, viewer=current_viewer())
    notices.mark_read(get_session(), notice, at=now())
    return redirect(notice.link or url_for(".index"))


@blueprint.post("/read")
@requires(Permission.USE_MAINSTAY)
def read_all() -> ResponseReturnValue:
    """Mark all notices as read."""
    count = notices.mark_all_read(get_session(), viewer=current_viewer(), at=now())
    flash_success("1 notice marked as read." if count == 1 else f"{count} notices marked as read.")
    return redirect(url_for(".index"))
