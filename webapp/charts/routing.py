"""Shadow mode as a picture: how often advice and reality agreed, hour by hour."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from webapp.charts.figure import Figure, inline_rows
from webapp.services.routing.comparing import Comparison

_HEIGHT = 240


def agreement_figure(found: Comparison, *, zone: str) -> Figure:
    """Draw the contacts of each hour, those in which both chose the same agent and the others."""
    columns = ("Hour", "Choice", "Contacts")
    rows: list[tuple[str, str, int]] = []
    for hour in found.hours:
        name = f"{hour.starts_at.astimezone(ZoneInfo(zone)):%H:%M}"
        rows += [(name, "same agent", hour.agreed), (name, "another agent", hour.compared - hour.agreed)]
    spec = {
        "height": _HEIGHT,
        "data": inline_rows(columns, rows),
        "mark": {"type": "bar"},
        "encoding": {
            "x": {"field": "Hour", "type": "ordinal", "axis": {"title": None, "labelAngle": 0}},
            "y": {"field": "Contacts", "type": "quantitative", "stack": "zero", "axis": {"title": "Contacts"}},
            "color": {
                "field": "Choice",
                "type": "nominal",
                "scale": {"domain": ["same agent", "another agent"], "range": ["@accent", "@line-strong"]},
                "legend": {"title": None, "orient": "top"},
            },
        },
    }
    agreement = found.agreement
    description = (
        f"Both chose the same agent for {agreement.count} of {agreement.of} contacts."
        if rows
        else "No contact was compared on this day."
    )
    return Figure(
        title="Advice and what was done, by hour", description=description, spec=spec, columns=columns, rows=rows
    )
