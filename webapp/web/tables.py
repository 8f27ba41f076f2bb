"""Tables as people use them: paging and filters from the URL, and the CSV of what is shown."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask import Flask, Response, request

# A spreadsheet runs a cell that begins so as a formula; a leading apostrophe makes it text.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def guard_cell(value: object) -> object:
    """Return a cell value that no spreadsheet takes for a formula; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return "'" + value
    return value


def csv_response(file_name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Return rows as a CSV download: UTF-8 with a byte-order mark, so that spreadsheets read names right."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    # A header may hold people's names and skills' codes as well.
    writer.writerow([guard_cell(name) for name in header])
    for row in rows:
        writer.writerow([guard_cell("" if value is None else value) for value in row])
    # Numbers and codes come from other systems: a quotation mark, a line break or a letter beyond Latin-1 would break
    # the header that carries the name.
    file_name = re.sub(r"[^A-Za-z0-9._-]+", "-", file_name)
    return Response(
        "﻿" + buffer.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column of a table.

    Parameters
    ----------
    label
        Its heading.
    numeric
        Whether it holds numbers, which stand at the right.
    sort
        Name under which the address sorts by it, empty if it cannot.
    hidden
        Whether it is left out until somebody asks for it.
    fixed
        Whether it cannot be left out.
    quiet
        Whether only screen readers hear the heading, as over a column of buttons.
    """

    label: str
    numeric: bool = False
    sort: str = ""
    hidden: bool = False
    fixed: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A slice of a list: ``number`` counts from 1."""

    number: int
    size: int
    total: int

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size

    @property
    def count(self) -> int:
        """How many pages there are, at least 1."""
        return max(1, -(-self.total // self.size))


def page_from_request(total: int, *, size: int = 50) -> Page:
    """Return the page that the URL asks for, kept within what exists."""
    number = request.args.get("page", 1, type=int)
    page = Page(number=1, size=size, total=total)
    return Page(number=min(max(1, number), page.count), size=size, total=total)


def install(app: Flask) -> None:
    """Give the table macros their columns."""
    app.jinja_env.globals["table_column"] = Column
