"""
Demand against supply by skill and level, day by day.

A line says how many agent minutes of a day need the skill at that level or better, and how many minutes the people on
shift have who hold it.  Work that may wait is spread evenly over the hours of its window.  Minutes of people with
several skills stand in several lines; whether all work fits at the same time is what :mod:`.single_points` answers.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Skill, SkillGroup
from webapp.services.coverage.week import SiteWeek, WeekWork

TIGHT = 1.5
"""Supply ÷ demand under which a day is tight."""
AMPLE = 3.0
"""Supply ÷ demand from which there is plenty."""


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """One skill and level on one day: agent minutes needed and there, and how many people have them."""

    needed: float
    available: float
    people: int

    @property
    def ratio(self) -> float | None:
        """Supply ÷ demand, None where nothing is needed."""
        return self.available / self.needed if self.needed else None

    @property
    def band(self) -> str:
        """How well it is covered: none, short, tight, fair or ample."""
        if self.ratio is None:
            return "none"
        for band, below in (("short", 1.0), ("tight", TIGHT), ("fair", AMPLE)):
            if self.ratio < below:
                return band
        return "ample"


@dataclass(frozen=True, slots=True)
class CoverageLine:
    """One skill at one level or better, over the days of the week; ``holders`` counts the site's agents who have it."""

    skill: Skill
    level: int
    holders: int
    cells: tuple[CoverageCell, ...]

    @property
    def needed(self) -> float:
        """Agent minutes needed in the week."""
        return sum(cell.needed for cell in self.cells)

    @property
    def worst(self) -> float:
        """The lowest ratio of a day, for sorting: days without demand do not count."""
        return min((cell.ratio for cell in self.cells if cell.ratio is not None), default=float("inf"))


def compare(session: Session, week: SiteWeek) -> list[CoverageLine]:
    """Return a line for each skill and level that the week's work requires, by group and name of the skill."""
    asked = {
        (each.skill_id, each.level) for work in week.works for each in work.kind.requirements if not each.preferred
    }
    skills = session.scalars(
        select(Skill)
        .outerjoin(Skill.group)
        .where(Skill.id.in_({skill_id for skill_id, _ in asked}))
        .options(joinedload(Skill.group))
        .order_by(SkillGroup.name.is_(None), SkillGroup.name, Skill.name)
    ).all()
    supply = _supply_by_day(week)
    return [
        _line(week, skill, level, supply)
        for skill in skills
        for level in sorted(level for skill_id, level in asked if skill_id == skill.id)
    ]


def _line(week: SiteWeek, skill: Skill, level: int, supply: Mapping[int, Mapping[dt.date, float]]) -> CoverageLine:
    holders = [person.id for person in week.people if week.levels.get(person.id, {}).get(skill.id, 0) >= level]
    needed: dict[dt.date, float] = defaultdict(float)
    for work in week.works:
        if any(
            each.skill_id == skill.id and each.level >= level and not each.preferred for each in work.kind.requirements
        ):
            for day, minutes in _spread(week, work).items():
                needed[day] += minutes
    cells = tuple(
        CoverageCell(
            needed=needed[day],
            available=sum(supply[person_id].get(day, 0.0) for person_id in holders),
            people=sum(1 for person_id in holders if supply[person_id].get(day, 0.0)),
        )
        for day in week.days
    )
    return CoverageLine(skill, level, len(holders), cells)


def _spread(week: SiteWeek, work: WeekWork) -> dict[dt.date, float]:
    days: dict[dt.date, float] = defaultdict(float)
    for slot in work.slots:
        days[week.day_of(slot)] += work.minutes / len(work.slots)
    return days


def _supply_by_day(week: SiteWeek) -> dict[int, dict[dt.date, float]]:
    day_of = [week.day_of(slot) for slot in range(week.horizon.intervals)]
    supply: dict[int, dict[dt.date, float]] = {}
    for person in week.people:
        days: dict[dt.date, float] = defaultdict(float)
        for slot, minutes in enumerate(week.minutes[person.id]):
            if minutes:
                days[day_of[slot]] += minutes
        supply[person.id] = days
    return supply
