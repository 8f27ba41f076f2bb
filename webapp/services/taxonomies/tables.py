"""Opening the tables of a release: CSV, tab-separated text as O*NET writes it, and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from webapp.services.importing.problems import FileRefusedError
from webapp.services.importing.workbook import read_workbook
from webapp.services.taxonomies.problems import Problems

_ZIP_SIGNATURE = b"PK\x03\x04"
_MAX_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its number, the header being row 1, and its cells by the name of their column."""

    file: str
    number: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """Return a cell without spaces around it; empty where the release has no such column."""
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A file as a header and rows of text."""

    name: str
    header: tuple[str, ...]
    raw: tuple[tuple[int, tuple[str, ...]], ...]

    def first(self) -> Line | None:
        """Return the first row, by which files with the same columns are told apart."""
        for number, cells in self.raw[:1]:
            return Line(self.name, number, dict(zip(self.header, cells, strict=False)))
        return None

    def lines(self, problems: Problems, *, short_rows: bool = False) -> Iterator[Line]:
        """
        Yield the rows that are not empty; a row that does not fit the header is a problem instead.

        Parameters
        ----------
        problems
            Takes what does not fit.
        short_rows
            Whether cells may be missing at the end, as in ESCO's table of the hierarchy.
        """
        width = len(self.header)
        for number, cells in self.raw:
            if len(cells) > width or (len(cells) < width and not short_rows):
                problems.add(
                    self.name,
                    f"It has {len(cells)} cells, the header has {width}. Look for a stray or missing separator.",
                    row=number,
                    column=self.header[min(len(cells), width) - 1],
                )
                continue
            yield Line(self.name, number, dict(zip(self.header, cells, strict=False)))


def open_table(name: str, content: bytes, problems: Problems) -> SourceTable | None:
    """Return the table in a file, or None with a problem noted; None without one for an empty file."""
    if content.startswith(_ZIP_SIGNATURE):
        return _open_workbook(name, content, problems)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        problems.add(name, "This is not UTF-8 text. Save the file as UTF-8.", row=row)
        return None
    if "\x00" in text:
        problems.add(name, "This is no text: it holds NUL bytes.")
        return None
    return _build(name, _records(name, text, problems), problems)


def _open_workbook(name: str, content: bytes, problems: Problems) -> SourceTable | None:
    try:
        table = read_workbook(lambda: io.BytesIO(content), size=len(content), max_rows=_MAX_ROWS)
        rows = [(row.number, row.cells) for row in table.rows()]
    except FileRefusedError as error:
        problems.add(name, str(error), row=error.problem.row, column=error.problem.column)
        return None
    return SourceTable(name, table.header, tuple(rows))


def _records(name: str, text: str, problems: Problems) -> list[tuple[int, list[str]]]:
    """Return the rows that hold anything, numbered; what comes after a broken quote is not read."""
    first = text.lstrip("\r\n").partition("\n")[0]
    if first.count("\t") > first.count(","):
        # O*NET's text files quote nothing, and their texts may begin with a quotation mark.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        delimiter = ";" if first.count(";") > first.count(",") else ","
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            stripped = [_clean(cell) for cell in cells]
            if any(stripped):
                records.append((number, stripped))
    except csv.Error as error:
        problems.add(name, f"Its quotes are broken ({error}). Write a quote inside a cell twice.", row=number + 1)
    return records


def _clean(cell: str) -> str:
    return cell.replace("\xa0", " ").replace("\r\n", "\n").strip()


def _build(name: str, records: list[tuple[int, list[str]]], problems: Problems) -> SourceTable | None:
    if not records:
        return None
    header = tuple(records[0][1])
    named = [column for column in header if column]
    twice = next((column for column in named if named.count(column) > 1), "")
    if twice:
        problems.add(name, "The header names this column twice.", row=records[0][0], column=twice)
        return None
    return SourceTable(name, header, tuple((number, tuple(cells)) for number, cells in records[1:]))
