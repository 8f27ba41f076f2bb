"""Outcomes of a day side by side: value by term, as grouped bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from webapp.charts.figure import Figure, inline_rows
from webapp.models import WeightTrial
from webapp.services.planning.side_by_side import Outcome

_BAR_HEIGHT = 13
_RANGE = ("@role-baseline", "@role-reserved", "@role-demand", "@stance-reactive", "@stance-praise", "@warn")
_LEAST_POINTS = 0.05


def terms_figure(outcomes: Sequence[Outcome], words: Mapping[str, str]) -> Figure:
    """Draw the value by term of some outcomes; terms that are nothing in all of them are left out."""
    titles = _distinct([outcome.title for outcome in outcomes])
    terms = list(dict.fromkeys(term for outcome in outcomes for term in outcome.terms))
    shown = [term for term in terms if any(abs(each.terms.get(term, 0.0)) >= _LEAST_POINTS for each in outcomes)]
    columns = ("Term", *titles)
    rows = [(words.get(term, term), *(round(each.terms.get(term, 0.0), 1) for each in outcomes)) for term in shown]
    spec = {
        "data": inline_rows(columns, rows),
        "transform": [{"fold": titles, "as": ["Outcome", "Points"]}],
        "width": 640,
        "height": {"step": _BAR_HEIGHT},
        "mark": {"type": "bar"},
        "encoding": {
            "y": {"field": "Term", "type": "nominal", "sort": None, "title": None},
            "yOffset": {"field": "Outcome", "type": "nominal", "sort": titles},
            "x": {"field": "Points", "type": "quantitative", "title": "Points"},
            "color": {
                "field": "Outcome",
                "type": "nominal",
                "title": None,
                "scale": {"domain": titles, "range": list(_RANGE[: len(titles)])},
                "legend": {"orient": "top", "labelLimit": 220, "columns": 2},
            },
        },
    }
    return Figure(
        title="Value by term",
        description="; ".join(
            f"{title}: {outcome.figures.value:.1f} points, {outcome.figures.served} engagements served"
            for title, outcome in zip(titles, outcomes, strict=True)
        )
        + ".",
        spec=spec,
        columns=columns,
        rows=rows,
    )


def _distinct(titles: Sequence[str]) -> list[str]:
    """Return titles that are all different, because each is a column."""
    found: list[str] = []
    for title in titles:
        name, number = title, 2
        while name in found or name == "Term":
            name, number = f"{title} ({number})", number + 1
        found.append(name)
    return found


def weights_figure(trial: WeightTrial, name: str) -> Figure:
    """Draw what each weight of a trial led to: stretch minutes, work served and work with another agent."""
    columns = ("Weight", "Engagements served", "Another agent than published", "Stretch minutes")
    rows = [
        (point["weight"], point["served"], point["changed"], point["stretch_minutes"]) for point in trial.points or []
    ]
    measures = list(columns[1:])
    return Figure(
        title=f"What the weight of {name.lower()} does",
        description="; ".join(
            f"at {weight:g}: {served} served, {changed} with another agent, {stretch:g} stretch minutes"
            for weight, served, changed, stretch in rows
        )
        + ".",
        spec={
            "data": inline_rows(columns, rows),
            "transform": [{"fold": measures, "as": ["Measure", "Count"]}],
            "facet": {"row": {"field": "Measure", "type": "nominal", "sort": measures, "title": None,
                              "header": {"labelAngle": 0, "labelAlign": "left", "labelOrient": "top"}}},
            "resolve": {"scale": {"y": "independent"}},
            "spec": {
                "width": 640,
                "height": 90,
                "mark": {"type": "line", "point": True},
                "encoding": {
                    "x": {"field": "Weight", "type": "quantitative", "title": f"Weight of {name.lower()}"},
                    "y": {"field": "Count", "type": "quantitative", "title": None, "scale": {"zero": False}},
                    "color": {"value": "@role-reserved"},
                },
            },
        },
        columns=columns,
        rows=rows,
    )  # fmt: skip
