"""Scenarios: what-ifs of a day that are kept, solved by a job and held against the plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import AbsenceKind, Channel, JobState, Scenario, TokenScope
from webapp.services import access
from webapp.services.access import Permission
from webapp.services.listing import what_if as listing
from webapp.services.listing.what_if import DayFilter
from webapp.services.planning import policies, scenarios, side_by_side, what_if
from webapp.services.planning.scenarios import ScenarioRequest
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Day, Key, Level, Moment, Name, Real
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named, renamed

blueprint = ResourceBlueprint("scenarios", "A day as it might be; the live data are never touched.")

_FIELDS = {"person": "person_id", "skill": "skill_id", "type": "type_id"}


class ScenarioSchema(ma.Schema):
    """A scenario: its changes, and how far its solve is."""

    id = Key(required=True)
    site_id = Key(required=True)
    day_on = Day(required=True)
    name = Name(required=True)
    policy = Code(required=True, attribute="policy_code")
    seconds = ma.fields.Float(required=True, attribute="time_limit_seconds")
    changes = ma.fields.List(ma.fields.Dict(), required=True, metadata={"description": "Each as it was added."})
    job_id = Key(required=True, allow_none=True)
    job_state = Choice(JobState, required=True, allow_none=True, attribute="job.state", dump_default=None)
    solved_at = Moment(required=True, allow_none=True)
    applied_at = Moment(required=True, allow_none=True)
    created_at = Moment(required=True)
    created_by_id = Key(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)


class ScenarioChangeSchema(ma.Schema):
    """What can be changed of a scenario; what is left out stays."""

    name = Name()
    policy = Code()
    seconds = Real(1, scenarios.MOST_SECONDS)


class NewScenarioSchema(ScenarioChangeSchema):
    """A scenario to be kept, without any change yet."""

    site_id = Key(required=True)
    day_on = Day(required=True)
    name = Name(required=True)
    seconds = Real(1, scenarios.MOST_SECONDS, load_default=scenarios.SECONDS)


class WhatIfSchema(ma.Schema):
    """A change of the day; which fields it takes depends on its kind."""

    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(list(what_if.KINDS)))
    person_id = Key(metadata={"description": "With away and level."})
    like_id = Key(metadata={"description": "With extra: who can do what the extra agent can."})
    type_id = Key(metadata={"description": "With surge."})
    skill_id = Key(metadata={"description": "With level."})
    level = Level(metadata={"description": "With level."})
    channel = Choice(Channel, metadata={"description": "With closed."})
    starts_at = Moment(metadata={"description": "With all but level."})
    ends_at = Moment(metadata={"description": "With away, surge and extra."})
    percent = Real(-100, what_if.MOST_PERCENT, metadata={"description": "With surge."})
    minutes = Real(0, what_if.MOST_MINUTES, metadata={"description": "With surge, on top."})

    @ma.validates_schema
    def _belongs(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data.get("kind") not in what_if.KINDS:
            return
        needed, taken = what_if.fields_of(data["kind"])
        for name in sorted(needed - set(data)):
            raise ma.ValidationError(f"A change of this kind needs {name}.", name)
        for name in sorted(set(data) - taken - {"kind"}):
            raise ma.ValidationError(f"A change of this kind has no {name}.", name)


class MakingSchema(ma.Schema):
    """As what the absences of a scenario are noted when it is made so."""

    kind = Choice(AbsenceKind, load_default=AbsenceKind.OTHER)


class MadeSchema(ma.Schema):
    """The run by which the day is planned again."""

    run_id = Key(required=True, attribute="id")
    job_id = Key(required=True, allow_none=True)


class FiguresSchema(ma.Schema):
    """What an outcome comes to."""

    served = ma.fields.Integer(required=True)
    left_out = ma.fields.Integer(required=True)
    value = ma.fields.Float(required=True)
    live_minutes = ma.fields.Float(required=True)
    live_forecast = ma.fields.Float(required=True)
    stretch_minutes = ma.fields.Float(required=True)
    busiest = ma.fields.Float(required=True)
    least_busy = ma.fields.Float(required=True)


class OutcomeSchema(ma.Schema):
    """What came out of a scenario, beside the plan that the day has."""

    scenario_id = Key(required=True)
    plan_id = Key(required=True, allow_none=True)
    figures = ma.fields.Nested(FiguresSchema, required=True)
    terms = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Float(), required=True)
    plan_figures = ma.fields.Nested(FiguresSchema, required=True, allow_none=True)
    plan_terms = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Float(), required=True, allow_none=True)
    moved = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "Engagements that the two treat differently, by kind: added, dropped, agent, time."},
    )
    changed_since = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "What changed since it was solved, in words."}
    )


ScenarioList = list_arguments(
    "ScenarioList",
    sorts=listing.SCENARIO_ORDERS,
    filters={"site_id": Key(), "site": Code(metadata={"description": "A site's code."}), "day_on": Day()},
)


def _get(scenario_id: int, permission: Permission = Permission.RUN_PLANS) -> Scenario:
    return scenarios.get_scenario(get_session(), scenario_id, viewer=current_viewer(), permission=permission)


@blueprint.get("/scenarios")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.arguments(ScenarioList, location="query")
@blueprint.response(200, page_of(ScenarioSchema))
@blueprint.leads_to("get_scenario", "add_scenario_change", "solve_scenario", scenario_id="items/0/id")
def list_scenarios(arguments: dict[str, Any]) -> Any:
    """List scenarios that were not put away."""
    wanted, chosen = take_page(arguments), DayFilter(**arguments)
    return answer_page(listing.list_scenarios(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.post("/scenarios")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(NewScenarioSchema)
@blueprint.response(201, ScenarioSchema)
@blueprint.leads_to("get_scenario", "update_scenario", "remove_scenario", scenario_id="id")
@blueprint.leads_to("add_scenario_change", "solve_scenario", "make_scenario_so", scenario_id="id")
def create_scenario(body: dict[str, Any]) -> Any:
    """Keep a new scenario of a day."""
    session, site_id, day_on = get_session(), body.pop("site_id"), body.pop("day_on")
    with named("site_id"):
        site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.RUN_PLANS)
    body.setdefault("policy", policies.default_code(session, site))
    with named("policy"):
        scenario = scenarios.add_scenario(session, site, day_on, request=ScenarioRequest(**body), by=actor())
    session.flush()
    return blueprint.reread(scenario), 201, {"Location": url_for(".get_scenario", scenario_id=scenario.id)}


@blueprint.get("/scenarios/<key:scenario_id>")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, ScenarioSchema)
@blueprint.leads_to("update_scenario", "remove_scenario", "add_scenario_change", scenario_id="id")
@blueprint.leads_to("solve_scenario", "get_scenario_outcome", "make_scenario_so", scenario_id="id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
@blueprint.leads_to("remove_scenario_change", scenario_id="id")
def get_scenario(scenario_id: int) -> Any:
    """Get a scenario."""
    return _get(scenario_id, Permission.VIEW_PLANS)


@blueprint.patch("/scenarios/<key:scenario_id>")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(ScenarioChangeSchema)
@blueprint.response(200, ScenarioSchema)
@blueprint.leads_to("get_scenario", "update_scenario", "remove_scenario", scenario_id="id")
def update_scenario(body: dict[str, Any], scenario_id: int) -> Any:
    """Change name, policy or time limit of a scenario."""
    scenario = _get(scenario_id)
    blueprint.begin_edit(scenario, ScenarioSchema)
    present = ScenarioRequest(scenario.name, scenario.policy_code, scenario.time_limit_seconds)
    with named("policy"):
        scenarios.edit_scenario(get_session(), scenario, request=replace(present, **body), by=actor())
    return blueprint.reread(scenario)


@blueprint.delete("/scenarios/<key:scenario_id>")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(204)
def remove_scenario(scenario_id: int) -> Any:
    """Put a scenario away."""
    scenario = _get(scenario_id)
    blueprint.begin_edit(scenario, ScenarioSchema)
    scenarios.remove(get_session(), scenario, by=actor())


@blueprint.post("/scenarios/<key:scenario_id>/changes")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(WhatIfSchema)
@blueprint.response(201, ScenarioSchema)
@blueprint.leads_to("get_scenario", "update_scenario", "solve_scenario", scenario_id="id")
def add_scenario_change(body: dict[str, Any], scenario_id: int) -> Any:
    """Add a change to a scenario."""
    scenario = _get(scenario_id)
    with renamed(**_FIELDS | ({"person": "like_id"} if body["kind"] == what_if.Extra.kind else {})):
        change = what_if.KINDS[body.pop("kind")](**body)
        scenarios.add_change(get_session(), scenario, change, viewer=current_viewer(), by=actor())
    return blueprint.reread(scenario)


@blueprint.delete("/scenarios/<key:scenario_id>/changes/<int:number>")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(204)
def remove_scenario_change(scenario_id: int, number: int) -> Any:
    """Take a change out of a scenario, counted from 0; the entity tag is that of the scenario."""
    scenario = _get(scenario_id)
    blueprint.begin_edit(scenario, ScenarioSchema)
    scenarios.remove_change(get_session(), scenario, number, by=actor())


@blueprint.post("/scenarios/<key:scenario_id>/solve")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.response(202, ScenarioSchema)
@blueprint.leads_to("get_scenario", "get_scenario_outcome", scenario_id="id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def solve_scenario(scenario_id: int) -> Any:
    """Queue the solve of a scenario; its job tells how far it is."""
    scenario = _get(scenario_id)
    scenarios.request_solve(get_session(), scenario, by=actor())
    return blueprint.reread(scenario)


@blueprint.get("/scenarios/<key:scenario_id>/outcome")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.response(200, OutcomeSchema)
@blueprint.leads_to("get_scenario", "make_scenario_so", scenario_id="scenario_id")
@blueprint.leads_to("get_plan", plan_id="plan_id")
def get_scenario_outcome(scenario_id: int) -> Any:
    """Get what came out of a scenario, side by side with the day's plan; 409 until it is solved."""
    session, scenario = get_session(), _get(scenario_id, Permission.VIEW_PLANS)
    outcome = side_by_side.of_scenario(session, scenario)
    plan = side_by_side.find_base(session, scenario.site, scenario.day_on)
    # A plan that was not made by a run holds no problem to compare with.
    base = side_by_side.of_plan(session, plan) if plan is not None and plan.run.problem is not None else None
    difference = side_by_side.compare(base, outcome) if base is not None else None
    standing = scenarios.check_standing(session, scenario, today=today(scenario.site))
    return {
        "scenario_id": scenario.id,
        "plan_id": base.plan.id if base is not None and base.plan is not None else None,
        "figures": outcome.figures,
        "terms": outcome.terms,
        "plan_figures": base.figures if base is not None else None,
        "plan_terms": base.terms if base is not None else None,
        "moved": Counter(each.kind for each in difference.moved) if difference is not None else {},
        "changed_since": standing.changes,
    }


@blueprint.post("/scenarios/<key:scenario_id>/make-so")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.arguments(MakingSchema)
@blueprint.response(202, MadeSchema)
@blueprint.leads_to("get_run", run_id="run_id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def make_scenario_so(body: dict[str, Any], scenario_id: int) -> Any:
    """Do for real what can be done: note the scenario's absences, and plan the day again by its policy."""
    run = scenarios.make_so(get_session(), _get(scenario_id), **body, viewer=current_viewer(), by=actor())
    return run, 202, {"Location": url_for("api_plans.get_run", run_id=run.id)}
