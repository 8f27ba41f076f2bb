"""Events of a source by hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from webapp.charts.figure import Figure, inline_rows
from webapp.models import IntakeState

_WORDS = {
    IntakeState.ACCEPTED: "Accepted",
    IntakeState.REVIEW: "To sort",
    IntakeState.IGNORED: "Ignored",
    IntakeState.FAILED: "Failed",
}
_HEIGHT = 170
_WIDTH = 820


def events_figure(
    counts: Sequence[tuple[dt.datetime, IntakeState, int]], *, until: dt.datetime, zone: str, hours: int = 48
) -> Figure:
    """Draw how many events came in each hour, by what became of them."""
    last = until.replace(minute=0, second=0, microsecond=0)
    by_hour = {(hour, state): count for hour, state, count in counts}
    columns = ("Hour", *_WORDS.values())
    rows = []
    for back in reversed(range(hours)):
        hour = last - dt.timedelta(hours=back)
        local = hour.astimezone(ZoneInfo(zone))
        rows.append((f"{local:%d %b %H:%M}", *(by_hour.get((hour, state), 0) for state in _WORDS)))
    total, failed = sum(count for *_, count in counts), sum(c for _, s, c in counts if s is IntakeState.FAILED)
    return Figure(
        title="Events by hour",
        description=f"{total:,} events in the last {hours} hours, of which {failed:,} failed.",
        spec=_spec(columns, rows),
        columns=columns,
        rows=rows,
    )


def _spec(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    long = [
        (row[0], name, count, place)
        for row in rows
        for place, (name, count) in enumerate(zip(columns[1:], row[1:], strict=True))
    ]
    return {
        "data": inline_rows(("Hour", "State", "Events", "place"), long),
        "width": _WIDTH,
        "height": _HEIGHT,
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "Hour",
                "type": "ordinal",
                "sort": None,
                "axis": {"title": None, "labelOverlap": True, "labelAngle": 0},
            },
            "y": {"field": "Events", "type": "quantitative", "title": "Events"},
            "color": {"field": "State", "type": "nominal", "sort": list(columns[1:]), "title": None},
            "order": {"field": "place", "type": "quantitative"},
        },
    }
