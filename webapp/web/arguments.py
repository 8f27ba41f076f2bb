"""What filters read from the address; a value that nobody offered counts as none, so that an old link still works."""

from __future__ import annotations

import datetime as dt
import enum
from typing import TypeVar

from flask import request

Choice = TypeVar("Choice", bound=enum.StrEnum)


def choice_argument(name: str, kind: type[Choice]) -> Choice | None:
    """Return the member of an enumeration that the address names, or None."""
    value = request.args.get(name, "")
    return kind(value) if value in set(kind) else None


def day_argument(name: str = "day") -> dt.date | None:
    """Return the date that the address names as ``2026-11-21``, or None."""
    return read_day(request.args.get(name, ""))


def read_day(text: str) -> dt.date | None:
    """Return the date that a text such as ``2026-11-21`` stands for, or None."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    # The first and the last year have no day before or after that arithmetic could reach.
    return day if dt.MINYEAR < day.year < dt.MAXYEAR else None
