"""
Parsers: from a cell's text to a value, or a problem that says what would be accepted.

Each takes exactly one way of writing where ways differ by country: a number has a point, a date begins with its year.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from webapp.services.importing.problems import CellError, near_match

_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\Z", re.ASCII)
_DOTTED_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\Z", re.ASCII)
_NAMED_DATE = re.compile(r"(\d{1,2}) ([A-Za-z]{3,9}) (\d{4})\Z", re.ASCII)
_SLASHED_DATE = re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}\Z", re.ASCII)
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?\Z", re.ASCII)
_OFFSET = re.compile(r"(.*?)\s*(Z|[+-]\d{2}:?\d{2})\Z", re.ASCII)
_CODE = re.compile(r"[^\s;,|<>=?*\x00-\x1f]+\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_WHOLE = re.compile(r"[+-]?\d{1,15}\Z", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,330})?\Z", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BETWEEN = re.compile(r"(?:[^;\\]|\\.|\\\Z)+", re.DOTALL)
_ESCAPED = re.compile(r"\\([;\\])")
_TO_ESCAPE = re.compile(r"([;\\])")
_LONGEST_TEXT = 200
# A pattern with optional blanks takes quadratic time on a cell of nothing else.
_LONGEST_MOMENT = 60
_YES = {"yes", "y", "true", "1"}
_NO = {"no", "n", "false", "0"}

DATES = "a date as 2026-04-03, 03.04.2026 (day first) or 3 Apr 2026"
MOMENTS = "date and time as 2026-04-03 14:30 in the site's time zone, or with an offset as 2026-04-03 14:30+02:00"


@dataclass(frozen=True, slots=True)
class Parser:
    """How the text of a cell is read: what is accepted in words, and the function that reads or refuses it."""

    accepts: str
    parse: Callable[[str], Any]


def text(limit: int) -> Parser:
    """Return a parser of any text up to a number of characters."""

    def parse(cell: str) -> str:
        if len(cell) > limit:
            raise CellError("too_long", f"This has {len(cell)} characters.")
        return cell

    return Parser(f"text of up to {limit} characters", parse)


def _parse_code(cell: str) -> str:
    if len(cell) > 80 or not _CODE.match(cell):
        raise CellError("not_a_code", "This cannot be an id or code.")
    return cell


code = Parser("an id of up to 80 characters without spaces or any of ; , | < > = ? *", _parse_code)


def _parse_codes(cell: str) -> list[str]:
    return [_parse_code(part.strip()) for part in cell.split(";") if part.strip()]


codes = Parser("codes separated by ;", _parse_codes)


def _parse_texts(cell: str) -> list[str]:
    parts = [_ESCAPED.sub(r"\1", part).strip() for part in _BETWEEN.findall(cell)]
    found = list(dict.fromkeys(part for part in parts if part))
    if any(len(part) > _LONGEST_TEXT for part in found):
        raise CellError("too_long", f"One of these has more than {_LONGEST_TEXT} characters.")
    return found


texts = Parser("texts separated by ;, with a backslash before a ; or a backslash that belongs to one", _parse_texts)


def join_texts(parts: Iterable[str]) -> str:
    """Return texts as one cell, in the way in which they are read."""
    return "; ".join(_TO_ESCAPE.sub(r"\\\1", part) for part in parts)


def _parse_email(cell: str) -> str:
    if len(cell) > 254 or not _EMAIL.match(cell):
        raise CellError("not_an_email", "This is not an e-mail address.")
    return cell.lower()


email = Parser("an e-mail address", _parse_email)


def _parse_flag(cell: str) -> bool:
    folded = cell.casefold()
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise CellError("not_yes_or_no", "This is neither yes nor no.")


flag = Parser("yes or no", _parse_flag)


def whole(low: int, high: int, *, what: str = "a whole number", problem: str = "not_a_number") -> Parser:
    """Return a parser of whole numbers from ``low`` to ``high``."""

    def parse(cell: str) -> int:
        if not _WHOLE.match(cell):
            reason = "This is not a whole number." if _looks_numeric(cell) else "This is not a number."
            raise CellError(problem, reason)
        number = int(cell)
        if not low <= number <= high:
            raise CellError(problem, f"{number} is {'below' if number < low else 'above'} what is possible.")
        return number

    return Parser(f"{what} from {low} to {high}", parse)


level = whole(0, 5, what="a whole proficiency level", problem="not_a_level")
needed_level = whole(1, 5, what="a whole proficiency level", problem="not_a_level")
priority = whole(1, 5, what="a whole number", problem="not_a_priority")


def decimal(low: float, high: float, *, exclusive: bool = False) -> Parser:
    """Return a parser of decimal numbers with a point, from ``low`` (or above it) to ``high``."""

    def parse(cell: str) -> float:
        if not _DECIMAL.match(cell):
            reason = "A decimal comma is not read." if "," in cell and _looks_numeric(cell) else "This is not a number."
            raise CellError("not_a_number", reason)
        number = float(cell)
        if number < low or number > high or (exclusive and number == low):
            raise CellError("out_of_range", f"{number:g} is outside what is possible.")
        return number

    return Parser(f"a number {'above' if exclusive else 'from'} {low:g} up to {high:g}, with a decimal point", parse)


def _looks_numeric(cell: str) -> bool:
    return bool(re.fullmatch(r"[+-]?[0-9.,]{1,30}", cell))


def choice(kind: type[enum.StrEnum]) -> Parser:
    """Return a parser of the values of an enumeration."""
    values = [member.value for member in kind]

    def parse(cell: str) -> enum.StrEnum:
        try:
            return kind(cell.casefold().replace(" ", "_"))
        except ValueError:
            raise CellError("unknown_choice", f"This is not one of the choices.{near_match(cell, values)}") from None

    return Parser("one of " + ", ".join(values), parse)


def parse_date(cell: str) -> dt.date:
    """Return the date that a cell holds."""
    if match := _ISO_DATE.match(cell):
        year, month, day = (int(part) for part in match.groups())
    elif match := _DOTTED_DATE.match(cell):
        day, month, year = (int(part) for part in match.groups())
    elif match := _NAMED_DATE.match(cell):
        name = match[2][:3].lower()
        if name not in _MONTHS:
            raise CellError("not_a_date", "This month is not known.", DATES)
        day, month, year = int(match[1]), _MONTHS.index(name) + 1, int(match[3])
    elif _SLASHED_DATE.match(cell):
        raise CellError("ambiguous_date", "Day and month cannot be told apart in a date with slashes.", DATES)
    else:
        raise CellError("not_a_date", "This is not a date.", DATES)
    try:
        found = dt.date(year, month, day)
    except ValueError:
        raise CellError("impossible_date", "There is no such day.", DATES) from None
    if not 1900 <= found.year <= 2200:
        raise CellError("impossible_date", "This year cannot be meant.", DATES)
    return found


date = Parser(DATES, parse_date)


def parse_time(cell: str) -> dt.time:
    """Return the time of day that a cell holds."""
    match = _TIME.match(cell)
    if not match:
        raise CellError("not_a_time", "This is not a time of day.", "a time as 14:30")
    return dt.time(int(match[1]), int(match[2]), int(match[3] or 0), int((match[4] or "").ljust(6, "0")))


def parse_moment(cell: str) -> dt.datetime:
    """Return date and time: aware if an offset is given, else naive, which means the site's wall clock."""
    if len(cell) > _LONGEST_MOMENT:
        raise CellError("not_a_moment", "This is too long to be a time.", MOMENTS)
    written, zone = cell, None
    if (match := _OFFSET.match(cell)) and ":" in match[1]:
        written, zone = match[1], _parse_offset(match[2])
    day, separator, clock = written.partition("T")
    if not separator:
        day, separator, clock = written.rpartition(" ")
    if not separator:
        raise CellError("not_a_moment", "Date and time are needed.", MOMENTS)
    try:
        return dt.datetime.combine(parse_date(day.strip()), parse_time(clock.strip()), tzinfo=zone)
    except CellError as problem:
        raise CellError(problem.code, problem.message, MOMENTS) from None


def _parse_offset(written: str) -> dt.timezone:
    if written == "Z":
        return dt.UTC
    sign = -1 if written[0] == "-" else 1
    hours, minutes = int(written[1:3]), int(written[-2:])
    if hours > 14 or minutes > 59:
        raise CellError("not_a_moment", "There is no such offset from UTC.", MOMENTS)
    return dt.timezone(sign * dt.timedelta(hours=hours, minutes=minutes))


moment = Parser(MOMENTS, parse_moment)
