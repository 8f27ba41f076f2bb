"""Swaps: two agents exchange two assignments of the live plan; one proposes, the other agrees."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Swap, SwapState, TokenScope
from webapp.services.access import Permission
from webapp.services.listing import what_if as listing
from webapp.services.planning import day, plans, swaps
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session, today
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Key, Moment, Text
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named, renamed

blueprint = ResourceBlueprint("swaps", "Exchanges of work between two agents: proposed, agreed, made.")


class SwapSchema(ma.Schema):
    """An exchange of two engagements of a published plan."""

    id = Key(required=True)
    plan_id = Key(required=True)
    proposer_id = Key(required=True)
    engagement_id = Key(required=True)
    other_id = Key(required=True)
    other_engagement_id = Key(required=True)
    state = Choice(SwapState, required=True)
    reason = Text(300, required=True)
    value_lost = ma.fields.Float(
        required=True, allow_none=True, metadata={"description": "Points of the plan, once the other agent agreed."}
    )
    made_plan_id = Key(required=True, allow_none=True)
    proposed_at = Moment(required=True)
    answered_at = Moment(required=True, allow_none=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by_id = Key(required=True, allow_none=True)


class PartnerSchema(ma.Schema):
    """Work of a colleague that one could ask for."""

    assignment_id = Key(required=True, attribute="id")
    engagement_id = Key(required=True)
    type = Code(required=True, attribute="engagement.engagement_type.code")
    person_id = Key(required=True)
    starts_at = Moment(required=True)
    minutes = ma.fields.Float(required=True)


class PartnersSchema(ma.Schema):
    """What one could ask for, by start."""

    items = ma.fields.List(ma.fields.Nested(PartnerSchema), required=True)


class NewSwapSchema(ma.Schema):
    """One's own assignment, and a colleague's for which one would give it."""

    assignment_id = Key(required=True)
    other_assignment_id = Key(required=True)
    reason = Text(300, load_default="")


SwapPage = page_of(SwapSchema)
SwapList = list_arguments("SwapList", sorts=listing.SWAP_ORDERS, filters={"state": Choice(SwapState)})


def _own(swap_id: int) -> Swap:
    return swaps.get_swap(get_session(), swap_id, person=current_person())


def _of_site(swap_id: int) -> Swap:
    return swaps.get_swap_of_site(get_session(), swap_id, viewer=current_viewer())


@blueprint.get("/assignments/<key:assignment_id>/partners")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_READ)
@blueprint.response(200, PartnersSchema)
def list_partners(assignment_id: int) -> Any:
    """List the work of colleagues for which one could give an assignment of one's own: the person of the token."""
    mine = day.get_own_assignment(get_session(), assignment_id, person=current_person())
    return {"items": swaps.list_partners(get_session(), mine)}


@blueprint.get("/swaps")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_READ)
@blueprint.arguments(SwapList, location="query")
@blueprint.response(200, SwapPage)
@blueprint.leads_to("get_swap", "agree_swap", "refuse_swap", "withdraw_swap", swap_id="items/0/id")
def list_swaps(arguments: dict[str, Any]) -> Any:
    """List the swaps that the person of the token proposed or was asked for."""
    wanted = take_page(arguments)
    return answer_page(listing.list_own_swaps(get_session(), current_person(), **arguments, wanted=wanted))


@blueprint.get("/plans/<key:plan_id>/swaps")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.arguments(SwapList, location="query")
@blueprint.response(200, SwapPage)
@blueprint.leads_to("make_swap", "turn_down_swap", swap_id="items/0/id")
def list_swaps_of_plan(arguments: dict[str, Any], plan_id: int) -> Any:
    """List the swaps of a plan; those that are agreed wait for the scheduler."""
    wanted, session = take_page(arguments), get_session()
    plan = plans.get_plan(session, plan_id, viewer=current_viewer())
    return answer_page(listing.list_swaps_of_plan(session, plan, **arguments, wanted=wanted))


@blueprint.post("/swaps")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(NewSwapSchema)
@blueprint.response(201, SwapSchema)
@blueprint.leads_to("get_swap", "agree_swap", "refuse_swap", "withdraw_swap", "make_swap", swap_id="id")
def propose_swap(body: dict[str, Any]) -> Any:
    """Propose to a colleague to exchange a piece of one's own work for one of theirs."""
    session, person = get_session(), current_person()
    with named("assignment_id"):
        mine = day.get_own_assignment(session, body["assignment_id"], person=person)
    partners = {each.id: each for each in swaps.list_partners(session, mine)}
    theirs = partners.get(body["other_assignment_id"])
    if theirs is None:
        raise InvalidInputError("There is no such work to ask for.", field="other_assignment_id")
    with renamed(other="other_assignment_id"):
        swap = swaps.propose_swap(session, mine, theirs, reason=body["reason"], today=today(person.site), by=actor())
    return swap, 201, {"Location": url_for(".get_swap", swap_id=swap.id)}


@blueprint.get("/swaps/<key:swap_id>")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, SwapSchema)
@blueprint.leads_to("agree_swap", "refuse_swap", "withdraw_swap", swap_id="id")
def get_swap(swap_id: int) -> Any:
    """Get a swap that the person of the token proposed or was asked for."""
    return _own(swap_id)


@blueprint.post("/swaps/<key:swap_id>/agree")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(200, SwapSchema)
@blueprint.leads_to("get_swap", "make_swap", swap_id="id")
def agree_swap(swap_id: int) -> Any:
    """Agree to a swap, as who was asked; it is made at once where the policy allows it."""
    swap = _own(swap_id)
    swaps.agree(get_session(), swap, today=today(swap.plan.site), by=actor())
    return blueprint.reread(swap)


@blueprint.post("/swaps/<key:swap_id>/refuse")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(200, SwapSchema)
@blueprint.leads_to("get_swap", swap_id="id")
def refuse_swap(swap_id: int) -> Any:
    """Say no to a swap, as who was asked."""
    swap = _own(swap_id)
    if current_person().id != swap.other_id:
        raise NotFoundError("There is no such exchange.")
    swaps.refuse(get_session(), swap, by=actor())
    return blueprint.reread(swap)


@blueprint.post("/swaps/<key:swap_id>/withdraw")
@requires(Permission.WORK_OWN_DAY, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(200, SwapSchema)
@blueprint.leads_to("get_swap", swap_id="id")
def withdraw_swap(swap_id: int) -> Any:
    """Take a proposal of one's own back."""
    swap = _own(swap_id)
    swaps.withdraw(get_session(), swap, by=actor())
    return blueprint.reread(swap)


@blueprint.post("/swaps/<key:swap_id>/make")
@requires(Permission.PUBLISH_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(200, SwapSchema)
@blueprint.leads_to("get_plan", plan_id="made_plan_id")
def make_swap(swap_id: int) -> Any:
    """Publish the plan in which two agents who agree have exchanged work, as the scheduler."""
    swap = _of_site(swap_id)
    swaps.make_swap(get_session(), swap, today=today(swap.plan.site), by=actor())
    return blueprint.reread(swap)


@blueprint.post("/swaps/<key:swap_id>/turn-down")
@requires(Permission.PUBLISH_PLANS, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.response(200, SwapSchema)
def turn_down_swap(swap_id: int) -> Any:
    """Say that a swap does not take place, as the scheduler; who proposed it is told."""
    swap = _of_site(swap_id)
    swaps.refuse(get_session(), swap, by=actor())
    return blueprint.reread(swap)
