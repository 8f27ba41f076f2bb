"""My day, and what an agent may do with it: answer, order, wish."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.day.board import build_board
from webapp.blueprints.day.forms import DeclineForm
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Assignment, Interest, Response
from webapp.services import lifecycle, own_day, praise, records
from webapp.services.access import Permission
from webapp.services.planning import day as planned_day
from webapp.services.planning import swaps
from webapp.services.routing import floor_view
from webapp.services.talk import calling, huddle, threads
from webapp.web.arguments import chosen_day, read_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, current_viewer, get_session, now, today
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("day", __name__, url_prefix="/day")

PRAISE_SHOWN = dt.timedelta(days=7)
"""How long a customer's praise stands on the day of whom they praised."""

_WISHES = {
    Interest.GROW: "You want more of {skill}. The next plan knows.",
    Interest.RATHER_NOT: "You would rather not have {skill}. The next plan knows.",
    Interest.NONE: "No wish any more about {skill}.",
}


@blueprint.get("")
@requires(Permission.WORK_OWN_DAY)
def index() -> ResponseReturnValue:
    """Show one's own day, today if the address names none, as a page or as CSV."""
    day_on = chosen_day(today(current_person().site))
    if request.args.get("format") == "csv":
        return _csv(own_day.own_day(get_session(), current_person(), day_on))
    return _page(day_on)


def _page(day_on: dt.date, *, declined: tuple[int, DeclineForm] | None = None) -> str:
    session, person = get_session(), current_person()
    # Plans of others' days are none of an agent's: the page moves only when their own part of one does.
    mine = (f"person:{person.id}", f"day:{person.id}", f"presence:{person.id}")
    watch(*mine, f"huddle:{person.site_id}", pause_seconds=2)
    week = own_day.week_roster(session, person, day_on)
    day = own_day.own_day(session, person, day_on, week=week)
    return render_template(
        "day/index.html",
        day=day,
        board=build_board(day, person.site.time_zone, now()),
        week=own_day.own_week(session, person, day_on, week=week),
        person=person,
        zone=person.site.time_zone,
        today=today(person.site),
        presence=floor_view.find_own_presence(session, person),
        answerable=planned_day.ANSWERABLE,
        order=",".join(str(work.assignment.id) for work in day.agenda.work),
        planned_order=",".join(
            str(work.assignment.id)
            for work in sorted(day.agenda.work, key=lambda each: (each.assignment.starts_at, each.assignment.id))
        ),
        swaps=swaps.list_own(session, person, day.agenda.plan),
        praises=praise.list_of_person(session, person, since=now() - PRAISE_SHOWN, limit=3)
        if day_on == today(person.site)
        else (),
        ended=lifecycle.ENDED,
        agreed=huddle.list_own_notes(session, person, day_on=day_on),
        dispatcher=calling.find_on_duty(session, person.site, at=now()),
        talk=threads.count_unread(
            session, [work.assignment.engagement_id for work in day.agenda.work], viewer=current_viewer()
        ),
        declined_id=declined[0] if declined else None,
        form=declined[1] if declined else DeclineForm(formdata=None),
    )


def _csv(day: own_day.OwnDay) -> ResponseReturnValue:
    header = (
        "reference",
        "customer_key",
        "type",
        "channel",
        "stance",
        "planned_at",
        "minutes",
        "due_at",
        "why",
        "answer",
    )
    rows = (
        (
            work.assignment.engagement.external_id,
            work.assignment.engagement.customer_key,
            work.assignment.engagement.engagement_type.name,
            work.assignment.engagement.engagement_type.channel.value,
            work.assignment.engagement.engagement_type.stance.value,
            work.assignment.starts_at.isoformat(timespec="minutes"),
            work.assignment.minutes,
            work.assignment.engagement.due_at.isoformat(timespec="minutes"),
            " ".join(work.why),
            work.response.value if work.response else None,
        )
        for work in day.agenda.work
    )
    return csv_response(f"my-day-{day.day_on}.csv", header, rows)


@blueprint.post("/assignments/<int:assignment_id>/accept")
@requires(Permission.WORK_OWN_DAY)
def accept(assignment_id: int) -> ResponseReturnValue:
    """Accept a piece of work."""
    session = get_session()
    assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
    planned_day.respond(session, assignment, response=Response.ACCEPTED, by=actor())
    flash_undo("Accepted.", url_for(".withdraw", ids=str(assignment_id)))
    return redirect(url_for(".index", day=assignment.plan.day_on.isoformat(), _anchor=f"work-{assignment_id}"))


@blueprint.post("/<day_on>/accept")
@requires(Permission.WORK_OWN_DAY)
def accept_all(day_on: str) -> ResponseReturnValue:
    """Accept all that waits for an answer on a day."""
    session, day = get_session(), _read_day(day_on)
    waiting = own_day.own_day(session, current_person(), day).unanswered
    if not waiting:
        raise NotFoundError("Nothing of this day waits for an answer any more.")
    for assignment_id in waiting:
        assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
        planned_day.respond(session, assignment, response=Response.ACCEPTED, by=actor())
    flash_undo(f"Accepted {len(waiting)}.", url_for(".withdraw", ids=",".join(map(str, waiting))))
    return redirect(url_for(".index", day=day.isoformat()))


@blueprint.post("/assignments/<int:assignment_id>/decline")
@requires(Permission.WORK_OWN_DAY)
def decline(assignment_id: int) -> ResponseReturnValue:
    """Decline a piece of work with a reason, which the scheduler gets."""
    session, form = get_session(), DeclineForm()
    assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
    day_on = assignment.plan.day_on
    if form.validate_on_submit():
        try:
            planned_day.respond(
                session, assignment, response=Response.DECLINED, reason=form.reason.data or "", by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_undo("Declined. The scheduler has your reason.", url_for(".withdraw", ids=str(assignment_id)))
            return redirect(url_for(".index", day=day_on.isoformat(), _anchor=f"work-{assignment_id}"))
    return _page(day_on, declined=(assignment_id, form)), 422


@blueprint.post("/answers/<ids>/withdraw")
@requires(Permission.WORK_OWN_DAY)
def withdraw(ids: str) -> ResponseReturnValue:
    """Take answers back."""
    session, day_on = get_session(), today(current_person().site)
    for assignment_id in _read_ids(ids):
        assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
        planned_day.withdraw_response(session, assignment, by=actor())
        day_on = assignment.plan.day_on
    flash_success("Taken back. It waits for your answer again.")
    return redirect(url_for(".index", day=day_on.isoformat()))


@blueprint.post("/assignments/<int:assignment_id>/start")
@requires(Permission.WORK_OWN_DAY)
def start(assignment_id: int) -> ResponseReturnValue:
    """Say that one has begun."""
    session = get_session()
    assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
    planned_day.start(session, assignment, by=actor())
    flash_undo("Begun.", url_for(".undo", assignment_id=assignment_id))
    return _to_work(assignment)


@blueprint.post("/assignments/<int:assignment_id>/finish")
@requires(Permission.WORK_OWN_DAY)
def finish(assignment_id: int) -> ResponseReturnValue:
    """Say that one is done."""
    session = get_session()
    assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
    planned_day.finish(session, assignment, by=actor())
    flash_undo("Done.", url_for(".undo", assignment_id=assignment_id))
    return _to_work(assignment)


@blueprint.post("/assignments/<int:assignment_id>/undo")
@requires(Permission.WORK_OWN_DAY)
def undo(assignment_id: int) -> ResponseReturnValue:
    """Take back that one has begun, or is done."""
    session = get_session()
    assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
    planned_day.undo_progress(session, assignment, by=actor())
    flash_success("Taken back.")
    return _to_work(assignment)


def _to_work(assignment: Assignment) -> ResponseReturnValue:
    return redirect(url_for(".index", day=assignment.plan.day_on.isoformat(), _anchor=f"work-{assignment.id}"))


@blueprint.post("/<day_on>/order")
@requires(Permission.WORK_OWN_DAY)
def reorder(day_on: str) -> ResponseReturnValue:
    """Move one piece of work a place earlier or later, or put all back as planned."""
    session, day = get_session(), _read_day(day_on)
    order, moving = _read_ids(request.form.get("order", "")), request.form.get("move", type=int)
    earlier = request.form.get("direction") == "earlier"
    if moving is not None:
        order = own_day.moved(order, moving, earlier=earlier)
    planned_day.reorder(session, current_person(), day, assignment_ids=order, by=actor())
    direction = "earlier" if earlier else "later"
    # The page puts the focus back on the button, so that pressing on moves the work on.
    return redirect(
        url_for(".index", day=day.isoformat(), moved=moving, direction=direction if moving is not None else None)
    )


@blueprint.post("/<day_on>/skills/<int:skill_id>/<wish>")
@requires(Permission.WORK_OWN_DAY)
def interest(day_on: str, skill_id: int, wish: str) -> ResponseReturnValue:
    """Say whether one wants work in a skill that the day's work asks for."""
    session, day, person = get_session(), _read_day(day_on), current_person()
    if wish not in set(Interest):
        raise NotFoundError("There is no such wish.")
    before = records.find_record(session, person.id, skill_id)
    was = before.interest if before is not None else Interest.NONE
    kept = records.set_interest(session, person, skill_id=skill_id, interest=Interest(wish), by=actor())
    undo = url_for(".interest", day_on=day_on, skill_id=skill_id, wish=was.value)
    flash_undo(_WISHES[kept.interest].format(skill=kept.skill.name), undo)
    return redirect(url_for(".index", day=day.isoformat(), wish=skill_id))


def _read_day(text: str) -> dt.date:
    day = read_day(text)
    if day is None:
        raise NotFoundError("There is no such day.")
    return day


def _read_ids(text: str) -> list[int]:
    # Python refuses to read thousands of digits, and no key has that many.
    if not all(part.isdecimal() and len(part) < 19 for part in text.split(",")):
        raise NotFoundError("There is no such work in your day.")
    return [int(part) for part in text.split(",")]
