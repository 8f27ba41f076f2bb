"""Pages on which one skill is merged into another, and the undo."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.catalogue.forms import MergeForm
from webapp.blueprints.catalogue.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.services import catalogue
from webapp.services.access import Permission
from webapp.services.skill_merging import merging
from webapp.services.skill_merging.plan import MergePlan, plan_merge
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.toasts import flash_success, flash_undo


@blueprint.route("/<int:skill_id>/merge", methods=["GET", "POST"])
@requires(Permission.EDIT_CATALOGUE)
def merge(skill_id: int) -> ResponseReturnValue:
    """Show what would move with a skill, and merge it once somebody says so."""
    session = get_session()
    source = catalogue.get_skill(session, skill_id)
    # The target comes with the address while it is looked at, and with the form when it is done.
    form = MergeForm(request.form if request.method == "POST" else request.args)
    form.offer(skill for skill in catalogue.list_current_skills(session) if skill.id != source.id)
    plan: MergePlan | None = None
    if form.target_id.data and (form.validate() if request.method == "POST" else form.target_id.validate(form)):
        target = catalogue.get_skill(session, form.target_id.data)
        try:
            if request.method == "POST":
                done = merging.merge_skill(session, source, target, by=actor())
                flash_undo(f"{source.name} is part of {target.name} now.", url_for(".undo_merge", merge_id=done.id))
                return redirect(url_for(".skill", skill_id=target.id))
            plan = plan_merge(session, source, target)
        except InvalidInputError as error:
            add_error(form, error)
    page = render_template(
        "catalogue/merge.html",
        skill=source,
        form=form,
        plan=plan,
        uses=catalogue.list_uses(session, source),
    )
    return page, 422 if request.method == "POST" else 200


@blueprint.post("/merges/<int:merge_id>/undo")
@requires(Permission.EDIT_CATALOGUE)
def undo_merge(merge_id: int) -> ResponseReturnValue:
    """Let a merged skill stand alone again."""
    session = get_session()
    restored = merging.undo_merge(session, merging.get_merge(session, merge_id), by=actor())
    flash_success(f"{restored.name} stands alone again, with all that had followed.")
    return redirect(url_for(".skill", skill_id=restored.id))
