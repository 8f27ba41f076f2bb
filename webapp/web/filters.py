"""Template filters: how times, minutes, shares and levels are written, the same on every page."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app, request, url_for
from wtforms import Field, Form

from webapp.services import versions
from webapp.services.access import Permission
from webapp.web.labels import sentence
from webapp.web.request import can

_JOB_LABELS = {"incumbent": "Best value so far", "bound": "Proven to be at most", "phase": "Step", "seconds": "Time"}
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


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thin spaces between thousands, such as ``22 002``; ``−`` marks what is below zero."""
    return "" if value is None else f"{value:,.{digits}f}".replace(",", "\u202f").replace("-", "−")


def points(value: float | None) -> str:
    """Return a value in points with its sign, such as ``+12.5``."""
    return "" if value is None else f"{value:+.1f}".replace("-", "−")


def day_before(value: dt.date) -> str:
    """Return the day before, as it stands in an address."""
    return (value - dt.timedelta(days=1)).isoformat()


def day_after(value: dt.date) -> str:
    """Return the day after, as it stands in an address."""
    return (value + dt.timedelta(days=1)).isoformat()


# What the form library says where it cannot read a value names the program's types.
_UNREADABLE = {
    "Not a valid datetime value.": "Give date and time.",
    "Not a valid date value.": "Give a date.",
    "Not a valid time value.": "Give a time, such as 09:30.",
    "Not a valid integer value.": "Give a whole number.",
    "Not a valid decimal value.": "Give a number.",
    "Not a valid float value.": "Give a number.",
}
_TOO_LONG = re.compile(r"^Field cannot be longer than (\d+) characters?\.$")
_WHOLE = re.compile(r"(?<=\d)\.0(?!\d)")


def flat_errors(errors: object) -> list[str]:
    """
    Return a field's errors as one list of sentences, whatever form and list fields nest.

    Where a value could not be read, nothing else is said of it: its range is no news then.
    """
    if isinstance(errors, Mapping):
        return [text for nested in errors.values() for text in flat_errors(nested)]
    if isinstance(errors, list | tuple):
        unread = [_UNREADABLE[each] for each in errors if isinstance(each, str) and each in _UNREADABLE]
        return unread[:1] or [text for nested in errors for text in flat_errors(nested)]
    text = _TOO_LONG.sub(r"At most \1 characters.", str(errors)) if errors else ""
    if text.startswith("Number must be"):
        text = _WHOLE.sub("", text)
    return [_UNREADABLE.get(text, text)] if text else []


def field_errors(form: Form) -> list[tuple[Field, str]]:
    """Return the fields of a form that have errors, with their sentences."""
    return [(field, " ".join(flat_errors(field.errors))) for field in form if field.errors]


def filters_set(arguments: Mapping[str, str], keep: Sequence[str] = ()) -> bool:
    """Return whether the address filters anything, paging, sorting and what stays aside."""
    return any(value and name not in {"page", "sort", "format", *keep} for name, value in arguments.items())


def slug(text: str) -> str:
    """Return a text as an HTML id may hold it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def job_label(name: str) -> str:
    """Return the name of a figure of a job's progress as people read it."""
    return _JOB_LABELS.get(name) or sentence(name)


def job_figure(value: object, name: str) -> str:
    """Return a figure of a job's progress as people read it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if name == "gap":
        return percent(value, 2)
    if name == "seconds":
        return f"{value:.0f} s"
    return number(value, 0 if float(value).is_integer() else 1)


_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(\+\d\d:\d\d|Z)")
_FOR_PROGRAMS = ("_id", "_ids", "digest")


def detail_words(detail: Mapping[str, Any]) -> str:
    """Return the detail of an audit event as one line."""
    return " · ".join(f"{name.replace('_', ' ')}: {detail_value(value)}" for name, value in detail.items())


def history_words(detail: Mapping[str, Any], zone: str = "UTC") -> str:
    """
    Return the same as people read it; the audit trail shows it whole.

    It lacks what only a program can read, keys and digests, and moments are those of a zone.
    """
    said = detail_words({name: value for name, value in detail.items() if not name.endswith(_FOR_PROGRAMS)})
    return _MOMENT.sub(lambda found: local_datetime(dt.datetime.fromisoformat(found[0]), zone), said)


def detail_value(value: object) -> str:
    """Return a value of an event's or a job's detail; a pair reads as before and after."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {detail_value(nested)}" for name, nested in value.items()) or "–"
    if isinstance(value, list | tuple):
        if len(value) == 2 and not any(isinstance(nested, Mapping | list) for nested in value):
            return f"{detail_value(value[0])} → {detail_value(value[1])}"
        return ", ".join(detail_value(nested) for nested in value) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def figure_cell(value: object) -> str:
    """Return a cell of a figure's table."""
    if isinstance(value, float):
        return number(value, 0 if value.is_integer() else 1)
    return "" if value is None else str(value)


def changes_from(after: str, before: str) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with whether it is new beside an older text."""
    return versions.mark_changes(before, after)


def url_with(**changes: Any) -> str:
    """Return the present address with arguments changed, or removed where the new value is None."""
    arguments: dict[str, Any] = {**request.args.to_dict(flat=False), **(request.view_args or {}), **changes}
    kept = {name: value for name, value in arguments.items() if value is not None and value != ""}
    return url_for(request.endpoint or "home.index", **kept)


def has_page(endpoint: str) -> bool:
    """Return whether this installation has a page."""
    return endpoint in current_app.view_functions


def install(app: Flask) -> None:
    """Give templates the filters, and macros what they need of the request."""
    for function in (
        local_time,
        local_datetime,
        day,
        day_before,
        day_after,
        minutes,
        percent,
        number,
        points,
        level_name,
        flat_errors,
        field_errors,
        filters_set,
        slug,
        job_figure,
        job_label,
        detail_words,
        history_words,
        detail_value,
        figure_cell,
        changes_from,
    ):
        app.add_template_filter(function)
    app.jinja_env.globals.update(
        url_with=url_with, has_page=has_page, can=can, Permission=Permission, LEVEL_NAMES=LEVEL_NAMES
    )
