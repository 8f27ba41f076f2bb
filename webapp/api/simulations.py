"""Simulations: what another policy of routing would have done with the real contacts of a day."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import JobState, TokenScope
from webapp.services import access, simulating
from webapp.services.access import Permission
from webapp.services.listing import what_if as listing
from webapp.services.listing.what_if import DayFilter
from webapp.services.simulating import SimulationRequest
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Day, Key, Moment, Whole
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named, renamed

blueprint = ResourceBlueprint("simulations", "A day's contacts under several policies of routing, with intervals.")

_POLICY = ma.fields.String(validate=ma.validate.OneOf(list(simulating.POLICIES)))


class SimulationSchema(ma.Schema):
    """A simulation; its result is there once its job is done."""

    id = Key(required=True)
    site_id = Key(required=True)
    day_on = Day(required=True)
    policies = ma.fields.List(ma.fields.String(), required=True)
    seeds = ma.fields.Integer(required=True)
    target_seconds = ma.fields.Integer(required=True)
    job_id = Key(required=True, allow_none=True)
    job_state = Choice(JobState, required=True, allow_none=True, attribute="job.state", dump_default=None)
    result = ma.fields.Dict(
        required=True,
        allow_none=True,
        metadata={"description": "Measures by policy, each with its mean and the half width of its 95 % interval."},
    )
    created_at = Moment(required=True)


class NewSimulationSchema(ma.Schema):
    """A day that is over, the policies, how many draws, and the service target."""

    site_id = Key(required=True)
    day_on = Day(required=True)
    policies = ma.fields.List(
        _POLICY,
        load_default=list(simulating.DEFAULT_POLICIES),
        validate=ma.validate.Length(1, len(simulating.POLICIES)),
    )
    seeds = Whole(simulating.LEAST_SEEDS, simulating.MOST_SEEDS, load_default=simulating.SEEDS)
    target_seconds = Whole(1, simulating.MOST_TARGET_SECONDS, load_default=simulating.TARGET_SECONDS)


SimulationList = list_arguments(
    "SimulationList",
    sorts=listing.SIMULATION_ORDERS,
    filters={"site_id": Key(), "site": Code(metadata={"description": "A site's code."}), "day_on": Day()},
)


@blueprint.get("/simulations")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.arguments(SimulationList, location="query")
@blueprint.response(200, page_of(SimulationSchema))
@blueprint.leads_to("get_simulation", simulation_id="items/0/id")
def list_simulations(arguments: dict[str, Any]) -> Any:
    """List simulations."""
    wanted, chosen = take_page(arguments), DayFilter(**arguments)
    return answer_page(listing.list_simulations(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.post("/simulations")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.arguments(NewSimulationSchema)
@blueprint.response(202, SimulationSchema)
@blueprint.leads_to("get_simulation", simulation_id="id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def start_simulation(body: dict[str, Any]) -> Any:
    """Queue a simulation of a day that is over; its job tells how far it is."""
    session, site_id, day_on = get_session(), body.pop("site_id"), body.pop("day_on")
    with named("site_id"):
        site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.RUN_PLANS)
    request = SimulationRequest(**body | {"policies": tuple(body["policies"])})
    with renamed(day="day_on"):
        simulation = simulating.request_simulation(session, site, day_on, request=request, by=actor())
    location = {"Location": url_for(".get_simulation", simulation_id=simulation.id)}
    return blueprint.reread(simulation), 202, location


@blueprint.get("/simulations/<key:simulation_id>")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, SimulationSchema)
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def get_simulation(simulation_id: int) -> Any:
    """Get a simulation."""
    return simulating.get_simulation(get_session(), simulation_id, viewer=current_viewer())
