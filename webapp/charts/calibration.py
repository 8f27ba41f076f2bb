"""Calibration as a picture: the level that people claimed against the level that others found later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from webapp.charts.figure import Figure, inline_rows
from webapp.services.calibration import Comparison

_WIDTH, _HEIGHT = 560, 330
_LEVELS = list(range(6))


def claims_figure(comparisons: Sequence[Comparison], *, about: str = "All skills") -> Figure:
    """Draw how many claims of each level met which later level, rounded; on the line both agree."""
    counts = Counter((comparison.level, round(comparison.later)) for comparison in comparisons)
    columns = ("Claimed level", "Later evidence", "Claims")
    rows = [(claimed, later, count) for (claimed, later), count in sorted(counts.items())]
    agree = sum(count for (claimed, later), count in counts.items() if claimed == later)
    above = sum(count for (claimed, later), count in counts.items() if claimed > later)
    total = sum(counts.values())
    axis = {"values": _LEVELS, "format": "d", "grid": True}
    scale = {"domain": [-0.4, 5.4], "nice": False}
    spec = {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": [
            {
                "data": {"values": [{"from": 0, "to": 0}, {"from": 5, "to": 5}]},
                "mark": {"type": "line", "color": "@line-strong", "strokeDash": [4, 3]},
                "encoding": {
                    "x": {"field": "from", "type": "quantitative"},
                    "y": {"field": "to", "type": "quantitative"},
                },
            },
            {
                "data": inline_rows(columns, rows),
                "mark": {"type": "circle", "color": "@accent", "opacity": 0.75},
                "encoding": {
                    "x": {
                        "field": "Claimed level",
                        "type": "quantitative",
                        "scale": scale,
                        "axis": {**axis, "title": "Level claimed"},
                    },
                    "y": {
                        "field": "Later evidence",
                        "type": "quantitative",
                        "scale": scale,
                        "axis": {**axis, "title": "Level found later"},
                    },
                    "size": {
                        "field": "Claims",
                        "type": "quantitative",
                        "scale": {"domainMin": 0, "range": [0, 900]},
                        "legend": None,
                    },
                },
            },
            {
                "data": inline_rows(columns, rows),
                "mark": {"type": "text", "color": "@ink", "dy": -18, "fontSize": 11},
                "encoding": {
                    "x": {"field": "Claimed level", "type": "quantitative"},
                    "y": {"field": "Later evidence", "type": "quantitative"},
                    "text": {"field": "Claims", "type": "quantitative", "format": "d"},
                },
            },
        ],
    }
    description = (
        f"Of {total} claims {agree} met the level that others found later, {above} lay above it and "
        f"{total - agree - above} below."
        if rows
        else "No claim has met later evidence yet."
    )
    return Figure(
        title=f"{about}: claims and later evidence", description=description, spec=spec, columns=columns, rows=rows
    )
