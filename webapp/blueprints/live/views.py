"""What open pages ask for: a stream of changes, the same by asking, the bell, and who changed something last."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from webapp.services import live
from webapp.services.access import Permission
from webapp.web.filters import local_datetime, local_time
from webapp.web.guard import requires
from webapp.web.live import get_hub, read_topics
from webapp.web.request import current_person, get_session, now

blueprint = Blueprint("live", __name__, url_prefix="/live")

# The page asks for a new token by fetching itself again.
_STALE_TOKEN = ("", 410)


@blueprint.get("/stream")
@requires(Permission.USE_MAINSTAY)
def stream() -> ResponseReturnValue:
    """Tell a page what changes of what it shows, as server-sent events; 204 where there is no room."""
    topics = read_topics()
    if topics is None:
        return _STALE_TOKEN
    cursor = request.headers.get("Last-Event-ID") or request.args.get("since", "")
    hub = get_hub()
    opened = hub.open(current_person().id, topics, cursor)
    if opened is None:
        # The one answer after which a browser neither comes back by itself nor reports an error.
        return "", 204, {"Retry-After": "60"}
    response = Response(opened.write(), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store, no-transform"
    # A proxy that waits for more before it passes something on would hold back every event.
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(lambda: hub.close(opened))
    return response


@blueprint.get("/changes")
@requires(Permission.USE_MAINSTAY)
def changes() -> ResponseReturnValue:
    """Answer which of a page's topics changed since it was told last."""
    topics = read_topics()
    if topics is None:
        return _STALE_TOKEN
    changed, cursor = live.look(get_session(), topics, request.args.get("since", ""))
    return jsonify({"topics": sorted(changed), "cursor": cursor})


@blueprint.get("/bell")
@requires(Permission.USE_MAINSTAY)
def bell() -> ResponseReturnValue:
    """Answer with the bell and its number alone."""
    return render_template("partials/_bell.html")


@blueprint.get("/last")
@requires(Permission.USE_MAINSTAY)
def last() -> ResponseReturnValue:
    """Answer who changed something of a page last, for somebody in whose typing it is not shown."""
    topics = read_topics()
    if topics is None:
        return _STALE_TOKEN
    found = live.find_last_change(get_session(), topics, request.args.get("since", ""))
    if found is None:
        return jsonify({"name": "", "at": ""})
    zone = current_person().site.time_zone
    today = local_datetime(now(), zone).partition(",")[0]
    when = local_datetime(found.at, zone)
    return jsonify({"name": found.name, "at": local_time(found.at, zone) if when.startswith(today) else when})
