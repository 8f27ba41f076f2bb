"""
Reading tables: CSV, XLSX and JSON become a header and rows of text, each row numbered as a spreadsheet shows it.

Sizes are checked before anything is parsed, and no reader holds more of a file in memory than it looks at.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from functools import partial

from webapp.services.importing.content import Content, Opener, open_content, size_of
from webapp.services.importing.documents import looks_like_json, read_json
from webapp.services.importing.problems import FileRefusedError
from webapp.services.importing.table import MAX_ROWS, Row, Table, check_header, check_row_count, make_row
from webapp.services.importing.workbook import read_workbook

MAX_FILE_BYTES = 64 * 1024 * 1024

ENCODINGS = ("utf-8", "latin-1", "cp1252", "cp1255", "iso8859-8")
"""Encodings that a file may declare; without a declaration it must be UTF-8."""

_DELIMITERS = (",", ";", "\t")
_OLE_SIGNATURE = b"\xd0\xcf\x11\xe0"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_BYTES_AT_ONCE = 256 * 1024


def read_table(content: Content, *, encoding: str | None = None, max_rows: int = MAX_ROWS) -> Table:
    """
    Return the table in a CSV, XLSX or JSON file.

    Parameters
    ----------
    content
        The file. What it is shows in its first bytes; its name does not matter.
    encoding
        One of :data:`ENCODINGS` for a CSV file that is not UTF-8.
    max_rows
        How many rows are accepted.

    Raises
    ------
    FileRefusedError
        If it is none of them, too large, empty, or its header is unusable.
    """
    size = size_of(content)
    if size > MAX_FILE_BYTES:
        raise FileRefusedError(
            "too_large",
            f"The file has {size / 1024 / 1024:.0f} MiB.",
            accepted=f"At most {MAX_FILE_BYTES // 1024 // 1024} MiB are accepted.",
        )
    opener = partial(open_content, content)
    with opener() as file:
        head = file.read(_BYTES_AT_ONCE)
    if _is_empty(opener):
        raise FileRefusedError("empty", "The file is empty.", accepted="A header row and at least one row are needed.")
    if head.startswith(b"PK\x03\x04"):
        return read_workbook(opener, size=size, max_rows=max_rows)
    if head.startswith(_OLE_SIGNATURE):
        raise FileRefusedError(
            "old_excel", "This is an old Excel file (XLS) or a protected one.", accepted="Save it as XLSX or CSV."
        )
    codec, lines = _check_text(opener, encoding)
    if looks_like_json(head):
        return read_json(opener, max_rows=max_rows)
    return _read_csv(opener, codec, delimiter=_sniff_delimiter(head, codec), lines=lines, max_rows=max_rows)


def _is_empty(opener: Opener) -> bool:
    with opener() as file:
        return not any(part.strip(b"\r\n\t ,;\x00") for part in iter(partial(file.read, _BYTES_AT_ONCE), b""))


def _check_text(opener: Opener, encoding: str | None) -> tuple[str, int]:
    """Return the codec of a text file and how many line ends it has, once all of it was seen to be readable."""
    if encoding is not None and encoding.lower() not in ENCODINGS:
        raise FileRefusedError(
            "encoding", f"The encoding {encoding} is not known.", accepted=f"Use one of {', '.join(ENCODINGS)}."
        )
    codec = "utf-8-sig" if encoding in {None, "utf-8"} else encoding.lower()
    decoder = codecs.getincrementaldecoder(codec)()
    lines = 0
    with opener() as file:
        part = file.read(_BYTES_AT_ONCE)
        if part.startswith(_UTF16_MARKS):
            raise FileRefusedError("encoding", "The file is UTF-16.", accepted="Save it as “CSV UTF-8”.")
        while True:
            try:
                text = decoder.decode(part, final=not part)
            except UnicodeDecodeError as error:
                row = lines + error.object.count(b"\n", 0, error.start) + 1
                raise FileRefusedError(
                    "encoding",
                    f"Row {row} holds the byte 0x{error.object[error.start]:02X}, which is not UTF-8; "
                    "the file is probably Latin-1.",
                    row=row,
                    accepted="Save it as “CSV UTF-8”, or declare its encoding (latin-1, cp1252 …).",
                ) from None
            if "\x00" in text:
                raise FileRefusedError("binary", "The file holds NUL bytes.", accepted="CSV, XLSX or JSON is accepted.")
            lines += part.count(b"\n")
            if not part:
                return codec, lines
            part = file.read(_BYTES_AT_ONCE)


def _read_csv(opener: Opener, codec: str, *, delimiter: str, lines: int, max_rows: int) -> Table:
    def records() -> Iterator[tuple[int, list[str]]]:
        number = 0
        with opener() as file, io.TextIOWrapper(file, encoding=codec, newline="") as text:
            # strict: a quote in the wrong place is refused instead of shifting every column after it.
            reader = csv.reader(text, delimiter=delimiter, strict=True)
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
    if lines > max_rows:
        # Refused before the first row is written, not after minutes of work that is then rolled back.
        check_row_count((number for number, cells in records() if number > header_row and any(cells)), limit=max_rows)

    def rows() -> Iterator[Row]:
        for number, cells in records():
            if number > header_row:
                yield make_row(number, cells, header)

    return Table(header, rows, max_rows)


def _sniff_delimiter(head: bytes, codec: str) -> str:
    """Return the delimiter that the first line uses most, outside quotes."""
    line = head.decode(codec, errors="ignore").lstrip("\r\n").partition("\n")[0]
    outside = "".join(part for index, part in enumerate(line.split('"')) if index % 2 == 0)
    return max(_DELIMITERS, key=outside.count)
