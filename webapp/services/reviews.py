"""Reviews: a lead's word on what a person can do."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.errors import ConflictError, ForbiddenError, NotFoundError
from webapp.models import (
    Person,
    Skill,
    SkillEvent,
    SkillEventKind,
    SkillRecord,
)
from webapp.services import access, audit, inbox, records
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.records import NewEvent

Pair = tuple[int, int]


def get_reviewable_record(session: Session, record_id: int, *, viewer: Viewer) -> SkillRecord:
    """
    Return a record of somebody else whom the viewer leads.

    Raises
    ------
    NotFoundError
        If there is no such record, or it lies outside the viewer's scope, or it is their own.
    """
    record = session.scalar(
        select(SkillRecord)
        .join(SkillRecord.person)
        .where(SkillRecord.id == record_id, inbox.may_review(viewer))
        .options(
            contains_eager(SkillRecord.person).options(joinedload(Person.team), joinedload(Person.site)),
            joinedload(SkillRecord.skill).selectinload(Skill.level_descriptions),
        )
    )
    if record is None:
        raise NotFoundError("There is no such skill record.")
    return record


def list_reviewable(session: Session, person: Person, *, viewer: Viewer) -> dict[int, int]:
    """Return the records of a person that the viewer may review: skill → record; empty if they may not."""
    rows = session.execute(
        select(SkillRecord.skill_id, SkillRecord.id)
        .join(SkillRecord.person)
        .join(SkillRecord.skill)
        .where(SkillRecord.person_id == person.id, Skill.retired_at.is_(None), inbox.may_review(viewer))
    )
    return {row.skill_id: row.id for row in rows}


def review(
    session: Session,
    person: Person,
    *,
    skill_id: int,
    level: int,
    note: str = "",
    expires_on: dt.date | None = None,
    viewer: Viewer,
    by: Actor,
) -> int:
    """
    Give a lead's word on a person's level, as evidence; return the key of its event.

    Raises
    ------
    ForbiddenError
        If the reviewer is the person, or acts with another's rights.
    NotFoundError
        If the person is nobody whom the viewer leads.
    InvalidInputError
        If the level is none, the note too long or the skill retired.
    """
    _check_reviewer(session, person.id, viewer=viewer, by=by)
    skill = records.get_claimable_skill(session, skill_id)
    event = NewEvent(
        person.id,
        skill.id,
        SkillEventKind.REVIEW,
        level=records.check_level(level),
        note=records.check_note(note),
        expires_on=expires_on,
        source=by.channel,
    )
    before = records.find_record(session, person.id, skill.id)
    detail = {"skill": skill.code, "level": level, "before": before.validated_level if before else None}
    (event_id,) = records.append_events(session, [event], by=by)
    records.reproject(session, [(person.id, skill.id)], by.at.date())
    record = records.get_record(session, person.id, skill.id)
    audit.record(session, "review_record", record, by=by, person_id=person.id, detail=detail)
    return event_id


def _check_reviewer(session: Session, person_id: int, *, viewer: Viewer, by: Actor) -> None:
    if by.person_id != viewer.person_id:
        raise ForbiddenError("A review is given in one's own name.")
    if by.person_id == person_id:
        raise ForbiddenError("Nobody assesses themselves: another lead must review this.")
    access.get_person(session, person_id, viewer=viewer, permission=Permission.REVIEW_RECORDS)


def retract_review(session: Session, event_id: int, *, viewer: Viewer, by: Actor) -> SkillRecord:
    """
    Take one's own review back, as if it had not been sent.

    Raises
    ------
    NotFoundError
        If it is no review of the viewer's, or of nobody whom they lead any more.
    ConflictError
        If it was taken back already.
    """
    event = session.get(SkillEvent, event_id)
    if event is None or event.kind is not SkillEventKind.REVIEW or event.author_id != viewer.person_id:
        raise NotFoundError("There is no such review of yours.")
    _check_reviewer(session, event.person_id, viewer=viewer, by=by)
    # By person, because an index finds those; none finds what is taken back.
    undone = (SkillEvent.person_id == event.person_id, SkillEvent.retracts_id == event_id)
    if session.scalar(select(SkillEvent.id).where(*undone).limit(1)) is not None:
        raise ConflictError("This review was taken back already.")
    pairs = records.retract_events(session, [event_id], by=by, source=by.channel)
    records.reproject(session, pairs, by.at.date())
    # What the review was about may have been merged since.
    whole = records.load_wholes(session).get(event.skill_id, event.skill_id)
    record = records.get_record(session, event.person_id, whole)
    audit.record(
        session,
        "retract_review",
        record,
        by=by,
        person_id=event.person_id,
        detail={"skill": event.skill.code, "level": event.level},
    )
    return record
