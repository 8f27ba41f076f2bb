"""The reference page, written from the API's own document: nothing is fetched from anywhere else."""

from __future__ import annotations

from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from webapp.services.access import Permission
from webapp.services.api_tokens import SCOPE_WORDS
from webapp.web.guard import requires
from webapp.web.rest.problems import KINDS
from webapp.web.rest.reference import describe

blueprint = Blueprint("api_docs", __name__, url_prefix="/api-docs")


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Show how the API is used, and each of its operations."""
    resources = describe(current_app.extensions["rest_api"].to_document())
    problems = [(status, kind, title) for status, (kind, title) in KINDS.items()]
    return render_template("api_docs/index.html", resources=resources, problems=problems, scopes=SCOPE_WORDS)
