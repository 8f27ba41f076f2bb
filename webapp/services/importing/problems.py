"""What is wrong with a file: each problem with its row, column, value and what would be accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from webapp.errors import InvalidInputError

MAX_LISTED = 10_000
"""Problems that a report lists; the rest is counted."""

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing that is wrong in one cell, row or file.

    Parameters
    ----------
    row
        Row of the file, the header being row 1; 0 if it concerns the file as a whole.
    column
        Header of the column in the file, or empty.
    value
        What stands there, shortened.
    code
        Stable name of the kind of problem, for scripts.
    message
        A sentence for the person who mends the file.
    accepted
        What would be accepted instead.
    """

    row: int
    column: str
    value: str
    code: str
    message: str
    accepted: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the problem as plain JSON types."""
        return asdict(self)


class FileRefusedError(InvalidInputError):
    """The file as a whole cannot be read; ``problem`` says where and why."""

    def __init__(self, code: str, message: str, *, row: int = 0, column: str = "", value: str = "", accepted: str = ""):
        super().__init__(f"{message} {accepted}".strip(), field=column or None)
        self.problem = Problem(row, column, shorten(value), code, message, accepted)


class CellError(ValueError):
    """A cell's text is not what its column takes."""

    def __init__(self, code: str, message: str, accepted: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.accepted = accepted


@dataclass(slots=True)
class Problems:
    """Collects problems, lists the first :data:`MAX_LISTED` and counts all."""

    listed: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        self.count += 1
        if len(self.listed) < MAX_LISTED:
            self.listed.append(problem)


def shorten(value: str) -> str:
    """Return a value as a report shows it."""
    return value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…"


def near_match(word: str, known: Iterable[str]) -> str:
    """Return a clause that suggests the most similar known word, or nothing if none is similar."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    matches = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f" Did you mean “{by_folded[matches[0]]}”?" if matches else ""
