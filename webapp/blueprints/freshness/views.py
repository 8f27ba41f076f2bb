"""Freshness: its definition for everybody, and the figure of each team for those who may see its records."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services import access, freshness
from webapp.services.access import Permission
from webapp.services.freshness import FRESH_DAYS
from webapp.web.guard import requires
from webapp.web.request import can, current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response

blueprint = Blueprint("freshness", __name__, url_prefix="/freshness")


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Say what freshness means and show that of each team, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    seen = can(Permission.VIEW_RECORDS)
    teams = access.list_teams(session, viewer=viewer, permission=Permission.VIEW_RECORDS) if seen else []
    figures = freshness.by_team(session, [team.id for team in teams], today(current_person().site))
    lines = [(team, figures[team.id]) for team in teams]
    if request.args.get("format") == "csv":
        rows = (
            (team.code, team.name, team.site.name, figure.held, figure.fresh, figure.share) for team, figure in lines
        )
        return csv_response("freshness.csv", ("code", "team", "site", "held", "fresh", "share"), rows)
    return render_template("freshness/index.html", lines=lines, days=FRESH_DAYS, sees_teams=seen)
