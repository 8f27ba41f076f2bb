"""Two plans of one day side by side: what changed, value by term, who is affected."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError
from webapp.models import Assignment, Engagement, Person, Plan, PlanState, Reservation
from webapp.services.planning import plans
from webapp.services.planning.day import find_live_plan


@dataclass(frozen=True, slots=True)
class Place:
    """Where an engagement stands in a plan; None in its place means that the plan does not serve it."""

    person: Person
    starts_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """An engagement that the plans treat differently."""

    engagement: Engagement
    before: Place | None
    after: Place | None

    @property
    def kind(self) -> str:
        """``added``, ``dropped``, ``agent`` or ``time``."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "dropped"
        return "agent" if self.before.person.id != self.after.person.id else "time"


@dataclass(frozen=True, slots=True)
class Affected:
    """A person whose day differs: engagements gained, lost, moved in time, and live minutes more or less."""

    person: Person
    gained: int
    lost: int
    moved: int
    live_minutes: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is different in ``plan`` against ``other``; ``terms`` has name, points there and points here."""

    plan: Plan
    other: Plan
    terms: tuple[tuple[str, float, float], ...]
    figures: tuple[plans.Headline, plans.Headline]
    moved: tuple[Moved, ...]
    affected: tuple[Affected, ...]


def find_other(session: Session, plan: Plan) -> Plan | None:
    """Return the plan that one is held against unless a person chooses: the live one, else the one made before it."""
    live = find_live_plan(session, plan.site_id, plan.day_on)
    if live is not None and live.id != plan.id:
        return live
    if plan.supersedes_id is not None:
        return session.get(Plan, plan.supersedes_id)
    return session.scalar(
        select(Plan)
        .where(
            Plan.site_id == plan.site_id,
            Plan.day_on == plan.day_on,
            Plan.id < plan.id,
            Plan.state != PlanState.DISCARDED,
        )
        .options(joinedload(Plan.run))
        .order_by(Plan.id.desc())
        .limit(1)
    )


def compare_plans(session: Session, plan: Plan, other: Plan) -> Comparison:
    """
    Hold a plan against another one of the same day.

    Raises
    ------
    InvalidInputError
        If they are not of the same site and day.
    """
    if (plan.site_id, plan.day_on) != (other.site_id, other.day_on):
        raise InvalidInputError("Only plans of the same site and day can be compared.", field="other")
    before, after = _places(session, other), _places(session, plan)
    moved = [
        Moved(
            engagement=(after.get(key) or before[key])[0],
            before=before[key][1] if key in before else None,
            after=after[key][1] if key in after else None,
        )
        for key in sorted(before.keys() | after.keys())
        if _differs(before.get(key), after.get(key))
    ]
    names = list(dict.fromkeys((*other.terms, *plan.terms)))
    return Comparison(
        plan=plan,
        other=other,
        terms=tuple((name, other.terms.get(name, 0.0), plan.terms.get(name, 0.0)) for name in names),
        figures=(plans.headline(session, other), plans.headline(session, plan)),
        moved=tuple(moved),
        affected=tuple(_affected(session, plan, other, moved)),
    )


def _differs(before: tuple[Engagement, Place] | None, after: tuple[Engagement, Place] | None) -> bool:
    if before is None or after is None:
        return before is not after
    return (before[1].person.id, before[1].starts_at) != (after[1].person.id, after[1].starts_at)


def _places(session: Session, plan: Plan) -> dict[int, tuple[Engagement, Place]]:
    rows = session.scalars(
        select(Assignment)
        .where(Assignment.plan_id == plan.id)
        .options(
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type), joinedload(Assignment.person)
        )
    )
    return {row.engagement_id: (row.engagement, Place(row.person, row.starts_at)) for row in rows}


def _affected(session: Session, plan: Plan, other: Plan, moved: Sequence[Moved]) -> list[Affected]:
    people: dict[int, Person] = {}
    counts: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in moved:
        for place in (each.before, each.after):
            if place is not None:
                people[place.person.id] = place.person
        if each.kind == "time" and each.after is not None:
            counts[each.after.person.id][2] += 1
            continue
        if each.after is not None:
            counts[each.after.person.id][0] += 1
        if each.before is not None:
            counts[each.before.person.id][1] += 1
    live_before, live_after = _live_minutes(session, other), _live_minutes(session, plan)
    live = {
        person_id: live_after.get(person_id, 0.0) - live_before.get(person_id, 0.0)
        for person_id in live_before.keys() | live_after.keys()
    }
    differing = {person_id for person_id, minutes in live.items() if abs(minutes) >= 1.0}
    for person in session.scalars(select(Person).where(Person.id.in_(differing - people.keys()))):
        people[person.id] = person
    return [
        Affected(
            person=person,
            gained=counts[person.id][0],
            lost=counts[person.id][1],
            moved=counts[person.id][2],
            live_minutes=live.get(person.id, 0.0),
        )
        for person in sorted(people.values(), key=lambda person: (person.name, person.id))
    ]


def _live_minutes(session: Session, plan: Plan) -> dict[int, float]:
    minutes: dict[int, float] = defaultdict(float)
    rows = select(Reservation.person_id, Reservation.minutes).where(Reservation.plan_id == plan.id)
    for person_id, kept in session.execute(rows):
        minutes[person_id] += kept
    return dict(minutes)
