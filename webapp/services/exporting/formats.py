"""Writing rows as CSV, XLSX or JSON, a row at a time, so that they are read back as they were."""

from __future__ import annotations

import csv
import enum
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from webapp.errors import InvalidInputError
from webapp.services.importing.table import FORMULA_STARTS

Value = str | int | float | bool | None
Row = Mapping[str, Value]

MAX_SHEET_ROWS = 1_048_576
"""Rows of a sheet, as spreadsheet programs have them."""

# What XML cannot hold or changes, and what would be read as such an escape itself.
_TO_ESCAPE = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


class Format(enum.StrEnum):
    """How a file is written."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """Its name on the web."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    Format.CSV: "text/csv",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.JSON: "application/json",
}


def write(form: Format, target: BinaryIO, header: Sequence[str], rows: Iterable[Row]) -> int:
    """
    Write rows to a file that is open for writing, and return how many there were.

    Raises
    ------
    InvalidInputError
        If a sheet cannot hold that many rows.
    """
    counted = _Counted(rows)
    match form:
        case Format.CSV:
            _write_csv(target, header, counted)
        case Format.XLSX:
            _write_xlsx(target, header, counted)
        case Format.JSON:
            _write_json(target, header, counted)
    return counted.count


class _Counted:
    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


def to_text(value: Value) -> str:
    """Return a value as a cell of text; what a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # The shortest decimal that is read back as the same number, never with an exponent.
        return format(Decimal(repr(value)), "f")
    if isinstance(value, int):
        return str(value)
    return "'" + value if value.lstrip("'")[:1] in FORMULA_STARTS else value


def _write_csv(target: BinaryIO, header: Sequence[str], rows: Iterable[Row]) -> None:
    # The byte-order mark lets spreadsheets read names right.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(header)
    for row in rows:
        writer.writerow([to_text(row[name]) for name in header])
    text.flush()
    text.detach()


def _write_xlsx(target: BinaryIO, header: Sequence[str], rows: Iterable[Row]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Export")
    sheet.freeze_panes = "A2"
    sheet.append(list(header))
    for number, row in enumerate(rows, start=2):
        if number > MAX_SHEET_ROWS:
            raise InvalidInputError("A spreadsheet cannot hold that many rows. Export CSV or JSON instead.")
        cells = []
        for name in header:
            cell = WriteOnlyCell(sheet, value=_TO_ESCAPE.sub(_escape, to_text(row[name])))
            # Text whatever it looks like: a code such as 007 keeps its zeros, and #N/A is a word.
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    book.save(target)


def _escape(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def _write_json(target: BinaryIO, header: Sequence[str], rows: Iterable[Row]) -> None:
    opening = b"[\n"
    for row in rows:
        line = json.dumps({name: row[name] for name in header}, ensure_ascii=False)
        target.write(opening + line.encode())
        opening = b",\n"
    target.write(b"[]\n" if opening == b"[\n" else b"\n]\n")
