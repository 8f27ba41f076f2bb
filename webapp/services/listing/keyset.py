"""
Pages of a long list that stay right while rows are added: each begins after the last row of the one before.

A page is found by the value of its sort column and the key of the last row (a keyset), not by counting rows, so that a
row added or removed before it neither repeats nor hides another.  The cursor holds both; it is no secret and no right,
since each page asks the same query with the same scope.
"""

from __future__ import annotations

import base64
import datetime as dt
import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.errors import InvalidInputError

MAX_LIMIT = 200

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """
    Which page of a list is asked for.

    Parameters
    ----------
    limit
        How many rows at most, in [1, 200].
    sort
        The name of the order, with a leading minus for descending.
    cursor
        What the page before gave as the place to go on from; empty for the first.
    """

    limit: int = 50
    sort: str = "id"
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and the cursor of the next page; None after the last."""

    rows: Sequence[Row]
    next_cursor: str | None


def read_page(
    session: Session,
    query: Select[Any],
    *,
    wanted: PageRequest,
    columns: Mapping[str, InstrumentedAttribute[Any]],
    key: InstrumentedAttribute[int],
) -> Page[Any]:
    """
    Return a page of the rows of one model.

    Parameters
    ----------
    query
        Selects the model's rows within the viewer's scope, in no order.
    columns
        Name of each order → a column of the model that is never NULL.
    key
        The model's key, by which equal values are told apart.

    Raises
    ------
    InvalidInputError
        If the order is not offered, or the cursor is not one of this list.
    """
    name, descending = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    if name not in columns:
        raise InvalidInputError(f"Sort by one of {', '.join(sorted(columns))}, with - for descending.", field="sort")
    column = columns[name]
    if wanted.cursor:
        value, last = _decode(wanted.cursor, wanted.sort, column.type.python_type)
        beyond = column < value if descending else column > value
        query = query.where(or_(beyond, and_(column == value, key < last if descending else key > last)))
    order = (column.desc(), key.desc()) if descending else (column, key)
    rows = session.scalars(query.order_by(*order).limit(wanted.limit + 1)).unique().all()
    if len(rows) <= wanted.limit:
        return Page(rows, None)
    kept = rows[: wanted.limit]
    return Page(kept, _encode(wanted.sort, getattr(kept[-1], column.key), getattr(kept[-1], key.key)))


def _encode(sort: str, value: Any, key: int) -> str:
    plain = value.isoformat() if isinstance(value, dt.date) else value
    return base64.urlsafe_b64encode(json.dumps([sort, plain, key]).encode()).decode().rstrip("=")


def _decode(cursor: str, sort: str, kind: type[Any]) -> tuple[Any, int]:
    try:
        held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        made_for, plain, key = held
        value = _typed(plain, kind)
    except (ValueError, TypeError, RecursionError):
        made_for, value, key = "", None, 0
    if made_for != sort or type(key) is not int or not 0 < key < 2**63:
        raise InvalidInputError("This cursor is not one that this list gave for this order.", field="cursor")
    return value, key


def _typed(plain: Any, kind: type[Any]) -> Any:
    if issubclass(kind, dt.datetime):
        return dt.datetime.fromisoformat(plain).astimezone(dt.UTC)
    if issubclass(kind, dt.date):
        return dt.date.fromisoformat(plain)
    if issubclass(kind, enum.Enum):
        return kind(plain)
    if issubclass(kind, float) and type(plain) is int:
        return float(plain)
    # A truth value is a number to Python, and a very long one no database takes.
    if type(plain) is not kind or (isinstance(plain, int) and abs(plain) >= 2**63):
        raise ValueError(plain)
    return plain
