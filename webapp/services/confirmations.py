"""Confirmations: a person finds what is on their record still right, skill by skill or many at once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, ForbiddenError, NotFoundError
from webapp.models import Person, Skill, SkillEvent, SkillEventKind
from webapp.services import audit, records
from webapp.services.audit import Actor
from webapp.services.records import NewEvent


def confirm(session: Session, person: Person, *, skill_ids: Collection[int], by: Actor) -> list[int]:
    """
    Note that a person finds their records in some skills still right; return the keys of what was written.

    Raises
    ------
    ForbiddenError
        If somebody else confirms for them.
    NotFoundError
        If they have no record in one of the skills, or no skill is named.
    InvalidInputError
        If one of the skills is retired.
    """
    _check_own_word(person, by)
    skills = [records.get_claimable_skill(session, skill_id) for skill_id in dict.fromkeys(skill_ids)]
    if not skills:
        raise NotFoundError("No skill was named.")
    kept = [records.get_record(session, person.id, skill.id) for skill in skills]
    events = [NewEvent(person.id, skill.id, SkillEventKind.CONFIRM, source=by.channel) for skill in skills]
    keys = records.append_events(session, events, by=by)
    records.reproject(session, [(person.id, skill.id) for skill in skills], by.at.date())
    detail = {"skills": [skill.code for skill in skills]}
    audit.record(session, "confirm_current", kept[0], by=by, person_id=person.id, detail=detail)
    return keys


def take_back(session: Session, person: Person, *, event_ids: Collection[int], by: Actor) -> list[Skill]:
    """
    Take confirmations back, as if they had not been said; return the skills that they were about.

    Raises
    ------
    ForbiddenError
        If somebody else does it for them.
    NotFoundError
        If one of the events is no confirmation of the person's own.
    ConflictError
        If one was taken back already.
    """
    _check_own_word(person, by)
    said = SkillEvent.id.in_(event_ids)
    own = (SkillEvent.person_id == person.id, SkillEvent.kind == SkillEventKind.CONFIRM)
    events = session.scalars(select(SkillEvent).where(said, *own).order_by(SkillEvent.id)).all()
    if not events or len(events) != len(set(event_ids)):
        raise NotFoundError("There is no such confirmation of yours.")
    undone = (SkillEvent.person_id == person.id, SkillEvent.retracts_id.in_(event_ids))
    if session.scalar(select(SkillEvent.id).where(*undone).limit(1)) is not None:
        raise ConflictError("This was taken back already.")
    records.reproject(session, records.retract_events(session, event_ids, by=by, source=by.channel), by.at.date())
    detail = {"skills": [event.skill.code for event in events]}
    audit.record(session, "withdraw_confirmation", events[0], by=by, person_id=person.id, detail=detail)
    return [event.skill for event in events]


def _check_own_word(person: Person, by: Actor) -> None:
    if by.person_id != person.id:
        raise ForbiddenError("Only the person themselves can say this about their skills.")
