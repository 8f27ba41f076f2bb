"""
Pages that stay true while they are open.

A view names what its page shows with :func:`watch`; the page carries these topics in a token that is signed for the
person whom it was made for, so that a stream or a question can only ever be about what their page may show.  Events
carry topics and no content: the browser fetches the page again, through the same view and its permission, and changes
what differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app, g, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from config import Config
from webapp.services import live
from webapp.web import metrics
from webapp.web.live_hub import Hub
from webapp.web.request import current_person, current_viewer, get_session

TOKEN_SECONDS = 12 * 60 * 60


@dataclass(frozen=True, slots=True)
class LivePage:
    """
    What a page says in its head.

    Parameters
    ----------
    token
        The signed topics.
    topics
        The same to read, with spaces between: a page whose topics changed opens another stream.
    cursor
        How far the page was true when its data were read.
    url
        Where the page is fetched again; empty for a page that shows nothing that is watched.
    pause_seconds
        How long the browser waits at least between two fetches.
    """

    token: str
    topics: str
    cursor: str
    url: str
    pause_seconds: int


def watch(*topics: str, url: str = "", pause_seconds: int = 1) -> None:
    """
    Declare what a page shows; a view calls it before it reads what it shows, so that no change falls in between.

    Parameters
    ----------
    topics
        What changes the page, such as ``person:12``; see :mod:`webapp.services.live`.
    url
        Where the page is fetched again, if not at its own address.
    pause_seconds
        How long the browser waits at least between two fetches, more where the page is dear.
    """
    if "live_event" not in g:
        g.live_event = live.newest_event(get_session())
    g.live_topics = sorted({*g.get("live_topics", ()), *topics})
    g.live_url = url or g.get("live_url", "") or request.full_path.rstrip("?")
    g.live_pause = max(pause_seconds, g.get("live_pause", 0))


def live_page() -> LivePage:
    """Return what the page at hand says of itself; every page watches the notices of its reader."""
    # An answer to a sent form has no address at which it could be fetched again.
    shown = g.get("live_topics", ()) if request.method == "GET" else ()
    topics = sorted({*shown, f"notices:{current_person().id}"})
    return LivePage(
        token=_serializer().dumps([current_person().id, live.rights(current_viewer()), topics]),
        topics=" ".join(topics),
        cursor=live.present_cursor(get_session(), topics, event_id=g.get("live_event")),
        url=g.live_url if shown else "",
        pause_seconds=g.get("live_pause", 1),
    )


def read_topics() -> list[str] | None:
    """Return the topics of the request's token; None if it is not theirs, too old, or from before a change of roles."""
    try:
        said: Any = _serializer().loads(request.args.get("t", ""), max_age=TOKEN_SECONDS)
        person_id, rights, topics = said
    except (BadSignature, TypeError, ValueError):
        return None
    if person_id != current_person().id or rights != live.rights(current_viewer()):
        return None
    return [str(topic) for topic in topics]


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="live")


def get_hub() -> Hub:
    """Return the streams of this process."""
    return cast(Hub, current_app.extensions["live"])


def install(app: Flask, config: Config) -> None:
    """Give pages their token, and the process its streams."""
    app.extensions["live"] = Hub(
        app.extensions["database"], capacity=config.live_streams, counted=metrics.count_streams
    )
    app.context_processor(lambda: {"live_page": live_page})
