"""What a scheduler changes by hand: pins, and moves with an instant check."""

from __future__ import annotations

from flask import jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.plans.forms import MoveForm, PinForm
from webapp.blueprints.plans.plan_views import get_plan, render_assignment, shared
from webapp.blueprints.plans.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Engagement, Plan
from webapp.services.access import Permission
from webapp.services.planning import moves, pins, plans
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.toasts import flash_success, flash_undo


@blueprint.post("/<int:plan_id>/assignments/<int:assignment_id>/pin")
@requires(Permission.RUN_PLANS)
def pin(plan_id: int, assignment_id: int) -> ResponseReturnValue:
    """Pin an assignment where it stands, with a reason."""
    session, plan = get_session(), get_plan(plan_id, Permission.RUN_PLANS)
    found = plans.get_assignment(session, plan, assignment_id)
    form = PinForm()
    if not form.validate_on_submit():
        return render_assignment(plan, found, form, 422)
    try:
        made = pins.pin_engagement(
            session, found.engagement, found.person, found.starts_at, reason=form.reason.data or "", by=actor()
        )
    except InvalidInputError as error:
        add_error(form, error)
        return render_assignment(plan, found, form, 422)
    flash_undo(f"{found.engagement.external_id} is pinned to {found.person.name}.", url_for(".unpin", pin_id=made.id))
    return redirect(url_for(".assignment", plan_id=plan.id, assignment_id=found.id))


@blueprint.post("/pins/<int:pin_id>/remove")
@requires(Permission.RUN_PLANS)
def unpin(pin_id: int) -> ResponseReturnValue:
    """Take a pin off."""
    session = get_session()
    found = pins.get_pin(session, pin_id, viewer=current_viewer())
    pins.unpin(session, found, by=actor())
    flash_undo(f"{found.engagement.external_id} is no longer pinned.", url_for(".restore_pin", pin_id=found.id))
    return _back(found.engagement)


@blueprint.post("/pins/<int:pin_id>/restore")
@requires(Permission.RUN_PLANS)
def restore_pin(pin_id: int) -> ResponseReturnValue:
    """Pin again as a pin that was taken off said."""
    session = get_session()
    found = pins.get_pin(session, pin_id, viewer=current_viewer())
    pins.restore(session, found, by=actor())
    flash_success(f"{found.engagement.external_id} is pinned again.")
    return _back(found.engagement)


def _back(engagement: Engagement) -> ResponseReturnValue:
    """Go back to where the person was, if that is a page of ours, else to the site's day."""
    target = request.form.get("next", "") or (request.referrer or "").removeprefix(request.host_url.rstrip("/"))
    if target.startswith("/plans"):
        return redirect(target)
    return redirect(url_for(".index", site=engagement.site_id))


@blueprint.get("/<int:plan_id>/engagements/<int:engagement_id>/move")
@requires(Permission.RUN_PLANS)
def move(plan_id: int, engagement_id: int) -> ResponseReturnValue:
    """Show where an engagement could go; the address may name an agent and an interval, which are checked at once."""
    plan = get_plan(plan_id, Permission.RUN_PLANS)
    place = moves.get_place(get_session(), plan, engagement_id)
    form = MoveForm(formdata=None)
    _offer(form, plan, place)
    form.person_id.data = request.args.get("person", place.person_id, type=int)
    form.start.data = request.args.get("start", place.start, type=int)
    return _render_move(plan, place, form)


def _offer(form: MoveForm, plan: Plan, place: moves.Place) -> None:
    form.person_id.choices = [(person.id, person.name) for person in plans.list_agents(get_session(), plan)]
    form.start.choices = list(moves.start_choices(plan, place))


def _render_move(plan: Plan, place: moves.Place, form: MoveForm, status: int = 200) -> ResponseReturnValue:
    check = None
    known = {person.id for person in plans.list_agents(get_session(), plan)}
    if form.person_id.data in known and form.start.data is not None:
        check = moves.check(
            get_session(), plan, place.engagement.id, person_id=form.person_id.data, start=form.start.data
        )
    return render_template("plans/move.html", **shared(plan), place=place, form=form, check=check), status


@blueprint.get("/<int:plan_id>/engagements/<int:engagement_id>/check")
@requires(Permission.RUN_PLANS)
def check_move(plan_id: int, engagement_id: int) -> ResponseReturnValue:
    """Answer at once, as JSON, which rules a move would break and what value it would cost."""
    plan = get_plan(plan_id, Permission.RUN_PLANS)
    check = moves.check(
        get_session(),
        plan,
        engagement_id,
        person_id=request.args.get("person", 0, type=int),
        start=request.args.get("start", -1, type=int),
    )
    return jsonify(
        {
            "allowed": check.allowed,
            "violations": list(check.violations),
            "value_before": check.value_before,
            "value_after": check.value_after,
            "text": check.text,
        }
    )


@blueprint.post("/<int:plan_id>/engagements/<int:engagement_id>/move")
@requires(Permission.RUN_PLANS)
def make_move(plan_id: int, engagement_id: int) -> ResponseReturnValue:
    """Move an engagement of a draft, and pin it there if asked; of another plan, pin it there for the next run."""
    session, plan = get_session(), get_plan(plan_id, Permission.RUN_PLANS)
    place = moves.get_place(session, plan, engagement_id)
    form = MoveForm()
    _offer(form, plan, place)
    if not form.validate_on_submit():
        return _render_move(plan, place, form, 422)
    try:
        moves.move_engagement(
            session,
            plan,
            engagement_id,
            person_id=form.person_id.data,
            start=form.start.data,
            pin_reason=(form.reason.data or "") if form.pin.data else None,
            by=actor(),
        )
    except InvalidInputError as error:
        add_error(form, error)
        return _render_move(plan, place, form, 422)
    if place.person_id is not None:
        undo = url_for(".undo_move", plan_id=plan.id, engagement_id=engagement_id)
        flash_undo(f"{place.engagement.external_id} is moved.", undo)
    else:
        flash_success(f"{place.engagement.external_id} is assigned.")
    return redirect(url_for(".show", plan_id=plan.id) + f"#engagement-{engagement_id}")


@blueprint.post("/<int:plan_id>/engagements/<int:engagement_id>/undo-move")
@requires(Permission.RUN_PLANS)
def undo_move(plan_id: int, engagement_id: int) -> ResponseReturnValue:
    """Take the latest move back, with all that gave way to it."""
    session, plan = get_session(), get_plan(plan_id, Permission.RUN_PLANS)
    moves.undo_move(session, plan, engagement_id, by=actor())
    flash_success("The move is undone.")
    return redirect(url_for(".show", plan_id=plan.id) + f"#engagement-{engagement_id}")
