"""What may be made of a value of a payload on its way into a field; each either returns a value or says why not."""

from __future__ import annotations

import datetime as dt
import html
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

MOST_CHARACTERS = 20_000
_TAG = re.compile(r"<[^<>]{0,2000}>")
_SPACES = re.compile(r"\s+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
"""What PostgreSQL refuses to store, and halves of characters that no encoding writes."""

_EARLIEST, _LATEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


class UnreadableError(ValueError):
    """A value cannot be read so; the message is for whoever edits the mapping."""


def clean(text: str) -> str:
    """Return a text without what cannot be stored, cut to :data:`MOST_CHARACTERS`."""
    return _CONTROL.sub(" ", text)[:MOST_CHARACTERS]


def to_text(value: Any) -> str:
    """Return a scalar, or a list of scalars with spaces between, as text."""
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return clean(_number_text(value))
    if isinstance(value, list) and all(not isinstance(each, list | Mapping) for each in value):
        return clean(" ".join(to_text(each) for each in value if each is not None)).strip()
    raise UnreadableError("It is no text, number or list of them.")


def _number_text(value: float) -> str:
    try:
        return str(value)
    except ValueError:
        # Python refuses to write integers of thousands of digits.
        raise UnreadableError("The number is too long.") from None


def _lower(value: Any) -> str:
    return to_text(value).casefold()


def _plain(value: Any) -> str:
    return _SPACES.sub(" ", html.unescape(_TAG.sub(" ", to_text(value)))).strip()


def _last(value: Any) -> str:
    return to_text(value).rstrip("/").rpartition("/")[2]


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise UnreadableError("It is no number.")
    try:
        number = float(value) if isinstance(value, int | float) else float(to_text(value))
    except (ValueError, OverflowError):
        raise UnreadableError("It is no number.") from None
    if not math.isfinite(number):
        raise UnreadableError("It is no number.")
    return number


def _moment(moment: dt.datetime) -> dt.datetime:
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    try:
        moment = moment.astimezone(dt.UTC)
    except OverflowError:
        raise UnreadableError("The time lies outside the calendar.") from None
    if not _EARLIEST <= moment < _LATEST:
        raise UnreadableError("The time is not between 2000 and 2100.")
    return moment


def _iso(value: Any) -> dt.datetime:
    try:
        return _moment(dt.datetime.fromisoformat(to_text(value)))
    except UnreadableError:
        raise
    except ValueError:
        raise UnreadableError("It is no time such as 2026-11-23T09:00:00Z.") from None


def _unix(value: Any, *, per_second: int = 1) -> dt.datetime:
    seconds = _number(value) / per_second
    try:
        return _moment(dt.datetime.fromtimestamp(seconds, dt.UTC))
    except (ValueError, OverflowError, OSError):
        raise UnreadableError("It is no time in seconds since 1970.") from None


TRANSFORMS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "text": ("Text", to_text),
    "lower": ("Text in lower case", _lower),
    "plain": ("Text without HTML", _plain),
    "last": ("Last part of a path", _last),
    "number": ("Number", _number),
    "iso": ("Time, ISO 8601", _iso),
    "unix": ("Time, seconds since 1970", _unix),
    "unix_ms": ("Time, milliseconds since 1970", lambda value: _unix(value, per_second=1000)),
}
"""Name → what it is called, and the function."""


def transform(name: str, value: Any) -> Any:
    """
    Return a value read in a way of :data:`TRANSFORMS`.

    Raises
    ------
    UnreadableError
        If it cannot be read so.
    """
    return TRANSFORMS[name][1](value)
