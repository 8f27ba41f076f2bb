"""Assignments: which agent has which engagement of a plan, and what the agent says to it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from webapp.models import Response, TokenScope
from webapp.services.access import Permission
from webapp.services.listing import plans as listing
from webapp.services.listing.plans import AssignmentFilter
from webapp.services.planning import day, pins, plans
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Key, Moment, Text
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page

blueprint = ResourceBlueprint("assignments", "Engagement → agent at a start time, in a plan.")


class AssignmentSchema(ma.Schema):
    """An assignment."""

    id = Key(required=True)
    plan_id = Key(required=True)
    engagement_id = Key(required=True)
    engagement = Code(required=True, attribute="engagement.external_id")
    person_id = Key(required=True)
    person = Code(required=True, attribute="person.external_id")
    starts_at = Moment(required=True)
    minutes = ma.fields.Float(required=True)
    value = ma.fields.Float(required=True, metadata={"description": "Points, all terms together."})
    terms = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Float(), required=True)
    pin_id = Key(required=True, allow_none=True)
    response = Choice(Response, required=True, allow_none=True, attribute="response.response", dump_default=None)
    response_reason = Text(300, required=True, attribute="response.reason", dump_default="")


class AnswerSchema(ma.Schema):
    """An agent's answer; a decline needs a reason."""

    response = Choice(Response, required=True)
    reason = Text(300, load_default="")


class PinSchema(ma.Schema):
    """Why somebody fixes an assignment."""

    reason = Text(300, least=1, required=True)


AssignmentList = list_arguments(
    "AssignmentList",
    sorts=listing.ASSIGNMENT_ORDERS,
    filters={"person_id": Key(), "engagement_id": Key(), "response": Choice(Response)},
)


@blueprint.get("/plans/<key:plan_id>/assignments")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.arguments(AssignmentList, location="query")
@blueprint.response(200, page_of(AssignmentSchema))
@blueprint.leads_to(
    "get_assignment", "answer_assignment", "pin_assignment", "list_partners", assignment_id="items/0/id"
)
def list_assignments(arguments: dict[str, Any], plan_id: int) -> Any:
    """List the assignments of a plan."""
    wanted, chosen = take_page(arguments), AssignmentFilter(**arguments)
    plan = plans.get_plan(get_session(), plan_id, viewer=current_viewer())
    return answer_page(listing.list_assignments(get_session(), plan, chosen=chosen, wanted=wanted))


@blueprint.get("/assignments/<key:assignment_id>")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, AssignmentSchema)
@blueprint.leads_to("answer_assignment", "pin_assignment", assignment_id="id")
@blueprint.leads_to("get_engagement", engagement_id="engagement_id")
def get_assignment(assignment_id: int) -> Any:
    """Get an assignment."""
    return listing.get_assignment(get_session(), assignment_id, viewer=current_viewer())


@blueprint.post("/assignments/<key:assignment_id>/answer")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(AnswerSchema)
@blueprint.response(200, AssignmentSchema)
@blueprint.leads_to("answer_assignment", "pin_assignment", assignment_id="id")
@blueprint.leads_to("get_engagement", engagement_id="engagement_id")
def answer_assignment(body: dict[str, Any], assignment_id: int) -> Any:
    """Accept or decline one's own work in a published plan: the person of the token."""
    session = get_session()
    assignment = day.get_own_assignment(session, assignment_id, person=current_person())
    day.respond(session, assignment, **body, by=actor())
    return blueprint.reread(assignment)


@blueprint.post("/assignments/<key:assignment_id>/pin")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(PinSchema)
@blueprint.response(200, AssignmentSchema)
@blueprint.leads_to("get_assignment", assignment_id="id")
@blueprint.leads_to("remove_pin", pin_id="pin_id")
def pin_assignment(body: dict[str, Any], assignment_id: int) -> Any:
    """Fix an assignment where it stands, with a reason; later runs obey it."""
    session, viewer = get_session(), current_viewer()
    assignment = listing.get_assignment(session, assignment_id, viewer=viewer)
    plans.get_plan(session, assignment.plan_id, viewer=viewer, permission=Permission.RUN_PLANS)
    pins.pin_engagement(
        session, assignment.engagement, assignment.person, assignment.starts_at, reason=body["reason"], by=actor()
    )
    return blueprint.reread(assignment)


@blueprint.delete("/pins/<key:pin_id>")
@requires(Permission.RUN_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.response(204)
def remove_pin(pin_id: int) -> Any:
    """Take a pin off; it stays for the record."""
    session = get_session()
    pins.unpin(session, pins.get_pin(session, pin_id, viewer=current_viewer()), by=actor())
