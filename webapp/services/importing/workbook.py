"""Reading XLSX files row by row, after checks that keep a small file from growing to gigabytes in memory."""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import openpyxl

from webapp.services.importing.content import Opener
from webapp.services.importing.problems import FileRefusedError, Problem
from webapp.services.importing.table import FORMULA_ADVICE, MAX_COLUMNS, Row, Table, check_header, make_row

MAX_UNPACKED_BYTES = 192 * 1024 * 1024
MAX_SHARED_STRINGS_BYTES = 48 * 1024 * 1024
MAX_RATIO = 60
"""Unpacked ÷ packed bytes of one part; spreadsheets of real data stay near 10, bombs are at 500 and more."""

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_RATIO_FROM_BYTES = 4 * 1024 * 1024
_MAX_PARTS = 500


def read_workbook(opener: Opener, *, size: int, max_rows: int) -> Table:
    """
    Return the table in the first sheet.

    Raises
    ------
    FileRefusedError
        If it is no workbook, would unpack to more than the limits, or its first sheet has no header.
    """
    _check_archive(opener, size)
    first = next((cells for cells in _raw_rows(opener) if any(cell[0] for cell in cells[1])), None)
    if first is None:
        raise FileRefusedError("empty", "The first sheet is empty.", accepted="A header row and a row are needed.")
    header_row, header_cells = first
    header = check_header([text for text, _ in header_cells])

    def rows() -> Iterator[Row]:
        for number, cells in _raw_rows(opener):
            if number <= header_row:
                continue
            texts = [text for text, _ in cells]
            texts += [""] * (len(header) - len(texts))
            row = make_row(number, texts, header)
            refused = tuple(
                _problem(number, header[index], text, kind)
                for index, (text, kind) in enumerate(cells)
                if kind in {"f", "e"} and index < len(header)
            )
            yield Row(number, row.cells, refused or row.problems)

    return Table(header, rows, max_rows)


def _check_archive(opener: Opener, size: int) -> None:
    try:
        with opener() as file, zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise FileRefusedError(
            "not_a_workbook", "The file begins like an XLSX file but cannot be opened.", accepted="Save it again."
        ) from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
        raise FileRefusedError(
            "not_a_workbook", "The file is an archive, but no XLSX workbook.", accepted="CSV or XLSX."
        )
    unpacked = sum(part.file_size for part in parts)
    swollen = any(
        part.file_size > _RATIO_FROM_BYTES and part.file_size > MAX_RATIO * max(1, part.compress_size) for part in parts
    )
    strings = sum(part.file_size for part in parts if part.filename.endswith("sharedStrings.xml"))
    if swollen or unpacked > MAX_UNPACKED_BYTES or strings > MAX_SHARED_STRINGS_BYTES or len(parts) > _MAX_PARTS:
        raise FileRefusedError(
            "unpacks_too_large",
            f"The workbook has {size / 1024:.0f} KiB but would unpack to {unpacked / 1024 / 1024:.0f} MiB.",
            accepted=f"At most {MAX_UNPACKED_BYTES // 1024 // 1024} MiB and {MAX_RATIO} times its size are accepted; "
            "save the sheet as CSV.",
        )


def _raw_rows(opener: Opener) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Yield row numbers with cells as (text, data type of the cell)."""
    try:
        with opener() as file:
            with warnings.catch_warnings():
                # openpyxl warns of styles and extensions that it leaves out; values are all that is read here.
                warnings.simplefilter("ignore")
                book = openpyxl.load_workbook(file, read_only=True, keep_links=False)
            try:
                sheet = book.worksheets[0]
                # A sheet may lie about its size; one more column than allowed is enough to notice.
                for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS + 1), start=1):
                    texts = [(_text(cell.value), str(cell.data_type)) for cell in cells]
                    while texts and not texts[-1][0]:
                        texts.pop()
                    yield number, texts
            finally:
                book.close()
    except FileRefusedError:
        raise
    except Exception as error:
        # openpyxl raises whatever its parsers raise: KeyError, XML errors, ValueError …
        raise FileRefusedError(
            "not_a_workbook",
            f"The workbook cannot be read ({type(error).__name__}).",
            accepted="Open it in a spreadsheet program and save it again, or save the sheet as CSV.",
        ) from error


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    # Characters that XML cannot hold are written so by every spreadsheet program: a carriage return as _x000D_.
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value)).strip()


def _problem(number: int, column: str, text: str, kind: str) -> Problem:
    if kind == "f":
        return Problem(number, column, text, "formula", "Formulas are not read.", FORMULA_ADVICE)
    return Problem(
        number, column, text, "error_value", "The cell holds a spreadsheet error.", "Write the value itself."
    )
