"""Demand against capacity of a day, by interval."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from webapp.charts.figure import Figure, inline_rows
from webapp.services.planning.overview import DayLoad

_HEIGHT = 230
_WIDTH = 820


def clock_labels(moments: Sequence[dt.datetime], zone: str) -> list[str]:
    """Return wall-clock times; where the clock shows one twice, each carries its offset so that it is told apart."""
    local = [moment.astimezone(ZoneInfo(zone)) for moment in moments]
    shown = Counter(f"{each:%H:%M}" for each in local)
    return [f"{each:%H:%M}" if shown[f"{each:%H:%M}"] == 1 else f"{each:%H:%M} {each:%Z}" for each in local]


def demand_figure(load: DayLoad, *, zone: str) -> Figure:
    """Draw productive minutes as a step behind what live contacts and engagements need."""
    times = clock_labels([each.starts_at for each in load.intervals], zone)
    columns = ("Time", "Productive minutes", "Live contacts need", "Engagements need")
    rows = [
        (time, round(each.capacity, 1), round(each.live, 1), round(each.deferrable, 1))
        for time, each in zip(times, load.intervals, strict=True)
    ]
    short = [
        time for time, each in zip(times, load.intervals, strict=True) if each.live + each.deferrable > each.capacity
    ]
    description = (
        f"Agents offer {load.capacity:.0f} productive minutes; live contacts need {load.live:.0f} and engagements "
        f"{load.deferrable:.0f}. "
        + (f"Demand is above capacity at {_listed(short)}." if short else "Capacity covers demand in every interval.")
    )
    return Figure(
        title="Demand against capacity",
        description=description,
        spec=_spec(columns, rows, bars=("Live contacts need", "Engagements need")),
        columns=columns,
        rows=rows,
    )


def planned_figure(load: DayLoad, *, zone: str) -> Figure:
    """Draw productive minutes as a step behind what a plan put into each interval."""
    times = clock_labels([each.starts_at for each in load.intervals], zone)
    columns = ("Time", "Productive minutes", "Kept for live contacts", "Engagements planned", "Live contacts need")
    rows = [
        (
            time,
            round(each.capacity, 1),
            round(each.planned_live, 1),
            round(each.planned_work, 1),
            round(each.live, 1),
        )
        for time, each in zip(times, load.intervals, strict=True)
    ]
    live = sum(each.planned_live for each in load.intervals)
    work = sum(each.planned_work for each in load.intervals)
    return Figure(
        title="Planned minutes by interval",
        description=(
            f"Of {load.capacity:.0f} productive minutes the plan keeps {live:.0f} for live contacts, which need "
            f"{load.live:.0f}, and fills {work:.0f} with engagements."
        ),
        spec=_spec(columns, rows, bars=("Kept for live contacts", "Engagements planned"), line="Live contacts need"),
        columns=columns,
        rows=rows,
    )


def _spec(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, bars: tuple[str, str], line: str | None = None
) -> dict[str, Any]:
    domain = ["Productive minutes", *bars, *([line] if line else [])]
    colours = ["@role-capacity", "@role-reserved", "@role-demand", *(["@ink-2"] if line else [])]
    scale = {"domain": domain, "range": colours[: len(domain)]}
    x = {
        "field": "Time",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": 0, "labelOverlap": "greedy"},
    }
    colour = {"type": "nominal", "scale": scale, "title": None}
    y = {"type": "quantitative", "title": "Agent minutes"}
    layers: list[dict[str, Any]] = [
        {
            "transform": [{"fold": ["Productive minutes"], "as": ["What", "Minutes"]}],
            "mark": {"type": "bar", "width": {"band": 1.0}},
            "encoding": {"x": x, "y": {**y, "field": "Minutes"}, "color": {**colour, "field": "What"}},
        },
        {
            "transform": [
                {"fold": list(bars), "as": ["What", "Minutes"]},
                {"calculate": f"datum.What === '{bars[0]}' ? 0 : 1", "as": "Order"},
            ],
            "mark": {"type": "bar", "width": {"band": 0.56}},
            "encoding": {
                "x": x,
                "y": {**y, "field": "Minutes", "stack": "zero"},
                "color": {**colour, "field": "What"},
                "order": {"field": "Order", "type": "quantitative"},
            },
        },
    ]
    if line:
        layers.append(
            {
                "transform": [{"fold": [line], "as": ["What", "Minutes"]}],
                "mark": {"type": "line", "interpolate": "step", "strokeDash": [4, 3], "strokeWidth": 2},
                "encoding": {"x": x, "y": {**y, "field": "Minutes"}, "color": {**colour, "field": "What"}},
            }
        )
    return {"data": inline_rows(columns, rows), "width": _WIDTH, "height": _HEIGHT, "layer": layers}


def _listed(times: Sequence[str]) -> str:
    return ", ".join(times[:6]) + (f" and {len(times) - 6} more" if len(times) > 6 else "")
