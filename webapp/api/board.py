"""The board of today: where everybody is, what waits, what is about to slip; and somebody who calls in sick."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import AbsenceKind, TokenScope
from webapp.services import access, roster
from webapp.services.access import Permission
from webapp.services.board import sickness, today
from webapp.services.board.breaches import BreachKind
from webapp.services.board.floor import FloorState
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session, now
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Day, Flag, Key, Moment
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("board", "A site's day as it stands: plan against actual, agents, queues, breaches.")


class FloorSchema(ma.Schema):
    """An agent of today."""

    person_id = Key(required=True, attribute="person.id")
    agent = Code(required=True, attribute="person.external_id")
    state = Choice(FloorState, required=True)
    words = ma.fields.String(required=True)
    until = Moment(required=True, allow_none=True)
    engagement_id = Key(required=True, allow_none=True, attribute="engagement.id", dump_default=None)
    late = Flag(required=True, metadata={"description": "The plan has them at work that they have not begun."})


class QueueSchema(ma.Schema):
    """What waits, is planned, is under way and was done of one type."""

    type_id = Key(required=True, attribute="engagement_type.id")
    type = Code(required=True, attribute="engagement_type.code")
    waiting = ma.fields.Integer(required=True)
    planned = ma.fields.Integer(required=True)
    under_way = ma.fields.Integer(required=True)
    done = ma.fields.Integer(required=True)
    late = ma.fields.Integer(required=True)
    next_due_at = Moment(required=True, allow_none=True)


class BreachSchema(ma.Schema):
    """An engagement that is going to be missed, and why."""

    kind = Choice(BreachKind, required=True)
    engagement_id = Key(required=True, attribute="engagement.id")
    engagement = Code(required=True, attribute="engagement.external_id")
    person_id = Key(required=True, allow_none=True, attribute="person.id", dump_default=None)
    starts_at = Moment(required=True, allow_none=True)
    due_at = Moment(required=True, attribute="engagement.due_at")


class IntervalSchema(ma.Schema):
    """Plan against actual in one interval; minutes of agents unless they are counted."""

    starts_at = Moment(required=True)
    capacity = ma.fields.Float(required=True)
    needed = ma.fields.Float(required=True, metadata={"description": "What live contacts are forecast to need."})
    kept = ma.fields.Float(required=True, metadata={"description": "What the plan keeps for live contacts."})
    planned = ma.fields.Float(required=True, metadata={"description": "What the plan fills with engagements."})
    present = ma.fields.Float(required=True, metadata={"description": "Of those kept, of people who are there."})
    short = ma.fields.Float(required=True, metadata={"description": "What is missing, 0 unless it matters."})
    served_minutes = ma.fields.Float(required=True)
    done_minutes = ma.fields.Float(required=True)
    served = ma.fields.Integer(required=True)
    lost = ma.fields.Integer(required=True)
    due = ma.fields.Integer(required=True)
    begun = ma.fields.Integer(required=True)
    done = ma.fields.Integer(required=True)


class DeclinedSchema(ma.Schema):
    """Declined work that nobody else has."""

    assignment_id = Key(required=True, attribute="id")
    engagement_id = Key(required=True)
    person_id = Key(required=True)


class BoardSchema(ma.Schema):
    """A site's day at this moment."""

    site_id = Key(required=True, attribute="site.id")
    day_on = Day(required=True)
    at = Moment(required=True)
    plan_id = Key(required=True, allow_none=True, attribute="plan.id", dump_default=None)
    former_plan_id = Key(required=True, allow_none=True, attribute="former.id", dump_default=None)
    open_run_id = Key(required=True, allow_none=True, attribute="open_run.id", dump_default=None)
    on_floor = ma.fields.Integer(required=True)
    absent = ma.fields.Integer(required=True)
    agents = ma.fields.List(ma.fields.Nested(FloorSchema), required=True, attribute="floor")
    queues = ma.fields.List(ma.fields.Nested(QueueSchema), required=True)
    breaches = ma.fields.List(ma.fields.Nested(BreachSchema), required=True)
    declined = ma.fields.List(ma.fields.Nested(DeclinedSchema), required=True)
    intervals = ma.fields.List(
        ma.fields.Nested(IntervalSchema), required=True, attribute="progress.intervals", dump_default=()
    )


class NewSickCallSchema(ma.Schema):
    """Who is sick, from now to the end of their day; other times are noted as an absence."""

    person_id = Key(required=True)


class SickCallSchema(ma.Schema):
    """An absence, and what it breaks in the published plan of its day."""

    absence_id = Key(required=True, attribute="absence.id")
    person_id = Key(required=True, attribute="absence.person_id")
    kind = Choice(AbsenceKind, required=True, attribute="absence.kind")
    starts_at = Moment(required=True, attribute="absence.starts_at")
    ends_at = Moment(required=True, attribute="absence.ends_at")
    plan_id = Key(required=True, allow_none=True, attribute="plan.id", dump_default=None)
    assignments = ma.fields.List(
        ma.fields.Pluck(DeclinedSchema, "assignment_id"),
        required=True,
        metadata={"description": "Keys of work that has not begun and that the person cannot finish."},
    )
    under_way = ma.fields.List(
        ma.fields.Pluck(DeclinedSchema, "assignment_id"),
        required=True,
        metadata={"description": "Keys of work that the person had begun."},
    )
    live_minutes = ma.fields.Float(required=True)
    uncovered = ma.fields.List(
        ma.fields.Pluck(DeclinedSchema, "assignment_id"),
        required=True,
        metadata={
            "description": "Keys of those of both kinds that are planned at times at which the person works no more, "
            "as the plan's shift changes count them; the rest was planned earlier."
        },
    )


@blueprint.get("/sites/<key:site_id>/board")
@requires(Permission.VIEW_PLANS, scope=TokenScope.PLANS_READ)
@blueprint.response(200, BoardSchema)
@blueprint.leads_to("get_plan", "list_swaps_of_plan", "step_back", plan_id="plan_id")
@blueprint.leads_to("get_run", run_id="open_run_id")
@blueprint.leads_to("get_engagement", engagement_id="breaches/0/engagement_id")
def get_board(site_id: int) -> Any:
    """Get the board of a site's day as it stands now."""
    site = access.get_site(get_session(), site_id, viewer=current_viewer(), permission=Permission.VIEW_PLANS)
    return today.board_of(get_session(), site, at=now())


@blueprint.post("/sick-calls")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.arguments(NewSickCallSchema)
@blueprint.response(201, SickCallSchema)
@blueprint.leads_to("get_absence", "get_broken", absence_id="absence_id")
@blueprint.leads_to("get_assignment", assignment_id="assignments/0")
def report_sick(body: dict[str, Any]) -> Any:
    """Note that somebody is sick from now on, tell their lead and their scheduler, and say what that breaks."""
    session = get_session()
    with named("person_id"):
        person = access.get_person(
            session, body["person_id"], viewer=current_viewer(), permission=Permission.EDIT_ROSTER
        )
    absence = sickness.report_person(session, person, by=actor())
    location = {"Location": url_for("api_absences.get_absence", absence_id=absence.id)}
    return sickness.find_broken(session, absence), 201, location


@blueprint.get("/absences/<key:absence_id>/broken")
@requires(Permission.VIEW_ROSTER, scope=TokenScope.ROSTER_READ)
@blueprint.response(200, SickCallSchema)
@blueprint.leads_to("get_absence", absence_id="absence_id")
def get_broken(absence_id: int) -> Any:
    """Get what an absence breaks in the published plan of the day in which it begins."""
    session = get_session()
    absence = roster.get_absence(session, absence_id, viewer=current_viewer(), permission=Permission.VIEW_ROSTER)
    return sickness.find_broken(session, absence)
