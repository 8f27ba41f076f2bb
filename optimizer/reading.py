"""Read JSON objects field by field and collect every error with its JSON path."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, TypeVar

T = TypeVar("T")

LARGEST_NUMBER = 1e9
"""Magnitude above which a number is refused: beyond it the solver's arithmetic loses whole minutes."""


MOST_ERRORS = 100
"""Errors after which reading ends: a large file of something else would make one for each of its fields."""


class ProblemError(ValueError):
    """A problem or plan file that is refused.

    Attributes
    ----------
    path
        JSON path of the first error, such as ``$.engagements[3].minutes``.
    message
        What is wrong there and what would be accepted.
    errors
        All errors as ``(path, message)``, the first included; the first `MOST_ERRORS` of a hopeless file.
    """

    def __init__(self, path: str, message: str, *more: tuple[str, str]) -> None:
        self.path = path
        self.message = message
        self.errors: tuple[tuple[str, str], ...] = ((path, message), *more)
        super().__init__("\n".join(f"{where}: {what}" for where, what in self.errors))

    def __reduce__(self) -> tuple[type["ProblemError"], tuple[Any, ...]]:
        """Rebuild the error from its parts, so that it survives a pipe between processes."""
        return type(self), (self.path, self.message, *self.errors[1:])


class Findings:
    """Errors found so far, relative to one path of the file.

    A place is kept as steps from the place above it and written out only where something is wrong: a large file has
    millions of places.
    """

    __slots__ = ("_above", "_steps", "errors")

    def __init__(self, above: "Findings | None" = None, steps: tuple[str | int, ...] = ()) -> None:
        self.errors: list[tuple[str, str]] = [] if above is None else above.errors
        self._above = above
        self._steps = steps

    @property
    def path(self) -> str:
        """JSON path of this place."""
        path = "$" if self._above is None else self._above.path
        for step in self._steps:
            path += f"[{step}]" if isinstance(step, int) else _member(step)
        return path

    def at(self, *steps: str | int) -> "Findings":
        """Return the same list of errors, seen from a place below this one."""
        return Findings(self, steps)

    def add(self, message: str) -> None:
        """Note that something is wrong at this place.

        Raises
        ------
        ProblemError
            If that makes `MOST_ERRORS`.
        """
        self._note(self.path, message)

    def require(self, condition: object, message: str) -> None:
        """Note `message` unless `condition` holds."""
        if not condition:
            self.add(message)

    def raise_if_any(self) -> None:
        """Raise one `ProblemError` that lists every error found, or return."""
        if self.errors:
            (path, message), *more = self.errors
            raise ProblemError(path, message, *more)

    def _note(self, path: str, message: str) -> None:
        self.errors.append((path, message))
        if len(self.errors) == MOST_ERRORS:
            self.errors.append(("$", f"there may be more errors; these are the first {MOST_ERRORS}"))
            self.raise_if_any()

    @contextmanager
    def below(self) -> Iterator[None]:
        """Take over the errors of an object that is constructed in the block."""
        try:
            yield
        except ProblemError as error:
            for path, what in error.errors:
                self._note(self.path + path.removeprefix("$"), what)


def _member(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"[{name!r}]"


_MISSING: Any = object()


class Reader:
    """One JSON object that is being read: typed access, defaults, and a check for unknown fields."""

    def __init__(self, source: object, findings: Findings) -> None:
        self.findings = findings
        self.fields: Mapping[str, Any] = {}
        self.count = len(findings.errors)
        self._seen: set[str] = set()
        if isinstance(source, Mapping):
            self.fields = source
        else:
            findings.add(f"must be an object, not {describe(source)}")

    def take(self, name: str, convert: Callable[[Any, Findings], T], default: Any = _MISSING) -> T:
        """Return one field, converted; a missing one without a default is an error."""
        self._seen.add(name)
        where = self.findings.at(name)
        if name not in self.fields:
            if default is _MISSING:
                where.add("is required")
                return _MISSING  # type: ignore[no-any-return]
            return default  # type: ignore[no-any-return]
        return convert(self.fields[name], where)

    def finish(self) -> bool:
        """Note unknown fields and return whether the object was read without an error."""
        for name in self.fields:
            if name not in self._seen:
                self.findings.at(str(name)).add("is not a field of this format")
        return len(self.findings.errors) == self.count


def describe(value: object) -> str:
    """Name the JSON type of a value, for error messages."""
    if value is None:
        return "null"
    for kinds, name in (
        ((bool,), "a boolean"),
        ((int, float), "a number"),
        ((str,), "a text"),
        ((Mapping,), "an object"),
        ((list, tuple), "a list"),
    ):
        if isinstance(value, kinds):
            return name
    return type(value).__name__


def finite(value: Any, where: Findings) -> float:
    """Accept a finite number; neither a boolean nor a text is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        where.add(f"must be a number, not {describe(value)}")
        return 0.0
    # A whole number may be too long for a float.
    if abs(value) > sys.float_info.max or not math.isfinite(value):
        where.add("must be a finite number")
        return 0.0
    return float(value)


def number(value: Any, where: Findings) -> float:
    """Accept a finite number of sensible size."""
    real = finite(value, where)
    if abs(real) > LARGEST_NUMBER:
        where.add(f"must be between {-LARGEST_NUMBER:g} and {LARGEST_NUMBER:g}, not {real:g}")
        return 0.0
    return real


def integer(value: Any, where: Findings) -> int:
    """Accept a whole number, also one written with a zero fraction, such as ``3.0``."""
    before = len(where.errors)
    real = number(value, where)
    if len(where.errors) == before and real != int(real):
        where.add(f"must be a whole number, not {value!r}")
    return int(real)


def text(value: Any, where: Findings) -> str:
    """Accept a text that is not empty."""
    if not isinstance(value, str):
        where.add(f"must be a text, not {describe(value)}")
        return ""
    where.require(bool(value.strip()), "must not be empty")
    return value


def flag(value: Any, where: Findings) -> bool:
    """Accept true or false and nothing that merely looks like it."""
    if not isinstance(value, bool):
        where.add(f"must be true or false, not {describe(value)}")
    return value is True


def calendar_date(value: Any, where: Findings) -> date:
    """Accept an ISO 8601 date, such as ``2026-11-30``."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        where.add(f"must be a date such as 2026-11-30, not {value!r}")
        return date.min


def moment(value: Any, where: Findings) -> datetime:
    """Accept an ISO 8601 time with its offset from UTC."""
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        where.add(f"must be a time with offset such as 2026-11-23T07:00:00+01:00, not {value!r}")
        return datetime.min.replace(tzinfo=UTC)
    where.require(read.tzinfo is not None, "must carry an offset from UTC, such as +01:00")
    return read


def optional(convert: Callable[[Any, Findings], T]) -> Callable[[Any, Findings], T | None]:
    """Return a converter that also accepts null."""
    return lambda value, where: None if value is None else convert(value, where)


def list_of(convert: Callable[[Any, Findings], T]) -> Callable[[Any, Findings], tuple[T, ...]]:
    """Return a converter of a JSON list into a tuple, element by element."""

    def convert_all(value: Any, where: Findings) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            where.add(f"must be a list, not {describe(value)}")
            return ()
        return tuple(convert(element, where.at(index)) for index, element in enumerate(value))

    return convert_all


def map_of(convert: Callable[[Any, Findings], T]) -> Callable[[Any, Findings], dict[str, T]]:
    """Return a converter of a JSON object with free keys into a dictionary."""

    def convert_all(value: Any, where: Findings) -> dict[str, T]:
        if not isinstance(value, Mapping):
            where.add(f"must be an object, not {describe(value)}")
            return {}
        return {str(key): convert(element, where.at(str(key))) for key, element in value.items()}

    return convert_all
