"""
Turns of open pages: so many are fetched again at once in a process, whoever else wants to is told to come again.

A change that hundreds of open pages show has each of them fetched again. Nobody waits for that, but whoever has just
clicked waits for the processor that it takes. Few turns at once leave it to them, and cost an idle server nothing.
"""

from __future__ import annotations

import threading

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue

from webapp.web.toasts import BACKGROUND

TURNS = 1
RETRY_SECONDS = 2
"""The browser waits longer each time it is told so in a row."""


def install(app: Flask) -> None:
    """Let open pages take turns; before whatever asks the database, for being refused must be cheap."""
    turns = app.extensions["live_turns"] = threading.BoundedSemaphore(TURNS)

    @app.before_request
    def _take() -> ResponseReturnValue | None:
        if BACKGROUND not in request.headers:
            return None
        g.live_turn = turns.acquire(blocking=False)
        if g.live_turn:
            return None
        return Response("Busy", 503, {"Retry-After": str(RETRY_SECONDS)}, mimetype="text/plain")

    @app.teardown_request
    def _give_back(_error: BaseException | None) -> None:
        if g.pop("live_turn", False):
            turns.release()
