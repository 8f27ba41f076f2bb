"""Several days and sites planned by one request."""

from __future__ import annotations

import datetime as dt

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.plans.forms import ManyForm
from webapp.blueprints.plans.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Site
from webapp.services import access
from webapp.services.access import Permission
from webapp.services.planning import fan_out, policies, runs
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session, today
from webapp.web.toasts import flash_success


def _sites() -> list[Site]:
    return access.list_sites(get_session(), viewer=current_viewer(), permission=Permission.RUN_PLANS)


def _form(sites: list[Site]) -> ManyForm:
    form = ManyForm()
    form.offer(policies.list_choices(get_session()), [(site.id, site.name) for site in sites])
    if not form.is_submitted():
        form.sites.data = [site.id for site in sites]
        form.first_on.data = today(current_person().site) + dt.timedelta(days=1)
    return form


@blueprint.get("/many")
@requires(Permission.RUN_PLANS)
def many() -> ResponseReturnValue:
    """Show the form that asks for plans of several days and sites."""
    sites = _sites()
    return render_template("plans/many.html", form=_form(sites), most=fan_out.MOST_PARTS)


@blueprint.post("/many")
@requires(Permission.RUN_PLANS)
def start_many() -> ResponseReturnValue:
    """Queue a run for each day of each site, and go to their progress."""
    sites = _sites()
    form = _form(sites)
    if not form.validate_on_submit():
        return render_template("plans/many.html", form=form, most=fan_out.MOST_PARTS), 422
    wanted = runs.RunRequest(policy=form.policy.data, time_limit_seconds=form.time_limit_seconds.data or 0.0)
    try:
        asked = fan_out.request_many(
            get_session(),
            [site for site in sites if site.id in set(form.sites.data or ())],
            form.chosen_days(),
            request=wanted,
            by=actor(),
        )
    except InvalidInputError as error:
        add_error(form, error)
        return render_template("plans/many.html", form=form, most=fan_out.MOST_PARTS), 422
    if asked.left_out:
        flash_success(f"{len(asked.left_out)} days are left out: nobody works, or a run is under way.")
    return redirect(url_for("jobs.job", job_id=asked.job.id))
