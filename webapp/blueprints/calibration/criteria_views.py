"""Pages on which HR says which skill each criterion of a quality evaluation speaks of."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.calibration.forms import CriterionForm
from webapp.blueprints.calibration.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.services import catalogue, evaluation_preview, evaluations
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success


@blueprint.get("/criteria")
@requires(Permission.EDIT_CATALOGUE)
def criteria() -> ResponseReturnValue:
    """List the criteria of quality evaluations, as a page or as CSV; those that wait first."""
    found = evaluations.list_criteria(get_session())
    if request.args.get("format") == "csv":
        rows = (
            (
                each.form,
                each.criterion,
                each.skill.code if each.skill else None,
                *(round(100 * cut) for cut in each.cuts),
                "yes" if each.ignored else "no",
                each.waiting,
            )
            for each in found
        )
        cuts = (f"level_{level}_from_percent" for level in range(1, 6))
        return csv_response("quality-criteria.csv", ("form", "criterion", "skill", *cuts, "left_out", "waiting"), rows)
    return render_template("calibration/criteria.html", criteria=found)


@blueprint.route("/criteria/<int:criterion_id>", methods=["GET", "POST"])
@requires(Permission.EDIT_CATALOGUE)
def criterion(criterion_id: int) -> ResponseReturnValue:
    """Choose the skill of a criterion, with a preview on the last file that had it."""
    session = get_session()
    shown = evaluations.get_criterion(session, criterion_id)
    form = CriterionForm()
    form.offer(catalogue.list_current_skills(session))
    if not form.is_submitted():
        form.fill(shown)
    # Looking is no saving: the second button only shows what the shares would make of the last file.
    elif form.validate() and "look" not in request.form:
        try:
            evaluations.map_criterion(session, shown, form.entry(), version=form.version_number, by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{shown.criterion} is kept. Files imported from now on follow.")
            return redirect(url_for(".criteria"))
    page = render_template(
        "calibration/criterion.html",
        criterion=shown,
        form=form,
        preview=evaluation_preview.preview(session, shown, form.cuts()),
    )
    return page, 422 if form.is_submitted() and (form.errors or form.form_errors) else 200
