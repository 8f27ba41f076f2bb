"""What policies of routing reached of the hindsight optimum, with intervals."""

from __future__ import annotations

from webapp.charts.figure import Figure, inline_rows
from webapp.models import Simulation
from webapp.services import simulating

_WIDTH = 760
_ROW_HEIGHT = 34


def simulation_figure(simulation: Simulation) -> Figure:
    """Draw each policy's share of the hindsight optimum as a point on its 95 % interval."""
    lines = simulating.lines(simulation.result or {"policies": {}})
    columns = ("Policy", "Share of hindsight, %", "From", "To")
    rows = [
        (
            line.words,
            round(100 * line.share.mean, 2),
            round(100 * line.share.low, 2),
            round(100 * line.share.high, 2),
        )
        for line in sorted(lines, key=lambda line: -line.share.mean)
    ]
    y = {"field": "Policy", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 200}}
    x = {"type": "quantitative", "scale": {"zero": False, "nice": True}, "title": "Share of the hindsight optimum, %"}
    return Figure(
        title="Value reached",
        description=", ".join(f"{words} {share:.1f} % ({low:.1f} to {high:.1f})" for words, share, low, high in rows)
        + ", of what somebody could have reached who knew every contact before.",
        spec={
            "data": inline_rows(columns, rows),
            "width": _WIDTH,
            "height": _ROW_HEIGHT * max(len(rows), 1),
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 3},
                    "encoding": {
                        "y": y,
                        "x": {**x, "field": "From"},
                        "x2": {"field": "To"},
                        "color": {"value": "@role-reserved"},
                    },
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                    "encoding": {"y": y, "x": {**x, "field": columns[1]}, "color": {"value": "@role-demand"}},
                },
            ],
        },
        columns=columns,
        rows=rows,
    )
