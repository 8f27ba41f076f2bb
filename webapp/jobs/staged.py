"""Staged imports from begin to end: many short transactions, each of which can be the last one before a kill."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.db import Database
from webapp.errors import ConflictError
from webapp.models import ImportBatch, ImportState
from webapp.services.access import Viewer
from webapp.services.audit import Actor
from webapp.services.importing import batches, staging
from webapp.services.importing.kinds.base import Progress
from webapp.services.importing.running import ImportRefusedError, Report, run
from webapp.services.importing.staging import OvertakenError
from webapp.services.log_writing import EventRow, write_events

_MOST_TRIES = 3
_BREATH_SECONDS = 0.005
"""Pause between transactions of a part whose next one is ready at once, in which others get the lock of SQLite."""

Step = Callable[[Session], None]


def _nothing(_session: Session) -> None:
    """Do nothing beside a step."""


@dataclass(frozen=True, slots=True)
class StagedImport:
    """
    One import of a staged kind.

    Parameters
    ----------
    database
        Where it is written.
    batch_id
        The import.
    viewer
        Whose scope limits the rows; None for the operator at the console.
    by
        Who imports, and when.
    guard
        Runs in each writing transaction and raises if somebody else has taken the import over.
    progress
        Called with the number of rows gone through.
    """

    database: Database
    batch_id: int
    viewer: Viewer | None
    by: Actor
    guard: Step = _nothing
    progress: Progress | None = None

    def write(self) -> Report:
        """
        Go through the file, write its events, and let them count; their records are not projected yet.

        Raises
        ------
        ImportRefusedError
            If the file has problems; nothing of it is left.
        ConflictError
            If it was applied already, or other imports go on changing the same records.
        """
        for _ in range(_MOST_TRIES):
            self.discard()
            seen_to = self._begin()
            try:
                report = self._stage()
            except BaseException:
                self.discard()
                raise
            if not report.sound:
                self.discard()
                raise ImportRefusedError(report)
            try:
                with self.database.transaction() as session:
                    self.guard(session)
                    batch = session.get_one(ImportBatch, self.batch_id)
                    staging.publish(session, batch, report, seen_to=seen_to, by=self.by)
            except OvertakenError:
                continue
            return report
        self.discard()
        raise ConflictError("Other imports change the same records. Import the file again once they are done.")

    def project(self, *, at_end: Step = _nothing) -> None:
        """Project the records of a published import again, then end it; what is done already is not done again."""
        while True:
            with self.database.reading() as session:
                part = staging.prepare_part(session, self.batch_id, on=self.by.at.date())
            with self.database.transaction() as session:
                self.guard(session)
                if part is None:
                    staging.end_projection(session, self.batch_id)
                    at_end(session)
                    return
                staging.write_part(session, self.batch_id, part)

    def discard(self) -> None:
        """Delete what was staged and never published, if there is any."""
        while self._state() is ImportState.STAGED:
            with self.database.transaction() as session:
                self.guard(session)
                staging.discard_part(session, self.batch_id)
            time.sleep(_BREATH_SECONDS)

    def _state(self) -> ImportState:
        with self.database.reading() as session:
            return session.get_one(ImportBatch, self.batch_id).state

    def _begin(self) -> int:
        with self.database.transaction() as session:
            self.guard(session)
            return staging.begin(session, self.batch_id)

    def _stage(self) -> Report:
        with self.database.reading() as reading:

            def write(rows: Sequence[EventRow]) -> list[int]:
                with self.database.transaction() as session:
                    self.guard(session)
                    keys = write_events(session, rows, importer_id=self.by.person_id)
                # The next part is judged by what others have written meanwhile.
                reading.commit()
                return keys

            batch = reading.get_one(ImportBatch, self.batch_id)
            with batches.open_source(reading, batch) as source:
                return run(
                    reading,
                    source,
                    viewer=self.viewer,
                    by=self.by,
                    batch_id=self.batch_id,
                    log=write,
                    progress=self.progress,
                )
