"""Policies: the weights and limits by which plans are made, and the one with which a site's runs begin."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from webapp.models import TokenScope
from webapp.services import access, versions
from webapp.services.access import Permission
from webapp.services.planning import policies, policy_editing
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Code, Key, Name

blueprint = ResourceBlueprint("policies", "Weights and limits by which plans are made, and each site's default.")


class PolicySchema(ma.Schema):
    """A policy that a run may use."""

    code = Code(required=True)
    name = Name(required=True)
    description = ma.fields.String(required=True)
    number = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of its newest version; null before its first use."}
    )


class PoliciesSchema(ma.Schema):
    """The policies that runs may use, the default of the house first."""

    items = ma.fields.List(ma.fields.Nested(PolicySchema), required=True)


class SitePolicySchema(ma.Schema):
    """With which policy the runs of a site begin unless somebody chooses another."""

    site_id = Key(required=True)
    policy = Code(required=True)


class SitePolicyChangeSchema(ma.Schema):
    """The policy with which the runs of a site begin from now on."""

    policy = Code(required=True)


@blueprint.get("/policies")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.response(200, PoliciesSchema)
def list_policies() -> Any:
    """List the policies that a run may use; those that were retired are not among them."""
    session = get_session()
    numbers = {policy.code: policy.number for policy in policies.list_policies(session)}
    return {
        "items": [
            {"code": code, "name": name, "description": description, "number": numbers.get(code)}
            for code, name, description in policies.list_choices(session)
        ]
    }


@blueprint.get("/sites/<key:site_id>/policy")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.etag
@blueprint.response(200, SitePolicySchema)
@blueprint.leads_to("set_site_policy", "get_board", site_id="site_id")
def get_site_policy(site_id: int) -> Any:
    """Get the policy with which the runs of a site begin."""
    site = access.get_site(get_session(), site_id, viewer=current_viewer(), permission=Permission.VIEW_PLANS)
    return {"site_id": site.id, "policy": policies.default_code(get_session(), site)}


@blueprint.put("/sites/<key:site_id>/policy")
@requires(Permission.EDIT_POLICIES, scope=TokenScope.PLANS_WRITE)
@blueprint.etag
@blueprint.arguments(SitePolicyChangeSchema)
@blueprint.response(200, SitePolicySchema)
@blueprint.leads_to("get_site_policy", "set_site_policy", site_id="site_id")
def set_site_policy(body: dict[str, Any], site_id: int) -> Any:
    """Say with which policy the runs of a site begin."""
    session = get_session()
    site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.EDIT_POLICIES)
    versions.lock(session, site)
    present = {"site_id": site.id, "policy": policies.default_code(session, site)}
    blueprint.check_etag(present, SitePolicySchema)
    policy_editing.set_default(session, site, body["policy"], by=actor())
    return present | {"policy": body["policy"]}
