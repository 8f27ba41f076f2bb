"""Plan against actual of a day, by interval."""

from __future__ import annotations

from typing import Any

from webapp.charts.demand import clock_labels
from webapp.charts.figure import Figure, inline_rows
from webapp.services.board.progress import DayProgress

_HEIGHT = 230
_WIDTH = 820
_BARS = ("Kept for live contacts", "Engagements planned")
_MARKS = ("Live contacts need", "Done")


def progress_figure(day: DayProgress, *, zone: str) -> Figure:
    """Draw what the plan put into each interval, with what live contacts need and, up to now, what was done."""
    times = clock_labels([each.starts_at for each in day.intervals], zone)
    columns = (
        *("Time", "Kept for live contacts", "Engagements planned", "Live contacts need", "Kept by those present"),
        *("Contact minutes served", "Contacts", "Hung up", "To begin", "Begun", "Completed", "Done"),
    )
    rows = [
        (
            time,
            *(round(value, 1) for value in (each.kept, each.planned, each.needed, each.present)),
            *((round(each.served_minutes, 1), each.served, each.lost) if index <= day.present else (None, None, None)),
            each.due,
            *((each.begun, each.done) if index <= day.present else (None, None)),
            round(each.served_minutes + each.done_minutes, 1) if index <= day.present else None,
        )
        for index, (time, each) in enumerate(zip(times, day.intervals, strict=True))
    ]
    past = day.past
    short = [time for time, each in zip(times, day.intervals, strict=True) if each.short]
    description = (
        f"So far {sum(each.served for each in past)} contacts were served and {sum(each.done for each in past)} "
        f"engagements completed; the plan had {sum(each.due for each in past)} begin by now. "
        + (
            f"Short of staff for live contacts at {', '.join(short[:6])}."
            if short
            else "No interval is short of staff."
        )
    )
    return Figure(
        title="Plan against actual", description=description, spec=_spec(columns, rows), columns=columns, rows=rows
    )


def _spec(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> dict[str, Any]:
    x = {
        "field": "Time",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": 0, "labelOverlap": "greedy"},
    }
    scale = {
        "domain": [*_BARS, *_MARKS],
        "range": ["@role-reserved", "@role-demand", "@ink-2", "@ink"],
    }
    colour = {"field": "What", "type": "nominal", "scale": scale, "title": None}
    y = {"field": "Minutes", "type": "quantitative", "title": "Agent minutes"}
    return {
        "data": inline_rows(columns, rows),
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": [
            {
                "transform": [
                    {"fold": list(_BARS), "as": ["What", "Minutes"]},
                    {"calculate": f"datum.What === '{_BARS[0]}' ? 0 : 1", "as": "Order"},
                ],
                "mark": {"type": "bar", "width": {"band": 0.7}},
                "encoding": {
                    "x": x,
                    "y": {**y, "stack": "zero"},
                    "color": colour,
                    "order": {"field": "Order", "type": "quantitative"},
                },
            },
            {
                "transform": [{"fold": ["Live contacts need"], "as": ["What", "Minutes"]}],
                "mark": {"type": "line", "interpolate": "step", "strokeDash": [4, 3], "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "color": colour},
            },
            {
                "transform": [
                    {"fold": ["Done"], "as": ["What", "Minutes"]},
                    {"filter": "isValid(datum.Minutes)"},
                ],
                "mark": {"type": "line", "interpolate": "monotone", "strokeWidth": 2.5, "point": True},
                "encoding": {"x": x, "y": y, "color": colour},
            },
        ],
    }
