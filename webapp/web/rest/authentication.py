"""
Who asks the API: the token of the request, never the cookie of a session.

Cookies are sent by browsers without being asked to, so an API that took them would need a defence against forged
requests on every operation; a header that a program sets on purpose needs none.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import cast

from flask import Flask, Response, current_app, g, request
from limits import RateLimitItemPerMinute
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized

from config import Config
from webapp.models import ApiToken, TokenScope
from webapp.services import api_tokens
from webapp.services.access import Permission, Viewer
from webapp.web.request import act_as, can, get_database, get_session, hurry_in_this_request, now, today
from webapp.web.rest.problems import is_api_request

KNOWN_FOR = dt.timedelta(seconds=1)
"""For so long a hurried operation takes a token for good that was good: revoking it takes effect so much later."""

MOST_KNOWN = 1_000


def _challenge(**parameters: str) -> Response:
    """Return an answer with what RFC 6750 wants a refused program to be told."""
    told = ", ".join(f'{name}="{value}"' for name, value in ({"realm": "Mainstay"} | parameters).items())
    return Response(headers={"WWW-Authenticate": f"Bearer {told}"})


def current_token() -> ApiToken:
    """Return the token of this request; only for operations that require a scope."""
    return cast(ApiToken, g.api_token)


def check_token(permission: Permission | str | None, scope: TokenScope | None, *, hurried: bool = False) -> None:
    """
    Refuse a request whose token does not carry what an operation declares.

    Parameters
    ----------
    hurried
        Whether the operation cannot wait for the token to be read each time.

    Raises
    ------
    Unauthorized
        Without a token that is alive.
    Forbidden
        If its scopes or its person's roles do not include this, or the operation declares nothing.
    TooManyRequests
        If the token asks more often than it may.
    """
    _authenticate(hurried=hurried)
    if scope is None or scope.value not in current_token().scopes:
        words = f"the scope {scope.value}" if scope else "a scope that nobody has"
        told = {"scope": scope.value} if scope else {}
        raise Forbidden(f"This needs a token with {words}.", _challenge(error="insufficient_scope", **told))
    if not isinstance(permission, Permission) or not can(permission):
        raise Forbidden("The roles of the token's person, or its site, do not include this.")


def _authenticate(*, hurried: bool) -> None:
    sent = request.authorization
    secret = sent.token if sent is not None and sent.type == "bearer" else None
    if not secret:
        raise Unauthorized(response=_challenge())
    token, viewer = _find_known(secret) if hurried else _find(get_session(), secret)
    if token is None:
        raise Unauthorized(response=_challenge(error="invalid_token"))
    g.api_token = token
    _count(token)
    act_as(token.person, viewer or _viewer_of(get_session(), token), channel="api")


def _find(session: Session, secret: str) -> tuple[ApiToken | None, Viewer | None]:
    return api_tokens.find_live_token(session, secret, at=now()), None


def _viewer_of(session: Session, token: ApiToken) -> Viewer:
    return api_tokens.viewer_of(session, token, on=today(token.person.site))


def _find_known(secret: str) -> tuple[ApiToken | None, Viewer | None]:
    """
    Return a token and what it may do, as they were up to a second ago.

    They are read by a session of their own: the operation's transaction begins with its work, and holds nothing else.
    """
    hurry_in_this_request()
    known: dict[str, tuple[dt.datetime, ApiToken, Viewer]] = current_app.extensions["known_tokens"]
    key, at = api_tokens.hash_secret(secret), now()
    found = known.get(key)
    if found is not None and dt.timedelta() <= at - found[0] < KNOWN_FOR and found[1].expires_at > at:
        return found[1], found[2]
    with get_database().reading() as session:
        token, _ = _find(session, secret)
        if token is None:
            known.pop(key, None)
            return None, None
        viewer = _viewer_of(session, token)
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[key] = (at, token, viewer)
    return token, viewer


def _count(token: ApiToken) -> None:
    """Count a request of a token against its limit."""
    config, limiter = cast(Config, current_app.extensions["config"]), current_app.extensions["sign_in_limiter"]
    limit = RateLimitItemPerMinute(config.api_rate_per_minute)
    if not limiter.enabled or limiter.limiter.hit(limit, "api", str(token.id)):
        return
    window = limiter.limiter.get_window_stats(limit, "api", str(token.id))
    raise TooManyRequests(retry_after=max(1, round(window.reset_time - time.time())))


def install(app: Flask) -> None:
    """Keep answers out of shared caches, and note when a token was last used once its answer has gone out."""
    app.extensions["known_tokens"] = {}

    @app.after_request
    def _note_use(response: Response) -> Response:
        if is_api_request():
            # A program may keep what it read, and must ask with its entity tag whether it still holds.
            response.headers.setdefault("Cache-Control", "private, no-cache")
            response.vary.add("Authorization")
        token: ApiToken | None = g.get("api_token")
        # After a fault its row may be gone from the session, and the database with it.
        if token is not None and response.status_code < 500 and api_tokens.is_use_unnoted(token, now()):
            token_id, at, database = token.id, now(), get_database()

            def _write() -> None:
                try:
                    with database.transaction() as session:
                        api_tokens.note_use(session, token_id, at=at)
                except SQLAlchemyError:
                    # Somebody wrote for a long time, or the database went away; the next request notes it.
                    return

            # The program has its answer by then: it never waits for others who write.
            response.call_on_close(_write)
        return response
