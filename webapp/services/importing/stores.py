"""
Stores: database rows as plain snapshots, read and written in bulk.

A snapshot is a row's values as JSON types, its parts (breaks of a shift, requirements of a type) included.  Whether a
row is unchanged, was edited since an import, or can be taken back are all questions about equal snapshots.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Date, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.db import Base, UTCDateTime

Snapshot = dict[str, Any]
Key = tuple[Any, ...]
Item = TypeVar("Item")

ROWS_AT_ONCE = 2_000


def chunks(items: Iterable[Item], size: int = ROWS_AT_ONCE) -> Iterator[list[Item]]:
    """Yield lists of up to ``size`` items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def to_json(value: Any) -> Any:
    """Return a column's value as a JSON type."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    return value


def _reader(model: type[Base], name: str) -> Callable[[Any], Any]:
    """Return the function from the JSON value of a column to the value that the model takes."""
    kind = getattr(model, name).type
    convert: Callable[[Any], Any]
    if isinstance(kind, UTCDateTime):
        convert = dt.datetime.fromisoformat
    elif isinstance(kind, Date):
        convert = dt.date.fromisoformat
    elif getattr(kind, "enum_class", None) is not None:
        convert = kind.enum_class
    else:
        return lambda value: value
    return lambda value: None if value is None else convert(value)


@cache
def _readers(model: type[Base], names: tuple[str, ...]) -> dict[str, Callable[[Any], Any]]:
    # To look a column's type up for each value takes longer than everything else of an import.
    return {name: _reader(model, name) for name in names}


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong to one other row and live and die with it; ``parent`` is the column that says to which."""

    name: str
    model: type[Base]
    parent: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A row that is there: its key in the database and its snapshot."""

    id: int
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Store:
    """
    One table that imports write.

    Parameters
    ----------
    model
        Its mapped class.
    key
        The columns that identify a row outside the database.
    fields
        The columns that an import may set; key columns are among them.
    parts
        Rows that belong to a row.
    retire
        Values that take a row out of use where history forbids to delete it; ``None`` stands for the moment of the
        undo.
    """

    model: type[Base]
    key: tuple[str, ...]
    fields: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    retire: Snapshot = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the table."""
        return str(self.model.__tablename__)

    def _having(self, keys: Sequence[Key]) -> ColumnElement[bool]:
        columns = [self._column(name) for name in self.key]
        return columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)

    def _ids(self, session: Session, keys: Collection[Key]) -> dict[Key, int]:
        columns = [self._column(name) for name in self.key]
        found: dict[Key, int] = {}
        for some in chunks(keys):
            for row_id, *key in session.execute(select(self._column("id"), *columns).where(self._having(some))):
                found[tuple(key)] = row_id
        return found

    def find(self, session: Session, keys: Collection[Key]) -> dict[Key, Found]:
        """Return the rows that have one of the keys."""
        readers = _readers(self.model, self.key)
        found: dict[Key, Found] = {}
        for some in chunks(keys):
            for row_id, snapshot in self._load(session, self._having(some)).items():
                key = tuple(read(snapshot[name]) for name, read in readers.items())
                found[key] = Found(row_id, snapshot)
        return found

    def snapshots(self, session: Session, ids: Collection[int]) -> dict[int, Snapshot]:
        """Return the snapshots of rows by database key; rows that are gone are left out."""
        found: dict[int, Snapshot] = {}
        for some in chunks(ids):
            found.update(self._load(session, self._column("id").in_(some)))
        return found

    def _load(self, session: Session, condition: Any) -> dict[int, Snapshot]:
        columns = [self._column(name) for name in self.fields]
        rows = session.execute(select(self._column("id"), *columns).where(condition))
        found: dict[int, Snapshot] = {
            row_id: dict(zip(self.fields, map(to_json, values), strict=True)) for row_id, *values in rows
        }
        for part in self.parts:
            for snapshot in found.values():
                snapshot[part.name] = []
            attributes = [getattr(part.model, name) for name in part.fields]
            parent = getattr(part.model, part.parent)
            for some in chunks(found):
                for row_id, *values in session.execute(select(parent, *attributes).where(parent.in_(some))):
                    found[row_id][part.name].append(dict(zip(part.fields, map(to_json, values), strict=True)))
            for snapshot in found.values():
                snapshot[part.name] = sort_parts(snapshot[part.name])
        return found

    def insert(self, session: Session, snapshots: Sequence[Snapshot]) -> list[int]:
        """Write new rows with their parts and return their database keys, in order."""
        if not snapshots:
            return []
        rows = [self._values(snapshot) for snapshot in snapshots]
        # Keys are read back by the identifying columns: an ordered RETURNING would make SQLite insert row by row.
        session.execute(insert(self.model), rows)
        found = self._ids(session, [tuple(row[name] for name in self.key) for row in rows])
        ids = [found[tuple(row[name] for name in self.key)] for row in rows]
        for part in self.parts:
            self._insert_parts(session, part, zip(ids, snapshots, strict=True))
        return ids

    def update(self, session: Session, snapshots: Sequence[tuple[int, Snapshot]]) -> None:
        """Write values and parts of rows that are there."""
        if not snapshots:
            return
        table = self.model.__table__
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in self.fields}
        if "version" in table.c:
            values["version"] = table.c.version + 1
        statement = update(table).where(table.c.id == bindparam("row_id")).values(values)  # type: ignore[arg-type]
        rows = [
            {"row_id": row_id, **{f"new_{name}": value for name, value in self._values(snapshot).items()}}
            for row_id, snapshot in snapshots
        ]
        session.connection().execute(statement, rows)
        for part in self.parts:
            parent = getattr(part.model, part.parent)
            for some in chunks(row_id for row_id, _ in snapshots):
                session.execute(delete(part.model).where(parent.in_(some)), execution_options=_NO_SYNC)
            self._insert_parts(session, part, snapshots)
        self._expire(session, {row_id for row_id, _ in snapshots})

    def delete(self, session: Session, ids: Collection[int]) -> None:
        """Delete rows with their parts."""
        for some in chunks(ids):
            for part in self.parts:
                parent = getattr(part.model, part.parent)
                session.execute(delete(part.model).where(parent.in_(some)), execution_options=_NO_SYNC)
            session.execute(delete(self.model).where(self._column("id").in_(some)), execution_options=_NO_SYNC)
        self._expire(session, set(ids))

    def _column(self, name: str) -> InstrumentedAttribute[Any]:
        return getattr(self.model, name)  # type: ignore[no-any-return]

    def _values(self, snapshot: Snapshot) -> dict[str, Any]:
        return {name: read(snapshot[name]) for name, read in _readers(self.model, self.fields).items()}

    @staticmethod
    def _insert_parts(session: Session, part: Part, rows: Iterable[tuple[int, Snapshot]]) -> None:
        readers = _readers(part.model, part.fields)
        values = [
            {part.parent: row_id, **{name: read(line[name]) for name, read in readers.items()}}
            for row_id, snapshot in rows
            for line in snapshot[part.name]
        ]
        for some in chunks(values):
            session.execute(insert(part.model), some)

    def _expire(self, session: Session, ids: set[int]) -> None:
        # The statements above go past the session's objects; whoever holds one must read it anew.
        for instance in session.identity_map.values():
            if isinstance(instance, self.model) and instance.id in ids:  # type: ignore[attr-defined]
                session.expire(instance)


_NO_SYNC = {"synchronize_session": False}


def sort_parts(parts: Iterable[Snapshot]) -> list[Snapshot]:
    """Return parts in an order of their own, so that equal parts are equal lists."""
    return sorted(parts, key=lambda part: json.dumps(part, sort_keys=True))
