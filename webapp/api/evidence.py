"""Evidence that people bring: certificates, courses and test results, until somebody else has accepted them."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from webapp.models import SkillEventKind, SubmissionState, TokenScope
from webapp.services import evidence
from webapp.services.access import Permission
from webapp.services.evidence import NewEvidence
from webapp.services.listing import skills as listing
from webapp.services.listing.skills import EvidenceFilter
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Day, Key, Level, Moment, Name, Text
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("evidence", "Why a level is believed: what people brought, and who accepted it.")

_BROUGHT = [SkillEventKind.CERTIFICATE, SkillEventKind.COURSE, SkillEventKind.ASSESSMENT]


class EvidenceSchema(ma.Schema):
    """What a person brought."""

    id = Key(required=True)
    person_id = Key(required=True)
    person = Code(required=True, attribute="person.external_id")
    skill_id = Key(required=True)
    skill = Code(required=True, attribute="skill.code")
    kind = Choice(SkillEventKind, required=True)
    level = Level(1, required=True)
    title = Name(required=True)
    issuer = Text(200, required=True)
    issued_on = Day(required=True, allow_none=True)
    expires_on = Day(required=True, allow_none=True)
    note = Text(1000, required=True)
    link = Text(400, required=True)
    state = Choice(SubmissionState, required=True)
    created_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)
    decided_by_id = Key(required=True, allow_none=True)
    reason = Text(1000, required=True)
    version = ma.fields.Integer(required=True)


class NewEvidenceSchema(ma.Schema):
    """What a person brings for themselves; files are added on the page."""

    skill_id = Key(required=True)
    kind = ma.fields.Enum(SkillEventKind, by_value=True, required=True, validate=ma.validate.OneOf(_BROUGHT))
    level = Level(1, required=True)
    title = Name(required=True)
    issuer = Text(200, load_default="")
    issued_on = Day(load_default=None, allow_none=True)
    expires_on = Day(load_default=None, allow_none=True)
    note = Text(1000, load_default="")
    link = Text(400, load_default="")


class AcceptanceSchema(ma.Schema):
    """The level that evidence shows, in the view of who accepts it."""

    level = Level(1, required=True)
    expires_on = Day(load_default=None, allow_none=True)
    note = Text(1000, load_default="")


class RejectionSchema(ma.Schema):
    """Why evidence is not accepted; the person reads it."""

    reason = Text(1000, least=1, required=True)


EvidenceList = list_arguments(
    "EvidenceList",
    sorts=listing.EVIDENCE_ORDERS,
    filters={"person_id": Key(), "skill_id": Key(), "state": Choice(SubmissionState)},
)


@blueprint.get("/evidence")
@requires(Permission.VIEW_RECORDS, scope=TokenScope.RECORDS_READ)
@blueprint.arguments(EvidenceList, location="query")
@blueprint.response(200, page_of(EvidenceSchema))
@blueprint.leads_to("get_evidence", submission_id="items/0/id")
def list_evidence(arguments: dict[str, Any]) -> Any:
    """List what people brought."""
    wanted, chosen = take_page(arguments), EvidenceFilter(**arguments)
    return answer_page(listing.list_evidence(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.get("/evidence/<key:submission_id>")
@requires(Permission.VIEW_RECORDS, scope=TokenScope.RECORDS_READ)
@blueprint.etag
@blueprint.response(200, EvidenceSchema)
@blueprint.leads_to("accept_evidence", "reject_evidence", submission_id="id")
def get_evidence(submission_id: int) -> Any:
    """Get what a person brought."""
    return listing.get_evidence(get_session(), submission_id, viewer=current_viewer())


@blueprint.post("/evidence")
@requires(Permission.KEEP_OWN_RECORD, scope=TokenScope.RECORDS_WRITE)
@blueprint.etag
@blueprint.arguments(NewEvidenceSchema)
@blueprint.response(201, EvidenceSchema)
@blueprint.leads_to("get_evidence", "accept_evidence", "reject_evidence", submission_id="id")
def submit_evidence(body: dict[str, Any]) -> Any:
    """Bring evidence about a skill of one's own: the person of the token."""
    with named("skill_id"):
        return evidence.submit(get_session(), current_person(), NewEvidence(**body), by=actor())


@blueprint.post("/evidence/<key:submission_id>/accept")
@requires(Permission.ACCEPT_EVIDENCE, scope=TokenScope.RECORDS_WRITE)
@blueprint.etag
@blueprint.arguments(AcceptanceSchema)
@blueprint.response(200, EvidenceSchema)
@blueprint.leads_to("get_evidence", submission_id="id")
def accept_evidence(body: dict[str, Any], submission_id: int) -> Any:
    """Accept what somebody else brought as evidence of a level."""
    session, viewer = get_session(), current_viewer()
    submission = evidence.get_submission(session, submission_id, viewer=viewer)
    evidence.accept(session, submission, **body, viewer=viewer, by=actor())
    return submission


@blueprint.post("/evidence/<key:submission_id>/reject")
@requires(Permission.ACCEPT_EVIDENCE, scope=TokenScope.RECORDS_WRITE)
@blueprint.etag
@blueprint.arguments(RejectionSchema)
@blueprint.response(200, EvidenceSchema)
@blueprint.leads_to("get_evidence", submission_id="id")
def reject_evidence(body: dict[str, Any], submission_id: int) -> Any:
    """Reject what somebody else brought, with a reason that they read."""
    session, viewer = get_session(), current_viewer()
    submission = evidence.get_submission(session, submission_id, viewer=viewer)
    evidence.reject(session, submission, **body, viewer=viewer, by=actor())
    return submission
