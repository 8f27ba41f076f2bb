"""The blueprint of a resource: strict about unknown fields and parameters, and documented with its scopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import marshmallow as ma
from flask import Flask, Response, request
from flask_smorest import Api
from flask_smorest.blueprint import Blueprint
from flask_smorest.exceptions import NotModified
from flask_smorest.utils import resolve_schema_instance
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import PreconditionRequired

from webapp.db import Versioned
from webapp.services import versions
from webapp.web.request import get_session
from webapp.web.rest import links, problems
from webapp.web.rest.fields import KeyConverter
from webapp.web.rest.links import Link
from webapp.web.rest.problems import StaleError
from webapp.web.rest.repeating import HEADER, MAX_KEY_LENGTH, METHODS

BASE_PATH = "/api/v1"


Row = TypeVar("Row")
Operation = TypeVar("Operation", bound=Callable[..., Any])


class _StrictParser(FlaskParser):
    """Refuses parameters that nobody asked for: a misspelt filter must not be taken for none."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 - the library declares it so
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._schemas: dict[type[ma.Schema], ma.Schema] = {}

    def _get_schema(self, argmap: Any, req: Any) -> ma.Schema:
        """Make each schema once: making one takes longer than reading a body by it."""
        if not (isinstance(argmap, type) and issubclass(argmap, ma.Schema)):
            return super()._get_schema(argmap, req)
        if argmap not in self._schemas:
            self._schemas[argmap] = super()._get_schema(argmap, req)
        return self._schemas[argmap]


class ProblemSchema(ma.Schema):
    """A problem document (RFC 9457); each kind of problem may have members of its own."""

    class Meta:
        """Tell the document that there may be more."""

        unknown = ma.INCLUDE

    type = ma.fields.String(required=True, metadata={"description": "What kind of problem; programs may compare it."})
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True, metadata={"description": "A sentence for people."})
    errors = ma.fields.List(
        ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String()),
        metadata={"description": "Each with the pointer into the body, or the parameter, that it is about."},
    )


class ResourceBlueprint(Blueprint):
    """
    The operations on one resource under ``/api/v1``.

    Parameters
    ----------
    subject
        The resource, in the plural: the heading under which its operations are documented.
    description
        A sentence about it.
    """

    ARGUMENTS_PARSER = _StrictParser()

    def __init__(self, subject: str, description: str) -> None:
        super().__init__(f"api_{subject.replace(' ', '_')}", __name__, url_prefix=BASE_PATH, description=description)
        self.subject = subject
        self.links: dict[str, tuple[Link, ...]] = {}
        self._prepare_doc_cbks.append(self._prepare_access_doc)

    def arguments(self, schema: type[ma.Schema], **options: Any) -> Callable[[Operation], Operation]:
        """Read a body, or with ``location="query"`` the parameters, by a schema."""
        return cast(Callable[[Operation], Operation], super().arguments(schema, **options))

    def response(self, status_code: int, schema: Any = None, **options: Any) -> Callable[[Operation], Operation]:
        """Write what the operation returns by a schema."""
        return cast(Callable[[Operation], Operation], super().response(status_code, schema, **options))

    def etag(self, operation: Operation) -> Operation:
        """Give the answer an entity tag, and demand one for changes."""
        return cast(Operation, super().etag(operation))

    def leads_to(self, *operations: str, **values: str) -> Callable[[Operation], Operation]:
        """
        Declare which operations the answer leads to.

        Parameters
        ----------
        operations
            Their names, in any resource.
        values
            Parameter that each of them takes → place of its value in the answer, such as ``id`` or ``items/0/id``.
        """
        return lambda operation: links.declare(operation, Link(operations, values))

    def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
        """Register an operation under the resource's heading."""
        options["tags"] = options.get("tags") or [self.subject]
        super().add_url_rule(rule, *args, **options)

    def _store_endpoint_docs(self, endpoint: str, obj: Any, *args: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, obj, *args, **options)
        if found := links.declared(obj):
            self.links[obj.__name__] = found
        for name, doc in self._docs[endpoint].items():
            if name != "parameters":
                doc["access"] = {"name": f"{obj.__name__}", "scope": getattr(obj, "scope", None)}

    @staticmethod
    def _prepare_access_doc(
        doc: dict[str, Any], doc_info: Mapping[str, Any], *, method: str, **_kwargs: Any
    ) -> dict[str, Any]:
        scope = doc_info["access"]["scope"]
        doc["operationId"] = doc_info["access"]["name"]
        doc["security"] = [] if scope is None else [{"token": []}]
        if scope is not None:
            doc["x-scope"] = scope.value
        if method.upper() in METHODS:
            doc.setdefault("parameters", []).append("IDEMPOTENCY_KEY")
        return doc

    def _check_precondition(self) -> None:
        if request.method in self.METHODS_NEEDING_CHECK_ETAG and not request.if_match:
            raise PreconditionRequired

    def _check_not_modified(self, etag: str) -> None:
        if request.method in self.METHODS_CHECKING_NOT_MODIFIED and etag in request.if_none_match:
            raise NotModified(response=Response(status=304, headers={"ETag": f'"{etag}"'}))

    def begin_edit(self, row: Versioned, schema: type[ma.Schema]) -> None:
        """
        Hold a row to the end of the request, and go on only if the caller saw it as it is now.

        Raises
        ------
        StaleError
            If somebody changed it since.
        """
        versions.lock(get_session(), row)
        self.check_etag(row, schema)

    @staticmethod
    def reread(row: Row) -> Row:
        """Write what a command changed and read the row anew, with its new version and what it points to now."""
        session = get_session()
        session.flush()
        session.expire(row)
        return row

    def check_etag(self, etag_data: Any, etag_schema: Any = None) -> None:
        """
        Compare ``If-Match`` with the row as it is now, which must have been locked.

        Raises
        ------
        StaleError
            If somebody changed it since the caller read it.
        """
        state = etag_data if etag_schema is None else resolve_schema_instance(etag_schema).dump(etag_data)
        try:
            super().check_etag(state)
        except Exception as error:
            if getattr(error, "code", None) != 412:
                raise
            raise StaleError(
                sent=request.headers["If-Match"], present=f'"{self._generate_etag(state)}"', state=state
            ) from None


class RestApi(Api):
    """The API with its document; errors are answered in one place for pages and programs."""

    ERROR_SCHEMA = ProblemSchema  # type: ignore[assignment]

    def __init__(self, *args: Any, **options: Any) -> None:
        self.links: dict[str, tuple[Link, ...]] = {}
        super().__init__(*args, **options)

    def _register_error_handlers(self) -> None:
        """Leave errors to :mod:`webapp.web.failures`, which answers the API as well."""

    def _register_responses(self) -> None:
        """Describe every error as a problem document."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.MIME_TYPE
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = Api.DEFAULT_RESPONSE_CONTENT_TYPE

    def _register_pagination_header(self) -> None:
        """Leave out the library's header: lists carry their cursor in the body and in a link."""

    def register_blueprint(self, blp: Any, **options: Any) -> None:
        """Register a resource and its heading."""
        app = cast(Flask, self._app)
        app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        app.register_blueprint(blp, **options)
        blp.register_views_in_doc(self, app, self.spec, name=blp.name, parameters=None)
        self.spec.tag({"name": blp.subject, "description": blp.description})
        self.links |= blp.links

    def to_document(self) -> dict[str, Any]:
        """Return the OpenAPI document, with the links between operations of all resources."""
        document: dict[str, Any] = self.spec.to_dict()
        links.write(document, self.links)
        return document


def install(app: Flask) -> None:
    """Let addresses hold keys, and start the API's document."""
    app.url_map.converters["key"] = KeyConverter
    app.config |= {"API_TITLE": "Mainstay", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
    app.extensions["rest_api"] = RestApi(
        app,
        spec_kwargs={
            "info": {
                "description": "People, skills, work and plans of Mainstay, by the same rules as its pages.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
        },
    )
    app.extensions["rest_api"].spec.components.parameter(
        "IDEMPOTENCY_KEY",
        "header",
        {
            "name": HEADER,
            "description": "Any text of your own, new for each request: sent again with it, the request is done once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[!#-~]+$"},
        },
    )
    app.extensions["rest_api"].spec.components.security_scheme(
        "token",
        {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of the page API tokens; cookies are not accepted.",
        },
    )
