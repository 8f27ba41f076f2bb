"""The supply side of a problem: agents with their productive minutes, levels and wishes on the day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.problem import Agent
from webapp.models import Interest, Person, Shift, Site, SkillRecord
from webapp.services import records, roster
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.policies import PlanningSettings


def list_agents(session: Session, site: Site) -> list[Person]:
    """Return the active agents of a site, by id."""
    return list(
        session.scalars(
            select(Person).where(Person.site_id == site.id, Person.active, Person.is_agent).order_by(Person.id)
        )
    )


def build_agents(
    session: Session,
    people: Sequence[Person],
    *,
    day_on: dt.date,
    horizon: Horizon,
    settings: PlanningSettings,
    skill_ids: Collection[int],
    concurrency: Mapping[str, float],
) -> tuple[Agent, ...]:
    """
    Return the people as the optimizer sees them.

    Capacity is shift − breaks − absences, × (1 − shrinkage), by interval.  Pay never becomes a cost: a higher band must
    not lose an agent work.

    Parameters
    ----------
    session
        A session.
    people
        The agents; those who are off shift all day have no capacity, so that the plan can say "all who could are off".
    day_on
        The day for which levels hold.
    horizon
        The intervals.
    settings
        Shrinkage, stretch limit and the level from which a person covers others.
    skill_ids
        Skills that the day's work asks for; others do not matter to it.
    concurrency
        Simultaneous contacts by channel.
    """
    ids = [person.id for person in people]
    minutes = roster.capacity(session, ids, horizon.starts_at, horizon.interval_minutes, horizon.intervals)
    shifts: dict[int, list[Shift]] = defaultdict(list)
    for shift in roster.shifts_between(session, ids, horizon.starts_at, horizon.ends_at):
        shifts[shift.person_id].append(shift)
    levels = records.levels_on(session, ids, day_on)
    wants, lapses = _wishes(session, ids, skill_ids)
    relevant = set(skill_ids)
    productive = 1.0 - settings.shrinkage
    agents = []
    for person_id in ids:
        skills = {
            skill: level for skill, level in sorted(levels.get(person_id, {}).items()) if level and skill in relevant
        }
        wanted = wants.get(person_id, ())
        agents.append(
            Agent(
                id=str(person_id),
                skills={str(skill): level for skill, level in skills.items()},
                capacity=tuple(round(each * productive, 4) for each in minutes[person_id]),
                concurrency=dict(concurrency),
                wants=tuple(str(skill) for skill in wanted),
                max_stretch_minutes=settings.max_stretch_minutes if wanted else 0.0,
                mentor_for=tuple(str(skill) for skill, level in skills.items() if level >= settings.mentor_level),
                lapses_on={str(skill): on for skill, on in lapses.get(person_id, {}).items() if skill in skills},
                shifts=shift_ranges(((each.starts_at, each.ends_at) for each in shifts[person_id]), horizon),
            )
        )
    return tuple(agents)


def shift_ranges(spans: Iterable[tuple[dt.datetime, dt.datetime]], horizon: Horizon) -> tuple[tuple[int, int], ...]:
    """Return shifts as half-open ranges of intervals; shifts that meet inside one interval count as one."""
    ranges: list[tuple[int, int]] = []
    for starts_at, ends_at in sorted(spans):
        first = max(0, horizon.index_of(starts_at))
        after = min(horizon.intervals, horizon.index_from(ends_at))
        if first >= after:
            continue
        if ranges and first < ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], after))
        else:
            ranges.append((first, after))
    return tuple(ranges)


def _wishes(
    session: Session, person_ids: Sequence[int], skill_ids: Collection[int]
) -> tuple[dict[int, tuple[int, ...]], dict[int, dict[int, dt.date]]]:
    relevant = set(skill_ids)
    wants: dict[int, tuple[int, ...]] = {}
    lapses: dict[int, dict[int, dt.date]] = defaultdict(dict)
    rows = session.execute(
        select(SkillRecord.person_id, SkillRecord.skill_id, SkillRecord.interest, SkillRecord.valid_until)
        .where(SkillRecord.person_id.in_(person_ids))
        .order_by(SkillRecord.person_id, SkillRecord.skill_id)
    )
    for person_id, skill_id, interest, valid_until in rows:
        if skill_id not in relevant:
            continue
        if interest is Interest.GROW:
            wants[person_id] = (*wants.get(person_id, ()), skill_id)
        if valid_until is not None:
            lapses[person_id][skill_id] = valid_until
    return wants, lapses
