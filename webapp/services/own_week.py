"""
An agent's own week put together: shifts and absences, what published plans hold for them, and where they chose to grow.

A moment of the week stands on the day on which it begins at the agent's site, so that a night shift is told once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import (
    Absence,
    AbsenceKind,
    Assignment,
    Engagement,
    EngagementType,
    Person,
    Plan,
    Shift,
    Skill,
    SlotState,
    StretchSlot,
)
from webapp.services import records, roster, spans, zones
from webapp.services.planning import day as planned_day
from webapp.services.planning import stretch_slots
from webapp.services.planning.day import AgentDay, PlannedWork
from webapp.services.planning.policies import PlanningSettings
from webapp.services.planning.stretch_slots import DayRules, SlotDraft
from webapp.services.spans import Span

DAYS = 7
_SHOWN = (SlotState.CHOSEN, SlotState.REFUSED)


@dataclass(frozen=True, slots=True)
class Cover:
    """Stretch work of a colleague, in a skill in which the agent can help while it runs."""

    colleague: Person
    skill: Skill
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class OwnShift:
    """
    A shift of the week.

    Parameters
    ----------
    shift
        The shift.
    slots
        The stretch slots in it, chosen and refused, by start.
    most_minutes
        Most minutes of it that may be stretch.
    settled_until
        Until when nothing can be chosen any more.
    """

    shift: Shift
    slots: Sequence[StretchSlot]
    most_minutes: float
    settled_until: dt.datetime

    @property
    def chosen_minutes(self) -> float:
        """Minutes of the slots that are chosen."""
        return stretch_slots.sum_minutes(each for each in self.slots if is_chosen(each))

    @property
    def is_open(self) -> bool:
        """Whether another slot may be chosen in it."""
        free_from = max(self.shift.starts_at, self.settled_until)
        left = self.most_minutes - self.chosen_minutes
        return left >= stretch_slots.GRID_MINUTES and free_from < self.shift.ends_at

    def may_withdraw(self, slot: StretchSlot) -> bool:
        """Return whether a slot can still be withdrawn."""
        return is_chosen(slot) and slot.starts_at > self.settled_until


@dataclass(frozen=True, slots=True)
class OwnWeekDay:
    """
    One day of the week.

    Parameters
    ----------
    day_on
        The day.
    shifts
        The shifts that begin on it.
    absences
        The absences that share time with it, training among them.
    covers
        Stretch work of colleagues in which the agent can help.
    agenda
        Their part of the published plan.
    """

    day_on: dt.date
    shifts: Sequence[OwnShift]
    absences: Sequence[Absence]
    covers: Sequence[Cover]
    agenda: AgentDay

    @property
    def work(self) -> list[PlannedWork]:
        """Planned work in the order of its planned start."""
        return sorted(self.agenda.work, key=lambda work: (work.assignment.starts_at, work.assignment.id))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say of it."""
        return not (self.shifts or self.absences or self.agenda.work or self.agenda.live)


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One line of the week as a file has it; times are half-open, in UTC."""

    day_on: dt.date
    what: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    words: str
    state: str = ""


def is_chosen(slot: StretchSlot) -> bool:
    """Return whether a slot binds plans."""
    return slot.state is SlotState.CHOSEN


def own_week(session: Session, person: Person, first_on: dt.date, *, at: dt.datetime) -> list[OwnWeekDay]:
    """Return seven days of a person, from a day on."""
    zone = person.site.time_zone
    days = [first_on + dt.timedelta(days=number) for number in range(DAYS)]
    starts_at, ends_at = zones.day_bounds(days[0], zone)[0], zones.day_bounds(days[-1], zone)[1]
    shifts = roster.shifts_between(session, [person.id], starts_at, ends_at)
    absences = roster.absences_between(session, [person.id], starts_at, ends_at)
    reach = max([ends_at, *(shift.ends_at for shift in shifts)])
    slots = stretch_slots.list_slots(session, [person.id], starts_at, reach, states=_SHOWN)
    return [
        OwnWeekDay(
            day_on=each,
            shifts=list(_shifts_of(session, person, each, shifts, slots, at=at)),
            absences=_within(absences, zones.day_bounds(each, zone)),
            covers=_covers(session, person, each),
            agenda=planned_day.day_of(session, person, each),
        )
        for each in days
    ]


def _within(absences: Iterable[Absence], period: Span) -> list[Absence]:
    return [away for away in absences if spans.overlaps((away.starts_at, away.ends_at), period)]


def _shifts_of(
    session: Session,
    person: Person,
    day_on: dt.date,
    shifts: Iterable[Shift],
    slots: Sequence[StretchSlot],
    *,
    at: dt.datetime,
) -> Iterator[OwnShift]:
    first, after = zones.day_bounds(day_on, person.site.time_zone)
    begun = [shift for shift in shifts if first <= shift.starts_at < after]
    if not begun:
        return
    rules = stretch_slots.rules_of(session, person.site, day_on)
    for shift in begun:
        yield OwnShift(
            shift=shift,
            slots=[slot for slot in slots if shift.starts_at <= slot.starts_at < shift.ends_at],
            most_minutes=rules.most_minutes,
            settled_until=stretch_slots.settled_until(at, rules),
        )


def _covers(session: Session, person: Person, day_on: dt.date) -> list[Cover]:
    """Return the stretch work of colleagues that a published plan has while the agent, who is up to it, works."""
    plan = planned_day.find_live_plan(session, person.site_id, day_on)
    if plan is None:
        return []
    stretched = _list_stretched(session, plan, person)
    if not stretched:
        return []
    levels = records.levels_on(session, [person.id], day_on)[person.id]
    least = PlanningSettings.of(plan.run.policy).mentor_level
    times = [(each.starts_at, each.starts_at + dt.timedelta(minutes=each.minutes)) for each in stretched]
    working = roster.working_spans(
        session, [person.id], min(start for start, _ in times), max(end for _, end in times)
    )[person.id]
    found = []
    for each, time in zip(stretched, times, strict=True):
        skill = _stretched_skill(each, levels, least=least)
        if skill is not None and any(start <= time[0] and time[1] <= end for start, end in working):
            found.append(Cover(each.person, skill, *time))
    return found


def _list_stretched(session: Session, plan: Plan, person: Person) -> Sequence[Assignment]:
    """Return the stretch work of others in a plan, by start."""
    return session.scalars(
        select(Assignment)
        .where(
            Assignment.plan_id == plan.id,
            Assignment.person_id != person.id,
            Assignment.why["stretch"].as_string().is_not(None),
        )
        .options(
            joinedload(Assignment.person),
            joinedload(Assignment.engagement)
            .joinedload(Engagement.engagement_type)
            .selectinload(EngagementType.requirements),
        )
        .order_by(Assignment.starts_at, Assignment.id)
    ).all()


def _stretched_skill(assignment: Assignment, levels: dict[int, int], *, least: int) -> Skill | None:
    """Return the skill in which work stretches its agent, if somebody with these levels can help with it."""
    skill_id = int(assignment.why["stretch"])
    for line in assignment.engagement.engagement_type.requirements:
        if line.skill_id == skill_id and levels.get(skill_id, 0) >= max(least, line.level):
            return line.skill
    return None


def list_lines(week: Iterable[OwnWeekDay]) -> Iterator[WeekLine]:
    """Yield a week line by line, day by day, as it is taken along."""
    for day in week:
        for own in day.shifts:
            yield WeekLine(day.day_on, "shift", own.shift.starts_at, own.shift.ends_at, "")
            for pause in own.shift.breaks:
                yield WeekLine(day.day_on, "break", pause.starts_at, pause.ends_at, "")
            for slot in own.slots:
                yield WeekLine(
                    day.day_on, "stretch slot", slot.starts_at, slot.ends_at, slot.skill.name, slot.state.value
                )
        for away in day.absences:
            what = "training" if away.kind is AbsenceKind.TRAINING else "absence"
            yield WeekLine(day.day_on, what, away.starts_at, away.ends_at, away.kind.value)
        for cover in day.covers:
            words = f"{cover.colleague.name}: {cover.skill.name}"
            yield WeekLine(day.day_on, "mentoring", cover.starts_at, cover.ends_at, words)
        for work in day.work:
            yield _line_of(day.day_on, work)
        for block in day.agenda.live:
            yield WeekLine(day.day_on, "live contacts", block.starts_at, block.ends_at, block.engagement_type.name)


def _line_of(day_on: dt.date, work: PlannedWork) -> WeekLine:
    start = work.assignment.starts_at
    return WeekLine(
        day_on,
        "stretch work" if work.stretch_skill_id else "work",
        start,
        start + dt.timedelta(minutes=work.assignment.minutes),
        f"{work.assignment.engagement.engagement_type.name} ({work.assignment.engagement.external_id})",
        work.response.value if work.response else "",
    )


def list_quarters(shift: Shift, *, settled_until: dt.datetime) -> list[dt.datetime]:
    """Return the quarter hours of a shift at which a slot may still begin or end, in order."""
    step = dt.timedelta(minutes=stretch_slots.GRID_MINUTES)
    midnight = shift.starts_at.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight - ((midnight - max(shift.starts_at, settled_until)) // step) * step
    found = []
    while moment <= shift.ends_at:
        found.append(moment)
        moment += step
    return found


def find_free(
    quarters: Sequence[dt.datetime], taken: Sequence[StretchSlot], rules: DayRules, *, zone: str
) -> Span | None:
    """Return the first whole step of the plan's day, between two quarter hours, that no slot has yet, or None."""
    step = dt.timedelta(minutes=rules.step_minutes)
    for start in quarters:
        span = (start, start + step)
        draft = SlotDraft(*span, skill_id=0)
        free = not any(spans.overlaps(span, (slot.starts_at, slot.ends_at)) for slot in taken)
        if (
            free
            and span[1] <= quarters[-1]
            and stretch_slots.holds_step(draft, zone=zone, step_minutes=rules.step_minutes)
        ):
            return span
    return None
