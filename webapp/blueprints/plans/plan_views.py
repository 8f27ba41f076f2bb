"""One plan: timeline, table, what is left out, declines, an assignment, comparison and score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.blueprints.plans.forms import PinForm
from webapp.blueprints.plans.views import blueprint
from webapp.charts.demand import planned_figure
from webapp.charts.score import score_figure
from webapp.charts.timeline import draw_timeline
from webapp.errors import NotFoundError
from webapp.models import Assignment, Channel, Plan, PlanState, Response, Stance
from webapp.services import audit, roster_marks
from webapp.services.access import Permission
from webapp.services.planning import (
    causes,
    compare,
    explanations,
    fallen_levels,
    overview,
    pins,
    plans,
    replan,
    scoring,
    words,
)
from webapp.services.planning.timeline import plan_timeline
from webapp.web import figures
from webapp.web.arguments import choice_argument
from webapp.web.guard import requires
from webapp.web.labels import CHANNELS, STANCES
from webapp.web.live import watch
from webapp.web.request import can, current_viewer, get_session, today
from webapp.web.tables import csv_response, page_from_request


def get_plan(plan_id: int, permission: Permission = Permission.VIEW_PLANS) -> Plan:
    """Return the plan of the address, if the viewer has the permission on its site."""
    return plans.get_plan(get_session(), plan_id, viewer=current_viewer(), permission=permission)


def shared(plan: Plan) -> dict[str, Any]:
    """Return what the head of each page about a plan shows."""
    session = get_session()
    return {
        "plan": plan,
        "figures": plans.headline(session, plan),
        "status_words": words.status_words,
        "term_words": words.term_words,
        "changed": roster_marks.list_changed(session, plan) if plan.state in roster_marks.SHOWN else [],
        "replan": _replan_fields(plan),
    }


def _replan_fields(plan: Plan) -> dict[str, object] | None:
    """Return what re-optimising from now takes, by the plan's policy; None if the plan is not today's live one."""
    if plan.state is not PlanState.PUBLISHED or plan.day_on != today(plan.site) or not can(Permission.RUN_PLANS):
        return None
    chosen = replan.defaults(plan)
    fields = {"keep_minutes": chosen.keep_minutes, "max_changes": chosen.max_changes, "seconds": chosen.seconds}
    return {name: value for name, value in fields.items() if value is not None} | {"hand_over": "y"}


@blueprint.get("/<int:plan_id>")
@requires(Permission.VIEW_PLANS)
def show(plan_id: int) -> ResponseReturnValue:
    """Show a plan as a timeline by agent, with its headline figures."""
    session, plan = get_session(), get_plan(plan_id)
    # Levels of anybody at the site may tell against it; building the page is dear.
    watch(f"plan:{plan_id}", f"plans:{plan.site_id}", f"site:{plan.site_id}", pause_seconds=5)
    load = overview.plan_load(session, plan)
    return render_template(
        "plans/show.html",
        **shared(plan),
        picture=draw_timeline(plan_timeline(session, plan), zone=plan.site.time_zone),
        figure=planned_figure(load, zone=plan.site.time_zone),
        history=[*audit.history(session, plan), *audit.history(session, plan.run)],
        interval_minutes=plan.run.interval_minutes,
        fallen=fallen_levels.list_fallen_levels(session, plan),
    )


@blueprint.get("/<int:plan_id>/planned")
@requires(Permission.VIEW_PLANS)
def planned(plan_id: int) -> ResponseReturnValue:
    """Answer with the figure of what a plan put into each interval."""
    plan = get_plan(plan_id)
    return figures.respond(planned_figure(overview.plan_load(get_session(), plan), zone=plan.site.time_zone))


def _filter() -> plans.AssignmentFilter:
    response = request.args.get("response", "")
    return plans.AssignmentFilter(
        text=request.args.get("q", "").strip(),
        person_id=request.args.get("person", type=int),
        engagement_type_id=request.args.get("type", type=int),
        channel=choice_argument("channel", Channel),
        stance=choice_argument("stance", Stance),
        response=response if response in {"none", *Response} else "",
    )


@blueprint.get("/<int:plan_id>/assignments")
@requires(Permission.VIEW_PLANS)
def assignments(plan_id: int) -> ResponseReturnValue:
    """List the assignments of a plan, as a page or as CSV."""
    session, plan = get_session(), get_plan(plan_id)
    found = plans.list_assignments(session, plan, only=_filter(), sort=request.args.get("sort", "start"))
    if request.args.get("format") == "csv":
        return _assignments_csv(plan, found)
    whole = plans.list_assignments(session, plan)
    page = page_from_request(len(found), size=100)
    return render_template(
        "plans/assignments.html",
        **shared(plan),
        assignments=found[page.offset : page.offset + page.size],
        page=page,
        uncovered=roster_marks.find_uncovered(session, plan),
        people=_options((each.person_id, each.person.name) for each in whole),
        types=_options((each.engagement.engagement_type_id, each.engagement.engagement_type.name) for each in whole),
        channels=[(key, word) for key, (word, _) in CHANNELS.items() if not Channel(key).live],
        stances=[(key, word) for key, (word, _) in STANCES.items()],
    )


def _options(pairs: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return what a filter offers: each once, by name."""
    return sorted(set(pairs), key=lambda pair: (pair[1], pair[0]))


def _assignments_csv(plan: Plan, found: Sequence[Assignment]) -> ResponseReturnValue:
    header = (
        *("engagement", "customer", "type", "channel", "stance", "priority", "agent", "agent_number", "starts_at"),
        *("minutes", "value", *words.TERM_WORDS, "pinned", "moved", "response", "reason", "covered"),
    )
    uncovered = roster_marks.find_uncovered(get_session(), plan)
    rows = (
        (
            each.engagement.external_id,
            each.engagement.customer_key,
            each.engagement.engagement_type.code,
            each.engagement.engagement_type.channel.value,
            each.engagement.engagement_type.stance.value,
            each.engagement.priority,
            each.person.name,
            each.person.external_id,
            each.starts_at.isoformat(),
            each.minutes,
            each.value,
            *(each.terms.get(term, 0.0) for term in words.TERM_WORDS),
            "yes" if each.pin_id else "no",
            "yes" if each.moved_by_id else "no",
            each.response.response.value if each.response and each.response.response else None,
            each.response.reason if each.response else None,
            "no" if each.id in uncovered else "yes",
        )
        for each in found
    )
    return csv_response(f"plan-{plan.id}-assignments.csv", header, rows)


@blueprint.get("/<int:plan_id>/unassigned")
@requires(Permission.VIEW_PLANS)
def unassigned(plan_id: int) -> ResponseReturnValue:
    """List what a plan leaves out, with causes and cheapest fixes, as a page or as CSV."""
    session, plan = get_session(), get_plan(plan_id)
    cause = request.args.get("cause", "")
    whole = plans.list_unassigned(session, plan)
    found = [each for each in whole if not cause or each.cause == cause]
    if request.args.get("format") == "csv":
        header = ("engagement", "customer", "type", "priority", "due_at", "cause", "explanation", "fix")
        rows = (
            (
                each.engagement.external_id,
                each.engagement.customer_key,
                each.engagement.engagement_type.code,
                each.engagement.priority,
                each.engagement.due_at.isoformat(),
                each.cause,
                each.detail.get("text"),
                (each.fix or {}).get("text"),
            )
            for each in found
        )
        return csv_response(f"plan-{plan.id}-unassigned.csv", header, rows)
    names = {code.value: name for code, name in causes.CAUSE_NAMES.items()}
    return render_template(
        "plans/unassigned.html",
        **shared(plan),
        unassigned=found,
        cause_names=names,
        causes=[(code, name) for code, name in names.items() if any(each.cause == code for each in whole)],
    )


@blueprint.get("/<int:plan_id>/declines")
@requires(Permission.VIEW_PLANS)
def declines(plan_id: int) -> ResponseReturnValue:
    """List what agents declined, with their reasons, as a page or as CSV."""
    session, plan = get_session(), get_plan(plan_id)
    found = plans.list_declines(session, plan)
    if request.args.get("format") == "csv":
        rows = (
            (each.engagement.external_id, each.person.name, each.response.reason, each.response.at.isoformat())
            for each in found
            if each.response is not None
        )
        return csv_response(f"plan-{plan.id}-declines.csv", ("engagement", "agent", "reason", "at"), rows)
    return render_template("plans/declines.html", **shared(plan), declines=found)


@blueprint.get("/<int:plan_id>/assignments/<int:assignment_id>")
@requires(Permission.VIEW_PLANS)
def assignment(plan_id: int, assignment_id: int) -> ResponseReturnValue:
    """Show an assignment: why this agent, why not another one on request, its pin, and its value by term."""
    plan = get_plan(plan_id)
    return render_assignment(plan, plans.get_assignment(get_session(), plan, assignment_id), PinForm(formdata=None))


def render_assignment(plan: Plan, found: Assignment, form: PinForm, status: int = 200) -> ResponseReturnValue:
    """Answer with the page of an assignment."""
    session = get_session()
    other = request.args.get("person", type=int)
    people = plans.list_agents(session, plan)
    return (
        render_template(
            "plans/assignment.html",
            **shared(plan),
            assignment=found,
            why=explanations.why(session, plan, found.engagement_id),
            why_not=explanations.why_not(session, plan, found.engagement_id, other) if other is not None else [],
            other=next((person for person in people if person.id == other), None),
            people=[(person.id, person.name) for person in people if person.id != found.person_id],
            pin=pins.find_pin(session, found.engagement_id),
            form=form,
        ),
        status,
    )


@blueprint.get("/<int:plan_id>/compare")
@requires(Permission.VIEW_PLANS)
def comparison(plan_id: int) -> ResponseReturnValue:
    """Show what is different from another plan of the day: by default the live one, else the one before."""
    session, plan = get_session(), get_plan(plan_id)
    wanted = request.args.get("other", type=int)
    other = get_plan(wanted) if wanted is not None else compare.find_other(session, plan)
    found = compare.compare_plans(session, plan, other) if other is not None else None
    if found is not None and request.args.get("format") == "csv":
        rows = (
            (
                each.engagement.external_id,
                each.kind,
                *((each.before.person.name, each.before.starts_at.isoformat()) if each.before else (None, None)),
                *((each.after.person.name, each.after.starts_at.isoformat()) if each.after else (None, None)),
            )
            for each in found.moved
        )
        header = ("engagement", "change", "agent_before", "starts_at_before", "agent", "starts_at")
        return csv_response(f"plan-{plan.id}-against-{found.other.id}.csv", header, rows)
    others = [each for each in plans.list_plans(session, plan.site, plan.day_on) if each.id != plan.id]
    return render_template("plans/compare.html", **shared(plan), comparison=found, others=others)


@blueprint.get("/<int:plan_id>/score")
@requires(Permission.VIEW_PLANS)
def score(plan_id: int) -> ResponseReturnValue:
    """Show how a plan would have met the day as it was, beside the plan that spreads minutes evenly."""
    plan = get_plan(plan_id)
    found = scoring.score_plan(get_session(), plan)
    return render_template(
        "plans/score.html",
        **shared(plan),
        score=found,
        figure=score_figure(found, zone=plan.site.time_zone) if found is not None else None,
    )


@blueprint.get("/<int:plan_id>/score-figure")
@requires(Permission.VIEW_PLANS)
def score_picture(plan_id: int) -> ResponseReturnValue:
    """Answer with the figure of the score by interval."""
    plan = get_plan(plan_id)
    found = scoring.score_plan(get_session(), plan)
    if found is None:
        raise NotFoundError("No contact of this day is known yet.")
    return figures.respond(score_figure(found, zone=plan.site.time_zone))
