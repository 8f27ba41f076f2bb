"""Skill records: what people are believed to be able to do, and what they and their leads say about it."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from webapp.models import Dispute, Interest, SkillEventKind, TokenScope
from webapp.services import access, records, reviews, stated_levels
from webapp.services.access import Permission
from webapp.services.listing import skills as listing
from webapp.services.listing.skills import RecordFilter
from webapp.services.stated_levels import StatedLevel
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session, today
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.bulk import apply_all, items_of, results_of
from webapp.web.rest.fields import Choice, Code, Day, Flag, Key, Level, Moment, Text
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("records", "What a person has in a skill: claimed, validated by evidence, effective.")


class RecordSchema(ma.Schema):
    """A skill record as it holds today."""

    id = Key(required=True, attribute="record.id")
    person_id = Key(required=True, attribute="record.person_id")
    person = Code(required=True, attribute="record.person.external_id")
    skill_id = Key(required=True, attribute="record.skill_id")
    skill = Code(required=True, attribute="record.skill.code")
    claimed_level = Level(required=True, allow_none=True, attribute="present.claimed_level")
    validated_level = Level(required=True, attribute="present.validated_level")
    validated_by = Choice(SkillEventKind, required=True, allow_none=True, attribute="present.validated_by")
    validated_at = Moment(required=True, allow_none=True, attribute="present.validated_at")
    provisional = Flag(required=True, attribute="present.provisional")
    effective_level = Level(required=True, attribute="present.effective_level")
    interest = Choice(Interest, required=True, attribute="present.interest")
    dispute = Choice(Dispute, required=True, allow_none=True, attribute="present.dispute")
    valid_until = Day(required=True, allow_none=True, attribute="present.valid_until")
    last_used_on = Day(required=True, allow_none=True, attribute="present.last_used_on")


class ClaimSchema(ma.Schema):
    """What a person says of their own level."""

    skill_id = Key(required=True)
    level = Level(1, required=True)
    note = Text(1000, load_default="")
    link = Text(400, load_default="")


class ReviewSchema(ma.Schema):
    """A lead's word on a level."""

    level = Level(required=True)
    note = Text(1000, load_default="")
    expires_on = Day(load_default=None, allow_none=True)


class StatedLevelSchema(ma.Schema):
    """A level that another system states; provisional until somebody reviews it."""

    person_id = Key(required=True)
    skill_id = Key(required=True)
    level = Level(1, required=True)
    expires_on = Day(load_default=None, allow_none=True)


RecordList = list_arguments(
    "RecordList",
    sorts=listing.RECORD_ORDERS,
    filters={
        "person_id": Key(),
        "person": Code(metadata={"description": "A person's number in other systems."}),
        "skill_id": Key(),
        "skill": Code(metadata={"description": "A skill's code."}),
    },
)


def _present(record_id: int) -> Any:
    on = today(current_person().site)
    return listing.get_record(get_session(), record_id, viewer=current_viewer(), on=on)


@blueprint.get("/records")
@requires(Permission.VIEW_RECORDS, scope=TokenScope.RECORDS_READ)
@blueprint.arguments(RecordList, location="query")
@blueprint.response(200, page_of(RecordSchema))
@blueprint.leads_to("get_record", "review_record", record_id="items/0/id")
def list_records(arguments: dict[str, Any]) -> Any:
    """List skill records."""
    wanted, chosen, on = take_page(arguments), RecordFilter(**arguments), today(current_person().site)
    return answer_page(
        listing.list_records(get_session(), viewer=current_viewer(), chosen=chosen, on=on, wanted=wanted)
    )


@blueprint.get("/records/<key:record_id>")
@requires(Permission.VIEW_RECORDS, scope=TokenScope.RECORDS_READ)
@blueprint.etag
@blueprint.response(200, RecordSchema)
@blueprint.leads_to("review_record", record_id="id")
def get_record(record_id: int) -> Any:
    """Get a skill record."""
    return _present(record_id)


@blueprint.post("/records/claims")
@requires(Permission.KEEP_OWN_RECORD, scope=TokenScope.RECORDS_WRITE)
@blueprint.etag
@blueprint.arguments(ClaimSchema)
@blueprint.response(201, RecordSchema)
@blueprint.leads_to("get_record", "review_record", record_id="id")
def claim_level(body: dict[str, Any]) -> Any:
    """Claim a level for oneself: the person of the token."""
    with named("skill_id"):
        record = records.claim_level(get_session(), current_person(), **body, by=actor())
    return _present(record.id)


@blueprint.post("/records/<key:record_id>/reviews")
@requires(Permission.REVIEW_RECORDS, scope=TokenScope.RECORDS_WRITE)
@blueprint.etag
@blueprint.arguments(ReviewSchema)
@blueprint.response(201, RecordSchema)
@blueprint.leads_to("get_record", record_id="id")
def review_record(body: dict[str, Any], record_id: int) -> Any:
    """Give one's word as a lead on somebody's level, as evidence."""
    session, viewer = get_session(), current_viewer()
    record = reviews.get_reviewable_record(session, record_id, viewer=viewer)
    reviews.review(session, record.person, skill_id=record.skill_id, **body, viewer=viewer, by=actor())
    return _present(record_id)


@blueprint.post("/bulk/records")
@requires(Permission.IMPORT_DIRECTORY, scope=TokenScope.RECORDS_WRITE)
@blueprint.arguments(items_of(StatedLevelSchema))
@blueprint.response(200, results_of(RecordSchema))
@blueprint.leads_to("get_record", "review_record", record_id="items/0/id")
def state_levels(body: dict[str, Any]) -> Any:
    """State many levels of other people, all or none; they are provisional until somebody reviews them."""
    session, viewer = get_session(), current_viewer()

    def _check(item: dict[str, Any]) -> StatedLevel:
        with named("person_id"):
            person = access.get_person(
                session, item["person_id"], viewer=viewer, permission=Permission.IMPORT_DIRECTORY
            )
        stated = StatedLevel(person, item["skill_id"], item["level"], item["expires_on"])
        with named("skill_id"):
            return stated_levels.check_stated(session, stated, by=actor())

    checked = apply_all(body["items"], _check)["items"]
    written = stated_levels.state_levels(session, checked, source="api", by=actor())
    return {"items": [_present(record.id) for record in written]}
