"""What an agent says beside their work: that they are ill, and that they would exchange work with a colleague."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.day.forms import SwapForm
from webapp.blueprints.day.views import blueprint
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.services.access import Permission
from webapp.services.board import sickness
from webapp.services.planning import day as planned_day
from webapp.services.planning import swaps
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, get_session, today
from webapp.web.toasts import flash_error, flash_success


@blueprint.post("/ill")
@requires(Permission.WORK_OWN_DAY)
def ill() -> ResponseReturnValue:
    """Say that one is ill from now to the end of the day; scheduler and lead are told."""
    sickness.report_self(get_session(), current_person(), by=actor())
    flash_success("Get well soon. Your scheduler and your lead know.")
    return redirect(url_for(".index"))


@blueprint.route("/assignments/<int:assignment_id>/swap", methods=["GET", "POST"])
@requires(Permission.WORK_OWN_DAY)
def swap(assignment_id: int) -> ResponseReturnValue:
    """Propose to a colleague to exchange a piece of work for one of theirs."""
    session, person = get_session(), current_person()
    mine = planned_day.get_own_assignment(session, assignment_id, person=person)
    partners = swaps.list_partners(session, mine)
    form = SwapForm()
    form.offer(partners, zone=person.site.time_zone)
    if form.validate_on_submit():
        theirs = next((each for each in partners if each.id == form.other.data), None)
        if theirs is None:
            raise NotFoundError("There is no such work.")
        try:
            swaps.propose_swap(
                session, mine, theirs, reason=form.reason.data or "", today=today(person.site), by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        except ConflictError as error:
            form.form_errors.append(str(error))
        else:
            flash_success(f"{theirs.person.name} has your proposal.")
            return redirect(url_for(".index", day=mine.plan.day_on.isoformat(), _anchor="swaps"))
    page = render_template("day/swap.html", mine=mine, partners=partners, form=form, zone=person.site.time_zone)
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/swaps/<int:swap_id>/<answer>")
@requires(Permission.WORK_OWN_DAY)
def answer_swap(swap_id: int, answer: str) -> ResponseReturnValue:
    """Agree to a proposal, say no to it, or take one's own back."""
    session, person = get_session(), current_person()
    found = swaps.get_swap(session, swap_id, person=person)
    day = found.plan.day_on.isoformat()
    if answer == "withdraw":
        swaps.withdraw(session, found, by=actor())
        flash_success("Your proposal is taken back.")
    elif answer == "refuse":
        if person.id != found.other_id:
            raise NotFoundError("There is no such exchange.")
        swaps.refuse(session, found, by=actor())
        flash_success("Said no. Your colleague has a notice.")
    elif answer == "agree":
        try:
            swaps.agree(session, found, today=today(person.site), by=actor())
        except InvalidInputError as error:
            flash_error(str(error))
        else:
            made = found.made_plan_id is not None
            flash_success("Exchanged." if made else "Agreed. The scheduler decides, because it costs value.")
    else:
        raise NotFoundError("There is no such answer.")
    return redirect(url_for(".index", day=day))
