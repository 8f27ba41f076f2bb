"""
Reading JSON: an array of objects becomes a table, one object a row, one key a column.

The array is read an object at a time, so that a long file takes no more memory than a short one.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from webapp.services.importing.content import Opener
from webapp.services.importing.problems import FileRefusedError, Problem, shorten
from webapp.services.importing.table import MAX_CELL_CHARACTERS, MAX_COLUMNS, Row, Table, check_header

_ARRAY_OF_OBJECTS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*[{\]]")
_SPACE = " \t\r\n"
_CHARACTERS_AT_ONCE = 256 * 1024
_LONGEST_OBJECT = 4 * 1024 * 1024
_ACCEPTED = 'An array of objects with plain values: [{"external_id": "p1001", "name": "Ana Duarte"}].'

_Members = tuple[tuple[str, Any], ...]


def looks_like_json(head: bytes) -> bool:
    """Return whether a file begins as an array of objects does."""
    return _ARRAY_OF_OBJECTS.match(head) is not None


def read_json(opener: Opener, *, max_rows: int) -> Table:
    """
    Return the table in an array of objects.

    Its columns are the keys in the order in which they first occur; an object that lacks a key has an empty cell.

    Raises
    ------
    FileRefusedError
        If it is no JSON, not an array of objects, or has too many rows or keys.
    """
    names: dict[str, None] = {}
    for number, members in enumerate(_objects(opener), start=1):
        if number > max_rows:
            raise FileRefusedError(
                "too_many_rows",
                f"The file has more than {max_rows:,} rows.",
                row=number,
                accepted="Split it into smaller files.",
            )
        for name, _ in members:
            names[name] = None
        if len(names) > MAX_COLUMNS:
            break
    if not names:
        raise FileRefusedError("empty", "The file is empty.", accepted="At least one object is needed.")
    header = check_header(list(names))

    def rows() -> Iterator[Row]:
        for number, members in enumerate(_objects(opener), start=1):
            yield _row(number, members, header)

    return Table(header, rows, max_rows)


def _objects(opener: Opener) -> Iterator[_Members]:
    # Numbers stay as they are written: 0.1 shall not become another number on its way.
    decoder = json.JSONDecoder(
        object_pairs_hook=tuple, parse_float=_decimal, parse_int=str, parse_constant=_refuse_constant
    )
    with opener() as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        scanner = _Scanner(text)
        scanner.expect("[", number=1)
        number, closed = 1, scanner.skip("]")
        while not closed:
            yield scanner.next_object(decoder, number)
            closed = scanner.skip("]")
            if not closed:
                scanner.expect(",", number=number)
            number += 1
        if not scanner.at_end():
            raise _broken(number, "something follows the array")


class _Scanner:
    """The part of the text that is looked at."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._buffer = ""
        self._position = 0

    def _read(self) -> bool:
        more = self._text.read(_CHARACTERS_AT_ONCE)
        self._buffer, self._position = self._buffer[self._position :] + more, 0
        return bool(more)

    def _peek(self) -> str:
        """Return the next character that is no space, or nothing at the end."""
        while True:
            while self._position < len(self._buffer):
                if self._buffer[self._position] not in _SPACE:
                    return self._buffer[self._position]
                self._position += 1
            if not self._read():
                return ""

    def skip(self, character: str) -> bool:
        """Step over a character if it comes next, and return whether it did."""
        if self._peek() != character:
            return False
        self._position += 1
        return True

    def expect(self, character: str, *, number: int) -> None:
        if not self.skip(character):
            raise _broken(number, f"“{character}” is missing")

    def at_end(self) -> bool:
        return not self._peek()

    def next_object(self, decoder: json.JSONDecoder, number: int) -> _Members:
        if self._peek() != "{":
            raise _broken(number, "an object should stand here")
        while True:
            try:
                found, self._position = decoder.raw_decode(self._buffer, self._position)
            except json.JSONDecodeError as error:
                # What breaks off may go on in the part that was not read yet.
                if len(self._buffer) - self._position > _LONGEST_OBJECT or not self._read():
                    raise _broken(number, error.msg.lower()) from None
            except RecursionError:
                raise _broken(number, "it nests too deep") from None
            else:
                return found  # type: ignore[no-any-return]


def _decimal(written: str) -> str:
    return format(Decimal(written), "f") if len(written) < MAX_CELL_CHARACTERS else written


def _refuse_constant(name: str) -> str:
    raise FileRefusedError("not_json", f"{name} is not a value of JSON.", accepted=_ACCEPTED)


def _broken(number: int, reason: str) -> FileRefusedError:
    return FileRefusedError(
        "not_json", f"Object {number} cannot be read as JSON: {reason}.", row=number, accepted=_ACCEPTED
    )


def _row(number: int, members: _Members, header: tuple[str, ...]) -> Row:
    values = dict(members)
    problems = []
    if len(values) < len(members):
        problems.append(
            Problem(number, "", "", "duplicate_header", "A key stands twice in this object.", "Each key once.")
        )
    cells = []
    for name in header:
        value = values.get(name)
        if isinstance(value, list | tuple):
            problems.append(
                Problem(
                    number,
                    name,
                    shorten(str(value)),
                    "not_plain",
                    "A list or an object is not read here.",
                    "Plain text.",
                )
            )
            value = None
        cell = _cell(value)
        if len(cell) > MAX_CELL_CHARACTERS:
            problems.append(
                Problem(
                    number,
                    name,
                    shorten(cell),
                    "too_long",
                    f"This cell has {len(cell):,} characters.",
                    f"At most {MAX_CELL_CHARACTERS:,} are accepted.",
                )
            )
        cells.append(cell)
    return Row(number, tuple(cells), tuple(problems))


def _cell(value: str | bool | None) -> str:  # noqa: FBT001 - true and false are values of JSON
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.strip()
