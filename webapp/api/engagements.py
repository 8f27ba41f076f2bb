"""Engagements: dated pieces of customer work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import Engagement, EngagementState, TokenScope
from webapp.services import access, engagements
from webapp.services.access import Permission
from webapp.services.engagements import EngagementDraft
from webapp.services.listing import work as listing
from webapp.services.listing.work import EngagementFilter
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.bulk import apply_all, items_of, results_of
from webapp.web.rest.fields import Choice, Code, Key, Moment, Real, Text, Whole
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("engagements", "One dated piece of customer work each, with its window and its state.")


class EngagementSchema(ma.Schema):
    """An engagement."""

    id = Key(required=True)
    external_id = Code(required=True)
    site_id = Key(required=True)
    site = Code(required=True, attribute="site.code")
    type_id = Key(required=True, attribute="engagement_type_id")
    type = Code(required=True, attribute="engagement_type.code")
    customer_key = Text(80, required=True)
    subject = Text(200, required=True)
    earliest_at = Moment(required=True)
    due_at = Moment(required=True)
    latest_at = Moment(required=True)
    priority = Whole(1, 5, required=True)
    minutes = Real(0, engagements.MAX_HANDLE_MINUTES, required=True, allow_none=True)
    owner_id = Key(required=True, allow_none=True)
    owner = Code(required=True, allow_none=True, attribute="owner.external_id", dump_default=None)
    state = Choice(EngagementState, required=True)
    version = ma.fields.Integer(required=True)


class EngagementChangeSchema(ma.Schema):
    """What can be changed of an engagement; what is left out stays."""

    external_id = Code(metadata={"description": "Its key in the system that it comes from."})
    type_id = Key()
    customer_key = Text(80, metadata={"description": "A key of the customer system, never a name."})
    subject = Text(200, metadata={"description": "What it is about, without personal data."})
    earliest_at = Moment()
    due_at = Moment()
    latest_at = Moment()
    priority = Whole(1, 5, metadata={"description": "1 low to 5 urgent; 3 if it is left out."})
    minutes = Real(0, engagements.MAX_HANDLE_MINUTES, allow_none=True)
    owner_id = Key(allow_none=True, metadata={"description": "The case owner, an active agent of the site."})


class NewEngagementSchema(EngagementChangeSchema):
    """An engagement to be added."""

    site_id = Key(required=True)
    type_id = Key(required=True)
    earliest_at = Moment(required=True)
    due_at = Moment(required=True)
    latest_at = Moment(required=True)


EngagementList = list_arguments(
    "EngagementList",
    sorts=listing.ENGAGEMENT_ORDERS,
    filters={
        "external_id": Code(),
        "customer_key": Code(),
        "site_id": Key(),
        "site": Code(metadata={"description": "A site's code."}),
        "type": Code(metadata={"description": "An engagement type's code."}),
        "state": Choice(EngagementState),
        "priority": Whole(1, 5),
        "owner_id": Key(),
        "after": Moment(metadata={"description": "Only what may still begin at this moment or later."}),
        "before": Moment(metadata={"description": "Only what may begin before this moment."}),
    },
)


def _draft(engagement: Engagement) -> EngagementDraft:
    return EngagementDraft(
        type_id=engagement.engagement_type_id,
        earliest_at=engagement.earliest_at,
        due_at=engagement.due_at,
        latest_at=engagement.latest_at,
        customer_key=engagement.customer_key,
        subject=engagement.subject,
        priority=engagement.priority,
        minutes=engagement.minutes,
        owner_id=engagement.owner_id,
        external_id=engagement.external_id,
    )


def _add(item: dict[str, Any]) -> Engagement:
    session, values = get_session(), dict(item)
    with named("site_id"):
        site = access.get_site(session, values.pop("site_id"), viewer=current_viewer(), permission=Permission.EDIT_WORK)
    return engagements.create_engagement(session, site=site, draft=EngagementDraft(**values), by=actor())


def _editable(engagement_id: int) -> Engagement:
    return engagements.get_engagement(
        get_session(), engagement_id, viewer=current_viewer(), permission=Permission.EDIT_WORK
    )


@blueprint.get("/engagements")
@requires(Permission.VIEW_WORK, scope=TokenScope.WORK_READ)
@blueprint.arguments(EngagementList, location="query")
@blueprint.response(200, page_of(EngagementSchema))
@blueprint.leads_to("get_engagement", engagement_id="items/0/id")
def list_engagements(arguments: dict[str, Any]) -> Any:
    """List engagements."""
    wanted, chosen = take_page(arguments), EngagementFilter(**arguments)
    return answer_page(listing.list_engagements(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.post("/engagements")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.arguments(NewEngagementSchema)
@blueprint.response(201, EngagementSchema)
@blueprint.leads_to(
    "get_engagement", "update_engagement", "cancel_engagement", "complete_engagement", engagement_id="id"
)
def create_engagement(body: dict[str, Any]) -> Any:
    """Add an engagement to a site's work."""
    engagement = blueprint.reread(_add(body))
    return engagement, 201, {"Location": url_for(".get_engagement", engagement_id=engagement.id)}


@blueprint.post("/bulk/engagements")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.arguments(items_of(NewEngagementSchema))
@blueprint.response(200, results_of(EngagementSchema))
@blueprint.leads_to("get_engagement", engagement_id="items/0/id")
def create_engagements(body: dict[str, Any]) -> Any:
    """Add many engagements, all or none."""
    return apply_all(body["items"], _add)


@blueprint.get("/engagements/<key:engagement_id>")
@requires(Permission.VIEW_WORK, scope=TokenScope.WORK_READ)
@blueprint.etag
@blueprint.response(200, EngagementSchema)
@blueprint.leads_to("update_engagement", "cancel_engagement", "complete_engagement", engagement_id="id")
def get_engagement(engagement_id: int) -> Any:
    """Get an engagement."""
    return engagements.get_engagement(
        get_session(), engagement_id, viewer=current_viewer(), permission=Permission.VIEW_WORK
    )


@blueprint.patch("/engagements/<key:engagement_id>")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.arguments(EngagementChangeSchema)
@blueprint.response(200, EngagementSchema)
@blueprint.leads_to("get_engagement", "update_engagement", "cancel_engagement", engagement_id="id")
def update_engagement(body: dict[str, Any], engagement_id: int) -> Any:
    """Change an engagement that has not ended."""
    session, engagement = get_session(), _editable(engagement_id)
    blueprint.begin_edit(engagement, EngagementSchema)
    draft = replace(_draft(engagement), **body)
    changed = engagements.update_engagement(
        session, engagement, draft=draft, version=engagement.version, seen={}, by=actor()
    )
    return blueprint.reread(changed)


@blueprint.post("/engagements/<key:engagement_id>/cancel")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.response(200, EngagementSchema)
@blueprint.leads_to("get_engagement", "reopen_engagement", engagement_id="id")
def cancel_engagement(engagement_id: int) -> Any:
    """Cancel an engagement; agents who have it in their day are told."""
    engagement = _editable(engagement_id)
    engagements.cancel_engagement(get_session(), engagement, by=actor())
    return blueprint.reread(engagement)


@blueprint.post("/engagements/<key:engagement_id>/complete")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.response(200, EngagementSchema)
@blueprint.leads_to("get_engagement", "reopen_engagement", engagement_id="id")
def complete_engagement(engagement_id: int) -> Any:
    """Note that an engagement is done."""
    engagement = _editable(engagement_id)
    engagements.complete_engagement(get_session(), engagement, by=actor())
    return blueprint.reread(engagement)


@blueprint.post("/engagements/<key:engagement_id>/reopen")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.response(200, EngagementSchema)
@blueprint.leads_to("get_engagement", "complete_engagement", "cancel_engagement", engagement_id="id")
def reopen_engagement(engagement_id: int) -> Any:
    """Take back that an engagement has ended."""
    engagement = _editable(engagement_id)
    engagements.reopen_engagement(get_session(), engagement, by=actor())
    return blueprint.reread(engagement)
