"""What each kind of export has: whose rows, and how they are gone through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from webapp.models import ImportKind
from webapp.services.access import Permission, Viewer
from webapp.services.exporting.formats import Row
from webapp.services.importing.kinds import KINDS

ROWS_AT_ONCE = 2_000


class Export:
    """
    One kind of export: it yields the rows that the viewer may see, under the columns of the import of its kind.

    Parameters
    ----------
    session
        A reading session.
    viewer
        Whose scope limits the rows.
    on
        The day whose levels count.
    """

    name: ClassVar[ImportKind]
    permission: ClassVar[Permission]

    def __init__(self, session: Session, *, viewer: Viewer, on: dt.date) -> None:
        self.session = session
        self.viewer = viewer
        self.on = on

    @classmethod
    def header(cls) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(column.name for column in KINDS[cls.name].columns)

    def rows(self) -> Iterator[Row]:
        """Yield the rows, in an order that does not depend on database keys."""
        raise NotImplementedError

    def _parts(self, query: Select[*tuple[Any, ...]]) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query some at a time, so that a long answer takes no more memory than a short one."""
        yield from self.session.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).partitions()


def day_text(day: dt.date | None) -> str | None:
    """Return a day as it is written in files."""
    return day.isoformat() if day is not None else None


def moment_text(moment: dt.datetime | None) -> str | None:
    """Return a moment with its offset, so that it is the same in every time zone."""
    return moment.astimezone(dt.UTC).isoformat(sep=" ") if moment is not None else None
