"""A site's day: demand against capacity, its runs and plans, and the form that starts a run."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.plans.forms import RunForm
from webapp.charts.demand import demand_figure
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import Site
from webapp.services import forecasting, roster_marks, slipping
from webapp.services.access import Permission
from webapp.services.planning import overview, pins, policies, runs
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.words import status_words
from webapp.web import figures
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_error, flash_success

blueprint = Blueprint("plans", __name__, url_prefix="/plans")


def _site_and_day(permission: Permission = Permission.VIEW_PLANS) -> tuple[Site, dt.date]:
    """Return the site and day that the address names; a person's own site and today by default."""
    site = chosen_site(permission)
    return site, chosen_day(today(site))


@blueprint.get("")
@requires(Permission.VIEW_PLANS)
def index() -> ResponseReturnValue:
    """Show a day: demand against capacity, what was run and planned, and the form that starts a run."""
    site, day_on = _site_and_day()
    if request.args.get("format") == "csv":
        return _csv(site, day_on)
    return _render(site, day_on, RunForm())


def _render(site: Site, day_on: dt.date, form: RunForm, status: int = 200) -> ResponseReturnValue:
    session = get_session()
    watch(f"plans:{site.id}", pause_seconds=3)
    open_run = runs.find_open_run(session, site.id, day_on)
    if open_run is not None and open_run.job_id is not None:
        watch(f"job:{open_run.job_id}")
    choices = policies.list_choices(session)
    form.offer(choices)
    if not form.is_submitted():
        form.policy.data = policies.default_code(session, site)
    found = runs.list_runs(session, site, day_on)
    try:
        load, nothing = _load(site, day_on), ""
    except InvalidInputError as error:
        load, nothing = None, str(error)
    return (
        render_template(
            "plans/index.html",
            site=site,
            sites=list_sites(Permission.VIEW_PLANS),
            day=day_on,
            load=load,
            nothing=nothing,
            figure=demand_figure(load, zone=site.time_zone) if load is not None else None,
            form=form,
            policy_words={code: words for code, _, words in choices},
            open_run=open_run,
            runs=found,
            marks=roster_marks.marks_of_shown(session, found),
            slipping=slipping.count_slipping(session, site, now()),
            pins=pins.list_pins(session, site, day_on),
            live=find_live_plan(session, site.id, day_on),
            is_today=day_on == today(site),
            is_past=day_on < today(site),
            status_words=status_words,
        ),
        status,
    )


def _load(site: Site, day_on: dt.date) -> overview.DayLoad:
    return overview.day_load(
        get_session(),
        site,
        day_on,
        today=today(site),
        policy=policies.policy_of_site(get_session(), site),
        interval_minutes=policies.DEFAULT_INTERVAL_MINUTES,
    )


def _csv(site: Site, day_on: dt.date) -> ResponseReturnValue:
    header = (
        *("run", "plan", "state", "status", "policy", "seed", "objective", "bound", "gap", "seconds", "asked_at"),
        "shifts_changed_at",
    )
    found = runs.list_runs(get_session(), site, day_on)
    marks = roster_marks.marks_of_shown(get_session(), found)
    rows = (
        (
            run.id,
            run.plan.id if run.plan else None,
            run.plan.state.value if run.plan else None,
            run.status,
            f"{run.policy.code} {run.policy.number}",
            run.seed,
            run.objective,
            run.bound,
            run.gap,
            run.seconds,
            run.created_at.isoformat(),
            marks[run.id].changed_at.isoformat() if run.id in marks else None,
        )
        for run in found
    )
    return csv_response(f"plans-{site.code}-{day_on.isoformat()}.csv", header, rows)


@blueprint.get("/demand")
@requires(Permission.VIEW_PLANS)
def demand() -> ResponseReturnValue:
    """Answer with the figure of demand against capacity of a day."""
    site, day_on = _site_and_day()
    return figures.respond(demand_figure(_load(site, day_on), zone=site.time_zone))


@blueprint.post("")
@requires(Permission.RUN_PLANS)
def start_run() -> ResponseReturnValue:
    """Queue a run for the day, and go to its progress."""
    site, day_on = _site_and_day(Permission.RUN_PLANS)
    form = RunForm()
    form.offer(policies.list_choices(get_session()))
    if not form.validate_on_submit():
        return _render(site, day_on, form, 422)
    wanted = runs.RunRequest(
        policy=form.policy.data,
        interval_minutes=form.interval_minutes.data,
        time_limit_seconds=form.time_limit_seconds.data or 0.0,
        seed=form.seed.data or 0,
        keep_before=now() if form.keep_begun.data else None,
    )
    try:
        run = runs.request_run(get_session(), site, day_on, request=wanted, by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return _render(site, day_on, form, 422)
    except ConflictError as error:
        form.form_errors.append(str(error))
        return _render(site, day_on, form, 409)
    return redirect(url_for(".run", run_id=run.id))


@blueprint.post("/forecast")
@requires(Permission.RUN_PLANS)
def forecast() -> ResponseReturnValue:
    """Forecast the live contacts of the day from the days before it."""
    site, day_on = _site_and_day(Permission.RUN_PLANS)
    try:
        built = forecasting.build_forecast(get_session(), site, day_on, by=actor())
    except InvalidInputError as error:
        flash_error(str(error))
    else:
        flash_success(f"{built.volume:,.0f} contacts are expected, from {len(built.weights)} days before.")
    return redirect(url_for(".index", site=site.id, day=day_on.isoformat()))


@blueprint.get("/runs/<int:run_id>")
@requires(Permission.VIEW_PLANS)
def run(run_id: int) -> ResponseReturnValue:
    """Show a run while it works; once there is a plan, go to it."""
    watch(f"plan_run:{run_id}")
    found = runs.get_run(get_session(), run_id, viewer=current_viewer())
    if found.job_id is not None:
        watch(f"job:{found.job_id}")
    if found.plan is not None:
        return redirect(url_for(".show", plan_id=found.plan.id))
    return render_template(
        "plans/run.html", run=found, status_words=status_words, conflicts=runs.conflict_words(get_session(), found)
    )
