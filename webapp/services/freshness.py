"""
Freshness: how much of what is on record has shown a sign of life lately.

A record is fresh if the latest sign of life (evidence, use, claim or confirmation, ``refreshed_on``) is no older than
:data:`FRESH_DAYS`, or than half of the skill's half-life if that is shorter. The freshness of people and teams is the
share of the skills held, those at level 1 or better that are not retired, whose record is fresh.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.models import Person, Skill, SkillRecord
from webapp.services.projection import Projection
from webapp.services.records import batches

FRESH_DAYS = 180
_PEOPLE_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Freshness:
    """Skills held, and how many of them are fresh."""

    held: int = 0
    fresh: int = 0

    @property
    def share(self) -> float | None:
        """Share of the skills held that are fresh, in [0, 1]; None if none is held."""
        return self.fresh / self.held if self.held else None


def fresh_days(half_life_days: int | None) -> int:
    """Return for how many days a sign of life keeps a record of a skill fresh."""
    return FRESH_DAYS if half_life_days is None else min(FRESH_DAYS, half_life_days // 2)


def is_fresh(projection: Projection, half_life_days: int | None, on: dt.date) -> bool:
    """Return whether a record is fresh on a day."""
    seen = projection.refreshed_on
    return seen is not None and (on - seen).days <= fresh_days(half_life_days)


def freshness_of(held: Iterable[tuple[Skill, Projection]], on: dt.date) -> Freshness:
    """Return the freshness of skills with what is on record in them."""
    current = [pair for pair in held if pair[1].effective_level and pair[0].retired_at is None]
    return Freshness(len(current), sum(is_fresh(kept, skill.half_life_days, on) for skill, kept in current))


def together(figures: Iterable[Freshness]) -> Freshness:
    """Return the freshness of several people or teams together."""
    found = list(figures)
    return Freshness(sum(each.held for each in found), sum(each.fresh for each in found))


def by_person(session: Session, person_ids: Collection[int], on: dt.date) -> dict[int, Freshness]:
    """Return the freshness of each person; counts are as current as the last refresh of records."""
    found: dict[int, Freshness] = dict.fromkeys(person_ids, Freshness())
    for some in batches(sorted(found), _PEOPLE_AT_ONCE):
        found.update(_counted(session, SkillRecord.person_id, SkillRecord.person_id.in_(some), on))
    return found


def by_team(session: Session, team_ids: Collection[int], on: dt.date) -> dict[int, Freshness]:
    """Return the freshness of the active members of each team together."""
    within = and_(Person.team_id.in_(team_ids), Person.active)
    return dict.fromkeys(team_ids, Freshness()) | _counted(session, Person.team_id, within, on)


def _counted(
    session: Session, key: InstrumentedAttribute[Any], within: ColumnElement[bool], on: dt.date
) -> dict[int, Freshness]:
    query = (
        select(key, func.count(), func.sum(case((_is_fresh(session, on), 1), else_=0)))
        .select_from(SkillRecord)
        .join(Person, Person.id == SkillRecord.person_id)
        .join(Skill, Skill.id == SkillRecord.skill_id)
        .where(within, SkillRecord.effective_level > 0, Skill.retired_at.is_(None))
        .group_by(key)
    )
    return {each: Freshness(held, int(fresh or 0)) for each, held, fresh in session.execute(query)}


def _is_fresh(session: Session, on: dt.date) -> ColumnElement[bool]:
    """Return :func:`is_fresh` as a condition on skill records joined to their skills."""
    # Each half-life has its own limit; there are few, and the databases do not agree on how to reckon with days.
    short = select(Skill.half_life_days).where(Skill.half_life_days < 2 * FRESH_DAYS).distinct()
    lives = [life for life in session.scalars(short) if life is not None]
    lasting = or_(Skill.half_life_days.is_(None), Skill.half_life_days >= 2 * FRESH_DAYS)
    return or_(
        and_(lasting, SkillRecord.refreshed_on >= on - dt.timedelta(FRESH_DAYS)),
        *(
            and_(Skill.half_life_days == life, SkillRecord.refreshed_on >= on - dt.timedelta(fresh_days(life)))
            for life in lives
        ),
    )
