"""
Hidden skills: what people hold and want to use, and no plan ever asks of them.

A skill is hidden on a day if its holder stands at :data:`HELD_LEVEL` or above, has said that they want it, and neither
a published plan of the last :data:`LOOK_BACK_DAYS` days or of the coming week nor a contact has used it since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, contains_eager

from webapp.models import Interest, Person, Skill, SkillRecord
from webapp.services import records
from webapp.services.access import Permission, Viewer
from webapp.services.planned_use import planned_minutes
from webapp.services.projection import Projection
from webapp.services.review_demand import HORIZON_DAYS, Demand, demand_by_level

HELD_LEVEL = 2
LOOK_BACK_DAYS = 90


@dataclass(frozen=True, slots=True)
class HiddenSkill:
    """
    A skill that lies idle.

    ``demand`` is the work of the next seven days at the person's site that asks for the skill at their level or below.
    """

    person: Person
    skill: Skill
    projection: Projection
    demand: Demand

    @property
    def order(self) -> tuple[float, int, str, str]:
        """Key that puts the most work missed first."""
        return -self.demand.minutes, -self.projection.effective_level, self.skill.name, self.person.name


def find_hidden_skills(
    session: Session,
    on: dt.date,
    *,
    viewer: Viewer,
    team_id: int | None = None,
    skill_id: int | None = None,
    said: bool = True,
) -> list[HiddenSkill]:
    """
    Return the hidden skills of the people whose records the viewer sees, those with the most work first.

    Parameters
    ----------
    session
        A session.
    on
        The day whose levels count.
    viewer
        Who looks.
    team_id, skill_id
        Only those of a team, or of a skill.
    said
        Whether only skills count whose holder has said that they want them; otherwise silence counts as consent, but
        "rather not" never does.
    """
    conditions = [viewer.sees(Permission.VIEW_RECORDS), Person.active.is_(True), Person.is_agent.is_(True)]
    if team_id is not None:
        conditions.append(Person.team_id == team_id)
    if skill_id is not None:
        conditions.append(SkillRecord.skill_id == skill_id)
    return _idle(session, _list_held(session, *conditions, said=said), on)


def list_own_hidden_skills(session: Session, person: Person, on: dt.date) -> list[HiddenSkill]:
    """Return a person's own hidden skills: those who hold them see them before anybody else."""
    return _idle(session, _list_held(session, SkillRecord.person_id == person.id, said=True), on)


def _list_held(session: Session, *conditions: ColumnElement[bool], said: bool) -> Sequence[SkillRecord]:
    """Return records that may lie idle: held at the level that counts, of a skill in use, and not unwanted."""
    wanted = [Interest.GROW] if said else [Interest.GROW, Interest.NONE]
    return session.scalars(
        select(SkillRecord)
        .join(SkillRecord.person)
        .join(SkillRecord.skill)
        .where(
            *conditions,
            Skill.retired_at.is_(None),
            SkillRecord.validated_level >= HELD_LEVEL,
            SkillRecord.interest.in_(wanted),
        )
        .options(contains_eager(SkillRecord.person).joinedload(Person.team), contains_eager(SkillRecord.skill))
    ).all()


def _idle(session: Session, found: Sequence[SkillRecord], on: dt.date) -> list[HiddenSkill]:
    if not found:
        return []
    first_on = on - dt.timedelta(LOOK_BACK_DAYS)
    people = {record.person_id: record.person for record in found}
    skills = {record.skill_id for record in found}
    projections = records.projections_on(session, people, on, skill_ids=skills)
    used = planned_minutes(session, people, first_on, on + dt.timedelta(HORIZON_DAYS), preferred=True)
    work = demand_by_level(session, {person.site_id for person in people.values()}, on)
    hidden = []
    for record in found:
        projection = projections[record.person_id][record.skill_id]
        idle = projection.last_used_on is None or projection.last_used_on < first_on
        if projection.effective_level >= HELD_LEVEL and idle and (record.person_id, record.skill_id) not in used:
            levels = work.get((record.person.site_id, record.skill_id), {})
            asked = (demand for level, demand in levels.items() if level <= projection.effective_level)
            hidden.append(HiddenSkill(record.person, record.skill, projection, _total(asked)))
    return sorted(hidden, key=lambda line: line.order)


def _total(demands: Iterable[Demand]) -> Demand:
    listed = list(demands)
    return Demand(sum(demand.count for demand in listed), sum(demand.minutes for demand in listed))
