"""
The address to which other systems send: open to everybody, believed only if signed.

Answers are short and say nothing about what is here: 200 for what is kept (or was kept before), 401 for what is not
genuine, 404 for no such source, 400 and 413 for what is no message.  Everything else is worth sending again.
"""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue

from webapp.errors import InvalidInputError
from webapp.models import IntakeState
from webapp.services.audit import Actor
from webapp.services.intake import receiving, sources
from webapp.services.intake.signatures import SignatureError
from webapp.web.guard import public
from webapp.web.request import get_database, get_session, now
from webapp.web.secret_box import get_secret_box

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")


@blueprint.record_once
def _believe_signatures(state: BlueprintSetupState) -> None:
    """Ask for no CSRF token: there is no session that could be abused, and the signature says more."""
    state.app.extensions["csrf"].exempt(blueprint)


@blueprint.post("/<public_id>")
@public
def receive(public_id: str) -> ResponseReturnValue:
    """Take a signed message of a source; a copy answers like the first and changes nothing."""
    if (request.content_length or 0) > receiving.MAX_BODY_BYTES:
        return _too_large()
    at, body = now(), request.get_data(cache=False)
    if len(body) > receiving.MAX_BODY_BYTES:
        return _too_large()
    try:
        # Whoever signs nothing must not make others wait for the database: until here it is only read.
        with get_database().reading() as reading:
            source = receiving.find_source(reading, public_id)
            receiving.require_genuine(source, headers=request.headers, body=body, box=get_secret_box(), at=at)
        message = receiving.parse(body)
        session = get_session()
        source = receiving.find_source(session, public_id)
        outcomes = receiving.receive(session, source, message, by=Actor(person_id=None, at=at, channel="api"))
    except SignatureError as error:
        return _refusal(401, "not_genuine", str(error))
    except InvalidInputError as error:
        return _refusal(400, "no_message", str(error))
    return jsonify(
        events=len(outcomes),
        duplicate=bool(outcomes) and all(outcome.duplicate for outcome in outcomes),
        failed=sum(outcome.state is IntakeState.FAILED for outcome in outcomes),
    )


@blueprint.get("/<public_id>")
@public
def verify(public_id: str) -> ResponseReturnValue:
    """Answer the question with which Meta checks an address before it sends there."""
    source = receiving.find_source(get_session(), public_id)
    offered = request.args.get("hub.verify_token", "")
    expected = [
        sources.verify_token(secret) for secret in receiving.good_secrets(source, box=get_secret_box(), at=now())
    ]
    if not any(hmac.compare_digest(offered.encode(), each.encode()) for each in expected):
        return _refusal(401, "not_genuine", "The verify token is not this source's.")
    return Response(request.args.get("hub.challenge", "")[:200], mimetype="text/plain")


def _too_large() -> ResponseReturnValue:
    return _refusal(413, "too_large", f"A message has up to {receiving.MAX_BODY_BYTES // 1024} KiB.")


def _refusal(status: int, code: str, message: str) -> ResponseReturnValue:
    return jsonify(error=code, message=message), status
