"""
Endorsements: a colleague's word for a skill that they hold themselves.

People of one team see of each other, for this, names and skills only. An endorsement counts no higher than what the
endorser held on that day, one of each colleague stands at a time, and it can be taken back. Where two endorse each
other in the same skill, both stand and whoever reviews is told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Person, Skill, SkillEvent, SkillEventKind, SkillRecord
from webapp.services import access, audit, notices, records
from webapp.services.audit import Actor
from webapp.services.evidence_issuers import whole_skill
from webapp.services.projection import LoggedEvent, standing_events
from webapp.services.records import NewEvent
from webapp.services.weighing import WEIGHTS

CEILING = WEIGHTS[SkillEventKind.ENDORSEMENT].ceiling
STANDING_DAYS = 365
"""Days for which an endorsement counts."""


@dataclass(frozen=True, slots=True)
class Endorsable:
    """
    A skill of a colleague.

    ``highest`` is the highest level that the viewer's word can stand for, 0 if they do not hold the skill; ``event_id``
    is their endorsement that stands.
    """

    skill: Skill
    highest: int
    event_id: int | None


def list_colleagues(session: Session, person: Person) -> Sequence[Person]:
    """Return the other agents of one's team by name."""
    return session.scalars(access.colleagues_query(person).order_by(Person.name, Person.id)).all()


def get_colleague(session: Session, person: Person, colleague_id: int) -> Person:
    """
    Return another agent of one's team.

    Raises
    ------
    NotFoundError
        If there is no such colleague.
    """
    colleague = session.scalar(
        access.colleagues_query(person).where(Person.id == colleague_id).options(joinedload(Person.site))
    )
    if colleague is None:
        raise NotFoundError("There is no such colleague in your team.")
    return colleague


def list_endorsable(session: Session, person: Person, colleague: Person, on: dt.date) -> list[Endorsable]:
    """Return the skills on a colleague's record by name, each with what one's word could stand for."""
    skills = session.scalars(
        select(Skill)
        .join(SkillRecord, SkillRecord.skill_id == Skill.id)
        .where(SkillRecord.person_id == colleague.id, _is_held(), Skill.retired_at.is_(None))
        .order_by(Skill.name)
    ).all()
    own = records.levels_on(session, [person.id], on)[person.id]
    given = _given(session, person.id, colleague.id, {skill.id for skill in skills}, on)
    return [Endorsable(skill, min(own.get(skill.id, 0), CEILING), given.get(skill.id)) for skill in skills]


def _is_held() -> ColumnElement[bool]:
    return or_(SkillRecord.claimed_level > 0, SkillRecord.validated_level > 0)


def _given(session: Session, author_id: int, person_id: int, skill_ids: set[int], on: dt.date) -> dict[int, int]:
    """Return the endorsements by one person of another that stand: skill → event."""
    logs = records.load_logs(session, {(person_id, skill_id) for skill_id in skill_ids})
    return {
        skill_id: event.id
        for (_, skill_id), log in logs.items()
        for event in _endorsements(log, on)
        if event.author_id == author_id
    }


def _endorsements(log: Sequence[LoggedEvent], on: dt.date) -> list[LoggedEvent]:
    return [
        event
        for event in standing_events(log)
        if event.kind is SkillEventKind.ENDORSEMENT and event.holds_on(on) and event.author_id != event.person_id
    ]


def endorse(
    session: Session,
    person: Person,
    *,
    colleague_id: int,
    skill_id: int,
    level: int,
    note: str = "",
    by: Actor,
) -> int:
    """
    Give one's word for a skill of a colleague, and return the key of its event.

    Raises
    ------
    ForbiddenError
        If one endorses oneself, in another's name, or does not hold the skill.
    NotFoundError
        If there is no such colleague, or the skill is not on their record.
    InvalidInputError
        If the level is none, above one's own or above what endorsements can show, or the skill is retired.
    ConflictError
        If one's endorsement stands already.
    """
    if by.person_id != person.id:
        raise ForbiddenError("One endorses in one's own name.")
    if colleague_id == person.id:
        raise ForbiddenError("Nobody endorses themselves: ask a colleague who works with you in this skill.")
    colleague = get_colleague(session, person, colleague_id)
    skill = records.get_claimable_skill(session, skill_id)
    # Two clicks at the same moment would each find that nothing stands yet.
    session.execute(select(Person.id).where(Person.id == colleague.id).with_for_update(key_share=True))
    on = by.at.date()
    offer = next((one for one in list_endorsable(session, person, colleague, on) if one.skill.id == skill.id), None)
    if offer is None:
        raise NotFoundError("This skill is not on your colleague's record.")
    if offer.event_id is not None:
        raise ConflictError(f"You endorse {colleague.name} in {skill.name} already. Take that back first.")
    _check_level(records.check_level(level), offer)
    event = NewEvent(
        colleague.id,
        skill.id,
        SkillEventKind.ENDORSEMENT,
        level=level,
        expires_on=on + dt.timedelta(days=STANDING_DAYS),
        note=records.check_note(note),
        source=by.channel,
    )
    (event_id,) = records.append_events(session, [event], by=by)
    _finish(session, "endorse_skill", colleague.id, skill, level=level, by=by)
    text = f"{person.name} endorses you in {skill.name}."
    notices.notify(session, colleague.id, kind="endorsed", text=text, link=f"/my/skills/{skill.id}", by=by)
    return event_id


def _check_level(level: int, offer: Endorsable) -> None:
    if offer.highest < 1:
        raise ForbiddenError(
            f"You do not hold {offer.skill.name} yourself, so your word cannot stand for it. "
            "Endorse what you have been confirmed in."
        )
    if level < 1:
        raise InvalidInputError("An endorsement is for a level from 1 on.", field="level")
    if level > CEILING:
        raise InvalidInputError(
            f"Endorsements show up to level {CEILING}; above that a lead's review or a test does.", field="level"
        )
    if level > offer.highest:
        raise InvalidInputError(
            f"Your own level in {offer.skill.name} is {offer.highest}, so your word stands for up to that.",
            field="level",
        )


def take_back(session: Session, event_id: int, *, by: Actor) -> Person:
    """
    Take one's endorsement back, and return whom it was for.

    Raises
    ------
    NotFoundError
        If there is no such endorsement of one's own.
    ConflictError
        If it was taken back already.
    """
    event = session.get(SkillEvent, event_id, options=[joinedload(SkillEvent.skill), joinedload(SkillEvent.person)])
    if event is None or event.kind is not SkillEventKind.ENDORSEMENT or event.author_id != by.person_id:
        raise NotFoundError("There is no such endorsement of yours.")
    skill = whole_skill(session, event.skill)
    log = records.load_logs(session, {(event.person_id, skill.id)})[event.person_id, skill.id]
    if event_id not in {standing.id for standing in standing_events(log)}:
        raise ConflictError("This endorsement was taken back already.")
    records.retract_events(session, [event_id], by=by, source=by.channel)
    _finish(session, "retract_endorsement", event.person_id, skill, level=event.level or 0, by=by)
    return event.person


def _finish(session: Session, action: str, person_id: int, skill: Skill, *, level: int, by: Actor) -> None:
    records.reproject(session, [(person_id, skill.id)], by.at.date())
    record = records.get_record(session, person_id, skill.id)
    detail = {"skill": skill.code, "level": level}
    audit.record(session, action, record, by=by, person_id=person_id, detail=detail)


def list_mutual(session: Session, person_id: int, skill_id: int, on: dt.date) -> set[int]:
    """Return the people who endorse a person in a skill and are endorsed by them in it."""
    log = records.load_logs(session, {(person_id, skill_id)})[person_id, skill_id]
    authors = {event.author_id for event in _endorsements(log, on) if event.author_id is not None}
    logs = records.load_logs(session, {(author_id, skill_id) for author_id in authors})
    return {
        author_id
        for (author_id, _), other in logs.items()
        if any(event.author_id == person_id for event in _endorsements(other, on))
    }
