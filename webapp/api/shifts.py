"""Shifts with their breaks."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import Shift, TokenScope
from webapp.services import access, roster, shifts
from webapp.services.access import Permission
from webapp.services.listing import roster as listing
from webapp.services.listing.roster import RosterFilter
from webapp.services.shifts import ShiftDraft
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.bulk import apply_all, items_of, results_of
from webapp.web.rest.fields import Code, Flag, Key, Moment
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("shifts", "Paid working time of one person, with its breaks; half-open, in UTC.")


class BreakSchema(ma.Schema):
    """A break inside a shift."""

    starts_at = Moment(required=True)
    ends_at = Moment(required=True)


class ShiftSchema(ma.Schema):
    """A shift."""

    id = Key(required=True)
    external_id = Code(required=True)
    person_id = Key(required=True)
    person = Code(required=True, attribute="person.external_id")
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    breaks = ma.fields.List(ma.fields.Nested(BreakSchema), required=True)
    inferred = Flag(required=True, metadata={"description": "Whether it was read off a call log."})
    version = ma.fields.Integer(required=True)


class ShiftChangeSchema(ma.Schema):
    """What can be changed of a shift; what is left out stays."""

    starts_at = Moment()
    ends_at = Moment()
    breaks = ma.fields.List(ma.fields.Nested(BreakSchema), validate=ma.validate.Length(max=20))


class NewShiftSchema(ShiftChangeSchema):
    """A shift to be added."""

    external_id = Code(metadata={"description": "Its key in the system that it comes from."})
    person_id = Key(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)


ShiftList = list_arguments(
    "ShiftList",
    sorts=listing.SHIFT_ORDERS,
    filters={
        "external_id": Code(),
        "person_id": Key(),
        "person": Code(metadata={"description": "A person's number in other systems."}),
        "site": Code(metadata={"description": "A site's code."}),
        "after": Moment(metadata={"description": "Only what ends after this moment."}),
        "before": Moment(metadata={"description": "Only what begins before this moment."}),
    },
)


def _spans(body: dict[str, Any]) -> tuple[Any, ...]:
    return tuple((each["starts_at"], each["ends_at"]) for each in body.get("breaks", ()))


def _add(item: dict[str, Any]) -> Shift:
    session = get_session()
    with named("person_id"):
        person = access.get_person(
            session, item["person_id"], viewer=current_viewer(), permission=Permission.EDIT_ROSTER
        )
    draft = ShiftDraft(item["starts_at"], item["ends_at"], _spans(item))
    return shifts.add_shift(session, person, draft=draft, external_id=item.get("external_id", ""), by=actor())


@blueprint.get("/shifts")
@requires(Permission.VIEW_ROSTER, scope=TokenScope.ROSTER_READ)
@blueprint.arguments(ShiftList, location="query")
@blueprint.response(200, page_of(ShiftSchema))
@blueprint.leads_to("get_shift", shift_id="items/0/id")
def list_shifts(arguments: dict[str, Any]) -> Any:
    """List shifts."""
    wanted, chosen = take_page(arguments), RosterFilter(**arguments)
    return answer_page(listing.list_shifts(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.post("/shifts")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.etag
@blueprint.arguments(NewShiftSchema)
@blueprint.response(201, ShiftSchema)
@blueprint.leads_to("get_shift", "update_shift", "remove_shift", shift_id="id")
def create_shift(body: dict[str, Any]) -> Any:
    """Give a person a shift."""
    shift = _add(body)
    return shift, 201, {"Location": url_for(".get_shift", shift_id=shift.id)}


@blueprint.post("/bulk/shifts")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.arguments(items_of(NewShiftSchema))
@blueprint.response(200, results_of(ShiftSchema))
@blueprint.leads_to("get_shift", shift_id="items/0/id")
def create_shifts(body: dict[str, Any]) -> Any:
    """Add many shifts, all or none."""
    return apply_all(body["items"], _add)


@blueprint.get("/shifts/<key:shift_id>")
@requires(Permission.VIEW_ROSTER, scope=TokenScope.ROSTER_READ)
@blueprint.etag
@blueprint.response(200, ShiftSchema)
@blueprint.leads_to("update_shift", "remove_shift", shift_id="id")
def get_shift(shift_id: int) -> Any:
    """Get a shift."""
    return roster.get_shift(get_session(), shift_id, viewer=current_viewer(), permission=Permission.VIEW_ROSTER)


@blueprint.patch("/shifts/<key:shift_id>")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.etag
@blueprint.arguments(ShiftChangeSchema)
@blueprint.response(200, ShiftSchema)
@blueprint.leads_to("get_shift", "update_shift", "remove_shift", shift_id="id")
def update_shift(body: dict[str, Any], shift_id: int) -> Any:
    """Change a shift and its breaks."""
    session = get_session()
    shift = roster.get_shift(session, shift_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    blueprint.begin_edit(shift, ShiftSchema)
    breaks = tuple((each.starts_at, each.ends_at) for each in shift.breaks)
    draft = ShiftDraft(
        body.get("starts_at", shift.starts_at),
        body.get("ends_at", shift.ends_at),
        _spans(body) if "breaks" in body else breaks,
    )
    changed = shifts.update_shift(session, shift, draft=draft, version=shift.version, seen={}, by=actor())
    return blueprint.reread(changed)


@blueprint.delete("/shifts/<key:shift_id>")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.etag
@blueprint.response(204)
def remove_shift(shift_id: int) -> Any:
    """Take a shift out of the roster."""
    session = get_session()
    shift = roster.get_shift(session, shift_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    blueprint.begin_edit(shift, ShiftSchema)
    shifts.remove_shift(session, shift, by=actor())
