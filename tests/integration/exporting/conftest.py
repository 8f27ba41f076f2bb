"""A file on its way out of one centre and into another."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.factories import TODAY, Make
from webapp.cli.console import SYSTEM
from webapp.models import ImportKind
from webapp.services.exporting.formats import Format
from webapp.services.exporting.kinds import export
from webapp.services.importing import batches, running
from webapp.services.importing.problems import FileRefusedError
from webapp.services.importing.running import Report, Source

Build = Callable[[], object]


@dataclasses.dataclass
class Journey:
    """Exports of a centre that is built and forgotten again, and what became of them in another."""

    make: Make

    @property
    def session(self) -> Session:
        """The session of both centres: each exists in a savepoint of its own."""
        return self.make.session

    def out(self, kind: ImportKind, form: Format) -> bytes:
        """Return the export of what is there."""
        target = io.BytesIO()
        self.session.flush()
        export(self.session, kind, form, target, viewer=SYSTEM, on=TODAY)
        return target.getvalue()

    def take(self, kind: ImportKind, form: Format, content: bytes) -> Report:
        """Import a file."""
        by = self.make.actor()
        batch = batches.upload(self.session, kind=kind, file_name=f"file.{form}", content=content, viewer=None, by=by)
        return running.run(
            self.session, Source(kind, content, mapping=batch.mapping), viewer=None, by=by, batch_id=batch.id
        )

    def travel(self, kind: ImportKind, form: Format, build: Build, prepare: Build = lambda: None) -> list[list[str]]:
        """
        Export what ``build`` makes, import it where only what ``prepare`` makes is, and compare the exports.

        Returns
        -------
        list of list of str
            The rows of the export.
        """
        first = self._elsewhere(lambda: (prepare(), build(), self.out(kind, form))[-1])
        report, second, again = self._elsewhere(
            lambda: (prepare(), self.take(kind, form, first), self.out(kind, form), self.take(kind, form, first))[1:]
        )
        assert rows_of(kind, second) == rows_of(kind, first)
        if form is not Format.XLSX:
            # A workbook notes when it was written.
            assert second == first
        assert (report.total.changed, again.total.new, again.total.changed) == (0, 0, 0)
        return rows_of(kind, first)

    def _elsewhere(self, visit: Callable[[], Any]) -> Any:
        self.session.flush()
        savepoint = self.session.begin_nested()
        try:
            return visit()
        finally:
            savepoint.rollback()
            self.session.expunge_all()


def rows_of(kind: ImportKind, content: bytes) -> list[list[str]]:
    """Return the cells of a file, none if it has no rows."""
    try:
        return [list(row.cells) for row in Source(kind, content).read().rows()]
    except FileRefusedError:
        return []


@pytest.fixture
def journey(make: Make) -> Journey:
    """Return a way from one centre to another; the site is there in both."""
    assert make.home.id
    return Journey(make)


@pytest.fixture(params=list(Format), ids=[form.value for form in Format])
def form(request: pytest.FixtureRequest) -> Format:
    """Return each form of files."""
    return Format(request.param)
