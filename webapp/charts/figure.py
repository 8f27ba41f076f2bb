"""A figure: one set of rows as a picture, a table and a CSV; the picture is Vega-Lite, rendered here and cached."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import vl_convert

from webapp.charts.theme import CONFIG, Theme, paint

_CACHED_PICTURES = 256
_PNG_SCALE = 2.0


@dataclass(frozen=True, slots=True)
class Figure:
    """
    Rows, and how to draw them.

    Parameters
    ----------
    title
        What it shows, a few words.
    description
        What the reader should see in it, for those who cannot: the picture's text alternative.
    spec
        Vega-Lite without ``config``; colours as ``@name``, see :mod:`webapp.charts.theme`.
    columns
        Headings of the table.
    rows
        The table: what the picture draws, in plain figures.
    """

    title: str
    description: str
    spec: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]

    @property
    def version(self) -> str:
        """A short name for what is drawn: another picture has another, so that a page that changes shows it."""
        return digest(self.spec, "light")[:8]


def inline_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, Any]:
    """Return rows as the ``data`` of a specification, so that picture and table cannot differ."""
    return {"values": [dict(zip(columns, row, strict=True)) for row in rows]}


def digest(spec: Mapping[str, Any], theme: Theme) -> str:
    """Return a name for what :func:`render_svg` would draw: equal for equal pictures."""
    return hashlib.sha256(_content(spec, theme).encode()).hexdigest()


def render_svg(spec: Mapping[str, Any], theme: Theme = "light") -> str:
    """Return a specification as SVG; drawn once for the same content."""
    return _svg(_content(spec, theme))


def render_png(spec: Mapping[str, Any], theme: Theme = "light") -> bytes:
    """Return a specification as PNG on the theme's own ground, at twice the size of the SVG."""
    return _png(_content({**spec, "background": "@surface"}, theme))


def _content(spec: Mapping[str, Any], theme: Theme) -> str:
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", **spec, "config": dict(CONFIG)}
    return json.dumps(paint(whole, theme), sort_keys=True, default=str)


@functools.lru_cache(maxsize=_CACHED_PICTURES)
def _svg(content: str) -> str:
    return vl_convert.vegalite_to_svg(content)


@functools.lru_cache(maxsize=_CACHED_PICTURES // 8)
def _png(content: str) -> bytes:
    return vl_convert.vegalite_to_png(content, scale=_PNG_SCALE)
