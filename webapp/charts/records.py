"""Skill records over time: the levels of one record, and how many skills a person holds at each level."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from webapp.charts.figure import Figure, inline_rows
from webapp.services.record_history import LevelCount, LevelPoint

_WIDTH = 640
_SHORTEST_AXIS_DAYS = 14


def record_figure(skill: str, points: Sequence[LevelPoint], *, until: dt.date) -> Figure:
    """Draw the claimed and the effective level of one record as steps, up to a day."""
    columns = ("Day", "Claimed level", "Effective level")
    rows = [(point.on.isoformat(), point.claimed, point.effective) for point in points]
    last = points[-1] if points else None
    description = (
        f"From {_day(points[0].on)} on; now level {last.effective} is effective and "
        f"{'nothing' if last.claimed is None else f'level {last.claimed}'} is claimed."
        if last
        else "Nothing is on record yet."
    )
    spec = {
        "data": inline_rows(columns, _drawn(rows, until)),
        "width": _WIDTH,
        "height": 180,
        "transform": [{"fold": list(columns[1:]), "as": ["What", "Level"]}, {"filter": "datum.Level !== null"}],
        "mark": {"type": "line", "interpolate": "step-after", "point": True},
        "encoding": {
            "x": _day_axis(points[0].on if points else until, until),
            "y": {
                "field": "Level",
                "type": "quantitative",
                "scale": {"domain": [0, 5]},
                "axis": {"values": list(range(6)), "format": "d"},
            },
            "color": {
                "field": "What",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(columns[1:]), "range": ["@ink-3", "@accent"]},
            },
            "strokeDash": {
                "field": "What",
                "type": "nominal",
                "title": None,
                "scale": {"domain": list(columns[1:]), "range": [[4, 3], [1, 0]]},
            },
        },
    }
    return Figure(title=f"{skill}: level over time", description=description, spec=spec, columns=columns, rows=rows)


def skills_figure(counts: Sequence[LevelCount], *, until: dt.date) -> Figure:
    """Draw how many skills stood at each effective level as stacked steps, up to a day."""
    levels = [f"Level {level}" for level in range(1, 6)]
    columns = ("Day", *levels)
    rows = [(count.on.isoformat(), *count.counts) for count in counts]
    description = (
        f"From {sum(counts[0].counts)} skills on {_day(counts[0].on)} to {sum(counts[-1].counts)} now, of which "
        f"{sum(counts[-1].counts[2:])} at level 3 or better."
        if counts
        else "Nothing is on record yet."
    )
    spec = {
        "data": inline_rows(columns, _drawn(rows, until)),
        "width": _WIDTH,
        "height": 200,
        "transform": [
            {"fold": levels, "as": ["Level", "Skills"]},
            {"calculate": "toNumber(substring(datum.Level, 6))", "as": "Order"},
        ],
        "mark": {"type": "area", "interpolate": "step-after"},
        "encoding": {
            "x": _day_axis(counts[0].on if counts else until, until),
            "y": {
                "field": "Skills",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"tickMinStep": 1, "format": "d"},
            },
            "color": {
                "field": "Level",
                "type": "nominal",
                "title": None,
                "scale": {"domain": levels, "range": [f"@level-{level}" for level in range(1, 6)]},
            },
            "order": {"field": "Order", "type": "quantitative"},
        },
    }
    return Figure(title="Skills by level", description=description, spec=spec, columns=columns, rows=rows)


def _drawn(rows: Sequence[tuple[object, ...]], until: dt.date) -> list[tuple[object, ...]]:
    """Return the rows with the last one again on the last day: a step lasts until somebody changes it."""
    return [*rows, (until.isoformat(), *rows[-1][1:])] if rows and rows[-1][0] != until.isoformat() else list(rows)


def _day_axis(first: dt.date, until: dt.date) -> dict[str, Any]:
    # An axis of one day would be labelled in milliseconds.
    start = min(first, until - dt.timedelta(_SHORTEST_AXIS_DAYS))
    domain = [{"year": day.year, "month": day.month, "date": day.day, "utc": True} for day in (start, until)]
    return {
        "field": "Day",
        "type": "temporal",
        "title": None,
        "scale": {"type": "utc", "domain": domain},
        "axis": {"format": "%-d %b %y", "labelOverlap": "greedy", "tickCount": 6},
    }


def _day(day: dt.date) -> str:
    return f"{day:%-d %b %Y}"
