"""The day as a page shows it: one line over the shift, and what stands at a fixed time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from webapp.charts.day_line import DayLine, Mark, Tick
from webapp.models import Channel
from webapp.services.own_day import OwnDay
from webapp.services.planning.day import LiveBlock
from webapp.services.spans import Span
from webapp.web.labels import sentence

HOUR = dt.timedelta(hours=1)
_LEAST_MINUTES = 0.5


@dataclass(frozen=True, slots=True)
class FixedTime:
    """Something of the day that has its time: a shift, a break, an absence or minutes kept for live contacts."""

    kind: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    words: str
    minutes: float | None = None
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """The line of the day with its marks by lane, and the same as a list."""

    ticks: list[Tick]
    roster: tuple[Mark, ...]
    live: tuple[Mark, ...]
    work: tuple[Mark, ...]
    fixed: tuple[FixedTime, ...]
    now_x: float | None

    @property
    def summary(self) -> str:
        """The line in words."""
        return "; ".join(mark.title for mark in (*self.roster, *self.live, *self.work)) or "Nothing"


def build_board(day: OwnDay, zone: str, now: dt.datetime) -> Board:
    """Return the line of a day, cut to the hours in which something stands on it."""
    fixed = _fixed_times(day)
    work = [
        (each.assignment.starts_at, each.assignment.starts_at + dt.timedelta(minutes=each.assignment.minutes))
        for each in day.agenda.work
    ]
    line = _line([*((each.starts_at, each.ends_at) for each in fixed if each.kind != "absence"), *work], day, zone)
    return Board(
        ticks=line.ticks(1 if line.ends_at - line.starts_at <= 12 * HOUR else 2),
        roster=tuple(
            line.mark(each.kind, (each.starts_at, each.ends_at), each.words) for each in fixed if each.kind != "live"
        ),
        live=tuple(
            line.mark("live", (each.starts_at, each.ends_at), each.words) for each in fixed if each.kind == "live"
        ),
        work=tuple(
            line.mark(
                f"work stance-{each.assignment.engagement.engagement_type.stance.value}",
                span,
                each.assignment.engagement.engagement_type.name,
            )
            for each, span in zip(day.agenda.work, work, strict=True)
        ),
        fixed=fixed,
        now_x=line.position(now) if line.starts_at <= now < line.ends_at else None,
    )


def _line(found: list[Span], day: OwnDay, zone: str) -> DayLine:
    if not found:
        return DayLine(day.starts_at, day.ends_at, zone)
    starts_at = min(start for start, _ in found).replace(minute=0, second=0, microsecond=0)
    ends_at = max(end for _, end in found)
    ends_at = ends_at.replace(minute=0, second=0, microsecond=0) + (
        HOUR if ends_at.minute or ends_at.second else 0 * HOUR
    )
    return DayLine(starts_at, max(ends_at, starts_at + HOUR), zone)


def _fixed_times(day: OwnDay) -> tuple[FixedTime, ...]:
    found = [FixedTime("shift", each.starts_at, each.ends_at, "Shift") for each in day.shifts]
    found += [
        FixedTime("break", each.starts_at, each.ends_at, "Break") for shift in day.shifts for each in shift.breaks
    ]
    found += [
        FixedTime("live", block.starts_at, block.ends_at, _kept(block), block.minutes, block.engagement_type.channel)
        for block in day.agenda.live
        # What the optimizer's rounding leaves over would read as nothing kept.
        if block.minutes >= _LEAST_MINUTES
    ]
    found += [FixedTime("absence", away.starts_at, away.ends_at, sentence(away.kind)) for away in day.absences]
    order = {"shift": 0, "absence": 1, "live": 2, "break": 3}
    return tuple(sorted(found, key=lambda each: (each.starts_at, order[each.kind])))


def _kept(block: LiveBlock) -> str:
    return f"Kept for {block.engagement_type.name}"
