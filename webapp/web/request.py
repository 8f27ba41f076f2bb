"""
The request's session, viewer and clock.

A request has one session: a reading one for GET and HEAD, a writing one otherwise.  It is committed once, after the
view, if the answer is not an error, and rolled back else; so a view never commits, and what a failed view did is never
kept.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, g, has_request_context, request
from flask_security import current_user
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.db import Database
from webapp.models import Person, Site
from webapp.services import access
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor


def get_database() -> Database:
    """Return the application's database."""
    return cast(Database, current_app.extensions["database"])


def get_session() -> Session:
    """Return the request's session, opening it at the first call."""
    if "session" not in g:
        database = get_database()
        g.session = (
            database.reading()
            if has_request_context() and request.method in {"GET", "HEAD", "OPTIONS"}
            else database.writing()
        )
    return cast(Session, g.session)


def now() -> dt.datetime:
    """Return the present moment in UTC, by the application's clock."""
    return cast(dt.datetime, current_app.extensions["clock"]())


def today(site: Site) -> dt.date:
    """Return today's date at a site."""
    return now().astimezone(ZoneInfo(site.time_zone)).date()


def is_signed_in() -> bool:
    """Return whether somebody is signed in."""
    user: Any = current_user
    return bool(user.is_authenticated)


def current_person() -> Person:
    """Return the person who is signed in; only for routes that require a permission."""
    account: Any = current_user
    return cast(Person, account.person)


def current_viewer() -> Viewer:
    """Return the signed-in person's roles and scopes, read once a request."""
    if "viewer" not in g:
        g.viewer = access.get_viewer(get_session(), current_person().id)
    return cast(Viewer, g.viewer)


def can(permission: Permission) -> bool:
    """Return whether the person who is signed in has a permission anywhere."""
    return is_signed_in() and current_viewer().can(permission)


def actor() -> Actor:
    """Return who acts in this request, and when."""
    return Actor(person_id=current_person().id, at=now(), channel="page")


def install(app: Flask) -> None:
    """Commit or roll back at the end of each request, and close the session."""

    @app.after_request
    def _finish(response: Response) -> Response:
        session: Session | None = g.get("session")
        if session is not None:
            if response.status_code >= 400 or g.get("failed", False):
                session.rollback()
                return response
            try:
                session.commit()
            except SQLAlchemyError as error:
                # Flask answers what fails after a view with 500; a busy database or a lost race has a better answer.
                session.rollback()
                return app.make_response(app.handle_user_exception(error))
        return response

    @app.teardown_appcontext
    def _close(_error: BaseException | None) -> None:
        session: Session | None = g.pop("session", None)
        if session is not None:
            session.close()

    @app.context_processor
    def _shared() -> dict[str, Any]:
        return {"can": can, "Permission": Permission, "now": now}
