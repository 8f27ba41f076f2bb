"""
Bootstrap's icons, only those that a page uses.

The library's sprite weighs a megabyte, too much for a phone.  ``icon()`` refers to a symbol and notes its name; the
layout then writes the noted symbols once at the end of the page, so that a long table carries each drawing once.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import flask_bootstrap
from flask import Flask, g
from markupsafe import Markup

_SPRITE = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5" / "icons" / "bootstrap-icons.svg"


@functools.cache
def _sprite() -> str:
    return _SPRITE.read_text(encoding="utf-8")


@functools.cache
def drawing(name: str) -> Markup:
    """
    Return the inside of an icon's symbol.

    Raises
    ------
    KeyError
        If Bootstrap has no such icon.
    """
    found = re.search(rf'<symbol [^>]*id="{re.escape(name)}">(.*?)</symbol>', _sprite(), flags=re.DOTALL)
    if found is None:
        raise KeyError(name)
    # The library's own file, not anybody's input.
    return Markup(found.group(1))  # noqa: S704


def icon(name: str, label: str | None = None, css_class: str = "", *, inline: bool = False) -> Markup:
    """
    Return an icon.

    Parameters
    ----------
    name
        Bootstrap's name of it, such as ``stars``.
    label
        What it says to a screen reader; without one it is decoration.
    css_class
        Further classes.
    inline
        Whether to draw it in place, for fragments that are fetched into a page.
    """
    if not inline:
        g.setdefault("icons", {})[name] = None
    return _drawn(name, label, css_class, inline=inline)


@functools.lru_cache(maxsize=4096)
def _drawn(name: str, label: str | None, css_class: str, *, inline: bool) -> Markup:
    # A page has a hundred icons and more, most of them in its frame.
    inside = drawing(name)
    if not inline:
        inside = Markup('<use href="#i-{}"></use>').format(name)
    meaning = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="icon {}" viewBox="0 0 16 16" {}>{}</svg>').format(css_class, meaning, inside)


def icon_symbols() -> Markup:
    """Return the symbols of all icons that this page has used so far."""
    symbols = (_symbol(name) for name in g.get("icons", {}))
    return Markup('<svg class="icon-symbols" aria-hidden="true">{}</svg>').format(Markup("").join(symbols))


@functools.cache
def _symbol(name: str) -> Markup:
    return Markup('<symbol id="i-{}" viewBox="0 0 16 16">{}</symbol>').format(name, drawing(name))


def install(app: Flask) -> None:
    """Give templates and their macros the icons."""
    app.jinja_env.globals.update(icon=icon, icon_symbols=icon_symbols)
