"""The review queue: what is unsure, sorted by keyboard, one by one or many at once."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.intake.views import blueprint, find_source
from webapp.errors import InvalidInputError
from webapp.services.access import Permission
from webapp.services.intake import reviewing
from webapp.services.intake.reviewing import Waiting
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

_HEADER = ("reference", "site", "source", "customer_key", "due_at", "priority", "confidence", "leans_to")


@blueprint.get("/review")
@requires(Permission.EDIT_WORK)
def review() -> ResponseReturnValue:
    """Show what waits to be sorted, and the one at hand with the types that it may be."""
    session, viewer = get_session(), current_viewer()
    waiting = reviewing.list_waiting(session, viewer=viewer)
    if request.args.get("format") == "csv":
        return csv_response("to-sort.csv", _HEADER, (_row(each) for each in waiting))
    sites = {each.engagement.site_id for each in waiting} | set(viewer.scope(Permission.EDIT_WORK).site_ids)
    watch(*(f"site:{site_id}" for site_id in sites), pause_seconds=5)
    chosen = request.args.get("engagement", type=int)
    ids = [each.engagement.id for each in waiting]
    place = ids.index(chosen) if chosen in ids else 0
    return render_template(
        "intake/review.html",
        waiting=waiting,
        total=reviewing.count_waiting(session, viewer=viewer),
        at_hand=reviewing.with_choices(session, waiting[place]) if waiting else None,
        before=ids[place - 1] if waiting and place > 0 else None,
        after=ids[place + 1] if place + 1 < len(ids) else None,
        types=reviewing.list_types(session),
        now=now(),
    )


def _row(each: Waiting) -> tuple[object, ...]:
    verdict = each.item.verdict if each.item is not None else {}
    scores = verdict.get("scores") or [["", 0]]
    return (
        each.engagement.external_id,
        each.engagement.site.code,
        each.source_name,
        each.engagement.customer_key,
        each.engagement.due_at.isoformat(),
        each.engagement.priority,
        verdict.get("confidence", 0),
        scores[0][0],
    )


def _chosen() -> list[int]:
    return [int(each) for each in request.form.getlist("engagement") if each.isdecimal() and len(each) < 19]


@blueprint.post("/review/decide")
@requires(Permission.EDIT_WORK)
def decide() -> ResponseReturnValue:
    """Say what one or many engagements are."""
    chosen = _chosen()
    if not chosen:
        raise InvalidInputError("Choose at least one engagement first.")
    done = reviewing.decide(
        get_session(), chosen, type_id=request.form.get("type", 0, type=int), viewer=current_viewer(), by=actor()
    )
    plural = "s are" if len(done) != 1 else " is"
    message = f"{len(done)} engagement{plural} sorted and can be planned."
    if done:
        flash_undo(message, url_for(".reopen", engagement=done))
    else:
        flash_success("Somebody else has sorted it meanwhile.")
    return redirect(url_for(".review", engagement=request.form.get("next", type=int)))


@blueprint.post("/review/reopen")
@requires(Permission.EDIT_WORK)
def reopen() -> ResponseReturnValue:
    """Take a decision back; the address names the engagements."""
    ids = [int(each) for each in request.args.getlist("engagement") if each.isdecimal() and len(each) < 19]
    reviewing.reopen(get_session(), ids, viewer=current_viewer(), by=actor())
    flash_success("Taken back: it waits to be sorted again.")
    return redirect(url_for(".review", engagement=ids[0] if ids else None))


@blueprint.post("/sources/<int:source_id>/rules")
@requires(Permission.MANAGE_INTAKE)
def make_rule(source_id: int) -> ResponseReturnValue:
    """Make a rule of words for a type, and sort what waits by it."""
    session, source = get_session(), find_source(source_id)
    words = [word.strip() for word in request.form.get("words", "").split(",") if word.strip()]
    made = reviewing.make_rule(session, source, words=words, type_code=request.form.get("type_code", ""), by=actor())
    count = reviewing.sort_again(session, source, by=actor())
    flash_success(f"Version {made.number} of {source.name} has the rule; {count} of what waited is sorted by it.")
    return redirect(url_for(".review"))
