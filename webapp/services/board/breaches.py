"""What is going to be missed: work whose agent is away or off shift, that begins too late, or that nobody has."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Absence, Assignment, Engagement, Person, Plan, Site
from webapp.services import lifecycle, roster, roster_marks
from webapp.services.assignment_rows import WITHOUT_REASONS
from webapp.services.records import batches
from webapp.services.spans import Span

SOON = dt.timedelta(hours=2)
"""So long before its due time, work that nobody has is told on the board."""
_AT_ONCE = 500


class BreachKind(enum.StrEnum):
    """Why something is going to be missed, the most certain first."""

    ABSENT = "absent"
    UNCOVERED = "uncovered"
    LATE = "late"
    NOBODY = "nobody"
    RUNNING_LATE = "running_late"


@dataclass(frozen=True, slots=True)
class Breach:
    """
    One engagement that is going to be missed.

    Parameters
    ----------
    kind
        Why.
    engagement
        What.
    person
        Whose it is in the plan, if anybody's.
    starts_at
        When the plan begins it.
    """

    kind: BreachKind
    engagement: Engagement
    person: Person | None = None
    starts_at: dt.datetime | None = None


def list_breaches(
    session: Session, site: Site, plan: Plan | None, *, ends_at: dt.datetime, at: dt.datetime
) -> Sequence[Breach]:
    """
    Return what is going to be missed today, by due time.

    Work begins at the planned moment, or now where that has passed; it is missed if it then begins after it is due, or
    if its agent is away at any time until it is finished, or if a part of its time in the plan is no working time of
    theirs any more.

    Parameters
    ----------
    session, site
        Where.
    plan
        The published plan of the day, if there is one.
    ends_at
        End of the day.
    at
        The present moment.
    """
    found = [] if plan is None else _of_plan(session, plan, at=at)
    waiting = session.scalars(
        select(Engagement)
        .where(
            Engagement.site_id == site.id,
            Engagement.state.in_(lifecycle.WAITING),
            Engagement.due_at < min(at + SOON, ends_at),
            Engagement.latest_at >= at,
        )
        .options(joinedload(Engagement.engagement_type))
    )
    found += [Breach(BreachKind.NOBODY, engagement) for engagement in waiting]
    order = list(BreachKind)
    return sorted(found, key=lambda each: (order.index(each.kind), each.engagement.due_at, each.engagement.id))


def _of_plan(session: Session, plan: Plan, *, at: dt.datetime) -> list[Breach]:
    columns = (
        *(Assignment.id, Assignment.person_id, Assignment.engagement_id),
        *(Assignment.starts_at, Assignment.minutes, Engagement.due_at),
    )
    rows = session.execute(
        select(*columns)
        .join(Assignment.engagement)
        .where(Assignment.plan_id == plan.id, Engagement.state.in_(lifecycle.UNSTARTED))
    ).all()
    away = _absences(session, rows, at)
    uncovered = roster_marks.find_uncovered(session, plan)
    length = dt.timedelta(minutes=plan.run.interval_minutes)
    kinds: dict[int, BreachKind] = {}
    for row in rows:
        begins_at = max(row.starts_at, at)
        span = (begins_at, begins_at + dt.timedelta(minutes=row.minutes))
        if any(each.starts_at < span[1] and each.ends_at > span[0] for each in away.get(row.person_id, ())):
            kind = BreachKind.ABSENT
        elif row.id in uncovered:
            kind = BreachKind.UNCOVERED
        elif begins_at > row.due_at:
            kind = BreachKind.LATE
        elif at > row.starts_at + length:
            # Work that stands at the beginning of an interval may begin anywhere in it.
            kind = BreachKind.RUNNING_LATE
        else:
            continue
        kinds[row.id] = kind
    # Most of a day is well: only what is not is read whole.
    whole = (
        select(Assignment)
        .where(Assignment.plan_id == plan.id)
        .options(
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type),
            joinedload(Assignment.person),
            *WITHOUT_REASONS,
        )
    )
    return [
        Breach(kinds[each.id], each.engagement, each.person, each.starts_at)
        for some in batches(sorted(kinds), _AT_ONCE)
        for each in session.scalars(whole.where(Assignment.id.in_(some)))
    ]


def _absences(session: Session, rows: Sequence[Any], at: dt.datetime) -> dict[int, list[Absence]]:
    if not rows:
        return {}
    ids = {row.person_id for row in rows}
    over: Span = (at, max(max(row.starts_at, at) + dt.timedelta(minutes=row.minutes) for row in rows))
    away: dict[int, list[Absence]] = {}
    for absence in roster.absences_between(session, ids, *over):
        away.setdefault(absence.person_id, []).append(absence)
    return away
