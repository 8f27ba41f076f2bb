"""What stands around a skill, drawn and as a list, with the weights of its links."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.skill_graph.forms import WeightForm
from webapp.charts.skill_graph import draw_skill_map
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Skill
from webapp.services import catalogue, skill_graph, skill_links
from webapp.services.access import Permission
from webapp.services.skill_graph import Side, SkillMap
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("skill_graph", __name__, url_prefix="/skills")

SIDE_WORDS = {
    Side.NEEDS: "Needs first",
    Side.LEADS_TO: "Leads to",
    Side.BROADER: "Belongs to",
    Side.NARROWER: "Contains",
    Side.RELATED: "Related",
}


@blueprint.get("/<int:skill_id>/graph")
@requires(Permission.USE_MAINSTAY)
def around(skill_id: int) -> ResponseReturnValue:
    """Show what stands around a skill, as a page or as CSV."""
    session = get_session()
    skill = catalogue.get_skill(session, skill_id)
    if request.args.get("format") == "csv":
        return _csv(skill_graph.map_skill(session, skill))
    return _page(skill)


def _page(skill: Skill, *, wrong: WeightForm | None = None, link_id: int = 0) -> str:
    shown = skill_graph.map_skill(get_session(), skill)
    return render_template(
        "skill_graph/around.html",
        skill=skill,
        map=shown,
        picture=draw_skill_map(shown),
        side_words=SIDE_WORDS,
        wrong=wrong,
        wrong_link_id=link_id,
    )


def _csv(shown: SkillMap) -> ResponseReturnValue:
    rows = (
        (
            each.side.value,
            each.layer,
            each.skill.code,
            each.skill.name,
            shown.weight_to(each.skill) if each.side is Side.RELATED else None,
        )
        for each in shown.skills
        if each.side is not Side.MIDDLE
    )
    return csv_response(f"{shown.middle.code}-graph.csv", ("side", "steps", "code", "skill", "weight"), rows)


@blueprint.post("/<int:skill_id>/links/<int:link_id>/weight")
@requires(Permission.EDIT_CATALOGUE)
def change_weight(skill_id: int, link_id: int) -> ResponseReturnValue:
    """Change how much of a related skill carries over."""
    session, form = get_session(), WeightForm()
    skill = catalogue.get_skill(session, skill_id)
    link = skill_links.get_link(skill, link_id)
    if form.validate() and form.weight.data is not None:
        try:
            before = skill_links.change_weight(session, skill, link_id, weight=float(form.weight.data), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            # Undo posts an empty form, so the weight stands in its address.
            back = url_for(".restore_weight", skill_id=skill.id, link_id=link_id, weight=before)
            flash_undo(f"{link.other.name} now carries over {link.weight * 100:.0f} %.", back)
            return redirect(url_for(".around", skill_id=skill.id))
    return _page(skill, wrong=form, link_id=link_id), 422


@blueprint.post("/<int:skill_id>/links/<int:link_id>/weight/restore")
@requires(Permission.EDIT_CATALOGUE)
def restore_weight(skill_id: int, link_id: int) -> ResponseReturnValue:
    """Give a link its earlier weight again."""
    session = get_session()
    skill = catalogue.get_skill(session, skill_id)
    weight = request.args.get("weight", 1.0, type=float)
    skill_links.change_weight(session, skill, link_id, weight=weight, by=actor())
    flash_success("The weight is as it was.")
    return redirect(url_for(".around", skill_id=skill.id))
