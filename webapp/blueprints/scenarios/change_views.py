"""The changes of a scenario, one by one, and its name, policy and limit."""

from __future__ import annotations

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.scenarios.forms import CHANGE_FORMS, ScenarioForm, beside
from webapp.blueprints.scenarios.views import blueprint, get, offered_forms, render_scenario
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.services.access import Permission
from webapp.services.planning import policies, scenarios
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session


@blueprint.post("/<int:scenario_id>/edit")
@requires(Permission.RUN_PLANS)
def edit(scenario_id: int) -> ResponseReturnValue:
    """Change name, policy and time limit."""
    scenario, form = get(scenario_id, Permission.RUN_PLANS), ScenarioForm()
    form.offer(policies.list_choices(get_session()))
    if not form.validate_on_submit():
        return render_scenario(scenario, form=form, status=422)
    try:
        scenarios.edit_scenario(get_session(), scenario, request=form.asked(), by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return render_scenario(scenario, form=form, status=422)
    return redirect(url_for(".show", scenario_id=scenario_id))


@blueprint.post("/<int:scenario_id>/changes/<change_kind>")
@requires(Permission.RUN_PLANS)
def add_change(scenario_id: int, change_kind: str) -> ResponseReturnValue:
    """Add a change of a kind."""
    scenario = get(scenario_id, Permission.RUN_PLANS)
    if change_kind not in CHANGE_FORMS:
        abort(404)
    form = CHANGE_FORMS[change_kind](prefix=f"{change_kind}-")
    offered_forms(scenario, form)
    if not form.validate_on_submit():
        return render_scenario(scenario, change_form=form, status=422)
    try:
        change = form.read(scenario.day_on, scenario.site.time_zone)
        scenarios.add_change(get_session(), scenario, change, viewer=current_viewer(), by=actor())
    except InvalidInputError as error:
        add_error(form, beside(change_kind, error))
        return render_scenario(scenario, change_form=form, status=422)
    return redirect(url_for(".show", scenario_id=scenario_id) + "#changes")


@blueprint.post("/<int:scenario_id>/changes/<int:number>/remove")
@requires(Permission.RUN_PLANS)
def remove_change(scenario_id: int, number: int) -> ResponseReturnValue:
    """Take a change out."""
    scenarios.remove_change(get_session(), get(scenario_id, Permission.RUN_PLANS), number, by=actor())
    return redirect(url_for(".show", scenario_id=scenario_id) + "#changes")
