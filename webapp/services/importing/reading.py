"""
Reading tables: CSV and XLSX become a header and rows of text, each row numbered as a spreadsheet shows it.

Sizes are checked before anything is parsed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from webapp.services.importing.problems import FileRefusedError
from webapp.services.importing.table import MAX_ROWS, Row, Table, check_header, check_row_count, make_row
from webapp.services.importing.workbook import read_workbook

MAX_FILE_BYTES = 64 * 1024 * 1024

ENCODINGS = ("utf-8", "latin-1", "cp1252", "cp1255", "iso8859-8")
"""Encodings that a file may declare; without a declaration it must be UTF-8."""

_DELIMITERS = (",", ";", "\t")
_OLE_SIGNATURE = b"\xd0\xcf\x11\xe0"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_table(content: bytes, *, encoding: str | None = None) -> Table:
    """
    Return the table in a CSV or XLSX file.

    Parameters
    ----------
    content
        The file. What it is shows in its first bytes; its name does not matter.
    encoding
        One of :data:`ENCODINGS` for a CSV file that is not UTF-8.

    Raises
    ------
    FileRefusedError
        If it is neither, too large, empty, or its header is unusable.
    """
    if len(content) > MAX_FILE_BYTES:
        raise FileRefusedError(
            "too_large",
            f"The file has {len(content) / 1024 / 1024:.0f} MiB.",
            accepted=f"At most {MAX_FILE_BYTES // 1024 // 1024} MiB are accepted.",
        )
    if not content.strip(b"\r\n\t ,;\x00"):
        raise FileRefusedError("empty", "The file is empty.", accepted="A header row and at least one row are needed.")
    if content.startswith(b"PK\x03\x04"):
        return read_workbook(content)
    if content.startswith(_OLE_SIGNATURE):
        raise FileRefusedError(
            "old_excel", "This is an old Excel file (XLS) or a protected one.", accepted="Save it as XLSX or CSV."
        )
    return _read_csv(_decode(content, encoding))


def _decode(content: bytes, encoding: str | None) -> str:
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise FileRefusedError(
            "encoding", f"The encoding {encoding} is not known.", accepted=f"Use one of {', '.join(ENCODINGS)}."
        )
    if content.startswith(_UTF16_MARKS):
        raise FileRefusedError("encoding", "The file is UTF-16.", accepted="Save it as “CSV UTF-8”.")
    try:
        text = content.decode("utf-8-sig" if encoding in {None, "utf-8"} else encoding.lower())
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise FileRefusedError(
            "encoding",
            f"Row {row} holds the byte 0x{content[error.start]:02X}, which is not UTF-8; the file is probably Latin-1.",
            row=row,
            accepted="Save it as “CSV UTF-8”, or declare its encoding (latin-1, cp1252 …).",
        ) from None
    if "\x00" in text:
        raise FileRefusedError("binary", "The file holds NUL bytes.", accepted="CSV or XLSX is accepted.")
    return text


def _read_csv(text: str) -> Table:
    delimiter = _sniff_delimiter(text)

    def records() -> Iterator[tuple[int, list[str]]]:
        # strict: a quote in the wrong place is refused instead of shifting every column after it.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        number = 0
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise FileRefusedError(
                    "broken_quotes",
                    f"Row {number} cannot be read: its quotes are broken ({error}).",
                    row=number,
                    accepted="Write a quote inside a quoted cell twice, and close each quoted cell.",
                ) from None
            yield number, [cell.strip() for cell in cells]

    first = next(((number, cells) for number, cells in records() if any(cells)), None)
    if first is None:
        raise FileRefusedError("empty", "The file is empty.", accepted="A header row and at least one row are needed.")
    header_row, cells = first
    header = check_header(cells)
    if text.count("\n") > MAX_ROWS:
        # Refused before the first row is written, not after minutes of work that is then rolled back.
        check_row_count(number for number, cells in records() if number > header_row and any(cells))

    def rows() -> Iterator[Row]:
        for number, cells in records():
            if number > header_row:
                yield make_row(number, cells, header)

    return Table(header, rows)


def _sniff_delimiter(text: str) -> str:
    """Return the delimiter that the first line uses most, outside quotes."""
    line = text.lstrip("\r\n").partition("\n")[0]
    outside = "".join(part for index, part in enumerate(line.split('"')) if index % 2 == 0)
    return max(_DELIMITERS, key=outside.count)
