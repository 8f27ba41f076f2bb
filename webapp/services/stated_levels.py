"""Levels that another system states, as an import of records writes them: provisional, until a day, or a review."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Person, SkillEventKind, SkillRecord
from webapp.services import audit, records
from webapp.services.audit import Actor
from webapp.services.importing.kinds.records import VALID_DAYS
from webapp.services.records import NewEvent


@dataclass(frozen=True, slots=True)
class StatedLevel:
    """A level of a person in a skill; without a day it holds for half a year."""

    person: Person
    skill_id: int
    level: int
    expires_on: dt.date | None = None


def check_stated(session: Session, stated: StatedLevel, *, by: Actor) -> StatedLevel:
    """
    Return a stated level for the skill that counts today, refused if it breaks a rule.

    Raises
    ------
    NotFoundError
        If there is no such skill.
    InvalidInputError
        If it is about the speaker, expired, or the skill is retired.
    """
    if stated.person.id == by.person_id:
        raise InvalidInputError("Nobody assesses themselves.", field="person_id")
    skill = records.get_claimable_skill(session, stated.skill_id)
    if stated.expires_on is not None and stated.expires_on <= by.at.date():
        raise InvalidInputError("This day is past already.", field="expires_on")
    return StatedLevel(stated.person, skill.id, records.check_level(stated.level), stated.expires_on)


def state_levels(session: Session, stated: Sequence[StatedLevel], *, source: str, by: Actor) -> list[SkillRecord]:
    """Write checked levels to the log, and return the records as they are then, in the order given."""
    until = by.at.date() + dt.timedelta(days=VALID_DAYS)
    events = [
        NewEvent(
            each.person.id,
            each.skill_id,
            SkillEventKind.PROVISIONAL,
            level=each.level,
            expires_on=each.expires_on or until,
            source=source,
        )
        for each in stated
    ]
    records.append_events(session, events, by=by)
    pairs = [(each.person.id, each.skill_id) for each in stated]
    records.reproject(session, set(pairs), by.at.date())
    found = {pair: records.get_record(session, *pair) for pair in set(pairs)}
    for pair, record in found.items():
        audit.record(session, "state_level", record, by=by, person_id=pair[0], detail={"skill_id": pair[1]})
    return [found[pair] for pair in pairs]
