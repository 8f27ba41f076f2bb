"""
The request's session, viewer and clock.

A request has one session: a reading one for GET and HEAD, a writing one otherwise.  It is committed once, after the
view, if the answer is not an error, and rolled back else; so a view never commits, and what a failed view did is never
kept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, g, has_request_context, request
from flask_security import current_user
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.db import Database
from webapp.errors import BusyError
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


def write_in_this_request() -> None:
    """Let a request that only seems to read write as well: to be called before it reads anything."""
    if "session" in g:
        g.pop("session").close()
    g.session = get_database().writing()


def hurry_in_this_request() -> None:
    """Let a request wait for others only as long as a telephone system does: to be called before it reads anything."""
    if "session" not in g:
        g.session = get_database().writing(hurried=True)


@contextmanager
def busy_if_unavailable() -> Iterator[None]:
    """
    Say of a database that does not answer in time that it is busy.

    Raises
    ------
    BusyError
        In place of the driver's own error.
    """
    try:
        yield
    except OperationalError as error:
        raise BusyError("The database did not answer in time.") from error


def now() -> dt.datetime:
    """Return the present moment in UTC, by the application's clock."""
    return cast(dt.datetime, current_app.extensions["clock"]())


def today(site: Site) -> dt.date:
    """Return today's date at a site."""
    return now().astimezone(ZoneInfo(site.time_zone)).date()


def is_signed_in() -> bool:
    """Return whether somebody is signed in, or a token speaks for them."""
    if "acting_person" in g:
        return True
    user: Any = current_user
    return bool(user.is_authenticated)


def current_person() -> Person:
    """Return the person who is signed in, or whose token it is; only for routes that require a permission."""
    if "acting_person" in g:
        return cast(Person, g.acting_person)
    account: Any = current_user
    return cast(Person, account.person)


def known_person_id() -> int | None:
    """Return the id of the person who asks, if this request has found out already; it asks no database."""
    # Not from the person's row: what a transaction read is read anew after it was rolled back.
    return cast(Viewer, g.viewer).person_id if "viewer" in g else None


def act_as(person: Person, viewer: Viewer, *, channel: str) -> None:
    """Let the rest of this request happen in a person's name, whatever session a cookie may belong to."""
    g.acting_person, g.viewer, g.channel = person, viewer, channel


def current_viewer() -> Viewer:
    """Return the signed-in person's roles and scopes, read once a request."""
    if "viewer" not in g:
        person = current_person()
        g.viewer = access.get_viewer(get_session(), person.id, on=today(person.site))
    return cast(Viewer, g.viewer)


def can(permission: Permission) -> bool:
    """Return whether the person who is signed in has a permission anywhere."""
    return is_signed_in() and current_viewer().can(permission)


def actor() -> Actor:
    """Return who acts in this request, and when."""
    return Actor(person_id=current_person().id, at=now(), channel=g.get("channel", "page"))


def _roll_back(session: Session) -> None:
    try:
        session.rollback()
    except SQLAlchemyError:
        # The connection broke, and with it went all that the transaction did.
        session.invalidate()


def install(app: Flask) -> None:
    """Commit or roll back at the end of each request, and close the session."""

    @app.after_request
    def _finish(response: Response) -> Response:
        session: Session | None = g.get("session")
        if session is not None:
            if response.status_code >= 400 or g.get("failed", False):
                _roll_back(session)
                return response
            try:
                session.commit()
            except SQLAlchemyError as error:
                # Flask answers what fails after a view with 500; a busy database or a lost race has a better answer.
                _roll_back(session)
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
