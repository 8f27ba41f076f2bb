"""What Prometheus reads."""

from __future__ import annotations

from flask import Blueprint, Response, abort
from flask.typing import ResponseReturnValue

from webapp.web import metrics
from webapp.web.guard import public

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@public
def index() -> ResponseReturnValue:
    """Answer everything that is measured; to whoever may not read it, as if there were nothing."""
    if not metrics.may_read():
        abort(404)
    return Response(metrics.render(), content_type=metrics.CONTENT_TYPE)
