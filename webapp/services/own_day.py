"""An agent's own day put together: shifts and absences, the work of the published plan, and their wishes in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Absence, EngagementType, Interest, Person, Plan, PlanState, Response, Shift, SkillRecord
from webapp.services import roster, zones
from webapp.services.planning import day as planned_day
from webapp.services.planning.day import AgentDay
from webapp.services.roster import PersonRoster


@dataclass(frozen=True, slots=True)
class OwnDay:
    """
    One day of an agent.

    Parameters
    ----------
    day_on, starts_at, ends_at
        The day, and the moments between which it lies at the agent's site.
    agenda
        Their part of the published plan.
    shifts, absences
        What of their roster shares time with the day.
    working_minutes
        Minutes on shift without breaks and absences.
    wishes
        Skill id → what they wish for, for the skills that the day's work asks for.
    """

    day_on: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime
    agenda: AgentDay
    shifts: Sequence[Shift]
    absences: Sequence[Absence]
    working_minutes: float
    wishes: dict[int, Interest]

    @property
    def types(self) -> tuple[EngagementType, ...]:
        """The engagement types of the day's work, each once."""
        return _types(self.agenda)

    @property
    def unanswered(self) -> tuple[int, ...]:
        """Ids of the assignments that wait for an answer, as far as their engagements still do."""
        return tuple(
            work.assignment.id
            for work in self.agenda.work
            if work.response is None and work.assignment.engagement.state in planned_day.ANSWERABLE
        )

    @property
    def declined(self) -> int:
        """How many assignments the agent declined."""
        return sum(work.response is Response.DECLINED for work in self.agenda.work)

    @property
    def own_order(self) -> bool:
        """Whether the agent put the work into an order of their own."""
        planned = sorted(self.agenda.work, key=lambda work: (work.assignment.starts_at, work.assignment.id))
        return list(self.agenda.work) != planned


@dataclass(frozen=True, slots=True)
class ShortDay:
    """A day in the overview of a week: its shifts, and whether its plan is published."""

    day_on: dt.date
    shifts: Sequence[Shift]
    away: bool
    published: bool


def own_day(session: Session, person: Person, day_on: dt.date, *, week: PersonRoster | None = None) -> OwnDay:
    """Return a person's own day; ``week`` is the roster of its week (:func:`week_roster`), if it is known already."""
    starts_at, ends_at = zones.day_bounds(day_on, person.site.time_zone)
    agenda = planned_day.day_of(session, person, day_on, requirements=True)
    mine = week.within(starts_at, ends_at) if week is not None else _roster(session, person, starts_at, ends_at)
    return OwnDay(
        day_on=day_on,
        starts_at=starts_at,
        ends_at=ends_at,
        agenda=agenda,
        shifts=mine.shifts,
        absences=mine.absences,
        working_minutes=mine.working_minutes(starts_at, ends_at),
        wishes=_wishes(session, person, agenda),
    )


def week_roster(session: Session, person: Person, day_on: dt.date) -> PersonRoster:
    """Return a person's roster of the week of a day."""
    zone, days = person.site.time_zone, _week_of(day_on)
    return _roster(session, person, zones.day_bounds(days[0], zone)[0], zones.day_bounds(days[-1], zone)[1])


def _week_of(day_on: dt.date) -> list[dt.date]:
    return [day_on + dt.timedelta(days=number - day_on.weekday()) for number in range(7)]


def own_week(session: Session, person: Person, day_on: dt.date, *, week: PersonRoster) -> list[ShortDay]:
    """Return the week of a day, from its Monday on, in short; ``week`` is its roster (:func:`week_roster`)."""
    zone, days = person.site.time_zone, _week_of(day_on)
    published = set(
        session.scalars(
            select(Plan.day_on).where(
                Plan.site_id == person.site_id, Plan.state == PlanState.PUBLISHED, Plan.day_on.in_(days)
            )
        )
    )
    short = []
    for each in days:
        bounds = zones.day_bounds(each, zone)
        part = week.within(*bounds)
        begun = [shift for shift in part.shifts if shift.starts_at >= bounds[0]]
        away = bool(part.shifts) and part.working_minutes(*bounds) == 0
        short.append(ShortDay(each, begun, away=away, published=each in published))
    return short


def _roster(session: Session, person: Person, starts_at: dt.datetime, ends_at: dt.datetime) -> PersonRoster:
    return PersonRoster(
        person,
        roster.shifts_between(session, [person.id], starts_at, ends_at),
        roster.absences_between(session, [person.id], starts_at, ends_at),
    )


def _types(agenda: AgentDay) -> tuple[EngagementType, ...]:
    return tuple(dict.fromkeys(work.assignment.engagement.engagement_type for work in agenda.work))


def _wishes(session: Session, person: Person, agenda: AgentDay) -> dict[int, Interest]:
    skills = {line.skill_id for each in _types(agenda) for line in each.requirements}
    records = select(SkillRecord.skill_id, SkillRecord.interest).where(
        SkillRecord.person_id == person.id, SkillRecord.skill_id.in_(skills)
    )
    return dict.fromkeys(skills, Interest.NONE) | dict(session.execute(records).all())


def moved(order: Sequence[int], assignment_id: int, *, earlier: bool) -> list[int]:
    """Return an order of assignments in which one has changed places with its neighbour; at the end it stays."""
    changed = list(order)
    if assignment_id in changed:
        at = changed.index(assignment_id)
        to = at - 1 if earlier else at + 1
        if 0 <= to < len(changed):
            changed[at], changed[to] = changed[to], changed[at]
    return changed
