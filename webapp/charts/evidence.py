"""How a level goes on if nothing happens: expiry and fading, as steps."""

from __future__ import annotations

import datetime as dt

from webapp.charts.figure import Figure, inline_rows
from webapp.services.evidence_reasons import AHEAD_DAYS, Explanation

_WIDTH = 640


def ahead_figure(skill: str, explained: Explanation) -> Figure:
    """Draw the effective level from a day on, as it falls unless the skill is used or new evidence comes."""
    columns = ("Day", "Level")
    rows = [(day.isoformat(), level) for day, level in explained.ahead]
    until = explained.on + dt.timedelta(days=AHEAD_DAYS)
    drawn = [*rows, (until.isoformat(), rows[-1][1])]
    fall = explained.next_fall
    description = (
        f"Falls to {fall[1]} on {fall[0]:%-d %B %Y} unless it is used or new evidence comes."
        if fall
        else f"Stays at {rows[-1][1]} for the next year."
    )
    domain = [{"year": day.year, "month": day.month, "date": day.day, "utc": True} for day in (explained.on, until)]
    spec = {
        "data": inline_rows(columns, drawn),
        "width": _WIDTH,
        "height": 120,
        "mark": {"type": "line", "interpolate": "step-after", "point": True},
        "encoding": {
            "x": {
                "field": "Day",
                "type": "temporal",
                "title": None,
                "scale": {"type": "utc", "domain": domain},
                "axis": {"format": "%b %y", "labelOverlap": "greedy", "tickCount": 6},
            },
            "y": {
                "field": "Level",
                "type": "quantitative",
                "scale": {"domain": [0, 5]},
                "axis": {"values": list(range(6)), "format": "d"},
            },
            "color": {"value": "@accent"},
        },
    }
    return Figure(title=f"{skill}: if nothing happens", description=description, spec=spec, columns=columns, rows=rows)
