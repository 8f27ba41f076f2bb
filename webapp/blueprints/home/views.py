"""The front door, health and readiness."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, current_app, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.services import health
from webapp.services.access import Permission
from webapp.web.guard import public, requires
from webapp.web.navigation import entries
from webapp.web.request import can, get_database, now

blueprint = Blueprint("home", __name__)

_HOMES = (
    ("plans.index", Permission.VIEW_PLANS),
    ("search.index", Permission.MANAGE_PROFILES),
    ("reviews.index", Permission.REVIEW_RECORDS),
    ("day.index", Permission.WORK_OWN_DAY),
)


@blueprint.get("/")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Send the person to the page that their role comes for."""
    for endpoint, permission in _HOMES:
        if endpoint in current_app.view_functions and can(permission):
            return redirect(url_for(endpoint))
    return render_template("home/index.html", entries=entries())


@blueprint.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Answer that the process lives."""
    return jsonify({"status": "ok"})


@blueprint.get("/readyz")
@public
def readyz() -> ResponseReturnValue:
    """Answer whether the database answers with the right schema, and say whether anybody runs jobs."""
    found = health.check(get_database(), at=now())
    status = "ready" if found.ready else "unready"
    return jsonify({"status": status, "checks": asdict(found)}), 200 if found.ready else 503
