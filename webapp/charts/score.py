"""A published plan held against the day as it was, by interval, beside the plan that spreads minutes evenly."""

from __future__ import annotations

from webapp.charts.demand import clock_labels
from webapp.charts.figure import Figure, inline_rows
from webapp.services.planning.scoring import DayScore

_HEIGHT = 230
_WIDTH = 820


def score_figure(score: DayScore, *, zone: str) -> Figure:
    """Draw the share of real work that found skilled minutes kept for it, beside the even plan's."""
    times = clock_labels([each.starts_at for each in score.intervals], zone)
    columns = ("Time", "Real work, minutes", "This plan", "Spread evenly")
    rows = [
        (time, round(each.actual_minutes, 1), _share(each.share), _share(each.even_share))
        for time, each in zip(times, score.intervals, strict=True)
    ]
    description = (
        f"Of {score.actual_minutes:.0f} minutes of real work, {score.share:.1%} found skilled minutes that this plan "
        f"kept for it; a plan that spreads minutes evenly would have kept {score.even_share:.1%}."
    )
    x = {
        "field": "Time",
        "type": "ordinal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": 0, "labelOverlap": "greedy"},
    }
    spec = {
        "data": inline_rows(columns, rows),
        "width": _WIDTH,
        "height": _HEIGHT,
        "transform": [
            {"fold": ["This plan", "Spread evenly"], "as": ["Plan", "Share"]},
            {"filter": "isValid(datum.Share)"},
        ],
        "encoding": {
            "x": x,
            "y": {
                "field": "Share",
                "type": "quantitative",
                "title": "Share of real work covered",
                "scale": {"domain": [0, 1]},
                "axis": {"format": "%"},
            },
            "color": {
                "field": "Plan",
                "type": "nominal",
                "title": None,
                "scale": {"domain": ["This plan", "Spread evenly"], "range": ["@role-reserved", "@role-baseline"]},
            },
            "strokeDash": {
                "field": "Plan",
                "type": "nominal",
                "title": None,
                "scale": {"domain": ["This plan", "Spread evenly"], "range": [[1, 0], [5, 4]]},
            },
        },
        "layer": [{"mark": {"type": "line"}}, {"mark": {"type": "point", "size": 36}}],
    }
    return Figure(
        title="Real work that found minutes kept for it",
        description=description,
        spec=spec,
        columns=columns,
        rows=rows,
    )


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
