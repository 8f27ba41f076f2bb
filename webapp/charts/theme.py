"""
How figures look in light and dark: the colours of ``static/css/tokens.css``, and Vega-Lite's configuration.

A specification names a colour as ``@name`` (``@ink``, ``@level-3``, ``@stance-praise``, ``@role-demand``), so that one
specification serves both themes; :func:`paint` puts the colours in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Theme = Literal["light", "dark"]

COLOURS: Mapping[Theme, Mapping[str, str]] = {
    "light": {
        "ink": "#14181d",
        "ink-2": "#434c56",
        "ink-3": "#5a646f",
        "surface": "#ffffff",
        "surface-2": "#eceff2",
        "line": "#e0e4e8",
        "line-strong": "#8a949e",
        "accent": "#0b6a6a",
        "good": "#15683a",
        "warn": "#845000",
        "bad": "#b3261e",
        "level-0": "#e9edf0",
        "level-1": "#d5ebc6",
        "level-2": "#9fd6bd",
        "level-3": "#54b1c2",
        "level-4": "#2273ab",
        "level-5": "#1b3a75",
        "stance-reactive": "#005a8f",
        "stance-proactive": "#a04200",
        "stance-community": "#00634a",
        "stance-praise": "#8a3767",
        "role-demand": "#a04200",
        "role-capacity": "#a9c9e4",
        "role-reserved": "#0b6a6a",
        "role-gap": "#b3261e",
        "role-baseline": "#5a646f",
    },
    "dark": {
        "ink": "#e8ecef",
        "ink-2": "#b8c1c9",
        "ink-3": "#98a4ad",
        "surface": "#161b1f",
        "surface-2": "#1f262b",
        "line": "#2a3238",
        "line-strong": "#6b7882",
        "accent": "#4fc4b9",
        "good": "#6fd598",
        "warn": "#f0b95c",
        "bad": "#ff9a91",
        "level-0": "#242c32",
        "level-1": "#243b50",
        "level-2": "#285877",
        "level-3": "#28758f",
        "level-4": "#5cc0b4",
        "level-5": "#d6f0a5",
        "stance-reactive": "#6db8ec",
        "stance-proactive": "#ff9d5c",
        "stance-community": "#4fd1a8",
        "stance-praise": "#eaa4cd",
        "role-demand": "#ff9d5c",
        "role-capacity": "#2c4f6c",
        "role-reserved": "#4fc4b9",
        "role-gap": "#ff9a91",
        "role-baseline": "#98a4ad",
    },
}

LEVEL_COLOURS: Mapping[Theme, tuple[str, ...]] = {
    theme: tuple(colours[f"level-{level}"] for level in range(6)) for theme, colours in COLOURS.items()
}
STANCE_COLOURS: Mapping[Theme, Mapping[str, str]] = {
    theme: {stance: colours[f"stance-{stance}"] for stance in ("reactive", "proactive", "community", "praise")}
    for theme, colours in COLOURS.items()
}

# Vega measures text with the fonts of the machine; this one has the widths of Arial wherever it is missing.
_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"

_AXES = ("continuous", "discrete")

CONFIG: Mapping[str, Any] = {
    "background": "transparent",
    "font": _FONT,
    "padding": 4,
    "view": {"stroke": None, **{f"{kind}Width": 940 for kind in _AXES}, **{f"{kind}Height": 260 for kind in _AXES}},
    "axis": {
        "labelColor": "@ink-3",
        "titleColor": "@ink-3",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": "@line",
        "domainColor": "@line-strong",
        "tickColor": "@line-strong",
        "labelPadding": 6,
        "titlePadding": 10,
    },
    "axisX": {"grid": False, "labelAngle": 0, "labelOverlap": "parity", "labelSeparation": 8},
    "axisY": {"domain": False, "ticks": False},
    "legend": {
        "labelColor": "@ink-2",
        "titleColor": "@ink-3",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "top",
        "direction": "horizontal",
        "symbolSize": 110,
    },
    "header": {"labelColor": "@ink-2", "titleColor": "@ink-3", "labelFontSize": 12},
    "text": {"color": "@ink", "fontSize": 12},
    "title": {"color": "@ink", "subtitleColor": "@ink-3"},
    "line": {"color": "@accent", "strokeWidth": 2.25},
    "area": {"color": "@role-capacity"},
    "bar": {"color": "@accent"},
    "point": {"color": "@accent", "filled": True, "size": 50},
    "rule": {"color": "@line-strong"},
    "range": {
        "category": ["@stance-reactive", "@stance-proactive", "@stance-community", "@stance-praise", "@ink-3"],
        "ordinal": ["@level-1", "@level-2", "@level-3", "@level-4", "@level-5"],
        "heatmap": ["@level-0", "@level-1", "@level-2", "@level-3", "@level-4", "@level-5"],
    },
}


def scale_of(*roles: str) -> dict[str, list[str]]:
    """Return the colour scale of roles such as ``demand``, ``capacity``, ``reserved``, ``gap`` and ``baseline``."""
    return {"domain": list(roles), "range": [f"@role-{role}" for role in roles]}


def scale_of_levels() -> dict[str, list[Any]]:
    """Return the colour scale of proficiency levels."""
    return {"domain": list(range(6)), "range": [f"@level-{level}" for level in range(6)]}


def scale_of_stances() -> dict[str, list[str]]:
    """Return the colour scale of stances."""
    stances = list(STANCE_COLOURS["light"])
    return {"domain": stances, "range": [f"@stance-{stance}" for stance in stances]}


def paint(part: Any, theme: Theme) -> Any:
    """
    Return a copy of a specification in which each ``@name`` is the theme's colour.

    Raises
    ------
    KeyError
        If there is no colour of a name.
    """
    if isinstance(part, Mapping):
        return {key: paint(value, theme) for key, value in part.items() if key != "data"} | (
            {"data": part["data"]} if "data" in part else {}
        )
    if isinstance(part, list | tuple):
        return [paint(value, theme) for value in part]
    if isinstance(part, str) and part.startswith("@"):
        return COLOURS[theme][part[1:]]
    return part
