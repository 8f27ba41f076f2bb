"""My week, and the stretch slots that an agent chooses in it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.week.forms import SlotForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import StretchSlot
from webapp.services import own_week, zones
from webapp.services.access import Permission
from webapp.services.planning import stretch_choices, stretch_slots
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, get_session, now, today
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_error, flash_success, flash_undo

blueprint = Blueprint("week", __name__, url_prefix="/week")

WEEK = dt.timedelta(days=own_week.DAYS)


@blueprint.get("")
@requires(Permission.WORK_OWN_DAY)
def index() -> ResponseReturnValue:
    """Show seven of one's own days, from today or a chosen day on, as a page or as CSV."""
    session, person = get_session(), current_person()
    watch(f"person:{person.id}", f"day:{person.id}", pause_seconds=2)
    first_on = chosen_day(today(person.site))
    week = own_week.own_week(session, person, first_on, at=now())
    if request.args.get("format") == "csv":
        return _csv(week, first_on)
    return render_template(
        "week/index.html",
        week=week,
        first_on=first_on,
        before=first_on - WEEK,
        after=first_on + WEEK,
        today=today(person.site),
        zone=person.site.time_zone,
        growing=stretch_slots.list_growing_skills(session, person, today(person.site)),
    )


def _csv(week: list[own_week.OwnWeekDay], first_on: dt.date) -> ResponseReturnValue:
    place = ZoneInfo(current_person().site.time_zone)
    rows = (
        (
            line.day_on.isoformat(),
            line.what,
            line.starts_at.astimezone(place).isoformat(timespec="minutes"),
            line.ends_at.astimezone(place).isoformat(timespec="minutes"),
            line.words,
            line.state,
        )
        for line in own_week.list_lines(week)
    )
    header = ("day", "what", "starts_at", "ends_at", "words", "state")
    return csv_response(f"my-week-{first_on.isoformat()}.csv", header, rows)


@blueprint.route("/shifts/<int:shift_id>/slots", methods=["GET", "POST"])
@requires(Permission.WORK_OWN_DAY)
def choose(shift_id: int) -> ResponseReturnValue:
    """Choose a stretch slot in one of one's own shifts."""
    session, person = get_session(), current_person()
    shift = stretch_slots.get_own_shift(session, shift_id, person=person)
    zone = person.site.time_zone
    day_on = zones.to_local(shift.starts_at, zone).date()
    rules = stretch_slots.rules_of(session, person.site, day_on)
    form = SlotForm()
    skills = stretch_slots.list_growing_skills(session, person, day_on)
    # What was sent from a page that stood open for long has to stay in the form beside the reason against it.
    settled = shift.starts_at if form.is_submitted() else stretch_slots.settled_until(now(), rules)
    quarters = own_week.list_quarters(shift, settled_until=settled)
    taken = stretch_slots.list_slots(session, [person.id], shift.starts_at, shift.ends_at)
    if quarters:
        form.offer(skills, quarters, zone=zone)
        if not form.is_submitted():
            form.suggest(own_week.find_free(quarters, taken, rules, zone=zone))
    if form.validate_on_submit():
        try:
            slot = stretch_choices.choose_slot(session, person, draft=form.draft(), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_undo(_chosen_words(slot, zone), url_for(".withdraw", slot_id=slot.id))
            return _to_day(slot)
    page = render_template(
        "week/choose.html",
        form=form,
        shift=shift,
        skills=skills,
        rules=rules,
        day_on=day_on,
        zone=zone,
        left=max(0.0, rules.most_minutes - stretch_slots.sum_minutes(taken)),
        is_over=len(quarters) < 2,
    )
    return page, 422 if form.is_submitted() else 200


def _chosen_words(slot: StretchSlot, zone: str) -> str:
    start, end = zones.to_local(slot.starts_at, zone), zones.to_local(slot.ends_at, zone)
    return f"Chosen: {slot.skill.name}, {start:%H:%M}–{end:%H:%M}. The next plan knows."


@blueprint.post("/slots/<int:slot_id>/withdraw")
@requires(Permission.WORK_OWN_DAY)
def withdraw(slot_id: int) -> ResponseReturnValue:
    """Take a choice back."""
    session = get_session()
    slot = stretch_slots.get_own_slot(session, slot_id, person=current_person())
    stretch_choices.withdraw_slot(session, slot, by=actor())
    flash_undo("Withdrawn. The next plan knows.", url_for(".restore", slot_id=slot.id))
    return _to_day(slot)


@blueprint.post("/slots/<int:slot_id>/restore")
@requires(Permission.WORK_OWN_DAY)
def restore(slot_id: int) -> ResponseReturnValue:
    """Choose a slot again that was withdrawn."""
    session = get_session()
    slot = stretch_slots.get_own_slot(session, slot_id, person=current_person())
    try:
        stretch_choices.restore_slot(session, slot, by=actor())
    except InvalidInputError as error:
        flash_error(str(error))
    else:
        flash_success("It is chosen again.")
    return _to_day(slot)


def _to_day(slot: StretchSlot) -> ResponseReturnValue:
    """Answer with the week from today on where the slot lies in it, else with that from the slot's day on."""
    site = current_person().site
    day_on = zones.to_local(slot.starts_at, site.time_zone).date()
    near = today(site) <= day_on < today(site) + WEEK
    return redirect(url_for(".index", day=None if near else day_on.isoformat(), _anchor=f"day-{day_on.isoformat()}"))
