"""The heat map of a team: skills × people, with filter and sorting in the address."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.models import SkillKind, Team
from webapp.services import access, catalogue, heat_map
from webapp.services.access import Permission
from webapp.services.heat_map import HeatFilter, HeatMap, SkillSort
from webapp.web.arguments import choice_argument, chosen_day
from webapp.web.guard import requires
from webapp.web.labels import sentence
from webapp.web.live import watch
from webapp.web.request import current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response

blueprint = Blueprint("teams", __name__, url_prefix="/heat-map")

SORT_WORDS = {
    SkillSort.GROUP: "By group",
    SkillSort.NAME: "By name",
    SkillSort.THINNEST: "Thinnest first",
    SkillSort.STRONGEST: "Strongest first",
}


def _filter() -> HeatFilter:
    return HeatFilter(
        text=request.args.get("q", "").strip(),
        group_id=request.args.get("group", type=int),
        kind=choice_argument("kind", SkillKind),
        level=min(5, max(0, request.args.get("level", 0, type=int))),
        stale=request.args.get("fresh") == "stale",
        sort=choice_argument("sort", SkillSort) or SkillSort.GROUP,
        person_sort=request.args.get("best", type=int),
    )


def _choose_team(teams: list[Team]) -> Team | None:
    """Return the team that the address names, else the viewer's own, else the first; None if they see none."""
    wanted = request.args.get("team", type=int)
    if wanted is not None:
        return heat_map.get_team(get_session(), wanted, viewer=current_viewer())
    own = next((team for team in teams if team.id == current_person().team_id), None)
    return own or (teams[0] if teams else None)


@blueprint.get("", endpoint="heat_map")
@requires(Permission.VIEW_RECORDS)
def show() -> ResponseReturnValue:
    """Show who in a team holds which skill, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    teams = access.list_teams(session, viewer=viewer, permission=Permission.VIEW_RECORDS)
    team = _choose_team(teams)
    if team is None:
        return render_template("teams/none.html")
    watch(f"team:{team.id}", "catalogue", pause_seconds=2)
    present = today(team.site)
    on = chosen_day(present, "on")
    shown = heat_map.build_heat_map(session, team, on, viewer=viewer, chosen=_filter(), present=present)
    if request.args.get("format") == "csv":
        return _csv(shown)
    return render_template(
        "teams/heat_map.html",
        map=shown,
        # Of each person once, not of each cell.
        links=[url_for("records.person", person_id=person.id) for person in shown.people],
        chosen=_filter(),
        team_options=[(each.id, f"{each.name}, {each.site.name}") for each in teams],
        group_options=[(group.id, group.name) for group in catalogue.list_groups(session)],
        kind_options=[(kind.value, sentence(kind)) for kind in SkillKind],
        sort_options=[(sort.value, words) for sort, words in SORT_WORDS.items()],
    )


def _csv(shown: HeatMap) -> ResponseReturnValue:
    header = ["skill", "group", *(person.name for person in shown.people), "holders", "at_3_or_better"]
    rows = (
        [
            row.skill.name,
            row.skill.group.name if row.skill.group else None,
            *(cell.effective_level if cell else None for cell in row.cells),
            row.holders,
            row.competent,
        ]
        for row in shown.rows
    )
    return csv_response(f"heat-map-{shown.team.code}.csv", header, rows)
