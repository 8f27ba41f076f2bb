"""Colours: figures and pages agree, text can be read, and levels can be told apart without hue."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from webapp.charts.theme import (
    COLOURS,
    CONFIG,
    LEVEL_COLOURS,
    Theme,
    paint,
    scale_of,
    scale_of_levels,
    scale_of_stances,
)

TOKENS = Path(__file__).resolve().parents[3] / "webapp" / "static" / "css" / "tokens.css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TOKEN_COLOURS = {name: {"light": light, "dark": dark} for name, light, dark in PAIR.findall(TOKENS.read_text())}
THEMES: tuple[Theme, ...] = ("light", "dark")


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2.2, from 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_figures_use_the_colours_of_the_pages(theme):
    assert COLOURS[theme] == {name: TOKEN_COLOURS[name][theme] for name in COLOURS[theme]}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["paper", "surface", "surface-2"])
@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3"])
def test_text_can_be_read_on_each_ground(ink, ground, theme):
    assert contrast(TOKEN_COLOURS[ink][theme], TOKEN_COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("ink", "ground"),
    [(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info")]
    + [(tone, "surface") for tone in ("good", "warn", "bad", "info", "accent")]
    + [(f"stance-{name}", f"stance-{name}-soft") for name in ("reactive", "proactive", "community", "praise")]
    + [(f"level-{level}-ink", f"level-{level}") for level in range(6)]
    + [("accent-ink", "accent"), ("accent-ink", "accent-strong"), ("ink", "accent-soft")],
)
def test_text_can_be_read_on_its_own_colour(ink, ground, theme):
    assert contrast(TOKEN_COLOURS[ink][theme], TOKEN_COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("edge", ["line-strong", "focus"])
def test_borders_of_controls_and_focus_can_be_seen(edge, theme):
    assert contrast(TOKEN_COLOURS[edge][theme], TOKEN_COLOURS["surface"][theme]) >= 3


def test_levels_run_from_light_to_dark_on_paper_and_back_on_black():
    """Lightness alone tells levels apart, whatever colours a reader can see."""
    light = [luminance(colour) for colour in LEVEL_COLOURS["light"]]
    dark = [luminance(colour) for colour in LEVEL_COLOURS["dark"]]
    assert light == sorted(light, reverse=True)
    assert dark == sorted(dark)


def test_each_colour_of_the_configuration_is_known_in_both_themes():
    painted = [paint(CONFIG, theme) for theme in THEMES]
    assert all("@" not in str(configuration) for configuration in painted)
    assert painted[0] != painted[1]


def test_paint_reaches_into_lists_and_leaves_the_rows_alone():
    spec = {"layer": [{"mark": {"color": "@ink"}}], "data": {"values": [{"name": "@somebody"}]}}
    painted = paint(spec, "light")
    assert painted["layer"][0]["mark"]["color"] == COLOURS["light"]["ink"]
    assert painted["data"] == spec["data"]


def test_paint_refuses_a_colour_that_is_not_there():
    with pytest.raises(KeyError, match="mauve"):
        paint({"color": "@mauve"}, "light")


@pytest.mark.parametrize("scale", [scale_of("demand", "capacity", "gap"), scale_of_levels(), scale_of_stances()])
def test_scales_have_a_colour_for_each_value(scale):
    assert len(scale["domain"]) == len(scale["range"])
    assert all(colour.startswith("#") for colour in paint(scale["range"], "dark"))
