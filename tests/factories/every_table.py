"""Rows in every table, made from the models alone, so that a table that is new is filled as well."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    Enum,
    LargeBinary,
    String,
    Table,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from webapp.db import Base, UTCDateTime

AT = dt.datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=dt.UTC)
_LATER = ("end", "until", "due", "latest", "expires")
# Columns of which a row may have only one.
_ONE_OF = {"role_grant": {"team_id"}}
# Columns whose limits no default tells.
_FITTING: dict[tuple[str, str], Any] = {("simulation", "seeds"): 20}


def fill_every_table(connection: Connection) -> None:
    """
    Insert two rows into each table.

    Of each table, the first row has nothing in it that may be empty, the second has everything; rows point to the row
    of the same number, and where rows point to their own table, the first points to the second.
    """
    for table in Base.metadata.sorted_tables:
        own = [key.parent.name for key in table.foreign_keys if key.column.table is table]
        for number in (1, 2):
            connection.execute(insert(table), _row(table, number, without=set(own)))
        if own and "id" in table.c:
            connection.execute(update(table).where(table.c.id == 1).values(dict.fromkeys(own, 2)))
        if "id" in table.c and connection.dialect.name == "postgresql":
            connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), 2)))


def _row(table: Table, number: int, *, without: set[str]) -> dict[str, Any]:
    left_out = without | _ONE_OF.get(table.name, set())
    row: dict[str, Any] = {}
    pointed: set[Table] = set()
    for column in table.columns:
        targets = {key.column.table for key in column.foreign_keys}
        if column.name not in left_out and not (number == 1 and column.nullable):
            # Two people of one row are two people; the rows point to each other's.
            row[column.name] = 3 - number if targets and targets <= pointed else _value(column, number)
        pointed |= targets
    return row


def _value(column: Column[Any], number: int) -> Any:
    if column.primary_key or column.foreign_keys:
        return number
    if (column.table.name, column.name) in _FITTING:
        return _FITTING[column.table.name, column.name]
    kind = column.type
    # A default lies within the limits of its column.
    default = column.default.arg if isinstance(column.default, ScalarElementColumnDefault) else None
    if isinstance(kind, Enum):
        members = list(kind.enum_class or kind.enums)
        return members[(number - 1) % len(members)]
    if default is not None and not isinstance(kind, Boolean | String):
        return default
    for types, value in _VALUES:
        if isinstance(kind, types):
            return value(column, number)
    return number


def _time(column: Column[Any], number: int) -> dt.datetime:
    return AT + dt.timedelta(days=number + (40 if any(word in column.name for word in _LATER) else 0))


def _text(column: Column[Any], number: int) -> str:
    return f"“{column.name}\n\\{number}"[-(getattr(column.type, "length", None) or 40) :]


_VALUES: tuple[tuple[type, Callable[[Column[Any], int], Any]], ...] = (
    (UTCDateTime, _time),
    (Date, lambda column, number: _time(column, number).date()),
    (JSON, lambda _column, number: {"b": [number, None, 0.1, "ß"], "a": {}}),
    (Boolean, lambda _column, number: bool(number % 2)),
    (LargeBinary, lambda _column, number: bytes(range(256)) * number),
    (Double, lambda _column, number: number / 3),
    (String, _text),
)
