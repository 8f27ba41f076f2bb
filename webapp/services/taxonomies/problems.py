"""What is wrong with the files of a release: each problem with its file, row and column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from webapp.errors import InvalidInputError

MAX_PROBLEMS = 100
"""Problems after which reading stops; somebody who mends so many needs no more at once."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One thing that is wrong: in a cell, a row (the header is row 1), or a whole file (row 0)."""

    file: str
    row: int
    column: str
    message: str

    def __str__(self) -> str:
        place = self.file
        if self.row:
            place += f", row {self.row}"
        if self.column:
            place += f", column {self.column}"
        return f"{place}: {self.message}"

    def as_json(self) -> dict[str, Any]:
        """Return the problem as plain JSON types."""
        return asdict(self)


class ReleaseRefusedError(InvalidInputError):
    """The files cannot be read as a release; nothing was written."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        more = f" There are {len(problems) - 1} more problems." if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}", field="file")
        self.problems = tuple(problems)


class Problems:
    """Collects problems, and gives up when there are too many."""

    def __init__(self) -> None:
        self.found: list[FileProblem] = []

    def add(self, file: str, message: str, *, row: int = 0, column: str = "") -> None:
        """
        Note a problem.

        Raises
        ------
        ReleaseRefusedError
            If there are :data:`MAX_PROBLEMS` by now.
        """
        self.found.append(FileProblem(file, row, column, message))
        if len(self.found) >= MAX_PROBLEMS:
            self.refuse_if_any()

    def refuse_if_any(self) -> None:
        """
        Refuse the release if anything was found.

        Raises
        ------
        ReleaseRefusedError
            With what was found.
        """
        if self.found:
            raise ReleaseRefusedError(self.found)
