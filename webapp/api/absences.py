"""Absences: time in which a person cannot be planned."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import url_for

from webapp.models import Absence, AbsenceKind, TokenScope
from webapp.services import absences, access, roster
from webapp.services.absences import AbsenceDraft
from webapp.services.access import Permission
from webapp.services.listing import roster as listing
from webapp.services.listing.roster import RosterFilter
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.bulk import apply_all, items_of, results_of
from webapp.web.rest.fields import Choice, Code, Key, Moment
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("absences", "Time in which a person cannot be planned; half-open, in UTC.")


class AbsenceSchema(ma.Schema):
    """An absence."""

    id = Key(required=True)
    person_id = Key(required=True)
    person = Code(required=True, attribute="person.external_id")
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    kind = Choice(AbsenceKind, required=True)
    version = ma.fields.Integer(required=True)


class AbsenceChangeSchema(ma.Schema):
    """What can be changed of an absence; what is left out stays."""

    starts_at = Moment()
    ends_at = Moment()
    kind = Choice(AbsenceKind)


class NewAbsenceSchema(ma.Schema):
    """An absence to be noted."""

    person_id = Key(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    kind = Choice(AbsenceKind, required=True)


AbsenceList = list_arguments(
    "AbsenceList",
    sorts=listing.ABSENCE_ORDERS,
    filters={
        "person_id": Key(),
        "person": Code(metadata={"description": "A person's number in other systems."}),
        "site": Code(metadata={"description": "A site's code."}),
        "kind": Choice(AbsenceKind),
        "after": Moment(metadata={"description": "Only what ends after this moment."}),
        "before": Moment(metadata={"description": "Only what begins before this moment."}),
    },
)


def _add(item: dict[str, Any]) -> Absence:
    session = get_session()
    with named("person_id"):
        person = access.get_person(
            session, item["person_id"], viewer=current_viewer(), permission=Permission.EDIT_ROSTER
        )
    draft = AbsenceDraft(item["starts_at"], item["ends_at"], item["kind"])
    return absences.add_absence(session, person, draft=draft, by=actor())


@blueprint.get("/absences")
@requires(Permission.VIEW_ROSTER, scope=TokenScope.ROSTER_READ)
@blueprint.arguments(AbsenceList, location="query")
@blueprint.response(200, page_of(AbsenceSchema))
@blueprint.leads_to("get_absence", absence_id="items/0/id")
def list_absences(arguments: dict[str, Any]) -> Any:
    """List absences."""
    wanted, chosen = take_page(arguments), RosterFilter(**arguments)
    return answer_page(listing.list_absences(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.post("/absences")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.etag
@blueprint.arguments(NewAbsenceSchema)
@blueprint.response(201, AbsenceSchema)
@blueprint.leads_to("get_absence", "update_absence", "remove_absence", absence_id="id")
def create_absence(body: dict[str, Any]) -> Any:
    """Note that a person is away."""
    absence = _add(body)
    return absence, 201, {"Location": url_for(".get_absence", absence_id=absence.id)}


@blueprint.post("/bulk/absences")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.arguments(items_of(NewAbsenceSchema))
@blueprint.response(200, results_of(AbsenceSchema))
@blueprint.leads_to("get_absence", absence_id="items/0/id")
def create_absences(body: dict[str, Any]) -> Any:
    """Note many absences, all or none."""
    return apply_all(body["items"], _add)


@blueprint.get("/absences/<key:absence_id>")
@requires(Permission.VIEW_ROSTER, scope=TokenScope.ROSTER_READ)
@blueprint.etag
@blueprint.response(200, AbsenceSchema)
@blueprint.leads_to("update_absence", "remove_absence", "get_broken", absence_id="id")
def get_absence(absence_id: int) -> Any:
    """Get an absence."""
    return roster.get_absence(get_session(), absence_id, viewer=current_viewer(), permission=Permission.VIEW_ROSTER)


@blueprint.patch("/absences/<key:absence_id>")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.etag
@blueprint.arguments(AbsenceChangeSchema)
@blueprint.response(200, AbsenceSchema)
@blueprint.leads_to("get_absence", "update_absence", "remove_absence", absence_id="id")
def update_absence(body: dict[str, Any], absence_id: int) -> Any:
    """Change an absence."""
    session = get_session()
    absence = roster.get_absence(session, absence_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    blueprint.begin_edit(absence, AbsenceSchema)
    draft = AbsenceDraft(
        body.get("starts_at", absence.starts_at), body.get("ends_at", absence.ends_at), body.get("kind", absence.kind)
    )
    changed = absences.update_absence(session, absence, draft=draft, version=absence.version, seen={}, by=actor())
    return blueprint.reread(changed)


@blueprint.delete("/absences/<key:absence_id>")
@requires(Permission.EDIT_ROSTER, scope=TokenScope.ROSTER_WRITE)
@blueprint.etag
@blueprint.response(204)
def remove_absence(absence_id: int) -> Any:
    """Take an absence out of the roster."""
    session = get_session()
    absence = roster.get_absence(session, absence_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    blueprint.begin_edit(absence, AbsenceSchema)
    absences.remove_absence(session, absence, by=actor())
