"""
What pages read from the address; a value that nobody offered counts as none, so that an old link still works.

A day that there is not is told on the page, because somebody may have typed it: what they see is not what they asked.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TypeVar

from flask import Flask, g, request

from webapp.errors import NotFoundError
from webapp.web.filters import day as day_words

_SHOWN = 40

Choice = TypeVar("Choice", bound=enum.StrEnum)


def choice_argument(name: str, kind: type[Choice]) -> Choice | None:
    """Return the member of an enumeration that the address names, or None."""
    value = request.args.get(name, "")
    return kind(value) if value in set(kind) else None


def day_argument(name: str = "day") -> dt.date | None:
    """
    Return the date that the address names as ``2026-11-21``, or None.

    Raises
    ------
    NotFoundError
        If a file is asked for of a day that there is not.
    """
    return _read_argument(name, "it is left out")


def chosen_day(otherwise: dt.date, name: str = "day") -> dt.date:
    """
    Return the date that the address names as ``2026-11-21``, else the one that the page shows without.

    Raises
    ------
    NotFoundError
        If a file is asked for of a day that there is not.
    """
    return _read_argument(name, f"this is {day_words(otherwise)}") or otherwise


def say_of_address(text: str) -> None:
    """Say at the top of this very page what became of something that its address names."""
    g.setdefault("said_of_address", []).append(text)


def _read_argument(name: str, instead: str) -> dt.date | None:
    text = request.args.get(name, "").strip()
    day = read_day(text)
    if text and day is None:
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        if request.args.get("format") == "csv":
            # A file cannot say that it is about another day.
            raise NotFoundError(f"{shown} is no day.")
        say_of_address(f"{shown} is no day; {instead}.")
    return day


def read_day(text: str) -> dt.date | None:
    """Return the date that a text such as ``2026-11-21`` stands for, or None."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    # The first and the last year have no day before or after that arithmetic could reach.
    return day if dt.MINYEAR < day.year < dt.MAXYEAR else None


def install(app: Flask) -> None:
    """Give templates what is to be said of the address."""
    app.jinja_env.globals["said_of_address"] = lambda: g.get("said_of_address", [])
