"""What every kind of import that goes row by row has: columns, and the pass over the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from webapp.errors import InvalidInputError
from webapp.models import ImportKind
from webapp.services.access import Permission
from webapp.services.importing.columns import Column, check_mapping, suggest_mapping
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.problems import CellError, FileRefusedError
from webapp.services.importing.stores import ROWS_AT_ONCE, Store, chunks
from webapp.services.importing.table import MAX_ROWS, Row, Table

Progress = Callable[[int], None]

MOST_STAGED_ROWS = 1_000_000
"""Rows of a file that is written a part at a time; others are held back by what one transaction may take."""


class Kind:
    """
    One kind of import.

    A subclass declares its columns and saves parsed rows, some at a time; :meth:`finish` judges what only the whole
    file shows.  An instance serves one pass over one file.
    """

    name: ClassVar[ImportKind]
    title: ClassVar[str]
    about: ClassVar[str]
    permission: ClassVar[Permission]
    columns: ClassVar[tuple[Column, ...]]
    stores: ClassVar[tuple[Store, ...]]
    rows_at_once: ClassVar[int] = ROWS_AT_ONCE
    max_rows: ClassVar[int] = MAX_ROWS
    needs_site: ClassVar[bool] = False
    staged: ClassVar[bool] = False

    @classmethod
    def suggest(cls, header: Sequence[str], context_words: Sequence[str] = ()) -> dict[str, str]:  # noqa: ARG003
        """Return the likely mapping column → header of a file."""
        return suggest_mapping(cls.columns, header)

    @classmethod
    def check(cls, header: Sequence[str], mapping: dict[str, str]) -> None:
        """
        Refuse a mapping that cannot work.

        Raises
        ------
        FileRefusedError
            Naming the column.
        """
        check_mapping(cls.columns, header, mapping)

    def run(self, table: Table, context: Context, *, progress: Progress | None = None) -> int:
        """Go through the file once and return how many rows it has; problems and counts are left in the context."""
        count = 0
        for rows in chunks(table.rows(), self.rows_at_once):
            parsed = list(self.parse(rows, table, context))
            self.save(context, parsed)
            count += len(rows)
            if progress is not None:
                progress(count)
        if not count:
            raise FileRefusedError(
                "empty", "The file has a header but no rows.", accepted="At least one row is needed."
            )
        self.finish(context)
        return count

    def parse(self, rows: Sequence[Row], table: Table, context: Context) -> Iterator[ParsedRow]:
        """Yield the rows whose cells can all be read; each problem of the others is noted."""
        position = {name: index for index, name in enumerate(table.header)}
        places = [
            (column, position[context.mapping[column.name]], _remembering(column))
            for column in self.columns
            if column.name in context.mapping
        ]
        for row in rows:
            if row.problems:
                for problem in row.problems:
                    context.problems.add(problem)
                continue
            values: dict[str, Any] = {}
            sound = True
            for column, index, parse in places:
                cell = row.cells[index]
                if not cell:
                    values[column.name] = None
                    if column.required:
                        context.problem(
                            row.number, column.name, "", "required", "This cell is empty.", column.parser.accepts
                        )
                        sound = False
                    continue
                try:
                    values[column.name] = parse(cell)
                except CellError as problem:
                    accepted = problem.accepted or column.parser.accepts
                    context.problem(row.number, column.name, cell, problem.code, problem.message, accepted)
                    sound = False
            if sound:
                yield ParsedRow(row.number, values)

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Turn parsed rows into drafts and save them."""
        raise NotImplementedError

    def finish(self, context: Context) -> None:
        """Judge what only the whole file shows."""

    @classmethod
    def prepare_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        """
        Return the checked options of the kind.

        Raises
        ------
        InvalidInputError
            If there is an option that it does not have.
        """
        unknown = sorted(set(options) - {"encoding"})
        if unknown:
            raise InvalidInputError(f"{cls.name.value} has no option {', '.join(unknown)}.")
        return options


def _remembering(column: Column) -> Callable[[str], Any]:
    """Return the column's parser with a small memory: codes, dates and levels repeat from row to row."""
    return lru_cache(maxsize=4096)(column.parser.parse)


def merge(
    row: ParsedRow, present: dict[str, Any] | None, fields: dict[str, str], defaults: dict[str, Any]
) -> dict[str, Any]:
    """
    Return a snapshot of plain fields.

    A column that the file has sets its field, an empty cell to the default; a column that it lacks leaves the field
    as it is.

    Parameters
    ----------
    row
        The row.
    present
        The snapshot that is there.
    fields
        Column → field of the snapshot.
    defaults
        Field → its value where nothing is said.
    """
    after = dict(present) if present is not None else dict(defaults)
    for column, name in fields.items():
        if column in row.values:
            value = row.values[column]
            after[name] = defaults[name] if value is None else value
    return after
