"""The supply side of a problem: agents with their productive minutes, levels and wishes on the day."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.problem import Agent, StretchSlot
from webapp.models import Interest, Person, Site
from webapp.models import StretchSlot as ChosenSlot
from webapp.services import records, roster
from webapp.services.planning import stretch_slots
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.policies import PlanningSettings
from webapp.services.projection import Projection
from webapp.services.spans import Span


def list_agents(session: Session, site: Site) -> list[Person]:
    """Return the active agents of a site, by id."""
    return list(
        session.scalars(
            select(Person).where(Person.site_id == site.id, Person.active, Person.is_agent).order_by(Person.id)
        )
    )


def list_agent_ids(session: Session, site: Site) -> list[int]:
    """Return the keys of the active agents of a site, in order."""
    wanted = (Person.site_id == site.id, Person.active, Person.is_agent)
    return list(session.scalars(select(Person.id).where(*wanted).order_by(Person.id)))


def build_agents(
    session: Session,
    people: Sequence[Person],
    *,
    day_on: dt.date,
    horizon: Horizon,
    settings: PlanningSettings,
    skill_ids: Collection[int],
    concurrency: Mapping[str, float],
    also_away: Mapping[int, Sequence[Span]] | None = None,
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
    also_away
        When people are away in addition, by person.
    """
    ids = [person.id for person in people]
    minutes = roster.capacity(
        session, ids, horizon.starts_at, horizon.interval_minutes, horizon.intervals, also_away=also_away
    )
    shifts: dict[int, list[Span]] = defaultdict(list)
    for person_id, *span in roster.shift_times(session, ids, horizon.starts_at, horizon.ends_at):
        shifts[person_id].append((span[0], span[1]))
    slots: dict[int, list[ChosenSlot]] = defaultdict(list)
    for slot in stretch_slots.list_slots(session, ids, horizon.starts_at, horizon.ends_at):
        slots[slot.person_id].append(slot)
    held = records.projections_on(session, ids, day_on)
    wants, lapses = _wishes(held, skill_ids)
    relevant = set(skill_ids)
    productive = 1.0 - settings.shrinkage
    agents = []
    for person_id in ids:
        skills = {
            skill: found.effective_level
            for skill, found in sorted(held[person_id].items())
            if found.effective_level and skill in relevant
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
                shifts=shift_ranges(shifts[person_id], horizon),
                stretch_slots=slot_ranges(slots[person_id], horizon),
            )
        )
    return tuple(agents)


def shift_ranges(spans: Iterable[Span], horizon: Horizon) -> tuple[tuple[int, int], ...]:
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


def slot_ranges(slots: Iterable[ChosenSlot], horizon: Horizon) -> tuple[StretchSlot, ...]:
    """
    Return stretch slots, in order, as the whole intervals that lie in them.

    A slot without a whole interval stays as an empty one: its agent chose, and the rest of their shift is not asked.
    """
    ranges = []
    for slot in slots:
        start = max(0, horizon.index_from(slot.starts_at))
        end = min(horizon.intervals, horizon.index_of(slot.ends_at))
        if end <= start:
            start = end = max(0, horizon.index_of(slot.starts_at))
        if start < horizon.intervals:
            ranges.append(StretchSlot(start, end, str(slot.skill_id)))
    return tuple(ranges)


def _wishes(
    held: Mapping[int, Mapping[int, Projection]], skill_ids: Collection[int]
) -> tuple[dict[int, tuple[int, ...]], dict[int, dict[int, dt.date]]]:
    relevant = set(skill_ids)
    wants: dict[int, tuple[int, ...]] = {}
    lapses: dict[int, dict[int, dt.date]] = defaultdict(dict)
    for person_id, skills in held.items():
        for skill_id, found in sorted(skills.items()):
            if skill_id not in relevant:
                continue
            if found.interest is Interest.GROW:
                wants[person_id] = (*wants.get(person_id, ()), skill_id)
            # Work keeps a skill from fading; evidence that expires has to be renewed by somebody's word.
            if found.fades_on is not None:
                lapses[person_id][skill_id] = found.fades_on
    return wants, lapses
