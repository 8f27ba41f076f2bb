"""
Projecting many records while others write: the work is done before the database is locked.

What was prepared is written if the log still is what it was, and is done again under the lock if it is not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.models import Person, Skill, SkillEvent, SkillRecord
from webapp.services.projection import Projection, project
from webapp.services.records import Pair, load_logs, load_rules

_EVENTS: Table = SkillEvent.__table__  # type: ignore[assignment]
_RECORDS: Table = SkillRecord.__table__  # type: ignore[assignment]
_PROJECTED = tuple(field.name for field in fields(Projection))

_Seen = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PreparedRecords:
    """Records as the log had them on a day, and a mark of the log by which to know that it is still the same."""

    pairs: frozenset[Pair]
    on: dt.date
    rows: Sequence[dict[str, Any]]
    seen: _Seen


def prepare_records(session: Session, pairs: Iterable[Pair], on: dt.date) -> PreparedRecords:
    """Project the records of (person, skill) pairs as the log stands on a day; the session may be a reading one."""
    wanted = frozenset(pairs)
    # The mark comes first: what is written after it is either in the logs already or changes the mark.
    seen = _mark(session, wanted)
    return PreparedRecords(wanted, on, _project(session, wanted, on), seen)


def write_records(session: Session, prepared: PreparedRecords) -> None:
    """Write prepared records; others who project the same people wait."""
    people = sorted({person for person, _ in prepared.pairs})
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            select(Person.id).where(Person.id.in_(people)).order_by(Person.id).with_for_update(key_share=True)
        )
    current = _mark(session, prepared.pairs) == prepared.seen
    rows = prepared.rows if current else _project(session, prepared.pairs, prepared.on)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_RECORDS)
    changed: dict[str, Any] = {name: getattr(statement.excluded, name) for name in _PROJECTED}
    changed["version"] = _RECORDS.c.version + 1
    if rows:
        session.connection().execute(
            statement.on_conflict_do_update(index_elements=["person_id", "skill_id"], set_=changed), rows
        )


def _project(session: Session, pairs: Collection[Pair], on: dt.date) -> list[dict[str, Any]]:
    logs = load_logs(session, pairs)
    rules = load_rules(session, {skill for _, skill in pairs})
    rows = []
    for person_id, skill_id in sorted(pairs):
        projection = project(logs[person_id, skill_id], on, rules[skill_id])
        values = {name: getattr(projection, name) for name in _PROJECTED}
        rows.append({"person_id": person_id, "skill_id": skill_id, "version": 1, **values})
    return rows


def _mark(session: Session, pairs: Collection[Pair]) -> _Seen:
    """
    Return what changes whenever the records might: how many events the people have, the newest one, the skills' rules.

    The log is only appended to, so that equal numbers stand for equal logs.
    """
    people = {person for person, _ in pairs}
    events = session.connection().execute(
        select(func.count(), func.max(_EVENTS.c.id)).where(_EVENTS.c.person_id.in_(people))
    )
    skills = session.connection().execute(
        select(Skill.id, Skill.half_life_days, Skill.certificate_required, Skill.merged_into_id)
        .where(Skill.id.in_({skill for _, skill in pairs}))
        .order_by(Skill.id)
    )
    merged = session.scalar(select(func.count()).select_from(Skill).where(Skill.merged_into_id.is_not(None)))
    return (*events.one(), *skills.all(), merged)
