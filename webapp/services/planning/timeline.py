"""A plan as rows by agent: shift, breaks, absences, work one piece after another, minutes kept for live contacts."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Assignment, Person, Plan, Reservation
from webapp.services import roster, spans
from webapp.services.planning import plans, store
from webapp.services.planning.horizon import Horizon
from webapp.services.spans import Span


@dataclass(frozen=True, slots=True)
class WorkBlock:
    """An assignment where it falls when the agent does their work one piece after another; half-open."""

    assignment: Assignment
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent's day in a plan; ``live`` is agent minutes kept for live contacts by interval."""

    person: Person
    shifts: tuple[Span, ...]
    breaks: tuple[Span, ...]
    absences: tuple[Span, ...]
    work: tuple[WorkBlock, ...]
    live: tuple[float, ...]
    live_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All rows of a plan over its horizon."""

    horizon: Horizon
    rows: tuple[AgentRow, ...]


def plan_timeline(session: Session, plan: Plan) -> Timeline:
    """Return the timeline of a plan: every agent on shift or with anything planned, by begin of their shift."""
    horizon = store.horizon_of(plan.run)
    problem = plan.run.problem or {}
    concurrency = {agent["id"]: agent.get("concurrency", {}) for agent in problem.get("agents", ())}
    work: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in plans.list_assignments(session, plan):
        work[assignment.person_id].append(assignment)
    live: dict[int, list[Reservation]] = defaultdict(list)
    for kept in plans.list_reservations(session, plan):
        live[kept.person_id].append(kept)
    ids = {int(key) for key in concurrency} | work.keys() | live.keys()
    people = {
        person.id: person
        for person in session.scalars(select(Person).where(Person.site_id == plan.site_id))
        if person.id in ids
    }
    shifts: dict[int, list[Span]] = defaultdict(list)
    breaks: dict[int, list[Span]] = defaultdict(list)
    for shift in roster.shifts_between(session, ids, horizon.starts_at, horizon.ends_at):
        shifts[shift.person_id].append((shift.starts_at, shift.ends_at))
        breaks[shift.person_id].extend((pause.starts_at, pause.ends_at) for pause in shift.breaks)
    absences: dict[int, list[Span]] = defaultdict(list)
    for absence in roster.absences_between(session, ids, horizon.starts_at, horizon.ends_at):
        absences[absence.person_id].append((absence.starts_at, absence.ends_at))
    rows = [
        AgentRow(
            person=person,
            shifts=_within(shifts[key], horizon),
            breaks=_within(breaks[key], horizon),
            absences=_within(absences[key], horizon),
            work=_in_sequence(work[key], concurrency.get(str(key), {}), [*breaks[key], *absences[key]]),
            live=_by_interval(live[key], horizon),
            live_types=tuple(sorted({kept.engagement_type.name for kept in live[key]})),
        )
        for key, person in people.items()
        if shifts[key] or work[key] or live[key]
    ]
    return Timeline(horizon=horizon, rows=tuple(sorted(rows, key=lambda row: (_begin(row, horizon), row.person.name))))


def _begin(row: AgentRow, horizon: Horizon) -> dt.datetime:
    return row.shifts[0][0] if row.shifts else horizon.starts_at


def _within(found: Sequence[Span], horizon: Horizon) -> tuple[Span, ...]:
    return tuple(spans.clip(spans.unite(found), horizon.starts_at, horizon.ends_at))


def _by_interval(kept: Sequence[Reservation], horizon: Horizon) -> tuple[float, ...]:
    minutes = [0.0] * horizon.intervals
    for each in kept:
        minutes[horizon.index_of(each.starts_at)] += each.minutes
    return tuple(minutes)


def _in_sequence(
    assignments: Sequence[Assignment], concurrency: dict[str, float], holes: Sequence[Span]
) -> tuple[WorkBlock, ...]:
    """Lay work out one piece after another; it does not begin in a break, and begins no earlier than planned."""
    blocks = []
    free_from: dt.datetime | None = None
    paused = spans.unite(holes)
    for assignment in sorted(assignments, key=lambda each: (each.starts_at, each.id)):
        begin = assignment.starts_at if free_from is None else max(assignment.starts_at, free_from)
        for start, end in paused:
            if start <= begin < end:
                begin = end
        contacts = concurrency.get(assignment.engagement.engagement_type.channel.value, 1.0)
        free_from = begin + dt.timedelta(minutes=assignment.minutes / contacts)
        blocks.append(WorkBlock(assignment=assignment, starts_at=begin, ends_at=free_from))
    return tuple(blocks)
