"""The skill catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import Skill, SkillKind, TokenScope
from webapp.services import catalogue
from webapp.services.access import Permission
from webapp.services.catalogue import CODE_PATTERN, SkillEntry
from webapp.services.listing import skills as listing
from webapp.services.listing.skills import SkillFilter
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Flag, Key, Moment, Name, NewCode, Text, Whole
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page

blueprint = ResourceBlueprint("skills", "What people can be able to do, and what each level of it means.")

_LEVELS = [str(level) for level in catalogue.DESCRIBED_LEVELS]


def _levels(**options: Any) -> ma.fields.Dict:
    keys = ma.fields.String(validate=ma.validate.OneOf(_LEVELS))
    return ma.fields.Dict(keys=keys, values=Text(2000), metadata={"description": "Level → what it means."}, **options)


class SkillSchema(ma.Schema):
    """A skill."""

    id = Key(required=True)
    code = Code(required=True)
    name = Name(required=True)
    kind = Choice(SkillKind, required=True)
    group = Name(required=True, allow_none=True, attribute="group.name", dump_default=None)
    description = Text(2000, required=True)
    levels = ma.fields.Function(
        lambda skill: {str(each.level): each.text for each in skill.level_descriptions},
        metadata={"type": "object", "additionalProperties": {"type": "string"}},
    )
    synonyms = ma.fields.Function(
        lambda skill: [synonym.text for synonym in skill.synonyms],
        metadata={"type": "array", "items": {"type": "string"}},
    )
    half_life_days = Whole(1, catalogue.LONGEST_HALF_LIFE_DAYS, required=True, allow_none=True)
    certificate_required = Flag(required=True)
    retired_at = Moment(required=True, allow_none=True)
    merged_into_id = Key(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)


class SkillChangeSchema(ma.Schema):
    """What can be changed of a skill; what is left out stays."""

    code = NewCode(CODE_PATTERN)
    name = Name()
    kind = Choice(SkillKind)
    group = Text(200, metadata={"description": "The name of its group, which is added if there is none."})
    description = Text(2000)
    levels = _levels()
    synonyms = ma.fields.List(Name(), validate=ma.validate.Length(max=100))
    half_life_days = Whole(1, catalogue.LONGEST_HALF_LIFE_DAYS, allow_none=True)
    certificate_required = Flag()


class NewSkillSchema(SkillChangeSchema):
    """A skill to be added."""

    code = NewCode(CODE_PATTERN, required=True)
    name = Name(required=True)
    kind = Choice(SkillKind, required=True)


SkillList = list_arguments(
    "SkillList",
    sorts=listing.SKILL_ORDERS,
    filters={
        "code": Code(),
        "kind": Choice(SkillKind),
        "group": Code(metadata={"description": "A group's code."}),
        "retired": Flag(),
    },
)


def _shaped(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body as the catalogue takes it."""
    shaped = dict(body)
    if "levels" in body:
        shaped["levels"] = {int(level): text for level, text in body["levels"].items()}
    if "synonyms" in body:
        shaped["synonyms"] = tuple(body["synonyms"])
    return shaped


def _answer(skill: Skill) -> Skill:
    blueprint.reread(skill)
    return catalogue.get_skill(get_session(), skill.id)


@blueprint.get("/skills")
@requires(Permission.USE_MAINSTAY, scope=TokenScope.SKILLS_READ)
@blueprint.arguments(SkillList, location="query")
@blueprint.response(200, page_of(SkillSchema))
@blueprint.leads_to("get_skill", skill_id="items/0/id")
def list_skills(arguments: dict[str, Any]) -> Any:
    """List skills."""
    wanted = take_page(arguments)
    return answer_page(listing.list_skills(get_session(), chosen=SkillFilter(**arguments), wanted=wanted))


@blueprint.post("/skills")
@requires(Permission.EDIT_CATALOGUE, scope=TokenScope.SKILLS_WRITE)
@blueprint.etag
@blueprint.arguments(NewSkillSchema)
@blueprint.response(201, SkillSchema)
@blueprint.leads_to("get_skill", "update_skill", "retire_skill", skill_id="id")
def create_skill(body: dict[str, Any]) -> Any:
    """Add a skill to the catalogue."""
    skill = catalogue.create_skill(get_session(), SkillEntry(**_shaped(body)), by=actor())
    return _answer(skill), 201, {"Location": url_for(".get_skill", skill_id=skill.id)}


@blueprint.get("/skills/<key:skill_id>")
@requires(Permission.USE_MAINSTAY, scope=TokenScope.SKILLS_READ)
@blueprint.etag
@blueprint.response(200, SkillSchema)
@blueprint.leads_to("update_skill", "retire_skill", "restore_skill", "list_records", skill_id="id")
def get_skill(skill_id: int) -> Any:
    """Get a skill."""
    return catalogue.get_skill(get_session(), skill_id)


@blueprint.patch("/skills/<key:skill_id>")
@requires(Permission.EDIT_CATALOGUE, scope=TokenScope.SKILLS_WRITE)
@blueprint.etag
@blueprint.arguments(SkillChangeSchema)
@blueprint.response(200, SkillSchema)
@blueprint.leads_to("get_skill", "update_skill", "retire_skill", skill_id="id")
def update_skill(body: dict[str, Any], skill_id: int) -> Any:
    """Change a skill; a former name stays as a synonym."""
    session = get_session()
    skill = catalogue.get_skill(session, skill_id)
    blueprint.begin_edit(skill, SkillSchema)
    entry = replace(catalogue.describe(skill), **_shaped(body))
    return _answer(catalogue.edit_skill(session, skill, entry, version=skill.version, seen={}, by=actor()))


@blueprint.post("/skills/<key:skill_id>/retire")
@requires(Permission.EDIT_CATALOGUE, scope=TokenScope.SKILLS_WRITE)
@blueprint.etag
@blueprint.response(200, SkillSchema)
@blueprint.leads_to("get_skill", "restore_skill", skill_id="id")
def retire_skill(skill_id: int) -> Any:
    """Take a skill out of use; its records and history stay."""
    session = get_session()
    return _answer(catalogue.retire_skill(session, catalogue.get_skill(session, skill_id), by=actor()))


@blueprint.post("/skills/<key:skill_id>/restore")
@requires(Permission.EDIT_CATALOGUE, scope=TokenScope.SKILLS_WRITE)
@blueprint.etag
@blueprint.response(200, SkillSchema)
@blueprint.leads_to("get_skill", "retire_skill", skill_id="id")
def restore_skill(skill_id: int) -> Any:
    """Take a retired skill into use again."""
    session = get_session()
    return _answer(catalogue.restore_skill(session, catalogue.get_skill(session, skill_id), by=actor()))
