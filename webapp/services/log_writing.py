"""
Writing skill events in bulk: rows with keys that are reserved beforehand.

:mod:`webapp.services.records` writes what single people say; imports and restored logs come through here, and are
projected and audited by their caller.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.orm import Session

from webapp.errors import ForbiddenError
from webapp.models import Interest, Skill, SkillEvent, SkillEventKind
from webapp.services.projection import EVIDENCE_KINDS
from webapp.services.records import Pair, check_level

EventRow = dict[str, Any]
"""Values of all columns of a skill event but its key."""

_ROWS_AT_ONCE = 5_000
_EVENTS: Table = SkillEvent.__table__  # type: ignore[assignment]


def event_row(
    person_id: int,
    skill_id: int,
    kind: SkillEventKind,
    *,
    at: dt.datetime,
    author_id: int | None,
    level: int | None = None,
    interest: Interest | None = None,
    count: int | None = None,
    expires_on: dt.date | None = None,
    note: str = "",
    source: str = "",
    link: str = "",
    retracts_id: int | None = None,
    import_batch_id: int | None = None,
) -> EventRow:
    """Return one line of the log; values as in :class:`webapp.models.SkillEvent`."""
    return {
        "person_id": person_id,
        "skill_id": skill_id,
        "kind": kind,
        "at": at,
        "author_id": author_id,
        "level": level,
        "interest": interest,
        "count": count,
        "expires_on": expires_on,
        "note": note,
        "source": source,
        "link": link,
        "retracts_id": retracts_id,
        "import_batch_id": import_batch_id,
    }


def write_events(session: Session, rows: Sequence[EventRow], *, importer_id: int | None) -> list[int]:
    """
    Append rows to the log and return their keys, in the order given.

    Parameters
    ----------
    session
        A writing session.
    rows
        Lines of the log. A ``retracts_id`` of −n stands for the n-th row of these, counted from 1, which comes before.
    importer_id
        Who brings them; nobody brings evidence about themselves.

    Raises
    ------
    ForbiddenError
        If a row is evidence about the person who brings it, or by a person about themselves.
    InvalidInputError
        If evidence has no level from 0 to 5.
    """
    for row in rows:
        if row["kind"] in EVIDENCE_KINDS:
            if row["person_id"] in {importer_id, row["author_id"]}:
                raise ForbiddenError("Nobody assesses themselves: somebody else must give this evidence.")
            check_level(row["level"])
    keys = _reserve_keys(session, len(rows))
    connection = session.connection()
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = [
            {**row, "id": key, "retracts_id": _resolve(row["retracts_id"], keys)}
            for key, row in zip(keys[start:], rows[start : start + _ROWS_AT_ONCE], strict=False)
        ]
        connection.execute(_EVENTS.insert(), part)
    return keys


def _resolve(retracts_id: int | None, keys: Sequence[int]) -> int | None:
    return keys[-retracts_id - 1] if retracts_id is not None and retracts_id < 0 else retracts_id


def _reserve_keys(session: Session, count: int) -> list[int]:
    """Return keys for new rows; reading them back would make each database write row by row."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = text("SELECT nextval(pg_get_serial_sequence('skill_event', 'id')) FROM generate_series(1, :count)")
        return sorted(session.scalars(sequence, {"count": count}))
    # SQLite has one writer at a time.
    last = session.connection().scalar(select(func.max(_EVENTS.c.id))) or 0
    return list(range(last + 1, last + count + 1))


def project_as(session: Session, pairs: Collection[Pair]) -> Iterator[Pair]:
    """Yield the pairs whose records events of these pairs belong to: those of a merged skill to the one it is now."""
    query = select(Skill.id, Skill.merged_into_id).where(Skill.merged_into_id.is_not(None))
    roots = dict(session.execute(query).all())
    for person_id, skill_id in pairs:
        yield person_id, roots.get(skill_id) or skill_id
