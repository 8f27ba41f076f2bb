"""Going through a file once, to check it or to apply it, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import ColumnMapping, ImportKind, Site, Skill
from webapp.services.access import Viewer
from webapp.services.audit import Actor
from webapp.services.importing.context import Context
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.kinds.base import Progress
from webapp.services.importing.problems import MAX_LISTED, FileRefusedError, Problem
from webapp.services.importing.reading import read_table
from webapp.services.importing.table import Table
from webapp.services.importing.writing import Checker, Tally, Writer


@dataclass(slots=True)
class Report:
    """
    What a pass over a file found or did.

    ``tallies`` counts database rows by table, ``categories`` the rows of a call log by what became of them,
    ``rejected`` lists those of its rows that became nothing, with the reason.
    """

    kind: ImportKind
    rows: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    problem_count: int = 0
    notes: Sequence[str] = ()
    categories: Mapping[str, int] = field(default_factory=dict)
    rejected: Sequence[Problem] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether the file can be applied."""
        return self.problem_count == 0

    @property
    def total(self) -> Tally:
        """New, changed and unchanged database rows of all tables."""
        tallies = self.tallies.values()
        return Tally(sum(t.new for t in tallies), sum(t.changed for t in tallies), sum(t.unchanged for t in tallies))

    def as_json(self, *, limit: int | None = None) -> dict[str, Any]:
        """Return the report as plain JSON types, with up to ``limit`` rejected rows listed."""
        total = self.total
        return {
            "kind": self.kind.value,
            "rows": self.rows,
            "new": total.new,
            "changed": total.changed,
            "unchanged": total.unchanged,
            "tables": {
                name: {"new": tally.new, "changed": tally.changed, "unchanged": tally.unchanged}
                for name, tally in self.tallies.items()
            },
            "errors": self.problem_count,
            "problems": [problem.as_json() for problem in self.problems],
            "notes": list(self.notes),
            "categories": dict(self.categories),
            "rejected": [problem.as_json() for problem in self.rejected[:limit]],
            "mapping": dict(self.mapping),
        }


class ImportRefusedError(InvalidInputError):
    """The file has problems, so nothing of it was written; ``report`` lists them."""

    def __init__(self, report: Report) -> None:
        listed = "" if report.problem_count <= MAX_LISTED else f" The first {MAX_LISTED:,} are listed."
        plural = "s" if report.problem_count != 1 else ""
        super().__init__(f"The file has {report.problem_count:,} problem{plural}; nothing was imported.{listed}")
        self.report = report


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and how it is to be read."""

    kind: ImportKind
    content: bytes
    mapping: Mapping[str, str] | None = None
    site: Site | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> Table:
        """
        Return the table.

        Raises
        ------
        FileRefusedError
            If the file cannot be read.
        """
        return read_table(self.content, encoding=self.options.get("encoding"))


def suggest(session: Session, source: Source, table: Table) -> dict[str, str]:
    """Return the mapping that was used for the same header before, else the likely one."""
    known = session.scalar(
        select(ColumnMapping).where(ColumnMapping.kind == source.kind, ColumnMapping.header_digest == table.digest)
    )
    if known is not None:
        return dict(known.mapping)
    words = session.scalars(select(Skill.code).where(Skill.retired_at.is_(None))).all()
    return KINDS[source.kind].suggest(table.header, words)


def run(
    session: Session,
    source: Source,
    *,
    viewer: Viewer | None,
    by: Actor,
    batch_id: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """
    Check a file, or apply it if it is kept as a batch.

    Parameters
    ----------
    session
        A session; a writing one to apply.
    source
        The file.
    viewer
        Whose scope limits the rows; None for the operator at the console.
    by
        Who imports, and when.
    batch_id
        The kept import that it is applied for; None for a dry run, which writes nothing.
    progress
        Called with the number of rows gone through.

    Returns
    -------
    Report
        Counts and problems; a file that cannot be read has one problem.

    Raises
    ------
    ImportRefusedError
        When applying a file with problems; what was written before they were found is rolled back to where it began.
    """
    kind = KINDS[source.kind]()
    sink = Checker(session) if batch_id is None else Writer(session, batch_id=batch_id)
    report = Report(source.kind)
    savepoint = session.begin_nested() if batch_id is not None else None
    try:
        table = source.read()
        mapping = dict(source.mapping) if source.mapping is not None else suggest(session, source, table)
        kind.check(table.header, mapping)
        context = Context(
            session,
            sink,
            by,
            viewer,
            kind.permission,
            mapping,
            site=source.site,
            options=source.options,
            batch_id=batch_id,
        )
        report.mapping = mapping
        try:
            report.rows = kind.run(table, context, progress=progress)
        finally:
            report.problems, report.problem_count = context.problems.listed, context.problems.count
        report.tallies, report.notes = sink.tallies, context.notes
        report.categories, report.rejected = context.categories, context.rejected
        report.problems = sorted(report.problems, key=attrgetter("row"))
    except FileRefusedError as error:
        report.problems, report.problem_count = [*report.problems, error.problem], report.problem_count + 1
    except BaseException:
        if savepoint is not None and savepoint.is_active:
            savepoint.rollback()
        raise
    if savepoint is not None:
        if not report.sound:
            savepoint.rollback()
            raise ImportRefusedError(report)
        savepoint.commit()
    return report
