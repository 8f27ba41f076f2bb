"""How errors are answered: a page that says what happened and what to do, or the same as JSON for scripts."""

from __future__ import annotations

import logging

from flask import Flask, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import AnonymousUserMixin
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from webapp.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MainstayError,
    NotFoundError,
    QuotaError,
)
from webapp.web.rest.problems import answer_problem, is_api_request

logger = logging.getLogger(__name__)

_STATUS: dict[type[MainstayError], int] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    InvalidInputError: 422,
    ConflictError: 409,
    # Before its base: the first that fits counts.
    QuotaError: 429,
    BusyError: 503,
}

_TITLES = {
    400: "That request could not be read",
    401: "Please sign in",
    403: "That is not open to you",
    404: "There is nothing here",
    405: "That cannot be done here",
    409: "Somebody was faster",
    413: "That file is too large",
    422: "That cannot be accepted",
    429: "Too many tries",
    500: "Something broke on our side",
    503: "Busy right now",
}

_ADVICE = {
    400: "Something in the address or the form is not what this page expects. Go back and choose again.",
    401: "Your session has ended. Sign in again; what you had saved is safe.",
    403: "Your roles do not include this. An admin can change them under People.",
    404: "It may have been removed, or it lies outside the teams and sites that you work with.",
    405: "This address exists, but not for this kind of request.",
    413: "Split the file, or ask an admin to raise the limit.",
    429: "Wait a few minutes and try again. The limit protects your account.",
    500: "Nothing of your last step was saved. Try again; if it happens again, tell an admin when it was.",
    503: "Others are writing at the moment. Nothing was lost; try again in a few seconds.",
}


_RETRY_AFTER = {429: {"Retry-After": "60"}, 503: {"Retry-After": "3"}}


def wants_json() -> bool:
    """Return whether the client asked for JSON rather than a page."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


def _answer(status: int, message: str = "", *, error: Exception | None = None) -> ResponseReturnValue:
    # A failed command must leave nothing behind even though its answer is a page.
    g.failed = True
    session = g.get("session")
    if session is not None and status < 500:
        # The page around the message reads the person's navigation, which a transaction that failed would refuse.
        session.rollback()
    if status >= 500:
        # Every template is given the person who is signed in, and a database that does not answer would be asked again.
        g._login_user = AnonymousUserMixin()  # noqa: SLF001 - the only way to say so to the library
    if is_api_request():
        return answer_problem(status, message, error=error)
    title = _TITLES.get(status, "That did not work")
    text = message or _ADVICE.get(status, "")
    headers = _RETRY_AFTER.get(status, {})
    if wants_json():
        return jsonify({"status": status, "title": title, "detail": text}), status, headers
    try:
        response = render_template("errors/error.html", status=status, title=title, text=text)
    except (OperationalError, InterfaceError) as busy:
        if status >= 500:
            raise
        return _answer_busy(busy)
    return response, status, headers


def _answer_busy(error: DBAPIError) -> ResponseReturnValue:
    logger.warning("The database did not answer: %s", type(error.orig).__name__)
    return _answer(503)


def install(app: Flask) -> None:
    """Answer domain errors, HTTP errors and unexpected errors alike."""

    @app.errorhandler(MainstayError)
    def _domain(error: MainstayError) -> ResponseReturnValue:
        status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
        return _answer(status, str(error), error=error)

    @app.errorhandler(StaleDataError)
    def _stale(_error: StaleDataError) -> ResponseReturnValue:
        return _answer(
            409,
            "Somebody changed this while you looked at it. Open it again and make your change on what is there now.",
        )

    # The driver says of a connection that broke under it in either way, depending on where it notices.
    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    def _database(error: DBAPIError) -> ResponseReturnValue:
        return _answer_busy(error)

    @app.errorhandler(DataError)
    @app.errorhandler(OverflowError)
    def _unstorable(error: Exception) -> ResponseReturnValue:
        # A key or number of many digits, a day past the calendar's end, or a NUL in a text: typed into an address or
        # a form by hand, for no page of ours offers it.
        logger.info("A value cannot be stored: %s", type(error).__name__)
        return _answer(400)

    @app.errorhandler(IntegrityError)
    def _clash(error: IntegrityError) -> ResponseReturnValue:
        # Services check before they write; what still meets a constraint lost a race against another request.
        logger.warning("A constraint refused a write: %s", type(error.orig).__name__)
        return _answer(409, "Somebody else just saved something that this clashes with. Look at it again, then retry.")

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> ResponseReturnValue:
        if error.code is not None and error.code < 400:
            return error.get_response()
        # Our own say what is missing; the texts of the framework are for browsers.
        ours = error.description if is_api_request() and "description" in vars(error) else None
        return _answer(error.code or 500, ours or "", error=error)

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> ResponseReturnValue:
        logger.error("Unexpected error", exc_info=error)
        return _answer(500)
