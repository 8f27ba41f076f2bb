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

from webapp.services.access import Permission
from webapp.web.failures import wants_json
from webapp.web.request import can, is_signed_in

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])

PUBLIC = "public"

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


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare the permission that a view needs; 401 leads to sign-in, 403 to the error page."""

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
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


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None
    needed = declared_permission(current_app, request.endpoint)
    if needed == PUBLIC:
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
