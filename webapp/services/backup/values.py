"""
How a column's values stand in an archive: plain JSON, the same for every database.

A time is written in UTC, bytes in base64: the same content then has the same bytes, and
the same hash, whichever database it was read from.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Double, Enum, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeEngine

from webapp.db import UTCDateTime


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of value.

    Parameters
    ----------
    type_
        The column type with which values are written to a database.
    accepts
        The Python type of a value as JSON holds it.
    pack, unpack
        From a value to its JSON form and back; None is never handed over.
    """

    type_: TypeEngine[Any]
    accepts: type | tuple[type, ...]
    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _pack_text(value: Any) -> str:
    return str(value.value) if isinstance(value, enum.Enum) else str(value)


def _pack_time(value: dt.datetime) -> str:
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds")


def _pack_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


KINDS: Mapping[str, Kind] = {
    "whole": Kind(BigInteger(), int, int, int),
    "number": Kind(Double(), (int, float), float, float),
    "flag": Kind(Boolean(), bool, bool, bool),
    "text": Kind(Text(), str, _pack_text, _same),
    "time": Kind(UTCDateTime(), str, _pack_time, dt.datetime.fromisoformat),
    "date": Kind(Date(), str, dt.date.isoformat, dt.date.fromisoformat),
    "bytes": Kind(LargeBinary(), str, _pack_bytes, base64.b64decode),
    "json": Kind(JSON(none_as_null=True), object, _same, _same),
}
"""Every kind, by the name under which an archive names it."""


def kind_of(column: Column[Any]) -> str:
    """
    Return the name of a column's kind.

    Raises
    ------
    TypeError
        If no kind is known for its type: a new type needs one before it can be backed up.
    """
    found = column.type
    # Boolean and Enum come before what they are made of.
    for types, name in (
        ((Boolean,), "flag"),
        ((Enum, String, Text), "text"),
        ((UTCDateTime,), "time"),
        ((Date,), "date"),
        ((LargeBinary,), "bytes"),
        ((JSON,), "json"),
        ((Integer, BigInteger), "whole"),
        ((Double,), "number"),
    ):
        if isinstance(found, types):
            return name
    raise TypeError(f"{column.table.name}.{column.name} has a type that backups do not know: {found!r}.")
