"""Simulations of a site's days: the form that asks for one, those that there are, and what came out of each."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.simulations.forms import SimulationForm
from webapp.charts.simulation import simulation_figure
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Simulation, Site
from webapp.services import simulating
from webapp.services.access import Permission
from webapp.services.simulating import SimulationRequest
from webapp.web import figures
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

NEWEST = 5
"""How many jobs of the list are watched."""

blueprint = Blueprint("simulations", __name__, url_prefix="/simulations")


@blueprint.get("")
@requires(Permission.VIEW_PLANS)
def index() -> ResponseReturnValue:
    """Show the form and the simulations of a site."""
    site = chosen_site(Permission.VIEW_PLANS)
    form = SimulationForm()
    form.day.data = chosen_day(today(site) - dt.timedelta(days=1))
    return _render_index(site, form)


def _render_index(site: Site, form: SimulationForm, status: int = 200) -> ResponseReturnValue:
    session = get_session()
    found = simulating.list_simulations(session, site)
    # A job that has just ended is watched on: otherwise the page would not be fetched to say so.
    watch(*(f"job:{simulation.job_id}" for simulation in found[:NEWEST] if simulation.job_id is not None))
    return (
        render_template(
            "simulations/index.html",
            site=site,
            sites=list_sites(Permission.VIEW_PLANS),
            form=form,
            simulations=found,
            best=simulating.find_best,
        ),
        status,
    )


@blueprint.post("")
@requires(Permission.RUN_PLANS)
def start() -> ResponseReturnValue:
    """Ask for a simulation."""
    site = chosen_site(Permission.RUN_PLANS)
    form = SimulationForm()
    if not form.validate_on_submit():
        return _render_index(site, form, 422)
    asked = SimulationRequest(
        policies=tuple(form.policies.data or ()),
        seeds=form.seeds.data or 0,
        target_seconds=form.target_seconds.data or 0,
    )
    try:
        simulation = simulating.request_simulation(
            get_session(), site, form.day.data or dt.date.min, request=asked, by=actor()
        )
    except InvalidInputError as error:
        add_error(form, error)
        return _render_index(site, form, 422)
    flash_success("The simulation goes on by itself; you may leave this page meanwhile.")
    return redirect(url_for(".show", simulation_id=simulation.id))


def _get(simulation_id: int) -> Simulation:
    return simulating.get_simulation(get_session(), simulation_id, viewer=current_viewer())


@blueprint.get("/<int:simulation_id>")
@requires(Permission.VIEW_PLANS)
def show(simulation_id: int) -> ResponseReturnValue:
    """Show how far a simulation is, or what came out, as a page or as CSV."""
    simulation = _get(simulation_id)
    if request.args.get("format") == "csv":
        return _csv(simulation)
    if simulation.job_id is not None:
        watch(f"job:{simulation.job_id}")
    result = simulation.result
    return render_template(
        "simulations/show.html",
        simulation=simulation,
        site=simulation.site,
        lines=simulating.lines(result) if result else [],
        said=simulating.conclude(result, target_seconds=simulation.target_seconds) if result else [],
        figure=simulation_figure(simulation) if result else None,
        baseline=simulating.POLICIES[result["baseline"]] if result else "",
        no_tone=simulating.NO_TONE,
    )


@blueprint.get("/<int:simulation_id>/figure")
@requires(Permission.VIEW_PLANS)
def figure(simulation_id: int) -> ResponseReturnValue:
    """Answer with the figure of the shares of hindsight."""
    simulation = _get(simulation_id)
    if simulation.result is None:
        raise NotFoundError("This simulation has no result.")
    return figures.respond(simulation_figure(simulation))


def _csv(simulation: Simulation) -> ResponseReturnValue:
    header = ["policy"]
    for measure in ("share_of_hindsight", *simulating.MEASURES):
        header += [measure, f"{measure}_plus_minus"]
    rows = []
    for line in simulating.lines(simulation.result or {"policies": {}}):
        row: list[object] = [line.policy]
        for interval in (line.share, *line.measures.values()):
            row += [round(interval.mean, 6), round(interval.half_width, 6)]
        rows.append(row)
    return csv_response(f"simulation-{simulation.site.code}-{simulation.day_on.isoformat()}.csv", header, rows)
