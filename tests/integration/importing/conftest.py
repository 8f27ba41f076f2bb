"""Imports as the console makes them: a file, a pass over it, and what was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import Make
from webapp.db import Base
from webapp.models import Channel, ImportBatch, ImportKind, Person, Site
from webapp.services.importing import batches, running, undoing
from webapp.services.importing.running import ImportRefusedError, Report, Source


@dataclasses.dataclass
class Importing:
    """Imports text into the database of a test, as somebody or as the operator of the console."""

    make: Make
    batch: ImportBatch | None = None

    def check(self, kind: ImportKind, text: str | bytes, *, as_: Person | None = None, **choices: Any) -> Report:
        """Return what a dry run finds."""
        viewer = self.make.viewer(as_) if as_ else None
        content = text.encode() if isinstance(text, str) else text
        source = Source(kind, content, **choices)
        return running.run(self.make.session, source, viewer=viewer, by=self.make.actor(as_))

    def apply(
        self,
        kind: ImportKind,
        text: str | bytes,
        *,
        as_: Person | None = None,
        site: Site | None = None,
        options: dict[str, Any] | None = None,
    ) -> Report:
        """Import a file and return its report; a refusal is a report with problems."""
        viewer, by = self.make.viewer(as_) if as_ else None, self.make.actor(as_)
        content = text.encode() if isinstance(text, str) else text
        self.batch = batches.upload(
            self.make.session,
            kind=kind,
            file_name="file.csv",
            content=content,
            site=site,
            options=options,
            viewer=viewer,
            by=by,
        )
        try:
            return batches.apply(self.make.session, self.batch, viewer=viewer, by=by)
        except ImportRefusedError as error:
            return error.report

    def undo(self, batch: ImportBatch | None = None, *, as_: Person | None = None) -> int:
        """Take the last import back, or another."""
        wanted = batch or self.batch
        assert wanted is not None
        viewer = self.make.viewer(as_) if as_ else None
        return undoing.undo(self.make.session, wanted, viewer=viewer, by=self.make.actor(as_))


@pytest.fixture
def importing(make: Make) -> Importing:
    """Return a way to import files."""
    return Importing(make)


@pytest.fixture
def codes() -> Callable[[Report], list[tuple[int, str, str]]]:
    """Return a function from a report to (row, column, code) of its problems."""
    return lambda report: [(problem.row, problem.column, problem.code) for problem in report.problems]


def count(session: Session, model: type[Base]) -> int:
    """Return how many rows there are."""
    return session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def place(make: Make) -> Site:
    """Return the site Berlin; there is Lisbon, too."""
    make.site(code="lis", name="Lisbon", time_zone="Europe/Lisbon")
    return make.site(code="ber", name="Berlin", time_zone="Europe/Berlin")


@pytest.fixture
def work(make: Make, place: Site) -> Person:
    """Return one of two people of Berlin; there are two skills, a mail and a call type."""
    person = make.person(external_id="p1", name="Ana", site=place)
    make.person(external_id="p2", name="Bo", site=place)
    billing, phone = make.skill(code="billing"), make.skill(code="phone")
    make.engagement_type(code="mail", requires={billing: 2})
    make.engagement_type(code="call", channel=Channel.VOICE, requires={phone: 1}, handle_minutes=4.0)
    return person
