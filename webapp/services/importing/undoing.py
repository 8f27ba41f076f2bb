"""Taking a whole import back, unless later edits depend on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import Column, ColumnElement, delete, func, select
from sqlalchemy.orm import Session, aliased

from webapp.db import Base
from webapp.errors import ConflictError, DependencyError
from webapp.models import (
    Contact,
    EngagementEvent,
    ImportBatch,
    ImportChange,
    ImportState,
    RoleGrant,
    SkillEvent,
    SkillEventKind,
)
from webapp.services import audit, lifecycle, records, roster_changes, roster_marks
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.importing.batches import require_kind
from webapp.services.importing.context import Context
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.kinds.engagements import ENGAGEMENTS
from webapp.services.importing.kinds.people import PEOPLE, mirror_accounts
from webapp.services.importing.kinds.shifts import SHIFTS
from webapp.services.importing.shift_cover import find_overlaps
from webapp.services.importing.shift_difference import edits_of
from webapp.services.importing.stores import ROWS_AT_ONCE, Snapshot, Store, chunks
from webapp.services.importing.writing import Checker

_STORES: dict[str, Store] = {store.name: store for kind in KINDS.values() for store in kind.stores}

# The log of skill events is append-only and the audit trail is never cut: what they name is taken out of use, not
# deleted.
_HISTORY = {"skill_event", "skill_record", "audit_event"}
_MAX_NAMED = 100


def undo(session: Session, batch: ImportBatch, *, viewer: Viewer | None, by: Actor) -> int:
    """
    Take an import back and return how many database rows that concerned.

    Rows that it changed get their values from before, rows that it removed come back, rows that it added are deleted,
    or taken out of use where the append-only history names them, and evidence is retracted.

    Raises
    ------
    DependencyError
        If a row was edited since, or others refer to it; the rows are named and nothing is undone.
    ConflictError
        If the import is not applied.
    ForbiddenError
        If the viewer may not import this kind.
    """
    require_kind(batch.kind, viewer=viewer)
    if batch.state is not ImportState.APPLIED:
        raise ConflictError("Only an import that was applied can be undone.")
    if batch.projected_to is not None:
        raise ConflictError("The records of this import are still being written. Try again in a minute.")
    with session.begin_nested():
        undoing = _Undoing(session, batch, viewer, by)
        count = undoing.run()
        if undoing.hindrances:
            named = undoing.hindrances[:_MAX_NAMED]
            more = len(undoing.hindrances) - len(named)
            if more:
                named.append(f"and {more} more rows")
            raise DependencyError("Later changes depend on this import, so it cannot be undone.", rows=named)
    batch.state, batch.undone_at = ImportState.UNDONE, by.at
    audit.record(session, "undo_import", batch, by=by, detail={"kind": batch.kind.value, "rows": count})
    return count


class _Undoing:
    def __init__(self, session: Session, batch: ImportBatch, viewer: Viewer | None, by: Actor) -> None:
        self._session = session
        self._batch = batch
        self._by = by
        self._context = Context(session, Checker(session), by, viewer, KINDS[batch.kind].permission, {})
        self._kept: dict[str, set[int]] = defaultdict(set)
        self._shifts: list[tuple[Snapshot, Snapshot]] = []
        self.hindrances: list[str] = []

    def run(self) -> int:
        """Undo what nothing hinders, table by table, those first that others do not refer to."""
        count = self._retract_evidence() + self._delete_contacts()
        for store in reversed(self._stores()):
            created: list[tuple[int, int, str]] = []
            removed: list[ImportChange] = []
            for changes in self._changes(store):
                sound = self._unedited(store, [change for change in changes if change.after])
                gone = [change for change in changes if not change.after]
                removed += gone
                if store is SHIFTS:
                    self._shifts += [
                        (change.after, {} if change.created else change.before) for change in (*sound, *gone)
                    ]
                restored = [(change.subject_id, change.before) for change in sound if not change.created]
                self._restore(store, restored)
                created += [(change.subject_id, change.row_number, change.label) for change in sound if change.created]
                count += len(sound)
            self._remove(store, created)
            self._bring_back(store, removed)
            count += len(removed)
        self._tell_plans()
        return count

    def _stores(self) -> list[Store]:
        """Return the stores of the import in the order in which it wrote them first."""
        names = self._session.scalars(
            select(ImportChange.subject_kind)
            .where(ImportChange.batch_id == self._batch.id)
            .group_by(ImportChange.subject_kind)
            .order_by(func.min(ImportChange.id))
        )
        return [_STORES[name] for name in names]

    def _changes(self, store: Store) -> Iterator[Sequence[ImportChange]]:
        """Yield the changes of a table some at a time: those of a large file would not fit into memory at once."""
        last = 0
        while True:
            changes = self._session.scalars(
                select(ImportChange)
                .where(
                    ImportChange.batch_id == self._batch.id,
                    ImportChange.subject_kind == store.name,
                    ImportChange.id > last,
                )
                .order_by(ImportChange.id)
                .limit(ROWS_AT_ONCE)
            ).all()
            if not changes:
                return
            yield changes
            last = changes[-1].id
            for change in changes:
                self._session.expunge(change)

    def _retract_evidence(self) -> int:
        ids = self._session.scalars(select(SkillEvent.id).where(SkillEvent.import_batch_id == self._batch.id)).all()
        pairs = records.retract_events(self._session, ids, by=self._by, source="undo") if ids else set()
        records.reproject(self._session, pairs, self._by.at.date())
        return len(ids)

    def _delete_contacts(self) -> int:
        own = Contact.import_batch_id == self._batch.id
        count = self._session.scalar(select(func.count()).select_from(Contact).where(own)) or 0
        if count:
            self._session.execute(delete(Contact).where(own), execution_options={"synchronize_session": False})
        return count

    def _unedited(self, store: Store, changes: Sequence[ImportChange]) -> list[ImportChange]:
        present = store.snapshots(self._session, [change.subject_id for change in changes])
        sound = []
        for change in changes:
            now = present.get(change.subject_id)
            if now is None and change.created:
                continue
            if now is None:
                self._hinder(change.row_number, change.label, "was deleted since")
            elif fields := [name for name, value in change.after.items() if now[name] != value]:
                # What the table did not have yet when the import was applied says nothing about later edits.
                self._hinder(change.row_number, change.label, f"was edited since ({', '.join(fields)})")
            else:
                sound.append(change)
        return sound

    def _restore(self, store: Store, rows: list[tuple[int, Snapshot]]) -> None:
        if not rows:
            return
        present = store.snapshots(self._session, [row_id for row_id, _ in rows])
        store.update(self._session, [(row_id, {**present[row_id], **before}) for row_id, before in rows])
        if store is PEOPLE:
            mirror_accounts(self._context, [(row_id, present[row_id], before) for row_id, before in rows])
        if store is ENGAGEMENTS:
            self._note(present, rows)

    def _bring_back(self, store: Store, removed: Sequence[ImportChange]) -> None:
        """Write rows again that the import removed because its file lacked them; they get new database keys."""
        keys = {tuple(change.before[name] for name in store.key): change for change in removed}
        taken = store.find(self._session, keys)
        for key in taken:
            self._hinder(keys[key].row_number, keys[key].label, "is there again")
        for some in chunks(change.before for key, change in keys.items() if key not in taken):
            store.insert(self._session, some)

    def _tell_plans(self) -> None:
        """Refuse shifts that overlap what came since; take marks off plans, or put them on those made since."""
        if not self._shifts:
            return
        for label, other in find_overlaps(self._session, [before for _, before in self._shifts if before]):
            self._hinder(0, label, f"would overlap {other}")
        if not self.hindrances:
            effects = roster_changes.note(self._session, edits_of(self._shifts), by=self._by)
            roster_marks.tell_schedulers(self._session, effects, what="Undoing an import", by=self._by)

    def _remove(self, store: Store, created: Sequence[tuple[int, int, str]]) -> None:
        ids = {row_id for row_id, _, _ in created}
        hindered: dict[int, Counter[str]] = defaultdict(Counter)
        kept: set[int] = set()
        for column in _references(store):
            table = column.table.name
            for row_id, referring_id in self._referring(store, column, ids):
                if referring_id in self._kept[table] or (table in _HISTORY and store.retire):
                    kept.add(row_id)
                else:
                    hindered[row_id][table.replace("_", " ")] += 1
        for row_id, events in self._later_evidence(store, kept).items():
            hindered[row_id]["skill event"] = events
        for row_id, row_number, label in created:
            if row_id in hindered:
                uses = ", ".join(f"{number} × {table}" for table, number in sorted(hindered[row_id].items()))
                self._hinder(row_number, label, f"is in use ({uses})")
        kept -= set(hindered)
        store.delete(self._session, ids - kept - set(hindered))
        self._kept[store.name] |= kept
        self._retire(store, kept)

    def _referring(self, store: Store, column: Column[int], ids: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield (row, row that refers to it); parts of the same import's rows do not count."""
        parents = {part.model.__tablename__: part.parent for part in store.parts}
        for some in chunks(ids):
            condition: ColumnElement[bool] = column.in_(some)
            if column.table.name in parents:
                condition &= column.table.c[parents[column.table.name]].not_in(ids)
            yield from self._session.execute(select(column, column.table.c.id).where(condition))

    def _later_evidence(self, store: Store, ids: Collection[int]) -> dict[int, int]:
        """Return how many events that still stand the log holds about rows; an undone import leaves none."""
        columns = {"person": SkillEvent.person_id, "skill": SkillEvent.skill_id}
        if store.name not in columns:
            return {}
        column = columns[store.name]
        found: dict[int, int] = {}
        undone = aliased(SkillEvent)
        taken_back = select(undone.retracts_id).where(undone.retracts_id.is_not(None))
        for some in chunks(ids):
            standing = (
                select(column, func.count())
                .where(
                    column.in_(some),
                    SkillEvent.kind != SkillEventKind.RETRACT,
                    SkillEvent.id.not_in(taken_back),
                )
                .group_by(column)
            )
            found.update(self._session.execute(standing).all())
        return found

    def _retire(self, store: Store, ids: Collection[int]) -> None:
        if not store.retire:
            return
        present = store.snapshots(self._session, ids)
        values = {name: self._by.at.isoformat() if value is None else value for name, value in store.retire.items()}
        store.update(self._session, [(row_id, {**snapshot, **values}) for row_id, snapshot in present.items()])
        if store is ENGAGEMENTS:
            self._note(present, [(row_id, values) for row_id in present])

    def _note(self, present: Mapping[int, Snapshot], rows: Sequence[tuple[int, Snapshot]]) -> None:
        changes = [(row_id, present[row_id], {**present[row_id], **after}) for row_id, after in rows]
        lifecycle.note_written(self._session, changes, action="undo_import", by=self._by)

    def _hinder(self, row_number: int, label: str, reason: str) -> None:
        place = f"Row {row_number}: " if row_number else ""
        self.hindrances.append(f"{place}{label} {reason}")


def _references(store: Store) -> list[Column[int]]:
    """Return the columns of other tables that refer to a store's rows and do not belong to them."""
    own = {(part.model.__tablename__, part.parent) for part in store.parts}
    own.update({(RoleGrant.__tablename__, "person_id"), (EngagementEvent.__tablename__, "engagement_id")})
    return [
        column
        for table in Base.metadata.sorted_tables
        for column in table.c
        if any(key.column.table.name == store.name for key in column.foreign_keys)
        and (table.name, column.name) not in own
    ]


def may_undo(batch: ImportBatch, *, viewer: Viewer) -> bool:
    """Return whether the viewer may undo an import as it stands now."""
    may = batch.created_by_id == viewer.person_id or viewer.can(Permission.VIEW_AUDIT)
    return may and batch.state is ImportState.APPLIED
