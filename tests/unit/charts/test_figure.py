"""Figures: the same rows make the same picture, in either theme, with nothing that the security policy forbids."""

from __future__ import annotations

import pytest

from webapp.charts import inline_rows, render_png, render_svg
from webapp.charts.figure import digest
from webapp.charts.theme import COLOURS

COLUMNS = ("interval", "minutes")
ROWS = (("08:00", 30), ("08:30", 75))
SPEC = {
    "data": inline_rows(COLUMNS, ROWS),
    "mark": "bar",
    "encoding": {
        "x": {"field": "interval", "type": "ordinal"},
        "y": {"field": "minutes", "type": "quantitative"},
    },
}


def test_rows_become_the_data_of_the_picture():
    assert inline_rows(COLUMNS, ROWS) == {
        "values": [{"interval": "08:00", "minutes": 30}, {"interval": "08:30", "minutes": 75}]
    }


def test_a_row_of_another_width_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        inline_rows(COLUMNS, [("08:00",)])


def test_a_picture_has_neither_script_nor_inline_style():
    svg = render_svg(SPEC)
    assert svg.startswith("<svg")
    for forbidden in ("<script", "<style", "style=", "onload", "javascript:"):
        assert forbidden not in svg


def test_the_same_rows_make_the_same_picture():
    render_svg.__globals__["_svg"].cache_clear()
    first = render_svg(SPEC)
    render_svg.__globals__["_svg"].cache_clear()
    assert render_svg(SPEC) == first


def test_a_picture_takes_the_colours_of_its_theme():
    light, dark = render_svg(SPEC, "light"), render_svg(SPEC, "dark")
    assert COLOURS["light"]["accent"] in light
    assert COLOURS["dark"]["accent"] in dark
    assert COLOURS["light"]["accent"] not in dark


def test_a_png_is_one():
    assert render_png(SPEC, "dark").startswith(b"\x89PNG\r\n")


def test_a_digest_names_the_content_and_the_theme():
    other = {**SPEC, "mark": "line"}
    assert digest(SPEC, "light") == digest(dict(SPEC), "light")
    assert len({digest(SPEC, "light"), digest(SPEC, "dark"), digest(other, "light")}) == 3
