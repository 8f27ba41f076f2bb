"""What a weight does on a day that is over: asking for it, and what came out."""

from __future__ import annotations

import datetime as dt

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.policies.forms import TrialForm
from webapp.blueprints.policies.views import blueprint
from webapp.charts.scenario import weights_figure
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.services import access
from webapp.services.access import Permission
from webapp.services.planning import policies, weight_trials, words
from webapp.web import figures
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.tables import csv_response


@blueprint.get("/trials")
@requires(Permission.VIEW_PLANS)
def trials() -> ResponseReturnValue:
    """Show the form and the newest trials."""
    form = TrialForm(formdata=None)
    return _render_trials(form)


def _render_trials(form: TrialForm, status: int = 200) -> ResponseReturnValue:
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.VIEW_PLANS)
    form.offer([(site.id, site.name) for site in sites], policies.list_choices(session))
    found = weight_trials.list_trials(session, viewer=viewer)
    watch(*(f"job:{each.job_id}" for each in found[:5] if each.job_id is not None))
    return render_template("policies/trials.html", form=form, trials=found, term_words=words.term_words), status


@blueprint.post("/trials")
@requires(Permission.RUN_PLANS)
def start_trial() -> ResponseReturnValue:
    """Queue a trial, and go to it."""
    session, viewer, form = get_session(), current_viewer(), TrialForm()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.RUN_PLANS)
    form.offer([(site.id, site.name) for site in sites], policies.list_choices(session))
    if not form.validate_on_submit():
        return _render_trials(form, 422)
    policies.ensure_presets(session, by=actor())
    site = next(each for each in sites if each.id == form.site.data)
    try:
        trial = weight_trials.request_trial(
            session,
            site,
            form.day.data or dt.date.min,
            policy=policies.get_policy(session, form.policy.data),
            term=form.term.data,
            by=actor(),
        )
    except InvalidInputError as error:
        add_error(form, error)
        return _render_trials(form, 422)
    return redirect(url_for(".trial", trial_id=trial.id))


@blueprint.get("/trials/<int:trial_id>")
@requires(Permission.VIEW_PLANS)
def trial(trial_id: int) -> ResponseReturnValue:
    """Show what each weight did, as a page or as CSV."""
    found = weight_trials.get_trial(get_session(), trial_id, viewer=current_viewer())
    if request.args.get("format") == "csv":
        terms = sorted({term for point in found.points or [] for term in point["terms"]})
        names = ("weight", "status", "value", "served", "changed", "live_minutes", "stretch_minutes")
        rows = (
            (*(point[name] for name in names), *(point["terms"].get(term) for term in terms))
            for point in found.points or []
        )
        return csv_response(f"weight-trial-{found.id}.csv", (*names, *terms), rows)
    if found.job_id is not None:
        watch(f"job:{found.job_id}")
    return render_template(
        "policies/trial.html",
        trial=found,
        figure=weights_figure(found, words.term_words(found.term)) if found.points else None,
        term_words=words.term_words,
        status_words=words.status_words,
    )


@blueprint.get("/trials/<int:trial_id>/figure")
@requires(Permission.VIEW_PLANS)
def trial_figure(trial_id: int) -> ResponseReturnValue:
    """Answer with the figure of a trial."""
    found = weight_trials.get_trial(get_session(), trial_id, viewer=current_viewer())
    if not found.points:
        raise NotFoundError("This trial has no result yet.")
    return figures.respond(weights_figure(found, words.term_words(found.term)))
