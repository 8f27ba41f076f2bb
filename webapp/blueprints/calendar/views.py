"""The calendar feed: making and revoking its link, and the feed itself, which only its secret opens."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services import calendar_feeds
from webapp.services.access import Permission
from webapp.web import shown_once
from webapp.web.guard import public, requires
from webapp.web.request import actor, current_person, get_database, get_session, now
from webapp.web.security import within_feed_limit
from webapp.web.toasts import flash_success

blueprint = Blueprint("calendar", __name__, url_prefix="/calendar")


@blueprint.get("")
@requires(Permission.WORK_OWN_DAY)
def index() -> ResponseReturnValue:
    """Show whether one's calendar reads one's day, and when it last did; a new link this once."""
    person = current_person()
    feed = calendar_feeds.find_feed(get_session(), person)
    link = shown_once.take("calendar").get("link")
    return render_template("calendar/index.html", feed=feed, link=link, zone=person.site.time_zone)


@blueprint.post("")
@requires(Permission.WORK_OWN_DAY)
def create() -> ResponseReturnValue:
    """Make a link, in the place of the old one if there is one, and lead to the page that shows it once."""
    token = calendar_feeds.open_feed(get_session(), current_person(), by=actor())
    shown_once.keep("calendar", link=url_for(".feed", token=token, _external=True))
    return redirect(url_for(".index"))


@blueprint.post("/revoke")
@requires(Permission.WORK_OWN_DAY)
def revoke() -> ResponseReturnValue:
    """Make the link answer nothing any more."""
    if calendar_feeds.revoke_feed(get_session(), current_person(), by=actor()):
        flash_success("The link is revoked. Calendars that use it find nothing from now on.")
    return redirect(url_for(".index"))


@blueprint.get("/<token>.ics")
@public
def feed(token: str) -> ResponseReturnValue:
    """Serve a calendar to whoever has its secret address."""
    if not within_feed_limit():
        abort(429)
    session, at = get_session(), now()
    found = calendar_feeds.get_feed(session, token)
    entries = calendar_feeds.list_entries(session, found, at=at)
    content = calendar_feeds.write_calendar(entries, zone=found.person.site.time_zone, host="mainstay")
    if calendar_feeds.needs_note(found, at=at):
        feed_id = found.id
        session.rollback()
        with get_database().transaction() as writing:
            calendar_feeds.note_fetched(writing, feed_id, at=at)
    answer = Response(content, mimetype="text/calendar")
    answer.set_etag(hashlib.sha256(content).hexdigest()[:32])
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer.make_conditional(request)
