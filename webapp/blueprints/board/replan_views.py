"""Planning the rest of the day again: asking for it, its progress, its result against the live plan, publishing it."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.board.forms import PublishForm, ReplanForm
from webapp.blueprints.board.views import blueprint, render_board
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import Plan, PlanState
from webapp.services import zones
from webapp.services.access import Permission
from webapp.services.planning import compare, plans, publish, replan, runs, successors, words
from webapp.services.planning.staleness import check_freshness
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now, today
from webapp.web.sites import chosen_site
from webapp.web.toasts import flash_success, flash_undo


@blueprint.post("/replan")
@requires(Permission.RUN_PLANS)
def start_replan() -> ResponseReturnValue:
    """Queue a run of the rest of the day, and go to its progress."""
    site, form = chosen_site(Permission.RUN_PLANS), ReplanForm()
    if not form.validate_on_submit():
        return render_board(site, replan_form=form, status=422)
    day_on = zones.to_local(now(), site.time_zone).date()
    try:
        run = replan.request_replan(get_session(), site, day_on, request=form.request(), by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return render_board(site, replan_form=form, status=422)
    except ConflictError as error:
        form.form_errors.append(str(error))
        return render_board(site, replan_form=form, status=409)
    return redirect(url_for(".run", run_id=run.id))


@blueprint.get("/runs/<int:run_id>")
@requires(Permission.VIEW_PLANS)
def run(run_id: int) -> ResponseReturnValue:
    """Show a re-plan while it works; once there is a plan, go to its result."""
    watch(f"plan_run:{run_id}")
    found = runs.get_run(get_session(), run_id, viewer=current_viewer())
    if found.job_id is not None:
        watch(f"job:{found.job_id}")
    if found.plan is not None:
        return redirect(url_for(".result", plan_id=found.plan.id))
    return render_template(
        "board/run.html",
        run=found,
        status_words=words.status_words,
        conflicts=runs.conflict_words(get_session(), found),
    )


@blueprint.get("/plans/<int:plan_id>")
@requires(Permission.VIEW_PLANS)
def result(plan_id: int) -> ResponseReturnValue:
    """Show what a re-plan changes against the live plan, whom it concerns and what it leaves out."""
    watch(f"plan:{plan_id}")
    plan = plans.get_plan(get_session(), plan_id, viewer=current_viewer())
    return _render_result(plan, PublishForm(formdata=None))


def _render_result(plan: Plan, form: PublishForm, status: int = 200) -> ResponseReturnValue:
    session = get_session()
    draft = plan.state is PlanState.DRAFT
    freshness = check_freshness(session, plan, today=today(plan.site)) if draft else None
    stale = freshness is not None and not freshness.fresh
    broken = publish.find_broken_rules(session, plan, freshness) if freshness is not None and stale else ()
    form.seen_digest.data = freshness.digest if freshness is not None and stale else ""
    other = compare.find_other(session, plan)
    return (
        render_template(
            "board/result.html",
            plan=plan,
            form=form,
            freshness=freshness,
            broken=broken,
            comparison=compare.compare_plans(session, plan, other) if other is not None else None,
            unassigned=plans.list_unassigned(session, plan),
            status_words=words.status_words,
            term_words=words.term_words,
        ),
        status,
    )


@blueprint.post("/plans/<int:plan_id>/publish")
@requires(Permission.PUBLISH_PLANS)
def publish_result(plan_id: int) -> ResponseReturnValue:
    """Make a re-plan live; the agents whose day changes have a notice, and nobody else."""
    session = get_session()
    plan = plans.get_plan(session, plan_id, viewer=current_viewer(), permission=Permission.PUBLISH_PLANS)
    form = PublishForm()
    try:
        publish.publish_plan(session, plan, today=today(plan.site), seen_digest=form.seen_digest.data or "", by=actor())
    except publish.StalePlanError as stale:
        form.form_errors.append(str(stale))
        return _render_result(plan, form, 409)
    if successors.find_former(session, plan, at=now()) is not None:
        flash_undo(
            "The plan is live. Every agent whose day changed has a notice.",
            url_for(".step_back", plan_id=plan.id),
        )
    else:
        flash_success("The plan is live. Every agent whose day changed has a notice.")
    return redirect(url_for(".index", site=plan.site_id))


@blueprint.post("/plans/<int:plan_id>/step-back")
@requires(Permission.PUBLISH_PLANS)
def step_back(plan_id: int) -> ResponseReturnValue:
    """Publish the plan before the live one again, as a plan of its own."""
    session = get_session()
    plan = plans.get_plan(session, plan_id, viewer=current_viewer(), permission=Permission.PUBLISH_PLANS)
    successors.step_back(session, plan, today=today(plan.site), by=actor())
    flash_success("The plan before it is live again. Every agent whose day changed has a notice.")
    return redirect(url_for(".index", site=plan.site_id))
