"""Names for the ids in a problem or a plan: people, engagements, engagement types and skills, read at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import problem as asked
from webapp.models import Engagement, EngagementType, Person, Skill
from webapp.services.planning.tranches import type_of


@dataclass(frozen=True, slots=True)
class Names:
    """Id as text → what people call it; an id that is not there stands for itself."""

    agents: dict[str, str] = field(default_factory=dict)
    engagements: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    skills: dict[str, str] = field(default_factory=dict)

    def agent(self, key: str) -> str:
        """Return an agent's name."""
        return self.agents.get(key, key)

    def engagement(self, key: str) -> str:
        """Return an engagement's external id."""
        return self.engagements.get(key, key)

    def class_(self, key: str) -> str:
        """Return the name of a live engagement type."""
        type_id = str(type_of(key))
        return self.classes.get(type_id, type_id)

    def skill(self, key: str) -> str:
        """Return a skill's name."""
        return self.skills.get(key, key)


def load_names(session: Session, problem: asked.Problem) -> Names:
    """Return the names of everything that a problem speaks of."""
    skills = {skill for agent in problem.agents for skill in (*agent.skills, *agent.wants)}
    skills |= {each.skill for engagement in problem.engagements for each in engagement.requires}
    skills |= {each.skill for demand in problem.forecast for each in demand.requires}
    skills |= {slot.skill for agent in problem.agents for slot in agent.stretch_slots}
    return Names(
        agents=_names(session, Person.id, Person.name, (agent.id for agent in problem.agents)),
        engagements=_names(session, Engagement.id, Engagement.external_id, (each.id for each in problem.engagements)),
        classes=_names(
            session, EngagementType.id, EngagementType.name, (str(type_of(each.class_)) for each in problem.forecast)
        ),
        skills=_names(session, Skill.id, Skill.name, skills),
    )


def _names(session: Session, key: Any, name: Any, ids: Iterable[str]) -> dict[str, str]:
    wanted = {int(each) for each in ids}
    rows = session.execute(select(key, name).where(key.between(min(wanted, default=0), max(wanted, default=0))))
    return {str(found): called for found, called in rows if found in wanted}
