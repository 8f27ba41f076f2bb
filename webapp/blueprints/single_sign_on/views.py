"""To the identity provider and back."""

from __future__ import annotations

import logging

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import login_user

from webapp.errors import ForbiddenError
from webapp.services import external_identities
from webapp.services.access import Permission
from webapp.services.audit import Actor
from webapp.web import single_sign_on
from webapp.web.guard import public, requires
from webapp.web.request import actor, current_viewer, get_session, now, write_in_this_request
from webapp.web.safety import local_path

blueprint = Blueprint("single_sign_on", __name__, url_prefix="/single-sign-on")
logger = logging.getLogger(__name__)

_NEXT = "single_sign_on_next"


@blueprint.get("")
@public
def begin() -> ResponseReturnValue:
    """Send the person to the identity provider."""
    if not single_sign_on.is_configured():
        abort(404)
    session[_NEXT] = local_path(request.args.get("next"), otherwise="/")
    try:
        return single_sign_on.redirect_to_provider(back=url_for(".back", _external=True))  # type: ignore[no-any-return]
    except single_sign_on.FAULTS as error:
        return _refused(error)


@blueprint.get("/back")
@public
def back() -> ResponseReturnValue:
    """Sign in whom the identity provider sends back."""
    if not single_sign_on.is_configured():
        abort(404)
    try:
        claims = single_sign_on.read_claims()
    except single_sign_on.FAULTS as error:
        return _refused(error)
    write_in_this_request()
    try:
        account = external_identities.sign_in(get_session(), claims, by=Actor(person_id=None, at=now(), channel="page"))
    except ForbiddenError as error:
        flash(str(error), "error")
        return redirect(url_for("security.login"))
    wanted = session.get(_NEXT, "/")
    # A session that somebody else may have begun in this browser is not taken over.
    session.clear()
    login_user(account, authn_via=["oidc"])
    single_sign_on.mark_session()
    return redirect(wanted)


def _refused(error: Exception) -> ResponseReturnValue:
    logger.warning("The identity provider could not be used: %s", type(error).__name__)
    flash(
        "Signing in with your company did not work this time. Try again; if it stays so, tell your help desk.", "error"
    )
    return redirect(url_for("security.login"))


@blueprint.get("/links")
@requires(Permission.MANAGE_TOKENS)
def links() -> ResponseReturnValue:
    """Show whom the provider knows."""
    identities = external_identities.list_identities(get_session(), viewer=current_viewer())
    return render_template("single_sign_on/links.html", identities=identities)


@blueprint.post("/links/<int:identity_id>/remove")
@requires(Permission.MANAGE_TOKENS)
def unlink(identity_id: int) -> ResponseReturnValue:
    """Forget whom a subject of the provider means."""
    person = external_identities.unlink(get_session(), identity_id, viewer=current_viewer(), by=actor())
    flash(f"{person.name} is linked anew at their next sign-in with a verified address.", "success")
    return redirect(url_for(".links"))
