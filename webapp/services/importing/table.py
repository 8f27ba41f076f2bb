"""A table as every reader gives it: a header and numbered rows of text, within limits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from webapp.services.importing.problems import FileRefusedError, Problem, shorten

MAX_ROWS = 200_000
MAX_COLUMNS = 200
MAX_CELL_CHARACTERS = 10_000
FORMULA_STARTS = frozenset("=+-@\t\r")
FORMULA_ADVICE = "Replace the formula by its value (in a spreadsheet: copy, then paste values only)."


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the file, its cells by position, and what is already known to be wrong with it."""

    number: int
    cells: tuple[str, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A header and a way to go through the rows, as often as wanted."""

    header: tuple[str, ...]
    open_rows: Callable[[], Iterator[Row]]
    max_rows: int = MAX_ROWS

    @property
    def digest(self) -> str:
        """SHA-256 of the header: files with the same header share a remembered mapping."""
        return hashlib.sha256("\x1f".join(self.header).encode()).hexdigest()

    def rows(self) -> Iterator[Row]:
        """
        Yield the rows that are not empty.

        Raises
        ------
        FileRefusedError
            If the file breaks off or has more than ``max_rows`` rows.
        """
        count = 0
        for row in self.open_rows():
            if not any(row.cells) and not row.problems:
                continue
            count += 1
            if count > self.max_rows:
                raise _too_many_rows(row.number, self.max_rows)
            yield row


def check_row_count(numbers: Iterable[int], *, limit: int = MAX_ROWS) -> None:
    """
    Refuse more rows than are accepted.

    Raises
    ------
    FileRefusedError
        Naming the first row that is too many.
    """
    too_many = next(islice(numbers, limit, None), None)
    if too_many is not None:
        raise _too_many_rows(too_many, limit)


def _too_many_rows(number: int, limit: int) -> FileRefusedError:
    return FileRefusedError(
        "too_many_rows",
        f"The file has more than {limit:,} rows.",
        row=number,
        accepted="Split it into smaller files.",
    )


def check_header(cells: list[str]) -> tuple[str, ...]:
    """
    Return the header without empty columns at its end.

    Raises
    ------
    FileRefusedError
        If there are too many columns, or two have one name.
    """
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > MAX_COLUMNS:
        raise FileRefusedError(
            "too_many_columns", f"The file has {len(cells)} columns.", accepted=f"At most {MAX_COLUMNS} are accepted."
        )
    seen: dict[str, int] = {}
    for position, name in enumerate(cells, start=1):
        if name and name.casefold() in seen:
            raise FileRefusedError(
                "duplicate_header",
                f"Columns {seen[name.casefold()]} and {position} are both called “{shorten(name)}”.",
                row=1,
                column=name,
                accepted="Give each column its own name.",
            )
        seen[name.casefold()] = position
    return tuple(cells)


def make_row(number: int, cells: list[str], header: tuple[str, ...]) -> Row:
    """Return the row, fitted to the header, with what is wrong about its shape or its cells."""
    while len(cells) > len(header) and not cells[-1]:
        cells = cells[:-1]
    if len(cells) != len(header) and any(cells):
        return Row(
            number,
            tuple(cells),
            (
                Problem(
                    number,
                    "",
                    shorten(" | ".join(cells)),
                    "ragged_row",
                    f"This row has {len(cells)} cells, the header has {len(header)}.",
                    "Give every row as many cells as the header; put text that holds the separator in quotes.",
                ),
            ),
        )
    problems = []
    for index, cell in enumerate(cells):
        if cell.startswith("="):
            problems.append(
                Problem(number, header[index], shorten(cell), "formula", "Formulas are not read.", FORMULA_ADVICE)
            )
        elif len(cell) > MAX_CELL_CHARACTERS:
            problems.append(
                Problem(
                    number,
                    header[index],
                    shorten(cell),
                    "too_long",
                    f"This cell has {len(cell):,} characters.",
                    f"At most {MAX_CELL_CHARACTERS:,} are accepted.",
                )
            )
    return Row(number, tuple(_unguard(cell) for cell in cells), tuple(problems))


def _unguard(cell: str) -> str:
    """Return the cell without the apostrophe that exports put before what a spreadsheet would take for a formula."""
    # A text that begins with apostrophes itself got one more, or it could not be told from one that was guarded.
    return cell[1:] if cell.startswith("'") and cell.lstrip("'")[:1] in FORMULA_STARTS else cell
