"""The API's own description, for programs that generate clients from it."""

from __future__ import annotations

from typing import Any

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue

from webapp.web.guard import public
from webapp.web.rest.blueprint import ResourceBlueprint

blueprint = ResourceBlueprint("document", "This document.")


@blueprint.get("/openapi.json")
@public
@blueprint.response(200, {"type": "object"}, description="The OpenAPI 3.1 document")
def get_document() -> ResponseReturnValue:
    """Get the OpenAPI document of this API."""
    document: dict[str, Any] = current_app.extensions["rest_api"].to_document()
    return jsonify(document)
