"""What jobs did in the last hours: how many waited, and how many ended well or badly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webapp.charts.demand import clock_labels
from webapp.charts.figure import Figure, inline_rows
from webapp.services.job_overview import Hour

_WIDTH = 820
_HEIGHT = 190
_COLUMNS = ("Hour", "Done", "Failed", "Waiting at its end")


def hours_figure(hours: Sequence[Hour], *, zone: str) -> Figure:
    """Draw jobs that ended in each hour as bars, and those that waited at its end as a line."""
    times = clock_labels([each.starts_at for each in hours], zone)
    rows = [(time, each.done, each.failed, each.waiting) for time, each in zip(times, hours, strict=True)]
    done, failed = sum(each.done for each in hours), sum(each.failed for each in hours)
    most = max((each.waiting for each in hours), default=0)
    return Figure(
        title="Jobs by hour",
        description=f"In {len(hours)} hours {done} jobs were done and {failed} failed; at most {most} waited.",
        spec=_spec(rows),
        columns=_COLUMNS,
        rows=rows if done or failed or most else [],
    )


def _spec(rows: Sequence[Sequence[object]]) -> dict[str, Any]:
    scale = {"domain": list(_COLUMNS[1:]), "range": ["@role-capacity", "@bad", "@ink-2"]}
    x = {"field": "Hour", "type": "ordinal", "sort": None, "title": None, "axis": {"labelAngle": 0}}
    colour = {"field": "What", "type": "nominal", "scale": scale, "title": None}
    y = {"field": "Jobs", "type": "quantitative", "title": "Jobs", "axis": {"tickMinStep": 1}}
    return {
        "data": inline_rows(_COLUMNS, rows),
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": [
            {
                "transform": [{"fold": ["Done", "Failed"], "as": ["What", "Jobs"]}],
                "mark": {"type": "bar", "width": {"band": 0.7}},
                "encoding": {"x": x, "y": {**y, "stack": "zero"}, "color": colour},
            },
            {
                "transform": [{"fold": ["Waiting at its end"], "as": ["What", "Jobs"]}],
                "mark": {"type": "line", "interpolate": "step", "strokeWidth": 2},
                "encoding": {"x": x, "y": y, "color": colour},
            },
        ],
    }
