"""
Logs: one line for each request and each fault, without what people said.

A line holds ids, the route's pattern, a status and a duration; never an address with its query, a body, a name or the
message of an exception, which may repeat what somebody typed. In production each line is a JSON object.
"""

from __future__ import annotations

import logging
import re
import secrets
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Flask, Response, g, request

from config import Config
from webapp.web.request import known_person_id

REQUEST_ID_HEADER = "X-Request-ID"
_OWN_LOGGERS = ("config", "optimizer", "webapp")
# What a proxy may hand over: others are replaced, so that nobody writes lines of their own into the log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = {"static", "bootstrap.static", "security.static", "home.healthz", "home.readyz", "metrics.index"}

access_logger = structlog.stdlib.get_logger("webapp.requests")


def configure(config: Config) -> None:
    """
    Let the root logger write structured lines to standard error; what the process had set up before is replaced.

    A process calls this once, where it starts: the application is also built where others look after the log.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_fault,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if config.production
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)


def _name_fault(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the places it passed: its message may hold what a person typed."""
    found = event.pop("exc_info", None)
    # The formatter of a line that came through the standard library holds the exception there as well.
    record = event.get("_record")
    if record is not None:
        record.exc_info = record.exc_text = None
    error = found if isinstance(found, BaseException) else found[1] if isinstance(found, tuple) else None
    if error is None and found:
        error = sys.exc_info()[1]
    if error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        event["fault"] = type(error).__name__
        event["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
    return event


def install(app: Flask) -> None:
    """Give each request an id, and write a line when it is answered."""

    @app.before_request
    def _begin() -> None:
        offered = request.headers.get(REQUEST_ID_HEADER, "")
        g.request_id = offered if _REQUEST_ID.fullmatch(offered) else secrets.token_hex(8)
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _end(response: Response) -> Response:
        if "began" not in g:
            return response
        response.headers[REQUEST_ID_HEADER] = g.request_id
        if request.endpoint not in _QUIET or response.status_code >= 500:
            access_logger.info(
                "request",
                method=request.method if request.method in _METHODS else "other",
                route=route_of_request(),
                status=response.status_code,
                milliseconds=round(1000 * (time.perf_counter() - g.began), 1),
                person_id=known_person_id(),
            )
        return response


_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def route_of_request() -> str:
    """Return the pattern of the route that the request met, with no value of it; ``none`` where it met none."""
    return request.url_rule.rule if request.url_rule is not None else "none"
