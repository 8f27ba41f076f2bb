"""Which skills published plans use: minutes of assigned and reserved work by person and skill."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from webapp.models import Assignment, Engagement, Plan, PlanState, Reservation, TypeRequirement

Pair = tuple[int, int]
_MOST_NAMED = 500
"""So many people are named to the database; of more, it adds up everybody's."""


def planned_minutes(
    session: Session,
    person_ids: Collection[int],
    first_on: dt.date,
    until: dt.date,
    *,
    preferred: bool = False,
) -> dict[Pair, float]:
    """
    Return minutes of published plans by the person and the skill that their work asks for.

    Parameters
    ----------
    session
        A session.
    person_ids
        The people.
    first_on, until
        Days of the plans, from the first and before the second.
    preferred
        Whether skills that the work prefers but does not require count, too.
    """
    within = [Plan.state == PlanState.PUBLISHED, Plan.day_on >= first_on, Plan.day_on < until]
    if not preferred:
        within.append(TypeRequirement.preferred.is_(False))
    assigned = (
        select(Assignment.person_id, TypeRequirement.skill_id, func.sum(Assignment.minutes))
        .join(Assignment.plan)
        .join(Assignment.engagement)
        .join(TypeRequirement, TypeRequirement.engagement_type_id == Engagement.engagement_type_id)
        .where(and_(*within))
        .group_by(Assignment.person_id, TypeRequirement.skill_id)
    )
    reserved = (
        select(Reservation.person_id, TypeRequirement.skill_id, func.sum(Reservation.minutes))
        .join(Reservation.plan)
        .join(TypeRequirement, TypeRequirement.engagement_type_id == Reservation.engagement_type_id)
        .where(and_(*within))
        .group_by(Reservation.person_id, TypeRequirement.skill_id)
    )
    wanted = set(person_ids)
    if len(wanted) <= _MOST_NAMED:
        assigned = assigned.where(Assignment.person_id.in_(wanted))
        reserved = reserved.where(Reservation.person_id.in_(wanted))
    minutes: dict[Pair, float] = defaultdict(float)
    for query in (assigned, reserved):
        for person_id, skill_id, total in session.execute(query):
            if person_id in wanted:
                minutes[person_id, skill_id] += total
    return minutes
