"""Saving drafts: counted in a dry run, written and noted in an import, by the same steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from webapp.models import ImportChange
from webapp.services.importing.stores import Found, Key, Snapshot, Store, chunks

_LABEL_LENGTH = 200


Builder = Callable[[Snapshot | None], Snapshot | None]


@dataclass(frozen=True, slots=True)
class Draft:
    """
    What one row of a file wants one database row to be.

    Parameters
    ----------
    row
        Row of the file.
    key
        Values of the store's key columns.
    label
        How a report names it.
    build
        From the present snapshot (None if there is none) to the wanted one; None if a problem was found on the way.
    """

    row: int
    key: Key
    label: str
    build: Builder


@dataclass(frozen=True, slots=True)
class _Judgement:
    """A draft, the row that it meets (None if there is none), and the row's snapshots before and after."""

    draft: Draft
    id: int | None
    before: Snapshot | None
    after: Snapshot


@dataclass(slots=True)
class Tally:
    """How many rows of one table were new, changed, unchanged, and removed because the file lacks them."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


Hook = Callable[[Sequence[tuple[int, Snapshot | None, Snapshot]]], None]


@dataclass(slots=True)
class Checker:
    """Counts what an import would do and writes nothing."""

    session: Session
    tallies: dict[str, Tally] = field(default_factory=dict)
    _placeholders: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> bool:
        """Whether drafts reach the database."""
        return False

    def save(
        self,
        store: Store,
        drafts: Sequence[Draft],
        *,
        created: Collection[Key] = (),
        after_write: Hook | None = None,
    ) -> dict[Key, int]:
        """
        Save the drafts and return each key's id; in a dry run new rows get negative ids, which no row has.

        Parameters
        ----------
        store
            Where they go.
        drafts
            The drafts.
        created
            Keys of rows that this import has written already, bare, because others refer to them.
        after_write
            Called with (id, before, after) of the rows that were written.
        """
        judged = self._judge(store, drafts, set(created))
        ids = self._write(store, judged, after_write)
        return {judgement.draft.key: row_id for judgement, row_id in zip(judged, ids, strict=True)}

    def remove(self, store: Store, rows: Mapping[int, Snapshot], *, what: str) -> None:
        """Remove rows that the file lacks, given with their snapshots; ``what`` is what a report calls one."""
        self.tallies.setdefault(store.name, Tally()).removed += len(rows)
        self._remove(store, rows, what)

    def _remove(self, store: Store, rows: Mapping[int, Snapshot], what: str) -> None:
        """Do nothing: a dry run only counts."""

    def _judge(self, store: Store, drafts: Sequence[Draft], created: set[Key]) -> list[_Judgement]:
        tally = self.tallies.setdefault(store.name, Tally())
        found = store.find(self.session, [draft.key for draft in drafts])
        judged: list[_Judgement] = []
        for draft in drafts:
            present: Found | None = found.get(draft.key)
            after = draft.build(present.snapshot if present else None)
            if after is None:
                continue
            before = present.snapshot if present and draft.key not in created else None
            if before is None:
                tally.new += 1
            elif before == after:
                tally.unchanged += 1
            else:
                tally.changed += 1
            judged.append(_Judgement(draft, present.id if present else None, before, after))
        return judged

    def _write(self, store: Store, judged: Sequence[_Judgement], after_write: Hook | None) -> list[int]:  # noqa: ARG002
        ids = []
        for judgement in judged:
            if judgement.id is None:
                self._placeholders[store.name] += 1
            ids.append(judgement.id or -self._placeholders[store.name])
        return ids

    def note(self, store_name: str, tally: Tally) -> None:
        """Count rows that were not saved through :meth:`save`."""
        known = self.tallies.setdefault(store_name, Tally())
        known.new += tally.new
        known.changed += tally.changed
        known.unchanged += tally.unchanged
        known.removed += tally.removed


@dataclass(slots=True)
class Writer(Checker):
    """Writes drafts, and notes for each database row what it was and what it became."""

    batch_id: int = 0

    @property
    def writes(self) -> bool:
        """Whether drafts reach the database."""
        return True

    def _write(self, store: Store, judged: Sequence[_Judgement], after_write: Hook | None) -> list[int]:
        absent = [judgement for judgement in judged if judgement.id is None]
        new_ids = iter(store.insert(self.session, [judgement.after for judgement in absent]))
        ids = [next(new_ids) if judgement.id is None else judgement.id for judgement in judged]
        touched = [
            (row_id, judgement)
            for row_id, judgement in zip(ids, judged, strict=True)
            if judgement.before != judgement.after
        ]
        store.update(self.session, [(row_id, one.after) for row_id, one in touched if one.id is not None])
        self._log([self._change(store, row_id, one) for row_id, one in touched])
        if after_write is not None:
            after_write([(row_id, one.before, one.after) for row_id, one in touched])
        return ids

    def _remove(self, store: Store, rows: Mapping[int, Snapshot], what: str) -> None:
        store.delete(self.session, set(rows))
        self._log(
            [
                {
                    "batch_id": self.batch_id,
                    "row_number": 0,
                    "subject_kind": store.name,
                    "subject_id": row_id,
                    "label": f"{what} {snapshot[store.key[0]]}"[:_LABEL_LENGTH],
                    "created": False,
                    "before": snapshot,
                    "after": {},
                }
                for row_id, snapshot in rows.items()
            ]
        )

    def _change(self, store: Store, row_id: int, judgement: _Judgement) -> dict[str, Any]:
        return {
            "batch_id": self.batch_id,
            "row_number": judgement.draft.row,
            "subject_kind": store.name,
            "subject_id": row_id,
            "label": judgement.draft.label[:_LABEL_LENGTH],
            "created": judgement.before is None,
            "before": judgement.before or {},
            "after": judgement.after,
        }

    def _log(self, changes: list[dict[str, Any]]) -> None:
        for some in chunks(changes):
            self.session.execute(insert(ImportChange), some)
