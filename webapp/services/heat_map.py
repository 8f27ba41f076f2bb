"""The heat map of a team: who holds which skill at what level on a day, and where the team is thin."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import NotFoundError
from webapp.models import Person, Skill, SkillKind, Team
from webapp.services import access, records
from webapp.services.access import Permission, Viewer
from webapp.services.projection import Projection

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


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Skills × people of one team on one day."""

    team: Team
    on: dt.date
    people: tuple[Person, ...]
    rows: tuple[HeatRow, ...]

    @property
    def single_holders(self) -> int:
        """How many skills exactly one person holds at competent or better."""
        return sum(1 for row in self.rows if row.competent == 1)


@dataclass(frozen=True, slots=True)
class HeatFilter:
    """
    Which skills and people are shown, and in which order.

    ``level`` hides skills that nobody holds at that level or better; ``person_sort`` is a skill whose best come first.
    """

    text: str = ""
    group_id: int | None = None
    kind: SkillKind | None = None
    level: int = 0
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
    session: Session, team: Team, on: dt.date, *, viewer: Viewer, chosen: HeatFilter | None = None
) -> HeatMap:
    """Return the map of a team's active members whom the viewer may see, with all skills on record."""
    chosen = chosen or HeatFilter()
    people = list(
        session.scalars(
            access.people_query(viewer, Permission.VIEW_RECORDS)
            .where(Person.team_id == team.id, Person.active)
            .order_by(Person.name, Person.id)
        )
    )
    projections = records.projections_on(session, [person.id for person in people], on)
    if chosen.person_sort is not None:
        wanted = chosen.person_sort
        people.sort(key=lambda person: -_level(projections[person.id].get(wanted)))
    skills = _list_skills(session, {skill for held in projections.values() for skill in held}, chosen)
    rows = [HeatRow(skill, tuple(projections[person.id].get(skill.id) for person in people)) for skill in skills]
    shown = [row for row in rows if chosen.level == 0 or max(map(_level, row.cells), default=0) >= chosen.level]
    return HeatMap(team=team, on=on, people=tuple(people), rows=tuple(_sort(shown, chosen.sort)))


def _level(cell: Projection | None) -> int:
    return cell.effective_level if cell else 0


def _list_skills(session: Session, skill_ids: Collection[int], chosen: HeatFilter) -> Sequence[Skill]:
    query = (
        select(Skill)
        .where(Skill.id.in_(skill_ids), Skill.retired_at.is_(None))
        .options(joinedload(Skill.group))
        .order_by(Skill.name)
    )
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
