"""
Rows that name a skill: which tables have them, how a row follows a merge, and how it goes back.

The tables are read from the schema, so that one that is added later follows, too: its rows name the other skill, and
where that would make two rows of one, the target's stays. For requirements the stricter of both stays.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Column, Date, Table, UniqueConstraint, and_, select
from sqlalchemy.orm import Session

from webapp.db import Base, UTCDateTime

Snapshot = dict[str, Any]

STAYING = frozenset(
    {
        ("skill_event", "skill_id"),
        ("skill_merge", "source_id"),
        ("skill_merge", "target_id"),
        ("skill", "merged_into_id"),
    }
)
"""What goes on naming a merged skill: the log, which is never changed, and the merges themselves."""

OWN_RULES = frozenset(
    {
        ("skill_record", "skill_id"),
        ("skill_link", "skill_id"),
        ("skill_link", "other_id"),
        ("skill_level_description", "skill_id"),
        ("skill_synonym", "skill_id"),
    }
)
"""What follows by a rule of its own, see :mod:`webapp.services.skill_merging.plan`."""

Choose = Callable[[Any, Any], Any]


def _either(one: Any, other: Any) -> Any:
    return bool(one or other)


def _both(one: Any, other: Any) -> Any:
    return bool(one and other)


STRICTER: Mapping[str, Mapping[str, Choose]] = {
    "type_requirement": {"level": max, "weight": max, "preferred": _both},
    "role_requirement": {"level": max, "weight": max, "gate": _either},
    "profile_requirement": {"level": max, "gate": _either, "demand_minutes": max, "engagement_count": max},
}
"""How two requirements of one owner become one."""

_WATCHED = {*STRICTER, "skill_link", "skill_level_description", "skill_synonym"}

OWNER_WORDS = {
    "engagement_type": "engagement type",
    "service_role": "service role",
    "hiring_profile": "hiring profile",
}


@dataclass(frozen=True, slots=True)
class RowChange:
    """
    What a merge does to one row: ``before`` is None if it adds the row, ``after`` is None if it removes it.

    ``label`` names the row to people, ``says`` what happens.
    """

    table: str
    id: int
    label: str
    says: str
    before: Snapshot | None
    after: Snapshot | None

    def as_json(self) -> dict[str, Any]:
        """Return the change as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Naming:
    """A column that names a skill."""

    table: Table
    column: Column[int]

    @property
    def key(self) -> tuple[str, str]:
        """Names of table and column."""
        return self.table.name, self.column.name


def list_namings() -> list[Naming]:
    """Return all columns of the schema that name a skill."""
    return [
        Naming(table, column)
        for table in Base.metadata.sorted_tables
        for column in table.c
        if any(key.column.table.name == "skill" for key in column.foreign_keys)
    ]


def list_followers() -> list[Naming]:
    """Return the columns whose rows follow by the common rule."""
    return [naming for naming in list_namings() if naming.key not in STAYING | OWN_RULES]


def get_table(name: str) -> Table:
    """Return a table of the schema."""
    return Base.metadata.tables[name]


def load_rows(session: Session, table: Table, condition: Any) -> list[Snapshot]:
    """Return rows as snapshots of JSON types, by key."""
    found = session.execute(select(table).where(condition).order_by(table.c.id)).mappings()
    return [{name: to_json(value) for name, value in row.items()} for row in found]


def to_json(value: Any) -> Any:
    """Return a column's value as a JSON type."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return value.isoformat() if isinstance(value, dt.date) else getattr(value, "value", value)


def from_json(table: Table, snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as values of the table's columns; columns that are gone are left out."""
    values = {}
    for name, value in snapshot.items():
        if name in table.c:
            kind = table.c[name].type
            values[name] = value
            if value is not None and isinstance(kind, UTCDateTime):
                values[name] = dt.datetime.fromisoformat(value)
            elif value is not None and isinstance(kind, Date):
                values[name] = dt.date.fromisoformat(value)
            elif value is not None and (enum_class := getattr(kind, "enum_class", None)) is not None:
                values[name] = enum_class(value)
    return values


def follow(session: Session, naming: Naming, source_id: int, target_id: int) -> Iterator[RowChange]:
    """Yield what becomes of the rows of a common table that name a skill which becomes part of another."""
    table, column = naming.table, naming.column
    for row in load_rows(session, table, column == source_id):
        twin = _find_twin(session, naming, row, target_id)
        label = _label(session, table, row)
        if twin is None:
            # What belongs to a requirement is kept whole, to see whether it was edited; of other rows, which may be
            # about people, only what changes.
            kept = row if table.name in STRICTER else {column.name: source_id}
            after = {**kept, column.name: target_id}
            yield RowChange(table.name, row["id"], label, "names the other skill", kept, after)
            continue
        rules = STRICTER.get(table.name, {})
        combined = {**twin, **{name: choose(twin[name], row[name]) for name, choose in rules.items()}}
        yield RowChange(table.name, row["id"], label, "asked for both: one line stays", row, None)
        if combined != twin:
            yield RowChange(table.name, twin["id"], label, "takes over what is stricter", twin, combined)


def _find_twin(session: Session, naming: Naming, row: Snapshot, target_id: int) -> Snapshot | None:
    """Return the row that could not stand beside this one if it named the target."""
    values = from_json(naming.table, {**row, naming.column.name: target_id})
    for constraint in naming.table.constraints:
        if isinstance(constraint, UniqueConstraint) and naming.column.name in constraint.columns:
            same = and_(*(naming.table.c[column.name] == values[column.name] for column in constraint.columns))
            found = load_rows(session, naming.table, same & (naming.table.c.id != row["id"]))
            if found:
                return found[0]
    return None


def _label(session: Session, table: Table, row: Snapshot) -> str:
    """Return what a row belongs to, such as “engagement type Billing call”."""
    for column in table.c:
        for key in column.foreign_keys:
            owner = key.column.table
            if owner.name not in {"skill", "person"} and "name" in owner.c and row[column.name] is not None:
                name = session.scalar(select(owner.c.name).where(owner.c.id == row[column.name]))
                return f"{OWNER_WORDS.get(owner.name, owner.name.replace('_', ' '))} {name}"
    return table.name.replace("_", " ")


def apply(session: Session, changes: Sequence[RowChange]) -> list[RowChange]:
    """Do the changes and return them with the keys of added rows: removals first, so that nothing is there twice."""
    connection = session.connection()
    done: list[RowChange] = []
    for change in sorted(changes, key=_order):
        table = get_table(change.table)
        match change.before, change.after:
            case _, None:
                connection.execute(table.delete().where(table.c.id == change.id))
            case None, after:
                # A row that was removed gets its old key back, if nobody took it: other merges may name it.
                values = from_json(table, after)
                taken = session.scalar(select(table.c.id).where(table.c.id == change.id)) if change.id else None
                if taken is not None or not change.id:
                    values.pop("id", None)
                key = connection.execute(table.insert().values(values)).inserted_primary_key[0]  # type: ignore[index]
                done.append(RowChange(change.table, key, change.label, change.says, None, {**after, "id": key}))
                continue
            case _, after:
                connection.execute(table.update().where(table.c.id == change.id).values(from_json(table, after)))
        done.append(change)
    _touch_owners(session, done)
    return done


def _order(change: RowChange) -> int:
    return 0 if change.after is None else 2 if change.before is None else 1


def revert(change: RowChange) -> RowChange:
    """Return the change that takes another back."""
    return RowChange(change.table, change.id, change.label, change.says, change.after, change.before)


def find_edits(session: Session, changes: Sequence[RowChange]) -> list[str]:
    """Return in words which of the rows are no longer as the changes left them."""
    words = []
    for change in changes:
        table = get_table(change.table)
        found = load_rows(session, table, table.c.id == change.id)
        if change.after is None:
            # Its key may be another row's by now, which is not this one's business.
            continue
        if not found and change.table not in _WATCHED:
            continue
        if not found:
            words.append(f"{change.label}: was removed since")
        elif any(found[0].get(name) != value for name, value in change.after.items() if name in table.c):
            words.append(f"{change.label}: was edited since")
    return list(dict.fromkeys(words))


def _touch_owners(session: Session, changes: Sequence[RowChange]) -> None:
    """Count a new version of what the requirements belong to: somebody who edits it must hear of it."""
    owners: set[tuple[str, int]] = set()
    for change in changes:
        if change.table not in STRICTER:
            continue
        row = change.after or change.before or {}
        for column in get_table(change.table).c:
            for key in column.foreign_keys:
                if "version" in key.column.table.c and key.column.table.name != "skill":
                    owners.add((key.column.table.name, row[column.name]))
    for name, owner_id in sorted(owners):
        owner = get_table(name)
        session.connection().execute(owner.update().where(owner.c.id == owner_id).values(version=owner.c.version + 1))
