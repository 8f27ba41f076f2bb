"""What the roster page shows of each person, by day, week or as a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.charts.day_line import DayLine, Mark
from webapp.models import Absence, AbsenceKind, Person, Shift
from webapp.services import spans, zones
from webapp.services.roster import PersonRoster
from webapp.web.labels import sentence

VIEWS = ("day", "week", "list")


@dataclass(frozen=True, slots=True)
class Period:
    """The days that a view shows, and the moments between which they lie."""

    days: tuple[dt.date, ...]
    starts_at: dt.datetime
    ends_at: dt.datetime

    @classmethod
    def of(cls, day_on: dt.date, view: str, zone: str) -> Period:
        """Return the day itself, or the week from its Monday on."""
        first = day_on if view == "day" else day_on - dt.timedelta(days=day_on.weekday())
        days = tuple(first + dt.timedelta(days=number) for number in range(1 if view == "day" else 7))
        return cls(days, zones.day_bounds(days[0], zone)[0], zones.day_bounds(days[-1], zone)[1])


@dataclass(frozen=True, slots=True)
class Cell:
    """One person's day: its shifts and absences in words, its marks on the line, and the minutes that they work."""

    day_on: dt.date
    roster: PersonRoster
    marks: tuple[Mark, ...]
    summary: str
    minutes: float

    @property
    def sick(self) -> bool:
        """Whether the person is noted sick on this day."""
        return any(absence.kind is AbsenceKind.SICK for absence in self.roster.absences)


@dataclass(frozen=True, slots=True)
class Row:
    """A person with a cell for each day of the period."""

    person: Person
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A shift or an absence as a line of the list."""

    person: Person
    what: str
    kind: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    breaks: tuple[spans.Span, ...]
    minutes: float
    shift_id: int | None
    absence_id: int | None


def build_rows(found: Sequence[PersonRoster], period: Period, zone: str) -> list[Row]:
    """Return a row for each person."""
    return [Row(each.person, tuple(_cell(each, day_on, zone) for day_on in period.days)) for each in found]


def _cell(whole: PersonRoster, day_on: dt.date, zone: str) -> Cell:
    starts_at, ends_at = zones.day_bounds(day_on, zone)
    day, line = whole.within(starts_at, ends_at), DayLine(starts_at, ends_at, zone)
    marks: list[Mark] = []
    for shift in day.shifts:
        marks.append(line.mark("shift", (shift.starts_at, shift.ends_at), "Shift"))
        marks += [
            line.mark("break", (each.starts_at, each.ends_at), "Break")
            for each in shift.breaks
            if spans.overlaps((each.starts_at, each.ends_at), (starts_at, ends_at))
        ]
    marks += [line.mark("absence", (away.starts_at, away.ends_at), sentence(away.kind)) for away in day.absences]
    return Cell(
        day_on=day_on,
        roster=day,
        marks=tuple(marks),
        summary="; ".join(mark.title for mark in marks) or "No shift",
        minutes=day.working_minutes(starts_at, ends_at),
    )


def build_lines(found: Sequence[PersonRoster]) -> list[Line]:
    """Return shifts and absences, each as a line, by begin."""
    lines = [_shift_line(each.person, shift) for each in found for shift in each.shifts]
    lines += [_absence_line(each.person, absence) for each in found for absence in each.absences]
    return sorted(lines, key=lambda line: (line.starts_at, line.person.name))


def _shift_line(person: Person, shift: Shift) -> Line:
    breaks = tuple((each.starts_at, each.ends_at) for each in shift.breaks)
    working = spans.subtract([(shift.starts_at, shift.ends_at)], breaks)
    return Line(
        person=person,
        what="Shift, inferred from calls" if shift.inferred else "Shift",
        kind="shift",
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        breaks=breaks,
        minutes=sum(spans.minutes_of(span) for span in working),
        shift_id=shift.id,
        absence_id=None,
    )


def _absence_line(person: Person, absence: Absence) -> Line:
    return Line(
        person=person,
        what=sentence(absence.kind),
        kind="absence",
        starts_at=absence.starts_at,
        ends_at=absence.ends_at,
        breaks=(),
        minutes=spans.minutes_of((absence.starts_at, absence.ends_at)),
        shift_id=None,
        absence_id=absence.id,
    )
