"""Template filters: how times, minutes, shares and levels are written, the same on every page."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from flask import Flask

LEVEL_NAMES = ("none", "novice", "advanced beginner", "competent", "proficient", "expert")


def local_time(value: dt.datetime | None, zone: str) -> str:
    """Return the wall-clock time at a site, such as ``09:30``."""
    return "" if value is None else value.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def local_datetime(value: dt.datetime | None, zone: str = "UTC") -> str:
    """Return date and time at a site, such as ``21 Nov 2026, 09:30``."""
    return "" if value is None else value.astimezone(ZoneInfo(zone)).strftime("%-d %b %Y, %H:%M")


def day(value: dt.date | None) -> str:
    """Return a date with its weekday, such as ``Sat 21 Nov 2026``."""
    return "" if value is None else value.strftime("%a %-d %b %Y")


def minutes(value: float | None) -> str:
    """Return a length of time, such as ``45 min`` or ``2 h 05``."""
    if value is None:
        return ""
    whole = round(value)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d}"


def percent(value: float | None, digits: int = 0) -> str:
    """Return a fraction as a percentage."""
    return "" if value is None else f"{value * 100:.{digits}f} %"


def level_name(level: int | None) -> str:
    """Return the name of a proficiency level."""
    return "" if level is None else LEVEL_NAMES[level]


def install(app: Flask) -> None:
    """Give templates the filters."""
    for function in (local_time, local_datetime, day, minutes, percent, level_name):
        app.add_template_filter(function)
