"""People: the directory, within what the token may see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import TokenScope
from webapp.services import access, people
from webapp.services.access import Permission
from webapp.services.listing import directory
from webapp.services.listing.directory import PersonFilter
from webapp.services.people import PersonValues
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Code, Day, Flag, Key, Name, Text
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page

blueprint = ResourceBlueprint("people", "Everybody in the directory; agents are those who handle engagements.")


class PersonSchema(ma.Schema):
    """A person."""

    id = Key(required=True)
    external_id = Code(required=True, metadata={"description": "The number by which other systems know the person."})
    name = Name(required=True)
    email = Text(254, required=True, allow_none=True)
    site_id = Key(required=True)
    site = Code(required=True, attribute="site.code")
    team_id = Key(required=True, allow_none=True)
    team = Code(required=True, allow_none=True, attribute="team.code", dump_default=None)
    service_role_id = Key(required=True, allow_none=True)
    job_title = Text(120, required=True)
    is_agent = Flag(required=True)
    active = Flag(required=True)
    hired_on = Day(required=True, allow_none=True)
    version = ma.fields.Integer(required=True)


class PersonChangeSchema(ma.Schema):
    """What can be changed of a person; what is left out stays."""

    name = Name()
    email = Text(254, least=3, allow_none=True)
    site_id = Key()
    team_id = Key(allow_none=True)
    service_role_id = Key(allow_none=True)
    job_title = Text(120)
    is_agent = Flag()
    hired_on = Day(allow_none=True)


class NewPersonSchema(PersonChangeSchema):
    """A person to be added."""

    external_id = Code(required=True)
    name = Name(required=True)
    site_id = Key(required=True)


PersonList = list_arguments(
    "PersonList",
    sorts=directory.PEOPLE_ORDERS,
    filters={
        "external_id": Code(),
        "email": Text(254),
        "site_id": Key(),
        "site": Code(),
        "team_id": Key(),
        "team": Code(),
        "is_agent": Flag(),
        "active": Flag(),
    },
)


@blueprint.get("/people")
@requires(Permission.VIEW_PEOPLE, scope=TokenScope.PEOPLE_READ)
@blueprint.arguments(PersonList, location="query")
@blueprint.response(200, page_of(PersonSchema))
@blueprint.leads_to("get_person", person_id="items/0/id")
def list_people(arguments: dict[str, Any]) -> Any:
    """List people."""
    wanted = take_page(arguments)
    chosen = PersonFilter(**arguments)
    return answer_page(directory.list_people(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.post("/people")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.arguments(NewPersonSchema)
@blueprint.response(201, PersonSchema)
@blueprint.leads_to("get_person", "update_person", "deactivate_person", "activate_person", person_id="id")
def create_person(body: dict[str, Any]) -> Any:
    """Add a person."""
    external_id = body.pop("external_id")
    values = PersonValues(**({"email": None} | body))
    person = people.create_person(
        get_session(), external_id=external_id, values=values, viewer=current_viewer(), by=actor()
    )
    return person, 201, {"Location": url_for(".get_person", person_id=person.id)}


@blueprint.get("/people/<key:person_id>")
@requires(Permission.VIEW_PEOPLE, scope=TokenScope.PEOPLE_READ)
@blueprint.etag
@blueprint.response(200, PersonSchema)
@blueprint.leads_to("update_person", "deactivate_person", "activate_person", person_id="id")
@blueprint.leads_to("list_records", "list_shifts", "list_absences", person_id="id")
@blueprint.leads_to("set_presence", person_id="id")
def get_person(person_id: int) -> Any:
    """Get a person."""
    return access.get_person(get_session(), person_id, viewer=current_viewer(), permission=Permission.VIEW_PEOPLE)


@blueprint.patch("/people/<key:person_id>")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.arguments(PersonChangeSchema)
@blueprint.response(200, PersonSchema)
@blueprint.leads_to("get_person", "update_person", person_id="id")
def update_person(body: dict[str, Any], person_id: int) -> Any:
    """Change what the directory keeps of a person."""
    session, viewer = get_session(), current_viewer()
    person = access.get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    blueprint.begin_edit(person, PersonSchema)
    values = replace(people.values_of(person), **body)
    changed = people.update_person(
        session, person, values=values, version=person.version, seen={}, viewer=viewer, by=actor()
    )
    return blueprint.reread(changed)


@blueprint.post("/people/<key:person_id>/deactivate")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.response(200, PersonSchema)
@blueprint.leads_to("get_person", "activate_person", person_id="id")
def deactivate_person(person_id: int) -> Any:
    """Take a person out of planning and end their sessions and tokens at once; their records stay."""
    session, viewer = get_session(), current_viewer()
    person = access.get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    return blueprint.reread(people.deactivate_person(session, person, viewer=viewer, by=actor()))


@blueprint.post("/people/<key:person_id>/activate")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.response(200, PersonSchema)
@blueprint.leads_to("get_person", "deactivate_person", person_id="id")
def activate_person(person_id: int) -> Any:
    """Bring a person back, with the roles and the password that they had."""
    session, viewer = get_session(), current_viewer()
    person = access.get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    return blueprint.reread(people.activate_person(session, person, viewer=viewer, by=actor()))
