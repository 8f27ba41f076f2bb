"""The audit trail, newest first."""

from __future__ import annotations

import json

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services import audit
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.labels import sentence
from webapp.web.request import get_session
from webapp.web.tables import csv_response, page_from_request

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

CSV_LIMIT = 50_000


@blueprint.get("")
@requires(Permission.VIEW_AUDIT)
def index() -> ResponseReturnValue:
    """List what was changed, by whom, as a page or as CSV."""
    session = get_session()
    search = audit.Search(
        action=request.args.get("action", ""), channel=request.args.get("channel", ""), who=request.args.get("who", "")
    )
    if request.args.get("format") == "csv":
        header = ("id", "at", "actor", "channel", "action", "subject", "subject_id", "person_id", "detail", "digest")
        rows = (
            (
                event.id,
                event.at.isoformat(),
                event.actor.external_id if event.actor else "",
                event.channel,
                event.action,
                event.subject_kind,
                event.subject_id,
                event.person_id,
                json.dumps(event.detail, sort_keys=True),
                event.digest,
            )
            for event in audit.search_events(session, search, limit=CSV_LIMIT)
        )
        return csv_response("audit-trail.csv", header, rows)
    page = page_from_request(audit.count_events(session, search))
    return render_template(
        "audit/index.html",
        events=audit.search_events(session, search, limit=page.size, offset=page.offset),
        page=page,
        actions=[(action, sentence(action)) for action in audit.list_actions(session)],
    )
