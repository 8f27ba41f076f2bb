"""
The work that a published plan could not serve, as a draft of a hiring profile.

Rules, stated on the page and kept in each profile's ``basis``:

- A skill's level is the lowest one that would serve :data:`LEVEL_COVER` of the unserved minutes that ask for the skill.
- A skill is a gate if at least :data:`GATE_SHARE` of the unserved minutes ask for it; the others can be learnt after
  the start.
- Head count is unserved minutes ÷ productive minutes of one shift, rounded up.  A shift's productive minutes are the
  median over the site's shifts of that day, without breaks, times 1 − the shrinkage of the plan's policy.
- Minutes are an agent's: handle minutes ÷ concurrency of the engagement type.
"""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from optimizer.plan import CauseCode
from webapp.models import (
    Engagement,
    EngagementType,
    Person,
    Plan,
    PlanRun,
    PlanState,
    Shift,
    Site,
    Skill,
    Unassigned,
)
from webapp.services import spans, zones
from webapp.services.planning.policies import PlanningSettings

LEVEL_COVER = 0.8
GATE_SHARE = 0.5
FALLBACK_SHIFT_MINUTES = 450.0
"""Minutes without breaks that are taken where the day has no shift: eight hours with half an hour of breaks."""

SKILL_CAUSES = frozenset({CauseCode.NO_SKILL, CauseCode.NO_SKILL_MIX, CauseCode.NO_CHANNEL, CauseCode.OFF_SHIFT})
"""Causes that people with the skills would mend; a draft starts with the types of work that they kept unserved."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """One engagement that the plan does not serve: agent minutes, cause and required levels by skill."""

    engagement: Engagement
    minutes: float
    cause: str
    requires: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class UnservedType:
    """The unserved engagements of one type, in numbers."""

    engagement_type: EngagementType
    count: int
    minutes: float
    causes: Mapping[str, int]
    chosen: bool


@dataclass(frozen=True, slots=True)
class DraftRequirement:
    """A skill that the unserved work asks for, with the engagements that it traces to."""

    skill: Skill
    level: int
    gate: bool
    demand_minutes: float
    engagements: tuple[Engagement, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A profile before it is kept: what the chosen unserved work asks for, and how many people it would take."""

    plan: Plan
    types: tuple[UnservedType, ...]
    unserved: tuple[Unserved, ...]
    requirements: tuple[DraftRequirement, ...]
    minutes: float
    shift_minutes: float
    head_count: int


def list_planned_days(session: Session, site: Site, *, limit: int = 60) -> list[dt.date]:
    """Return the days of a site that have a published plan, the newest first."""
    query = select(Plan.day_on).where(Plan.site_id == site.id, Plan.state == PlanState.PUBLISHED)
    return list(session.scalars(query.order_by(Plan.day_on.desc()).limit(limit)))


def find_published_plan(session: Session, site: Site, day: dt.date) -> Plan | None:
    """Return the published plan of a site and day, if there is one."""
    return session.scalar(
        select(Plan)
        .where(Plan.site_id == site.id, Plan.day_on == day, Plan.state == PlanState.PUBLISHED)
        .options(joinedload(Plan.site), joinedload(Plan.run).joinedload(PlanRun.policy))
    )


def draft_profile(session: Session, plan: Plan, *, type_ids: Collection[int] | None = None) -> Draft:
    """
    Draw a profile from the work that a plan does not serve.

    Parameters
    ----------
    type_ids
        The engagement types that count; None takes those which a lack of skilled people kept unserved, or all if there
        is none.
    """
    everything = _list_unserved(session, plan)
    chosen = _choose(everything, type_ids)
    unserved = tuple(line for line in everything if line.engagement.engagement_type_id in chosen)
    minutes = sum(line.minutes for line in unserved)
    shift_minutes = _productive_minutes(session, plan)
    return Draft(
        plan=plan,
        types=_group_by_type(everything, chosen),
        unserved=unserved,
        requirements=_requirements(session, unserved),
        minutes=minutes,
        shift_minutes=shift_minutes,
        head_count=suggest_head_count(minutes, shift_minutes),
    )


def suggest_head_count(minutes: float, shift_minutes: float) -> int:
    """Return the people that it takes: unserved minutes ÷ productive minutes of one shift, rounded up."""
    return math.ceil(minutes / shift_minutes - 1e-9)


def covering_level(minutes_by_level: Mapping[int, float]) -> int:
    """Return the lowest level that would serve :data:`LEVEL_COVER` of the minutes; there is at least one level."""
    total, served = sum(minutes_by_level.values()), 0.0
    for level in sorted(minutes_by_level):
        served += minutes_by_level[level]
        if served >= LEVEL_COVER * total - 1e-9:
            return level
    return max(minutes_by_level)


def _list_unserved(session: Session, plan: Plan) -> list[Unserved]:
    query = (
        select(Unassigned)
        .where(Unassigned.plan_id == plan.id)
        .options(
            joinedload(Unassigned.engagement)
            .joinedload(Engagement.engagement_type)
            .selectinload(EngagementType.requirements)
        )
        .order_by(Unassigned.engagement_id)
    )
    return [
        Unserved(
            engagement=row.engagement,
            minutes=row.engagement.handle_minutes / row.engagement.engagement_type.concurrency,
            cause=row.cause,
            requires={
                line.skill_id: line.level for line in row.engagement.engagement_type.requirements if not line.preferred
            },
        )
        for row in session.scalars(query)
    ]


def _choose(unserved: Sequence[Unserved], type_ids: Collection[int] | None) -> frozenset[int]:
    present = frozenset(line.engagement.engagement_type_id for line in unserved)
    if type_ids is not None:
        return present & frozenset(type_ids)
    by_skill = frozenset(line.engagement.engagement_type_id for line in unserved if line.cause in SKILL_CAUSES)
    return by_skill or present


def _group_by_type(unserved: Sequence[Unserved], chosen: frozenset[int]) -> tuple[UnservedType, ...]:
    groups: dict[int, list[Unserved]] = defaultdict(list)
    for line in unserved:
        groups[line.engagement.engagement_type_id].append(line)
    types = [
        UnservedType(
            engagement_type=lines[0].engagement.engagement_type,
            count=len(lines),
            minutes=sum(line.minutes for line in lines),
            causes=dict(Counter(line.cause for line in lines).most_common()),
            chosen=type_id in chosen,
        )
        for type_id, lines in groups.items()
    ]
    return tuple(sorted(types, key=lambda group: (-group.minutes, group.engagement_type.name)))


def _requirements(session: Session, unserved: Sequence[Unserved]) -> tuple[DraftRequirement, ...]:
    asking: dict[int, list[Unserved]] = defaultdict(list)
    for line in unserved:
        for skill_id in line.requires:
            asking[skill_id].append(line)
    skills = {skill.id: skill for skill in session.scalars(select(Skill).where(Skill.id.in_(list(asking))))}
    total = sum(line.minutes for line in unserved)
    drafted = []
    for skill_id, lines in asking.items():
        minutes_by_level: dict[int, float] = defaultdict(float)
        for line in lines:
            minutes_by_level[line.requires[skill_id]] += line.minutes
        minutes = sum(minutes_by_level.values())
        drafted.append(
            DraftRequirement(
                skill=skills[skill_id],
                level=covering_level(minutes_by_level),
                gate=minutes >= GATE_SHARE * total - 1e-9,
                demand_minutes=minutes,
                engagements=tuple(line.engagement for line in lines),
            )
        )
    return tuple(sorted(drafted, key=lambda line: (not line.gate, -line.demand_minutes, line.skill.name)))


def _productive_minutes(session: Session, plan: Plan) -> float:
    starts_at, ends_at = zones.day_bounds(plan.day_on, plan.site.time_zone)
    query = (
        select(Shift)
        .join(Shift.person)
        .where(Person.site_id == plan.site_id, Shift.starts_at >= starts_at, Shift.starts_at < ends_at)
        .options(selectinload(Shift.breaks))
    )
    lengths = [
        spans.minutes_of((shift.starts_at, shift.ends_at))
        - sum(spans.minutes_of((pause.starts_at, pause.ends_at)) for pause in shift.breaks)
        for shift in session.scalars(query)
    ]
    shrinkage = PlanningSettings.of(plan.run.policy).shrinkage
    return (statistics.median(lengths) if lengths else FALLBACK_SHIFT_MINUTES) * (1 - shrinkage)
