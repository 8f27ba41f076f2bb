"""A person's own record as a list: what they hold, what waits, and what they could add."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Interest, Person, Skill, SkillGroup, SkillRecord
from webapp.services import record_history, records, skill_search
from webapp.services.projection import Projection

EXPIRY_WARNING_DAYS = 30


@dataclass(frozen=True, slots=True)
class OwnSkill:
    """A skill on a person's record, on one day."""

    skill: Skill
    projection: Projection
    on: dt.date

    @property
    def expires_soon(self) -> bool:
        """Whether the level falls within the next days unless it is used or confirmed by somebody."""
        until = self.projection.falls_on
        return until is not None and until - self.on <= dt.timedelta(EXPIRY_WARNING_DAYS)


@dataclass(frozen=True, slots=True)
class OwnSummary:
    """A record in four figures."""

    skills: int
    waiting: int
    provisional: int
    growing: int


def list_own_skills(session: Session, person_id: int, on: dt.date, *, text: str = "") -> list[OwnSkill]:
    """Return the skills on a person's record by group and name; those where nothing is left to show are left out."""
    projections = records.projections_on(session, [person_id], on)[person_id]
    return _with_skills(session, projections, on, text=text)


def list_as_of(session: Session, person: Person, on: dt.date) -> list[OwnSkill]:
    """Return a person's record as it stood at the end of a day, by what was known then."""
    return _with_skills(session, record_history.as_of(session, person, on), on)


def _with_skills(
    session: Session, projections: Mapping[int, Projection], on: dt.date, *, text: str = ""
) -> list[OwnSkill]:
    kept = {skill_id for skill_id, projection in projections.items() if projection.says_something}
    query = (
        select(Skill)
        .outerjoin(Skill.group)
        .where(Skill.id.in_(kept))
        .options(joinedload(Skill.group))
        .order_by(SkillGroup.name.is_(None), SkillGroup.name, Skill.name)
    )
    if text:
        query = query.where(Skill.name.icontains(text, autoescape=True))
    return [OwnSkill(skill, projections[skill.id], on) for skill in session.scalars(query)]


def summarise(held: Sequence[OwnSkill]) -> OwnSummary:
    """Return a record in four figures."""
    return OwnSummary(
        skills=sum(1 for own in held if own.projection.effective_level),
        waiting=sum(1 for own in held if own.projection.awaits_review),
        provisional=sum(1 for own in held if own.projection.provisional),
        growing=sum(1 for own in held if own.projection.interest is Interest.GROW),
    )


def list_addable_skills(session: Session, person_id: int, *, text: str = "") -> Sequence[Skill]:
    """Return the skills that a person has no claim in yet: by group and name, or the best match for a text first."""
    claimed = select(SkillRecord.skill_id).where(
        SkillRecord.person_id == person_id, SkillRecord.claimed_level.is_not(None)
    )
    query = (
        select(Skill)
        .outerjoin(Skill.group)
        .where(Skill.retired_at.is_(None), Skill.id.not_in(claimed))
        .options(joinedload(Skill.group))
        .order_by(SkillGroup.name.is_(None), SkillGroup.name, Skill.name)
    )
    if not text:
        return session.scalars(query).all()
    hits = skill_search.search_skills(session, text, mentioned=True)
    found = session.scalars(query.where(Skill.id.in_([hit.key for hit in hits])))
    return skill_search.in_order(hits, {skill.id: skill for skill in found})
