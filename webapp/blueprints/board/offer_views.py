"""What somebody else has to take over: declined work, swaps that wait for the scheduler, and the ladder's rungs."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from webapp.blueprints.board.views import blueprint
from webapp.errors import InvalidInputError
from webapp.services import access, engagements
from webapp.services.access import Permission
from webapp.services.planning import offers, plans, rungs, swaps
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now, today
from webapp.web.toasts import flash_error, flash_success, flash_undo


@blueprint.get("/declined/<int:assignment_id>")
@requires(Permission.RUN_PLANS)
def replacements(assignment_id: int) -> ResponseReturnValue:
    """Show who else could take declined work, the best first."""
    session = get_session()
    found = offers.get_declined(session, assignment_id, viewer=current_viewer())
    watch(f"plan:{found.plan_id}")
    return render_template(
        "board/replacements.html",
        assignment=found,
        replacements=offers.find_replacements(session, found, today=today(found.plan.site), at=now()),
        form=FlaskForm(),
    )


@blueprint.post("/declined/<int:assignment_id>/offer")
@requires(Permission.PUBLISH_PLANS)
def offer(assignment_id: int) -> ResponseReturnValue:
    """Offer declined work to another agent, who has it in their day at once."""
    session = get_session()
    found = offers.get_declined(session, assignment_id, viewer=current_viewer())
    person = access.get_person(
        session, request.form.get("person", 0, type=int), viewer=current_viewer(), permission=Permission.VIEW_PEOPLE
    )
    try:
        made = offers.offer(
            session,
            found,
            person,
            start=request.form.get("start", -1, type=int),
            today=today(found.plan.site),
            by=actor(),
        )
    except InvalidInputError as error:
        flash_error(str(error))
        return redirect(url_for(".replacements", assignment_id=assignment_id))
    flash_undo(f"{found.engagement.external_id} is offered to {person.name}.", url_for(".step_back", plan_id=made.id))
    return redirect(url_for(".index", site=made.site_id))


@blueprint.post("/swaps/<int:swap_id>/<answer>")
@requires(Permission.PUBLISH_PLANS)
def decide_swap(swap_id: int, answer: str) -> ResponseReturnValue:
    """Make a swap on which two agents agree, or refuse it."""
    session = get_session()
    swap = swaps.get_swap_of_site(session, swap_id, viewer=current_viewer())
    if answer == "make":
        try:
            swaps.make_swap(session, swap, today=today(swap.plan.site), by=actor())
        except InvalidInputError as error:
            flash_error(str(error))
        else:
            flash_success("The exchange is made. Both agents have it in their day.")
    else:
        swaps.refuse(session, swap, by=actor())
        flash_success("The exchange does not take place. Whoever proposed it has a notice.")
    return redirect(url_for(".index", site=swap.site_id))


@blueprint.get("/plans/<int:plan_id>/rungs/<int:engagement_id>")
@requires(Permission.RUN_PLANS)
def rungs_of(plan_id: int, engagement_id: int) -> ResponseReturnValue:
    """Show which rung of the relaxation ladder would serve an engagement, and what it costs."""
    session, viewer = get_session(), current_viewer()
    plan = plans.get_plan(session, plan_id, viewer=viewer, permission=Permission.RUN_PLANS)
    engagement = engagements.get_engagement(session, engagement_id, viewer=viewer, permission=Permission.VIEW_WORK)
    return render_template(
        "board/rungs.html",
        plan=plan,
        engagement=engagement,
        rungs=rungs.list_rungs(session, plan, engagement_id, today=today(plan.site), at=now()),
    )
