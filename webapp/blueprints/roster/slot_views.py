"""The stretch slots that agents chose on a day, and refusing one with a reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.roster.forms import RefuseSlotForm
from webapp.blueprints.roster.views import blueprint, list_editable_sites, viewed_site
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import SlotState, StretchSlot
from webapp.services import roster, zones
from webapp.services.access import Permission
from webapp.services.planning import stretch_choices, stretch_slots
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now, today
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_error, flash_success, flash_undo


@blueprint.get("/stretch")
@requires(Permission.VIEW_ROSTER)
def slots() -> ResponseReturnValue:
    """Show the stretch slots of a site's day, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    # A lead sees the roster of their teams, and has no permission at the site as a whole.
    sites = roster.list_roster_sites(session, viewer=viewer)
    site = viewed_site(sites)
    if site is None:
        return render_template("roster/nowhere.html")
    watch(f"site:{site.id}", f"plans:{site.id}", pause_seconds=2)
    day_on = chosen_day(today(site))
    found = stretch_slots.list_site_slots(session, site, day_on, viewer=viewer)
    if request.args.get("format") == "csv":
        return _csv(found, site.time_zone, day_on)
    return render_template(
        "roster/slots.html",
        site=site,
        sites=sites,
        day_on=day_on,
        slots=found,
        chosen=[slot for slot in found if slot.state is SlotState.CHOSEN],
        rules=stretch_slots.rules_of(session, site, day_on),
        now=now(),
        may_edit=site.id in {each.id for each in list_editable_sites()},
    )


def _csv(found: Iterable[StretchSlot], zone: str, day_on: dt.date) -> ResponseReturnValue:
    place = ZoneInfo(zone)
    rows = (
        (
            slot.person.external_id,
            slot.person.name,
            slot.skill.name,
            slot.starts_at.astimezone(place).isoformat(timespec="minutes"),
            slot.ends_at.astimezone(place).isoformat(timespec="minutes"),
            slot.state.value,
            slot.reason,
        )
        for slot in found
    )
    header = ("person", "name", "skill", "starts_at", "ends_at", "state", "reason")
    return csv_response(f"stretch-slots-{day_on.isoformat()}.csv", header, rows)


@blueprint.route("/stretch/<int:slot_id>/refuse", methods=["GET", "POST"])
@requires(Permission.EDIT_ROSTER)
def refuse_slot(slot_id: int) -> ResponseReturnValue:
    """Refuse a slot; the agent is told why."""
    session, form = get_session(), RefuseSlotForm()
    slot = stretch_slots.get_slot(session, slot_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    if form.validate_on_submit():
        try:
            stretch_choices.refuse_slot(session, slot, reason=form.reason.data or "", by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        except ConflictError as error:
            form.form_errors.append(str(error))
        else:
            flash_undo(f"Refused. {slot.person.name} is told why.", url_for(".allow_slot", slot_id=slot.id))
            return redirect(_day_url(slot))
    page = render_template("roster/refuse_slot.html", slot=slot, form=form, back=_day_url(slot))
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/stretch/<int:slot_id>/allow")
@requires(Permission.EDIT_ROSTER)
def allow_slot(slot_id: int) -> ResponseReturnValue:
    """Take a refusal back."""
    session = get_session()
    slot = stretch_slots.get_slot(session, slot_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    try:
        stretch_choices.allow_slot(session, slot, by=actor())
    except ConflictError as error:
        flash_error(str(error))
    else:
        flash_success(f"It stands again. {slot.person.name} is told.")
    return redirect(_day_url(slot))


def _day_url(slot: StretchSlot) -> str:
    day_on = zones.to_local(slot.starts_at, slot.person.site.time_zone).date()
    return url_for(".slots", site=slot.person.site_id, day=day_on.isoformat())
