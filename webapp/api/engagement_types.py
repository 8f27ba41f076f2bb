"""Engagement types: the kinds of work, and the skills that each asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import Channel, EngagementType, Stance, TokenScope
from webapp.services import engagement_types as types
from webapp.services.access import Permission
from webapp.services.catalogue import CODE_PATTERN
from webapp.services.engagement_types import RequirementDraft, TypeDraft
from webapp.services.listing import work as listing
from webapp.services.listing.work import TypeFilter
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Flag, Key, Level, Name, NewCode, Real, Whole
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page

blueprint = ResourceBlueprint("engagement types", "Kinds of work: channel, skills, handle time, concurrency, value.")


class RequirementSchema(ma.Schema):
    """A skill that a type asks for."""

    skill_id = Key(required=True)
    level = Level(1, required=True)
    weight = Real(0, types.MAX_WEIGHT, load_default=1.0)
    preferred = Flag(load_default=False)


class EngagementTypeSchema(ma.Schema):
    """An engagement type."""

    id = Key(required=True)
    code = Code(required=True)
    name = Name(required=True)
    channel = Choice(Channel, required=True)
    stance = Choice(Stance, required=True)
    handle_minutes = Real(0, types.MAX_HANDLE_MINUTES, required=True)
    median_handle_minutes = Real(0, types.MAX_HANDLE_MINUTES, required=True, allow_none=True)
    concurrency = Whole(1, types.MAX_CONCURRENCY, required=True)
    value = Real(0, types.MAX_VALUE, required=True)
    requirements = ma.fields.List(ma.fields.Nested(RequirementSchema), required=True)
    active = Flag(required=True)
    version = ma.fields.Integer(required=True)


class EngagementTypeChangeSchema(ma.Schema):
    """What can be changed of a type; what is left out stays."""

    code = NewCode(CODE_PATTERN)
    name = Name()
    channel = Choice(Channel)
    stance = Choice(Stance)
    handle_minutes = Real(0, types.MAX_HANDLE_MINUTES)
    median_handle_minutes = Real(0, types.MAX_HANDLE_MINUTES, allow_none=True)
    concurrency = Whole(1, types.MAX_CONCURRENCY)
    value = Real(0, types.MAX_VALUE)
    requirements = ma.fields.List(ma.fields.Nested(RequirementSchema), validate=ma.validate.Length(max=100))


class NewEngagementTypeSchema(EngagementTypeChangeSchema):
    """A type to be added."""

    code = NewCode(CODE_PATTERN, required=True)
    name = Name(required=True)
    channel = Choice(Channel, required=True)
    stance = Choice(Stance, load_default=Stance.REACTIVE)
    handle_minutes = Real(0, types.MAX_HANDLE_MINUTES, required=True)


EngagementTypeList = list_arguments(
    "EngagementTypeList",
    sorts=listing.TYPE_ORDERS,
    filters={"code": Code(), "channel": Choice(Channel), "stance": Choice(Stance), "active": Flag()},
)


def _shaped(body: dict[str, Any]) -> dict[str, Any]:
    if "requirements" not in body:
        return body
    return body | {"requirements": tuple(RequirementDraft(**line) for line in body["requirements"])}


def _draft(kind: EngagementType) -> TypeDraft:
    return TypeDraft(
        code=kind.code,
        name=kind.name,
        channel=kind.channel,
        stance=kind.stance,
        handle_minutes=kind.handle_minutes,
        concurrency=kind.concurrency,
        value=kind.value,
        median_handle_minutes=kind.median_handle_minutes,
        requirements=tuple(
            RequirementDraft(line.skill_id, line.level, line.weight, line.preferred) for line in kind.requirements
        ),
    )


@blueprint.get("/engagement-types")
@requires(Permission.VIEW_WORK, scope=TokenScope.WORK_READ)
@blueprint.arguments(EngagementTypeList, location="query")
@blueprint.response(200, page_of(EngagementTypeSchema))
@blueprint.leads_to("get_engagement_type", type_id="items/0/id")
def list_engagement_types(arguments: dict[str, Any]) -> Any:
    """List engagement types."""
    wanted = take_page(arguments)
    return answer_page(listing.list_types(get_session(), chosen=TypeFilter(**arguments), wanted=wanted))


@blueprint.post("/engagement-types")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.arguments(NewEngagementTypeSchema)
@blueprint.response(201, EngagementTypeSchema)
@blueprint.leads_to("get_engagement_type", "update_engagement_type", "retire_engagement_type", type_id="id")
def create_engagement_type(body: dict[str, Any]) -> Any:
    """Add an engagement type."""
    kind = types.create_type(get_session(), draft=TypeDraft(**_shaped(body)), by=actor())
    return blueprint.reread(kind), 201, {"Location": url_for(".get_engagement_type", type_id=kind.id)}


@blueprint.get("/engagement-types/<key:type_id>")
@requires(Permission.VIEW_WORK, scope=TokenScope.WORK_READ)
@blueprint.etag
@blueprint.response(200, EngagementTypeSchema)
@blueprint.leads_to("update_engagement_type", "retire_engagement_type", type_id="id")
def get_engagement_type(type_id: int) -> Any:
    """Get an engagement type."""
    return types.get_type(get_session(), type_id)


@blueprint.patch("/engagement-types/<key:type_id>")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.arguments(EngagementTypeChangeSchema)
@blueprint.response(200, EngagementTypeSchema)
@blueprint.leads_to("get_engagement_type", "update_engagement_type", "retire_engagement_type", type_id="id")
def update_engagement_type(body: dict[str, Any], type_id: int) -> Any:
    """Change an engagement type."""
    session = get_session()
    kind = types.get_type(session, type_id)
    blueprint.begin_edit(kind, EngagementTypeSchema)
    draft = replace(_draft(kind), **_shaped(body))
    return blueprint.reread(types.update_type(session, kind, draft=draft, version=kind.version, seen={}, by=actor()))


@blueprint.post("/engagement-types/<key:type_id>/retire")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.response(200, EngagementTypeSchema)
@blueprint.leads_to("get_engagement_type", "restore_engagement_type", type_id="id")
def retire_engagement_type(type_id: int) -> Any:
    """Take a type out of use: no new engagement may have it."""
    kind = types.get_type(get_session(), type_id)
    types.retire_type(get_session(), kind, by=actor())
    return blueprint.reread(kind)


@blueprint.post("/engagement-types/<key:type_id>/restore")
@requires(Permission.EDIT_WORK, scope=TokenScope.WORK_WRITE)
@blueprint.etag
@blueprint.response(200, EngagementTypeSchema)
@blueprint.leads_to("get_engagement_type", "retire_engagement_type", type_id="id")
def restore_engagement_type(type_id: int) -> Any:
    """Take a retired type into use again."""
    kind = types.get_type(get_session(), type_id)
    types.restore_type(get_session(), kind, by=actor())
    return blueprint.reread(kind)
