"""Plans: running the optimizer for a day, reading what it found, publishing it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import JobState, PlanState, TokenScope
from webapp.services import access, roster_marks
from webapp.services.access import Permission
from webapp.services.listing import plans as listing
from webapp.services.listing.plans import PlanFilter
from webapp.services.planning import compare, plans, policies, publish, replan, runs, successors
from webapp.services.planning.publish import StalePlanError
from webapp.services.planning.runs import RunRequest
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Day, Key, Moment, Real, Text, Whole
from webapp.web.rest.lists import answer_page, in_address, list_arguments, page_of, take_page
from webapp.web.rest.problems import ExplainedConflictError, named, renamed

blueprint = ResourceBlueprint("plans", "What the optimizer found for a site's day, and which plan is live.")


class RunSchema(ma.Schema):
    """A run of the optimizer; its plan is there once its job is done."""

    id = Key(required=True)
    site_id = Key(required=True)
    day_on = Day(required=True)
    policy = Code(required=True, attribute="policy.code")
    policy_number = ma.fields.Integer(required=True, attribute="policy.number")
    seed = ma.fields.Integer(required=True)
    time_limit_seconds = ma.fields.Float(required=True)
    status = ma.fields.String(required=True, allow_none=True)
    stopped_by = ma.fields.String(required=True, allow_none=True)
    objective = ma.fields.Float(required=True, allow_none=True)
    bound = ma.fields.Float(required=True, allow_none=True)
    gap = ma.fields.Float(required=True, allow_none=True)
    seconds = ma.fields.Float(required=True, allow_none=True)
    job_id = Key(required=True, allow_none=True)
    job_state = Choice(JobState, required=True, allow_none=True, attribute="job.state", dump_default=None)
    plan_id = Key(required=True, allow_none=True, attribute="plan.id", dump_default=None)
    created_by_id = Key(required=True, allow_none=True)
    created_at = Moment(required=True)


class NewRunSchema(ma.Schema):
    """What to run; what is left out is chosen as on the page."""

    site_id = Key(required=True)
    day_on = Day(required=True)
    policy = Code(metadata={"description": "The site's own, if it is left out."})
    interval_minutes = ma.fields.Integer(
        strict=True,
        load_default=policies.DEFAULT_INTERVAL_MINUTES,
        validate=ma.validate.OneOf(list(policies.INTERVAL_CHOICES)),
    )
    time_limit_seconds = Real(1, policies.MAX_SECONDS, load_default=30.0)
    gap = Real(0, 0.99, load_default=0.001)
    seed = Whole(0, 2**31 - 1, load_default=1)
    keep_before = Moment(
        load_default=None,
        allow_none=True,
        metadata={"description": "Assignments of the published plan that begin before this moment stand."},
    )


class NewReplanSchema(ma.Schema):
    """How the rest of today is planned again; what is left out is as the published plan's policy says."""

    keep_minutes = Whole(
        0, replan.MAX_KEEP_MINUTES, metadata={"description": "What begins within so many minutes from now stands."}
    )
    max_changes = Whole(
        0,
        runs.MAX_CHANGES,
        allow_none=True,
        metadata={"description": "Engagements that may move beyond those that cannot stand; null is no limit."},
    )
    seconds = Real(1, policies.MAX_SECONDS)


class PlanSchema(ma.Schema):
    """A plan."""

    id = Key(required=True)
    run_id = Key(required=True)
    site_id = Key(required=True)
    site = Code(required=True, attribute="site.code")
    day_on = Day(required=True)
    state = Choice(PlanState, required=True)
    policy = Code(required=True, attribute="run.policy.code")
    objective = ma.fields.Float(required=True)
    bound = ma.fields.Float(required=True, allow_none=True, attribute="run.bound")
    gap = ma.fields.Float(required=True, allow_none=True, attribute="run.gap")
    terms = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Float(), required=True, metadata={"description": "Term → points."}
    )
    supersedes_id = Key(required=True, allow_none=True)
    created_at = Moment(required=True)
    published_at = Moment(required=True, allow_none=True)
    published_by_id = Key(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)


class PublicationSchema(ma.Schema):
    """That one has seen what changed since the run, if anything did."""

    seen_digest = Text(64, load_default="", metadata={"description": "The digest that a refused publication told."})


class PlaceSchema(ma.Schema):
    """Who has an engagement, and when it begins."""

    person_id = Key(required=True, attribute="person.id")
    starts_at = Moment(required=True)


class MovedSchema(ma.Schema):
    """An engagement that the plans treat differently."""

    engagement_id = Key(required=True, attribute="engagement.id")
    kind = ma.fields.String(required=True, validate=ma.validate.OneOf(["added", "dropped", "agent", "time"]))
    before = ma.fields.Nested(PlaceSchema, required=True, allow_none=True)
    after = ma.fields.Nested(PlaceSchema, required=True, allow_none=True)


class AffectedSchema(ma.Schema):
    """A person whose day differs."""

    person_id = Key(required=True, attribute="person.id")
    gained = ma.fields.Integer(required=True)
    lost = ma.fields.Integer(required=True)
    moved = ma.fields.Integer(required=True)
    live_minutes = ma.fields.Float(required=True)


class ComparisonSchema(ma.Schema):
    """What is different in a plan against another of its day."""

    plan_id = Key(required=True, attribute="plan.id")
    other_id = Key(required=True, attribute="other.id")
    terms = ma.fields.List(
        ma.fields.Tuple((ma.fields.String(), ma.fields.Float(), ma.fields.Float())),
        required=True,
        metadata={"description": "Term, points in the other plan, points in this one."},
    )
    moved = ma.fields.List(ma.fields.Nested(MovedSchema), required=True)
    affected = ma.fields.List(ma.fields.Nested(AffectedSchema), required=True)


class WorkingTimeSchema(ma.Schema):
    """Working time from one moment to another, breaks and absences apart."""

    starts_at = Moment(required=True)
    ends_at = Moment(required=True)


class RosterChangeSchema(ma.Schema):
    """Somebody whose working time is not any more what a run of the optimizer saw."""

    person_id = Key(required=True, attribute="person.id")
    was = ma.fields.List(ma.fields.Nested(WorkingTimeSchema), required=True)
    now = ma.fields.List(ma.fields.Nested(WorkingTimeSchema), required=True)
    changed_at = Moment(required=True)
    imported = ma.fields.Boolean(required=True, metadata={"description": "Whether an import of shifts changed it."})
    uncovered = ma.fields.Integer(
        required=True, metadata={"description": "Assignments of theirs that lie outside their working time now."}
    )


class RosterChangesSchema(ma.Schema):
    """Whose working time changed since the run of a plan; those first who leave most work uncovered."""

    items = ma.fields.List(ma.fields.Nested(RosterChangeSchema), required=True)


@in_address
class ComparisonArguments(ma.Schema):
    """Which plan to hold it against."""

    other = Key(metadata={"description": "Another plan of the same day; the live one, or the one before, if left out."})


PlanList = list_arguments(
    "PlanList",
    sorts=listing.PLAN_ORDERS,
    filters={
        "site_id": Key(),
        "site": Code(metadata={"description": "A site's code."}),
        "day_on": Day(),
        "state": Choice(PlanState),
    },
)


@blueprint.post("/plan-runs")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.arguments(NewRunSchema)
@blueprint.response(202, RunSchema)
@blueprint.leads_to("get_run", run_id="id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def start_run(body: dict[str, Any]) -> Any:
    """Queue a run of the optimizer; its job tells how far it is."""
    session, site_id, day_on = get_session(), body.pop("site_id"), body.pop("day_on")
    with named("site_id"):
        site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.RUN_PLANS)
    body.setdefault("policy", policies.default_code(session, site))
    with named("policy"):
        run = runs.request_run(session, site, day_on, request=RunRequest(**body), by=actor())
    return blueprint.reread(run), 202, {"Location": url_for(".get_run", run_id=run.id)}


@blueprint.post("/sites/<key:site_id>/replans")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.arguments(NewReplanSchema)
@blueprint.response(202, RunSchema)
@blueprint.leads_to("get_run", run_id="id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def start_replan(body: dict[str, Any], site_id: int) -> Any:
    """Queue a run of the rest of today, from now on, that begins at the published plan and changes little."""
    session = get_session()
    site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.RUN_PLANS)
    day_on = today(site)
    request = replan.chosen(session, site, day_on, **body)
    with renamed(time_limit_seconds="seconds"):
        run = replan.request_replan(session, site, day_on, request=request, by=actor())
    return blueprint.reread(run), 202, {"Location": url_for(".get_run", run_id=run.id)}


@blueprint.get("/plan-runs/<key:run_id>")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, RunSchema)
@blueprint.leads_to("get_plan", "list_assignments", plan_id="plan_id")
@blueprint.leads_to("get_job", "cancel_job", job_id="job_id")
def get_run(run_id: int) -> Any:
    """Get a run."""
    return runs.get_run(get_session(), run_id, viewer=current_viewer())


@blueprint.get("/plans")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.arguments(PlanList, location="query")
@blueprint.response(200, page_of(PlanSchema))
@blueprint.leads_to("get_plan", "list_assignments", plan_id="items/0/id")
def list_plans(arguments: dict[str, Any]) -> Any:
    """List plans."""
    wanted, chosen = take_page(arguments), PlanFilter(**arguments)
    return answer_page(listing.list_plans(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.get("/plans/<key:plan_id>")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, PlanSchema)
@blueprint.leads_to(
    "list_assignments", "compare_plans", "publish_plan", "discard_plan", "list_swaps_of_plan", plan_id="id"
)
@blueprint.leads_to("get_run", run_id="run_id")
def get_plan(plan_id: int) -> Any:
    """Get a plan."""
    return plans.get_plan(get_session(), plan_id, viewer=current_viewer())


@blueprint.get("/plans/<key:plan_id>/shift-changes")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.response(200, RosterChangesSchema)
def list_shift_changes(plan_id: int) -> Any:
    """List whose shifts changed since the plan was made; nobody once it is neither live nor may become so."""
    session = get_session()
    plan = plans.get_plan(session, plan_id, viewer=current_viewer())
    found = roster_marks.list_changed(session, plan) if plan.state in roster_marks.SHOWN else []
    return {"items": [_shift_change(each) for each in found]}


def _shift_change(changed: roster_marks.Changed) -> dict[str, Any]:
    return {
        "person": changed.person,
        "was": [{"starts_at": begin, "ends_at": end} for begin, end in changed.was],
        "now": [{"starts_at": begin, "ends_at": end} for begin, end in changed.now],
        "changed_at": changed.changed_at,
        "imported": changed.imported,
        "uncovered": changed.uncovered,
    }


@blueprint.get("/plans/<key:plan_id>/comparison")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.arguments(ComparisonArguments, location="query")
@blueprint.response(200, ComparisonSchema)
@blueprint.leads_to("publish_plan", "discard_plan", plan_id="plan_id")
def compare_plans(arguments: dict[str, Any], plan_id: int) -> Any:
    """Hold a plan against another one of its day."""
    session, viewer = get_session(), current_viewer()
    plan = plans.get_plan(session, plan_id, viewer=viewer)
    if "other" in arguments:
        with named("other"):
            other = plans.get_plan(session, arguments["other"], viewer=viewer)
    else:
        # Without another plan there is nothing that differs.
        other = compare.find_other(session, plan) or plan
    return compare.compare_plans(session, plan, other)


@blueprint.post("/plans/<key:plan_id>/publish")
@requires(Permission.PUBLISH_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(PublicationSchema)
@blueprint.response(200, PlanSchema)
@blueprint.leads_to("get_plan", "list_assignments", "step_back", plan_id="id")
def publish_plan(body: dict[str, Any], plan_id: int) -> Any:
    """Make a draft the live plan of its day, in the name of the token's person; the agents concerned are told."""
    session = get_session()
    plan = plans.get_plan(session, plan_id, viewer=current_viewer(), permission=Permission.PUBLISH_PLANS)
    try:
        publish.publish_plan(session, plan, today=today(plan.site), seen_digest=body["seen_digest"], by=actor())
    except StalePlanError as error:
        changed = [change.text for change in error.inputs]
        raise ExplainedConflictError(
            str(error), seen_digest=error.freshness.digest, changed=changed, broken=list(error.broken)
        ) from error
    return blueprint.reread(plan)


@blueprint.post("/plans/<key:plan_id>/discard")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(200, PlanSchema)
@blueprint.leads_to("get_plan", plan_id="id")
def discard_plan(plan_id: int) -> Any:
    """Put a draft away."""
    plan = plans.get_plan(get_session(), plan_id, viewer=current_viewer(), permission=Permission.RUN_PLANS)
    plans.discard(get_session(), plan, by=actor())
    return blueprint.reread(plan)


@blueprint.post("/plans/<key:plan_id>/step-back")
@requires(Permission.PUBLISH_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(201, PlanSchema)
@blueprint.leads_to("get_plan", "list_assignments", "compare_plans", "step_back", plan_id="id")
def step_back(plan_id: int) -> Any:
    """Publish the plan before the live one again, as a plan of its own; for half an hour after it was published."""
    session = get_session()
    plan = plans.get_plan(session, plan_id, viewer=current_viewer(), permission=Permission.PUBLISH_PLANS)
    made = successors.step_back(session, plan, today=today(plan.site), by=actor())
    return blueprint.reread(made), 201, {"Location": url_for(".get_plan", plan_id=made.id)}
