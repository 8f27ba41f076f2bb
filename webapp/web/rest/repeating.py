"""``Idempotency-Key``: a program that got no answer sends the same request again, and it is done once."""

from __future__ import annotations

from flask import Flask, Response, g, request
from werkzeug.exceptions import BadRequest

from webapp.services import idempotency
from webapp.services.idempotency import RepeatableRequest
from webapp.web.request import get_session, now
from webapp.web.rest.authentication import current_token
from webapp.web.rest.problems import is_api_request

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
METHODS = frozenset({"POST", "PATCH"})
MAX_KEY_LENGTH = 255
_KEPT_HEADERS = ("Content-Type", "ETag", "Link", "Location")


def _begin() -> Response | None:
    key = request.headers.get(HEADER)
    if key is None or request.method not in METHODS or not is_api_request() or "api_token" not in g:
        return None
    # The draft of the header writes the key as a quoted string; many programs leave the quotation marks out.
    key = key.removeprefix('"').removesuffix('"')
    if not 0 < len(key) <= MAX_KEY_LENGTH or not all("!" <= sign <= "~" for sign in key):
        raise BadRequest(f"{HEADER} is 1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces.")
    path = request.full_path.removesuffix("?")
    asked = RepeatableRequest(current_token().id, key, request.method, path, request.get_data(cache=True))
    known = idempotency.begin(get_session(), asked, at=now())
    if known is None:
        g.repeatable = asked
        return None
    return Response(known.body, known.status, {**known.headers, REPLAYED: "true"})


def _keep(response: Response) -> Response:
    asked: RepeatableRequest | None = g.get("repeatable")
    # What was refused did nothing, so sending it again may well be answered otherwise.
    if asked is not None and response.status_code < 400 and not g.get("failed", False):
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        body = response.get_data(as_text=True)
        idempotency.keep_answer(get_session(), asked, status=response.status_code, headers=headers, body=body)
    return response


def install(app: Flask) -> None:
    """Look for the key after the token is known, and keep the answer before the request is committed."""
    app.before_request(_begin)
    app.after_request(_keep)
