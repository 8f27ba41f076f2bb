"""What waits, is planned, is under way and was done today, by engagement type."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Engagement, EngagementEvent, EngagementState, EngagementType, Site
from webapp.services import lifecycle


@dataclass(frozen=True, slots=True)
class TypeQueue:
    """
    One engagement type of the day.

    ``late`` counts what has not begun although it was due before now, whether it is planned or waits.
    """

    engagement_type: EngagementType
    waiting: int = 0
    planned: int = 0
    under_way: int = 0
    done: int = 0
    late: int = 0
    next_due_at: dt.datetime | None = None


def list_queues(
    session: Session, site: Site, *, starts_at: dt.datetime, ends_at: dt.datetime, at: dt.datetime
) -> Sequence[TypeQueue]:
    """Return the types of which something may be done today or was done, the latest and fullest first."""
    open_rows = session.execute(
        select(Engagement.engagement_type_id, Engagement.state, Engagement.due_at).where(
            Engagement.site_id == site.id,
            Engagement.state.in_(lifecycle.PLANNABLE | {EngagementState.IN_PROGRESS}),
            Engagement.earliest_at < ends_at,
        )
    )
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    next_due: dict[int, dt.datetime] = {}
    for type_id, state, due_at in open_rows:
        of_type = counts[type_id]
        if state is EngagementState.IN_PROGRESS:
            of_type["under_way"] += 1
            continue
        of_type["waiting" if state in lifecycle.WAITING else "planned"] += 1
        if due_at < at:
            of_type["late"] += 1
        else:
            next_due[type_id] = min(due_at, next_due.get(type_id, due_at))
    done = session.execute(
        select(Engagement.engagement_type_id, Engagement.id)
        .join(EngagementEvent, EngagementEvent.engagement_id == Engagement.id)
        .where(
            Engagement.site_id == site.id,
            Engagement.state == EngagementState.DONE,
            EngagementEvent.after == EngagementState.DONE,
            EngagementEvent.at >= starts_at,
            EngagementEvent.at < ends_at,
        )
        .distinct()
    )
    for type_id, _ in done:
        counts[type_id]["done"] += 1
    kinds = session.scalars(select(EngagementType).where(EngagementType.id.in_(counts)))
    queues = [TypeQueue(kind, **counts[kind.id], next_due_at=next_due.get(kind.id)) for kind in kinds]
    return sorted(queues, key=lambda each: (-each.late, -each.waiting, -each.planned, each.engagement_type.name))
