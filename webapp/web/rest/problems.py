"""
Errors of the API as problem documents (RFC 9457): what went wrong, and in which field or parameter.

``type`` is one of the names in :data:`KINDS`, which programs may compare; ``detail`` is a sentence for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask import Response, json, request
from werkzeug.exceptions import Conflict, HTTPException, PreconditionFailed, UnprocessableEntity

from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError

MIME_TYPE = "application/problem+json"
API_PATH = "/api/"
_TYPE = "urn:mainstay:problem:"

KINDS: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request cannot be read"),
    401: ("unauthenticated", "A valid token is needed"),
    403: ("forbidden", "The token does not allow this"),
    404: ("not-found", "There is nothing here"),
    405: ("method-not-allowed", "This address does not do that"),
    406: ("not-acceptable", "This is answered as JSON only"),
    409: ("conflict", "The present state does not allow this"),
    412: ("precondition-failed", "Somebody else changed this meanwhile"),
    413: ("too-large", "The request is too large"),
    415: ("unsupported-media-type", "Send JSON"),
    422: ("invalid-input", "Something in the request is not accepted"),
    428: ("precondition-required", "Send If-Match with the entity tag that you saw"),
    429: ("rate-limited", "Too many requests"),
    500: ("internal", "Something broke on our side"),
    503: ("busy", "Busy right now"),
}

_DETAILS: Mapping[int, str] = {
    400: "The body is not the JSON object that this operation describes, or a header is malformed.",
    401: "Send a token as Authorization: Bearer ms_…; it may have ended or been revoked, or its person may have left.",
    403: "The token's scopes, or the roles of its person, do not include this.",
    404: "It may have been removed, or it lies outside what the token may see.",
    405: "See the Allow header for what this address does.",
    413: "Split the request, or ask an admin to raise the limit.",
    415: "The body must be sent with Content-Type: application/json.",
    428: "Read the resource, and send its ETag as If-Match, so that nobody's change is overwritten unseen.",
    429: "Wait as long as Retry-After says.",
    500: "Nothing was saved. Try again; if it happens again, tell an admin when it was.",
    503: "Others are writing at the moment. Nothing was saved; try again after Retry-After.",
}

_RETRY_AFTER = {429: "60", 503: "3"}
_COPIED_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")


class InvalidItemsError(UnprocessableEntity):
    """Some items of a bulk request are refused: index → error; nothing of the request is kept."""

    def __init__(self, refused: Mapping[int, Exception]) -> None:
        super().__init__(f"{len(refused)} items were refused; nothing was saved.")
        self.problem = {
            "errors": [
                {"pointer": _pointer("items", index, *_path(error)), "detail": str(error), "code": "invalid"}
                for index, error in sorted(refused.items())
            ]
        }


class ExplainedConflictError(Conflict):
    """The present state does not allow a command; the document says in members of its own what would."""

    def __init__(self, message: str, **told: Any) -> None:
        super().__init__(message)
        self.problem = told


class StaleError(PreconditionFailed):
    """Somebody changed the row since the caller read it; the document shows both versions."""

    def __init__(self, *, sent: str, present: str, state: Any) -> None:
        super().__init__("Look at what is there now, and send your change with its entity tag.")
        self.problem = {"sent_etag": sent, "present_etag": present, "present": state}


@contextmanager
def named(field: str) -> Iterator[None]:
    """Say that what is not found is what a field of the body names: the address itself was right."""
    try:
        yield
    except NotFoundError as error:
        raise InvalidInputError(str(error), field=field) from error


@contextmanager
def renamed(**fields: str) -> Iterator[None]:
    """Name a field as the body does, where a service calls it as the page's form does: its name → the body's."""
    try:
        yield
    except InvalidInputError as error:
        if error.field not in fields:
            raise
        raise InvalidInputError(str(error), field=fields[error.field]) from error


def is_api_request() -> bool:
    """Return whether the request is one to the API, found or not."""
    return request.path.startswith(API_PATH)


def answer_problem(status: int, detail: str = "", *, error: Exception | None = None) -> Response:
    """Return the problem document for a status, with what an error knows about fields and versions."""
    kind, title = KINDS.get(status, ("failed", "That did not work"))
    document: dict[str, Any] = {
        "type": _TYPE + kind,
        "title": title,
        "status": status,
        "detail": detail or _DETAILS.get(status, title),
        **_extras(error),
    }
    response = Response(json.dumps(document), status=status, mimetype=MIME_TYPE)
    if isinstance(error, HTTPException):
        for name in _COPIED_HEADERS:
            for value in error.get_response().headers.getlist(name):
                response.headers.add(name, value)
    if status in _RETRY_AFTER:
        response.headers.setdefault("Retry-After", _RETRY_AFTER[status])
    response.headers["Cache-Control"] = "no-store"
    return response


def _extras(error: Exception | None) -> dict[str, Any]:
    if isinstance(error, InvalidInputError):
        return {"errors": [_place(_path(error)) | {"detail": str(error), "code": "invalid"}]}
    if isinstance(error, DependencyError):
        return {"rows": list(error.rows)}
    if isinstance(error, ConflictError) and error.changes:
        return {"changes": {label: {"was": was, "now": now} for label, (was, now) in error.changes.items()}}
    if isinstance(error, HTTPException):
        if (told := getattr(error, "problem", None)) is not None:
            return dict(told)
        messages = (getattr(error, "data", None) or {}).get("messages")
        if isinstance(messages, dict):
            return {"errors": list(_listed(messages))}
    return {}


def _listed(messages: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the errors that the schemas found: location → field → … → sentences."""
    for location, found in messages.items():
        for path, sentence in _leaves(found):
            yield _place(path, in_body=location == "json") | {"detail": sentence, "code": _code(sentence)}


def _leaves(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(found, Mapping):
        for key, inner in found.items():
            # What concerns the whole object stands under this name.
            yield from _leaves(inner, path if key == "_schema" else (*path, key))
    elif isinstance(found, Sequence) and not isinstance(found, str):
        for inner in found:
            yield from _leaves(inner, path)
    else:
        yield path, str(found)


def _path(error: Exception) -> tuple[str, ...]:
    field = getattr(error, "field", None)
    return tuple(field.split(".")) if field else ()


def _place(path: Sequence[Any], *, in_body: bool | None = None) -> dict[str, str]:
    in_body = request.method not in {"GET", "HEAD"} if in_body is None else in_body
    if in_body:
        return {"pointer": _pointer(*path)}
    return {"parameter": ".".join(map(str, path))} if path else {}


def _pointer(*path: Any) -> str:
    """Return a JSON pointer (RFC 6901) as a fragment."""
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _code(sentence: str) -> str:
    return {"Unknown field.": "unknown", "Missing data for required field.": "required"}.get(sentence, "invalid")
