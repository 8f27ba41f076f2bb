"""Sites, by which other systems find the keys of theirs."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from webapp.models import TokenScope
from webapp.services import access
from webapp.services.access import Permission
from webapp.services.listing import directory
from webapp.web.guard import requires
from webapp.web.request import current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Code, Key, Name, Text
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page

blueprint = ResourceBlueprint("sites", "Places with one time zone in which people work.")


class SiteSchema(ma.Schema):
    """A site."""

    id = Key(required=True)
    code = Code(required=True)
    name = Name(required=True)
    time_zone = Text(60, required=True, metadata={"description": "An IANA name, such as Europe/Lisbon."})


SiteList = list_arguments("SiteList", sorts=directory.SITE_ORDERS, filters={"code": Code()})


@blueprint.get("/sites")
@requires(Permission.VIEW_PEOPLE, scope=TokenScope.PEOPLE_READ)
@blueprint.arguments(SiteList, location="query")
@blueprint.response(200, page_of(SiteSchema))
@blueprint.leads_to("get_site", site_id="items/0/id")
def list_sites(arguments: dict[str, Any]) -> Any:
    """List sites."""
    wanted = take_page(arguments)
    return answer_page(directory.list_sites(get_session(), viewer=current_viewer(), **arguments, wanted=wanted))


@blueprint.get("/sites/<key:site_id>")
@requires(Permission.VIEW_PEOPLE, scope=TokenScope.PEOPLE_READ)
@blueprint.etag
@blueprint.response(200, SiteSchema)
@blueprint.leads_to("list_teams", "list_plans", "list_scenarios", "list_simulations", site_id="id")
@blueprint.leads_to("get_board", "start_replan", "get_site_policy", site_id="id")
def get_site(site_id: int) -> Any:
    """Get a site."""
    return access.get_site(get_session(), site_id, viewer=current_viewer(), permission=Permission.VIEW_PEOPLE)
