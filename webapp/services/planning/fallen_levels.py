"""Work of a plan that rests on levels which have fallen since: what a scheduler should look at, in live plans too."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Assignment, Engagement, EngagementType, Person, Plan, Skill, TypeRequirement
from webapp.services import records


@dataclass(frozen=True, slots=True)
class FallenLevel:
    """An agent whose level in a skill no longer suffices for ``count`` pieces of work, ``required`` at the most."""

    person: Person
    skill: Skill
    required: int
    present: int
    count: int


def list_fallen_levels(session: Session, plan: Plan) -> list[FallenLevel]:
    """
    Return the levels that fell below what a plan's work asks for, by agent and skill.

    Stretch work, and work that somebody let pass below its level, never rested on it.
    """
    assignments = session.scalars(
        select(Assignment)
        .where(Assignment.plan_id == plan.id)
        .options(
            joinedload(Assignment.person),
            joinedload(Assignment.engagement)
            .joinedload(Engagement.engagement_type)
            .selectinload(EngagementType.requirements)
            .joinedload(TypeRequirement.skill),
        )
    ).all()
    levels = records.levels_on(session, {each.person_id for each in assignments}, plan.day_on)
    fallen: dict[tuple[int, int], FallenLevel] = {}
    for each in assignments:
        if each.why.get("stretch") or each.relaxed:
            continue
        for line in each.engagement.engagement_type.requirements:
            present = levels[each.person_id].get(line.skill_id, 0)
            if line.preferred or present >= line.level:
                continue
            before = fallen.get((each.person_id, line.skill_id))
            fallen[each.person_id, line.skill_id] = FallenLevel(
                person=each.person,
                skill=line.skill,
                required=max(line.level, before.required if before else 0),
                present=present,
                count=1 + (before.count if before else 0),
            )
    return sorted(fallen.values(), key=lambda line: (line.person.name, line.skill.name))
