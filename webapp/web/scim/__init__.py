"""
SCIM 2.0 (RFC 7643, RFC 7644): an identity system feeds joiners, movers and leavers.

The protocol is a library's; the rules are those of the pages. The caller is a token of the API with the scope ``scim``,
so that what it may do is what its person may do.
"""

from __future__ import annotations

from flask import Flask, Response, request
from scim2_flask import ScimServer
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Patch,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.requests import ScimRequest

from webapp.models import TokenScope
from webapp.services.access import Permission
from webapp.web.guard import SCIM_PATH
from webapp.web.scim.resources import Employment, Group, User
from webapp.web.scim.storage import DirectoryStorage

MAX_RESULTS = 200
MAX_OPERATIONS = 200
MAX_BULK_BYTES = 1_048_576


def _config() -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MAX_OPERATIONS, max_payload_size=MAX_BULK_BYTES),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="API token",
                description="A token of the API with the scope scim.",
                primary=True,
            )
        ],
    )


class _Server(ScimServer):
    """The library's server, behind an application that may have read the request's body already."""

    def read_body(self, scim_request: ScimRequest) -> bytes:
        """Return the body, up to one byte more than is accepted."""
        limit, body = self.service.max_body_size(scim_request), request.get_data()
        return body if limit is None else body[: limit + 1]


def install(app: Flask) -> None:
    """Serve the protocol; each of its routes needs the scope ``scim`` and the right to edit people."""
    provider = ScimProvider(
        models=[User, Employment, Group],
        resource_types=[ResourceType.from_resource(User[Employment]), ResourceType.from_resource(Group)],
        config=_config(),
        # Identity systems send whatever they know, and some say what to remove in the value and not in the path.
        policy=ScimPolicy(
            unknown=ScimPolicy.Unknown.ignore,
            remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )
    server = _Server(DirectoryStorage(), provider, url_prefix=SCIM_PATH)
    server.init_app(app)
    for name, view in app.view_functions.items():
        if name.startswith(f"{server.name}."):
            vars(view).update(permission=Permission.EDIT_PEOPLE, scope=TokenScope.SCIM)
    app.after_request(_challenge)
    app.extensions["csrf"].exempt(app.blueprints[server.name])


def _challenge(response: Response) -> Response:
    """Say to a program without a token how it is asked for one."""
    if response.status_code == 401 and request.path.startswith(SCIM_PATH):
        response.headers.setdefault("WWW-Authenticate", 'Bearer realm="Mainstay"')
    return response
