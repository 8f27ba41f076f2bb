"""Skills that lie idle: of the people whom one works with, and one's own."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services import access, hidden_skills
from webapp.services.access import Permission
from webapp.services.hidden_skills import LOOK_BACK_DAYS, HiddenSkill
from webapp.web.guard import requires
from webapp.web.request import current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response

blueprint = Blueprint("hidden", __name__)


@blueprint.get("/hidden-skills")
@requires(Permission.VIEW_RECORDS)
def index() -> ResponseReturnValue:
    """Show which skills people hold and want and no plan asks of them, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    teams = access.list_teams(session, viewer=viewer, permission=Permission.VIEW_RECORDS)
    lines = hidden_skills.find_hidden_skills(
        session,
        today(current_person().site),
        viewer=viewer,
        team_id=request.args.get("team", type=int),
        said=request.args.get("wish") != "any",
    )
    if request.args.get("format") == "csv":
        return _csv(lines)
    return render_template(
        "hidden/index.html",
        lines=lines,
        days=LOOK_BACK_DAYS,
        people=len({line.person.id for line in lines}),
        minutes=sum({(line.person.site_id, line.skill.id): line.demand.minutes for line in lines}.values()),
        team_options=[(team.id, f"{team.name}, {team.site.name}") for team in teams],
    )


@blueprint.get("/my/skills/hidden")
@requires(Permission.KEEP_OWN_RECORD)
def mine() -> ResponseReturnValue:
    """Show one's own skills that lie idle, and the work that would use them."""
    person = current_person()
    lines = hidden_skills.list_own_hidden_skills(get_session(), person, today(person.site))
    return render_template("hidden/mine.html", lines=lines, days=LOOK_BACK_DAYS)


def _csv(lines: Sequence[HiddenSkill]) -> ResponseReturnValue:
    header = ("number", "name", "team", "skill", "level", "wish", "last_used_on", "engagements_next_week", "minutes")
    rows = (
        (
            line.person.external_id,
            line.person.name,
            line.person.team.name if line.person.team else None,
            line.skill.name,
            line.projection.effective_level,
            line.projection.interest.value,
            line.projection.last_used_on,
            line.demand.count,
            round(line.demand.minutes),
        )
        for line in lines
    )
    return csv_response("hidden-skills.csv", header, rows)
