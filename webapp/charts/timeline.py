"""The picture of a timeline: one row for each agent, time from left to right. Pure geometry for a template to draw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.charts.demand import clock_labels
from webapp.services.planning.timeline import AgentRow, Timeline, WorkBlock

ROW_HEIGHT = 44
HEAD_HEIGHT = 28
MINUTE_WIDTH = 1.8
WORK_TOP, WORK_HEIGHT = 6, 22
LIVE_HEIGHT = 10
MIN_WIDTH = 6.0
# Fewer pixels hold no readable letter.
TEXT_WIDTH = 7.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in units of the picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class WorkBar:
    """A piece of work to draw, with as much of its label as fits."""

    block: WorkBlock
    bar: Bar
    label: str


@dataclass(frozen=True, slots=True)
class Row:
    """One agent's row; ``y`` is its upper edge."""

    agent: AgentRow
    y: int
    shifts: tuple[Bar, ...]
    breaks: tuple[Bar, ...]
    absences: tuple[Bar, ...]
    live: tuple[Bar, ...]
    work: tuple[WorkBar, ...]


@dataclass(frozen=True, slots=True)
class TimelinePicture:
    """The whole picture; ``ticks`` are (x, label) of full hours, as the site's clocks show them."""

    width: float
    height: int
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]


def draw_timeline(timeline: Timeline, *, zone: str) -> TimelinePicture:
    """Lay a timeline out."""
    horizon = timeline.horizon

    def x_of(moment: dt.datetime) -> float:
        return round((moment - horizon.starts_at).total_seconds() / 60 * MINUTE_WIDTH, 2)

    def bars(found: Sequence[tuple[dt.datetime, dt.datetime]], y: float, height: float) -> tuple[Bar, ...]:
        return tuple(Bar(x_of(start), y, round(x_of(end) - x_of(start), 2), height) for start, end in found)

    rows = []
    for place, agent in enumerate(timeline.rows):
        y = HEAD_HEIGHT + place * ROW_HEIGHT
        inner = (y + 2, ROW_HEIGHT - 4)
        rows.append(
            Row(
                agent=agent,
                y=y,
                shifts=bars(agent.shifts, *inner),
                breaks=bars(agent.breaks, *inner),
                absences=bars(agent.absences, *inner),
                live=tuple(
                    _live_bar(index, minutes, y, horizon.interval_minutes)
                    for index, minutes in enumerate(agent.live)
                    if minutes > 0
                ),
                work=tuple(_work_bar(block, x_of(block.starts_at), x_of(block.ends_at), y) for block in agent.work),
            )
        )
    hours = [moment for moment in horizon.starts() if moment.minute == 0]
    return TimelinePicture(
        width=round(horizon.intervals * horizon.interval_minutes * MINUTE_WIDTH, 2),
        height=HEAD_HEIGHT + len(rows) * ROW_HEIGHT,
        rows=tuple(rows),
        ticks=tuple(zip((x_of(moment) for moment in hours), clock_labels(hours, zone), strict=True)),
    )


def _live_bar(index: int, minutes: float, y: int, interval_minutes: int) -> Bar:
    full = interval_minutes * MINUTE_WIDTH
    share = min(1.0, minutes / interval_minutes)
    return Bar(round(index * full, 2), y + ROW_HEIGHT - 4 - LIVE_HEIGHT, round(full * share, 2), LIVE_HEIGHT)


def _work_bar(block: WorkBlock, start: float, end: float, y: int) -> WorkBar:
    width = round(max(MIN_WIDTH, end - start - 1), 2)
    name = block.assignment.engagement.engagement_type.name
    letters = int((width - 8) / TEXT_WIDTH)
    label = name if len(name) <= letters else (name[: letters - 1] + "…" if letters >= 3 else "")
    return WorkBar(block=block, bar=Bar(start, y + WORK_TOP, width, WORK_HEIGHT), label=label)
