"""The heat map of a team: who holds which skill at what level on a day, and where the team is thin."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import repeat

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import NotFoundError
from webapp.models import Person, Skill, SkillKind, Team
from webapp.services import access, records
from webapp.services.access import Permission, Viewer
from webapp.services.freshness import is_fresh
from webapp.services.projection import Projection
from webapp.services.record_history import records_as_of
from webapp.services.skill_past import load_past
from webapp.services.zones import day_bounds

COMPETENT = 3
"""Level from which somebody does the work without help; coverage counts from it."""


class SkillSort(enum.StrEnum):
    """How the rows of the heat map are sorted."""

    GROUP = "group"
    NAME = "name"
    THINNEST = "thinnest"
    STRONGEST = "strongest"


@dataclass(frozen=True, slots=True)
class HeatRow:
    """One skill across a team: ``cells`` follow the order of the map's people, None where there is no record."""

    skill: Skill
    cells: tuple[Projection | None, ...]

    @property
    def holders(self) -> int:
        """How many hold the skill at all."""
        return sum(1 for cell in self.cells if cell and cell.effective_level)

    @property
    def competent(self) -> int:
        """How many are competent or better."""
        return sum(1 for cell in self.cells if cell and cell.effective_level >= COMPETENT)

    @property
    def keen(self) -> int:
        """How many want to grow the skill."""
        return sum(1 for cell in self.cells if cell and cell.interest.value == "grow")

    def is_stale(self, cell: Projection, on: dt.date) -> bool:
        """Return whether a level has shown no sign of life for too long."""
        return cell.effective_level > 0 and not is_fresh(cell, self.skill.half_life_days, on)


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Skills × people of one team on one day."""

    team: Team
    on: dt.date
    people: tuple[Person, ...]
    rows: tuple[HeatRow, ...]

    @property
    def freshness(self) -> float | None:
        """Share of the levels shown that have shown a sign of life lately, in [0, 1]; None if none is held."""
        held = [(row, cell) for row in self.rows for cell in row.cells if cell and cell.effective_level]
        return sum(not row.is_stale(cell, self.on) for row, cell in held) / len(held) if held else None

    @property
    def single_holders(self) -> int:
        """How many skills exactly one person holds at competent or better."""
        return sum(1 for row in self.rows if row.competent == 1)


@dataclass(frozen=True, slots=True)
class HeatFilter:
    """
    Which skills and people are shown, and in which order.

    ``level`` hides skills that nobody holds at that level or better, ``stale`` those in which every level has shown a
    sign of life lately; ``person_sort`` is a skill whose best come first.
    """

    text: str = ""
    group_id: int | None = None
    kind: SkillKind | None = None
    level: int = 0
    stale: bool = False
    sort: SkillSort = SkillSort.GROUP
    person_sort: int | None = None


def get_team(session: Session, team_id: int, *, viewer: Viewer) -> Team:
    """
    Return a team whose records the viewer may see.

    Raises
    ------
    NotFoundError
        If there is no such team, or it lies outside the viewer's scope.
    """
    teams = access.list_teams(session, viewer=viewer, permission=Permission.VIEW_RECORDS)
    team = next((team for team in teams if team.id == team_id), None)
    if team is None:
        raise NotFoundError("There is no such team.")
    return team


def build_heat_map(
    session: Session,
    team: Team,
    on: dt.date,
    *,
    viewer: Viewer,
    chosen: HeatFilter | None = None,
    present: dt.date | None = None,
) -> HeatMap:
    """
    Return the map of a team's active members whom the viewer may see, with all skills on record.

    A day before ``present`` is shown by what was known then, with the skills that there were: those that were merged
    or retired later stand for themselves.
    """
    chosen = chosen or HeatFilter()
    past = load_past(session) if present is not None and on < present else None
    people = list(
        session.scalars(
            access.people_query(viewer, Permission.VIEW_RECORDS)
            .where(Person.team_id == team.id, Person.active)
            .options(joinedload(Person.site))
            .order_by(Person.name, Person.id)
        )
    )
    known = (
        records.projections_on(session, [person.id for person in people], on)
        if past is None
        else records_as_of(session, people, on, past=past)
    )
    projections = {
        person_id: {skill_id: found for skill_id, found in held.items() if found.says_something}
        for person_id, held in known.items()
    }
    if chosen.person_sort is not None:
        wanted = chosen.person_sort
        people.sort(key=lambda person: -_level(projections[person.id].get(wanted)))
    skills = _list_skills(
        session, {skill for held in projections.values() for skill in held}, chosen, in_use=past is None
    )
    if past is not None:
        _, end = day_bounds(on, team.site.time_zone)
        skills = [skill for skill in skills if not past.was_retired(skill.id, end)]
    # Fetched once: a team of 200 with 200 skills has 40,000 cells.
    columns = [projections[person.id] for person in people]
    rows = [HeatRow(skill, tuple(map(dict.get, columns, repeat(skill.id)))) for skill in skills]
    shown = [
        row
        for row in rows
        if (chosen.level == 0 or max(map(_level, row.cells), default=0) >= chosen.level)
        and (not chosen.stale or any(cell and row.is_stale(cell, on) for cell in row.cells))
    ]
    return HeatMap(team=team, on=on, people=tuple(people), rows=tuple(_sort(shown, chosen.sort)))


def _level(cell: Projection | None) -> int:
    return cell.effective_level if cell else 0


def _list_skills(session: Session, skill_ids: Collection[int], chosen: HeatFilter, *, in_use: bool) -> Sequence[Skill]:
    query = select(Skill).where(Skill.id.in_(skill_ids)).options(joinedload(Skill.group)).order_by(Skill.name)
    if in_use:
        query = query.where(Skill.retired_at.is_(None))
    if chosen.text:
        query = query.where(Skill.name.icontains(chosen.text, autoescape=True))
    if chosen.group_id is not None:
        query = query.where(Skill.group_id == chosen.group_id)
    if chosen.kind is not None:
        query = query.where(Skill.kind == chosen.kind)
    return session.scalars(query).all()


def _sort(rows: Sequence[HeatRow], sort: SkillSort) -> list[HeatRow]:
    match sort:
        case SkillSort.GROUP:
            return sorted(
                rows, key=lambda row: (row.skill.group is None, row.skill.group.name if row.skill.group else "")
            )
        case SkillSort.NAME:
            return list(rows)
        case SkillSort.THINNEST:
            return sorted(rows, key=lambda row: (row.competent, row.holders))
        case SkillSort.STRONGEST:
            return sorted(rows, key=lambda row: (-row.competent, -row.holders))
