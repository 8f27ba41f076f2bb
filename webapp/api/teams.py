"""Teams of the sites that the token may see."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import TokenScope
from webapp.services import access, organisation
from webapp.services.access import Permission
from webapp.services.listing import directory
from webapp.services.listing.directory import TeamFilter
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Code, Key, Name, NewCode
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("teams", "People of one site who work together.")


class TeamSchema(ma.Schema):
    """A team."""

    id = Key(required=True)
    code = Code(required=True)
    name = Name(required=True)
    site_id = Key(required=True)
    site = Code(required=True, attribute="site.code", metadata={"description": "The site's code."})
    version = ma.fields.Integer(required=True)


class NewTeamSchema(ma.Schema):
    """A team to be added."""

    code = NewCode(organisation.CODE_PATTERN, required=True)
    name = Name(required=True)
    site_id = Key(required=True)


class TeamChangeSchema(ma.Schema):
    """What can be changed of a team; it stays at its site."""

    name = Name(required=True)


TeamList = list_arguments(
    "TeamList",
    sorts=directory.TEAM_ORDERS,
    filters={"code": Code(), "site_id": Key(), "site": Code(metadata={"description": "A site's code."})},
)


@blueprint.get("/teams")
@requires(Permission.VIEW_PEOPLE, scope=TokenScope.PEOPLE_READ)
@blueprint.arguments(TeamList, location="query")
@blueprint.response(200, page_of(TeamSchema))
@blueprint.leads_to("get_team", team_id="items/0/id")
def list_teams(arguments: dict[str, Any]) -> Any:
    """List teams."""
    wanted = take_page(arguments)
    return answer_page(
        directory.list_teams(get_session(), viewer=current_viewer(), chosen=TeamFilter(**arguments), wanted=wanted)
    )


@blueprint.post("/teams")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.arguments(NewTeamSchema)
@blueprint.response(201, TeamSchema)
@blueprint.leads_to("get_team", "update_team", "delete_team", team_id="id")
def create_team(body: dict[str, Any]) -> Any:
    """Add a team to a site."""
    session, site_id = get_session(), body.pop("site_id")
    with named("site_id"):
        site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.EDIT_PEOPLE)
    team = organisation.create_team(session, site, **body, by=actor())
    return team, 201, {"Location": url_for(".get_team", team_id=team.id)}


@blueprint.get("/teams/<key:team_id>")
@requires(Permission.VIEW_PEOPLE, scope=TokenScope.PEOPLE_READ)
@blueprint.etag
@blueprint.response(200, TeamSchema)
@blueprint.leads_to("update_team", "delete_team", team_id="id")
def get_team(team_id: int) -> Any:
    """Get a team."""
    return organisation.get_team(get_session(), team_id, viewer=current_viewer(), permission=Permission.VIEW_PEOPLE)


@blueprint.patch("/teams/<key:team_id>")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.arguments(TeamChangeSchema)
@blueprint.response(200, TeamSchema)
@blueprint.leads_to("get_team", "update_team", "delete_team", team_id="id")
def update_team(body: dict[str, Any], team_id: int) -> Any:
    """Rename a team."""
    session = get_session()
    team = organisation.get_team(session, team_id, viewer=current_viewer())
    blueprint.begin_edit(team, TeamSchema)
    changed = organisation.update_team(session, team, **body, version=team.version, seen={}, by=actor())
    return blueprint.reread(changed)


@blueprint.delete("/teams/<key:team_id>")
@requires(Permission.EDIT_PEOPLE, scope=TokenScope.PEOPLE_WRITE)
@blueprint.etag
@blueprint.response(204)
def delete_team(team_id: int) -> Any:
    """Remove an empty team."""
    session = get_session()
    team = organisation.get_team(session, team_id, viewer=current_viewer())
    blueprint.begin_edit(team, TeamSchema)
    organisation.delete_team(session, team, by=actor())
    return None
