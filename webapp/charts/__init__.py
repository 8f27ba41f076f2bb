"""Figures as Vega-Lite specifications, rendered on the server."""

from webapp.charts.figure import Figure, inline_rows, render_png, render_svg
from webapp.charts.theme import LEVEL_COLOURS, STANCE_COLOURS, Theme, scale_of, scale_of_levels, scale_of_stances

__all__ = [
    "LEVEL_COLOURS",
    "STANCE_COLOURS",
    "Figure",
    "Theme",
    "inline_rows",
    "render_png",
    "render_svg",
    "scale_of",
    "scale_of_levels",
    "scale_of_stances",
]
