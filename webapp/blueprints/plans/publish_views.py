"""Publishing a plan, putting one away, and bringing it back."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.plans.forms import PublishForm
from webapp.blueprints.plans.plan_views import get_plan, shared
from webapp.blueprints.plans.views import blueprint
from webapp.models import Plan
from webapp.services.access import Permission
from webapp.services.planning import compare, plans, publish
from webapp.services.planning.staleness import check_freshness
from webapp.web.guard import requires
from webapp.web.request import actor, get_session, today
from webapp.web.toasts import flash_success, flash_undo


def _render(plan: Plan, form: PublishForm, status: int = 200) -> ResponseReturnValue:
    session = get_session()
    freshness = check_freshness(session, plan, today=today(plan.site))
    broken = () if freshness.fresh else publish.find_broken_rules(session, plan, freshness)
    form.seen_digest.data = freshness.digest
    other = compare.find_other(session, plan)
    return (
        render_template(
            "plans/publish.html",
            **shared(plan),
            form=form,
            freshness=freshness,
            broken=broken,
            comparison=compare.compare_plans(session, plan, other) if other is not None else None,
        ),
        status,
    )


@blueprint.get("/<int:plan_id>/publish")
@requires(Permission.PUBLISH_PLANS)
def confirm_publishing(plan_id: int) -> ResponseReturnValue:
    """Show what publishing would do: what changed since the run, and who is affected."""
    plan = get_plan(plan_id, Permission.PUBLISH_PLANS)
    plans.require_draft(plan)
    return _render(plan, PublishForm(formdata=None))


@blueprint.post("/<int:plan_id>/publish")
@requires(Permission.PUBLISH_PLANS)
def publish_plan(plan_id: int) -> ResponseReturnValue:
    """Make a draft the live plan; inputs that changed since the run are shown and need an explicit confirmation."""
    plan = get_plan(plan_id, Permission.PUBLISH_PLANS)
    form = PublishForm()
    seen = form.seen_digest.data if form.confirmed.data else ""
    try:
        publish.publish_plan(get_session(), plan, today=today(plan.site), seen_digest=seen or "", by=actor())
    except publish.StalePlanError as stale:
        form.confirmed.data = False
        form.form_errors.append(str(stale))
        return _render(plan, form, 409)
    flash_success("The plan is live. Every agent whose day changed has a notice.")
    return redirect(url_for(".show", plan_id=plan.id))


@blueprint.post("/<int:plan_id>/discard")
@requires(Permission.RUN_PLANS)
def discard(plan_id: int) -> ResponseReturnValue:
    """Put a draft away; it can be brought back."""
    plan = get_plan(plan_id, Permission.RUN_PLANS)
    plans.discard(get_session(), plan, by=actor())
    flash_undo(f"Plan {plan.id} is discarded.", url_for(".restore", plan_id=plan.id))
    return redirect(url_for(".index", site=plan.site_id, day=plan.day_on.isoformat()))


@blueprint.post("/<int:plan_id>/restore")
@requires(Permission.RUN_PLANS)
def restore(plan_id: int) -> ResponseReturnValue:
    """Bring a discarded draft back."""
    plan = get_plan(plan_id, Permission.RUN_PLANS)
    plans.restore(get_session(), plan, by=actor())
    flash_success(f"Plan {plan.id} is a draft again.")
    return redirect(url_for(".show", plan_id=plan.id))
