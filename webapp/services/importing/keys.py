"""Which row had a key first: remembered in memory while there are few, in a temporary file beyond."""

from __future__ import annotations

import sqlite3
from typing import Any

IN_MEMORY = 20_000
"""Keys kept in memory: a few megabytes. A file with more of them must not take more memory."""


class FirstRows:
    """The first row of each key of one file."""

    def __init__(self) -> None:
        self._rows: dict[Any, int] = {}
        self._file: sqlite3.Connection | None = None

    def first_row(self, key: tuple[Any, ...], row: int) -> int:
        """Return the row that had a key first, which is ``row`` if none had."""
        if self._file is None:
            first = self._rows.setdefault(key, row)
            if len(self._rows) > IN_MEMORY:
                self._move()
            return first
        return self._first_on_disk(self._file, repr(key), row)

    def peek(self, key: tuple[Any, ...]) -> int | None:
        """Return the row that had a key first, or None if none had."""
        if self._file is None:
            return self._rows.get(key)
        found = self._file.execute("SELECT number FROM first_row WHERE name = ?", (repr(key),)).fetchone()
        return int(found[0]) if found else None

    @staticmethod
    def _first_on_disk(file: sqlite3.Connection, key: str, row: int) -> int:
        added = file.execute("INSERT OR IGNORE INTO first_row VALUES (?, ?)", (key, row)).rowcount
        if added:
            return row
        return int(file.execute("SELECT number FROM first_row WHERE name = ?", (key,)).fetchone()[0])

    def _move(self) -> None:
        # An empty name stands for a file of its own that nobody else sees and that is gone when it is closed.
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("CREATE TABLE first_row (name TEXT PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        self._file.execute("BEGIN")
        rows = ((repr(key), number) for key, number in self._rows.items())
        self._file.executemany("INSERT INTO first_row VALUES (?, ?)", rows)
        self._rows = {}

    def close(self) -> None:
        """Forget all keys."""
        if self._file is not None:
            self._file.close()
        self._rows, self._file = {}, None
