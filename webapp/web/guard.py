"""
Route permissions, denied by default.

Every view declares what it needs with :func:`requires` or :func:`public`; a route that declares nothing answers 403
to everybody, and a test fails for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.models import TokenScope
from webapp.services.access import Permission
from webapp.web.failures import wants_json
from webapp.web.request import can, is_signed_in
from webapp.web.rest.authentication import check_token
from webapp.web.rest.problems import is_api_request

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

PUBLIC = "public"
SCIM_PATH = "/scim/v2"

# Views of libraries, which cannot carry a decorator of ours: what they need instead.
LIBRARY_ENDPOINTS: dict[str, Permission | str] = {
    "static": PUBLIC,
    "bootstrap.static": PUBLIC,
    "security.static": PUBLIC,
    "security.login": PUBLIC,
    "security.logout": PUBLIC,
    "security.forgot_password": PUBLIC,
    "security.reset_password": PUBLIC,
    "security.change_password": Permission.USE_MAINSTAY,
    "security.verify": Permission.USE_MAINSTAY,
}


def requires(
    permission: Permission, *, scope: TokenScope | None = None, hurried: bool = False
) -> Callable[[View], View]:
    """
    Declare the permission that a view needs; 401 leads to sign-in, 403 to the error page.

    An operation of the API declares as well the scope that a token must have for it; without one nobody may use it.
    A hurried operation waits for other writers only shortly, and takes a token that was good a moment ago for good.
    """

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        view.scope = scope  # type: ignore[attr-defined]
        view.hurried = hurried  # type: ignore[attr-defined]
        return view

    return declare


def public(view: View) -> View:
    """Declare that a view is open to everybody."""
    view.permission = PUBLIC  # type: ignore[attr-defined]
    return view


def declared_permission(app: Flask, endpoint: str) -> Permission | str | None:
    """Return what an endpoint declares, or None if it declares nothing."""
    if endpoint in LIBRARY_ENDPOINTS:
        return LIBRARY_ENDPOINTS[endpoint]
    return getattr(app.view_functions.get(endpoint), "permission", None)


def declared_scope(app: Flask, endpoint: str) -> TokenScope | None:
    """Return the scope that a token needs for an operation of the API, or None if it declares none."""
    return getattr(app.view_functions.get(endpoint), "scope", None)


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None
    needed = declared_permission(current_app, request.endpoint)
    if needed == PUBLIC:
        return None
    if is_api_request() or request.path.startswith(SCIM_PATH):
        hurried = getattr(current_app.view_functions.get(request.endpoint), "hurried", False)
        check_token(needed, declared_scope(current_app, request.endpoint), hurried=hurried)
        return None
    if not is_signed_in():
        if request.method == "GET" and not wants_json():
            return redirect(url_for("security.login", next=request.full_path.rstrip("?")))
        abort(401)
    if not isinstance(needed, Permission) or not can(needed):
        abort(403)
    return None


def install(app: Flask) -> None:
    """Check the declared permission before every view."""
    app.before_request(_check)
