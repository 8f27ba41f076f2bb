"""The lead's inbox: records that wait for a review, the most needed first, worked off by keyboard or thumb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.reviews.forms import ReviewForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import SkillRecord
from webapp.services import access, evidence, freshness, inbox, record_history, records, review_news, reviews
from webapp.services.access import Permission
from webapp.services.disputes import two_sides
from webapp.services.inbox import Occasion, ReviewRequest
from webapp.services.record_history import HistoryLine
from webapp.web.arguments import choice_argument
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo


def overdue_days() -> int:
    """Return after how many days HR sees a review that nobody gave."""
    return int(current_app.extensions["config"].overdue_days)


blueprint = Blueprint("reviews", __name__, url_prefix="/reviews")

_PAGE_SIZE = 30
_FILTERS = ("team", "occasion", "page")


def _kept_filters() -> dict[str, str]:
    return {name: request.args[name] for name in _FILTERS if request.args.get(name)}


def _queue() -> list[ReviewRequest]:
    return inbox.review_order(
        get_session(),
        current_viewer(),
        today(current_person().site),
        team_id=request.args.get("team", type=int),
        occasion=choice_argument("occasion", Occasion),
    )


@blueprint.get("")
@requires(Permission.REVIEW_RECORDS)
def index() -> ResponseReturnValue:
    """Show the queue and the record at hand, or answer with the queue as CSV."""
    led = access.list_teams(get_session(), viewer=current_viewer(), permission=Permission.REVIEW_RECORDS)
    watch(*(f"team:{team.id}" for team in led), "catalogue", pause_seconds=2)
    queue = _queue()
    if request.args.get("format") == "csv":
        return _csv(queue)
    chosen = request.args.get("record", type=int)
    if chosen is None and queue:
        chosen = queue[page_from_request(len(queue), size=_PAGE_SIZE).offset].record.id
    at_hand = None if chosen is None else reviews.get_reviewable_record(get_session(), chosen, viewer=current_viewer())
    return _page(queue, at_hand, ReviewForm(formdata=None)), 200


def _page(
    queue: Sequence[ReviewRequest],
    at_hand: SkillRecord | None,
    form: ReviewForm,
    *,
    news: Sequence[HistoryLine] = (),
) -> str:
    """Return the page; ``news`` is what came to the record after the lead had looked."""
    session, viewer = get_session(), current_viewer()
    if at_hand is not None:
        # What comes first in the queue may change; the record that somebody is reading must not.
        address: dict[str, Any] = {**_kept_filters(), "record": at_hand.id}
        watch(url=url_for(".index", **address))
    page = page_from_request(len(queue), size=_PAGE_SIZE)
    shown = queue[page.offset : page.offset + page.size]
    place = next((number for number, line in enumerate(shown) if at_hand and line.record.id == at_hand.id), None)
    after = None if place is None or place + 1 >= len(shown) else shown[place + 1].record.id
    on = today(current_person().site)
    teams = access.list_teams(session, viewer=viewer, permission=Permission.REVIEW_RECORDS)
    figures = freshness.by_team(session, [team.id for team in teams], on)
    projection, log, lines = None, [], []
    if at_hand is not None:
        on = today(at_hand.person.site)
        held = records.projections_on(session, [at_hand.person_id], on, skill_ids=[at_hand.skill_id])
        projection = held[at_hand.person_id][at_hand.skill_id]
        log = record_history.history(session, at_hand.person_id, skill_id=at_hand.skill_id)
        lines = record_history.condense(log, at_hand.person.site.time_zone)
        if not form.is_submitted() or news:
            form.seen.data = str(max((line.event.id for line in log), default=0))
        if not form.is_submitted():
            form.after.data = str(after or "")
    return render_template(
        "reviews/index.html",
        queue=shown,
        page=page,
        at_hand=at_hand,
        projection=projection,
        request_at_hand=None if place is None else shown[place],
        previous=shown[place - 1].record.id if place else None,
        after=after,
        lines=lines,
        news=news,
        form=form,
        kept=_kept_filters(),
        sides=two_sides(projection, lines, at_hand.person.name) if at_hand and projection else None,
        teams=[(team.id, team.name) for team in teams],
        fresh=freshness.together(figures.values()),
        on=on,
        overdue_days=overdue_days(),
        evidence_waiting=evidence.count_waiting(session, viewer),
    )


def _csv(queue: Sequence[ReviewRequest]) -> ResponseReturnValue:
    header = (
        "number",
        "name",
        "skill",
        "occasion",
        "claimed",
        "believed",
        "planned_minutes",
        "work_minutes",
        "expires_on",
        "since",
        "overdue",
        "in_place_of",
    )
    rows = (
        (
            line.record.person.external_id,
            line.record.person.name,
            line.record.skill.code,
            line.occasion.value,
            line.projection.claimed_level,
            line.projection.validated_level,
            round(line.relied_minutes),
            round(line.demand.minutes),
            line.projection.valid_until,
            line.since,
            "yes" if line.waits_days(today(current_person().site)) >= overdue_days() else "no",
            line.in_place_of.name if line.in_place_of else None,
        )
        for line in queue
    )
    return csv_response("reviews.csv", header, rows)


@blueprint.post("/<int:record_id>")
@requires(Permission.REVIEW_RECORDS)
def review(record_id: int) -> ResponseReturnValue:
    """Give one's word on a record and go on to the next."""
    session, form = get_session(), ReviewForm()
    record = reviews.get_reviewable_record(session, record_id, viewer=current_viewer())
    news = review_news.list_news(session, record, since=form.seen_event_id, viewer=current_viewer())
    if news:
        return _page(_queue(), record, form, news=news), 409
    if form.validate():
        try:
            event_id = reviews.review(
                session,
                record.person,
                skill_id=record.skill_id,
                level=form.level.data,
                note=form.note.data or "",
                viewer=current_viewer(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            message = f"{record.person.name} is reviewed at level {form.level.data} in {record.skill.name}."
            flash_undo(message, url_for(".retract", event_id=event_id))
            return redirect(_next_address(form.after.data or ""))
    return _page(_queue(), record, form), 422


def _next_address(after: str) -> str:
    """Return the address of the record that comes next, with the filters of now."""
    arguments: dict[str, Any] = {**_kept_filters(), "_anchor": "review"}
    if after.isdecimal():
        arguments["record"] = after
    return url_for(".index", **arguments)


@blueprint.post("/events/<int:event_id>/retract")
@requires(Permission.REVIEW_RECORDS)
def retract(event_id: int) -> ResponseReturnValue:
    """Take one's own review back."""
    record = reviews.retract_review(get_session(), event_id, viewer=current_viewer(), by=actor())
    flash_success(f"Taken back: the review of {record.person.name} in {record.skill.name}.")
    return redirect(url_for(".index", record=record.id))
