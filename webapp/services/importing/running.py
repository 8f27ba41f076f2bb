"""Going through a file once, to check it or to apply it, and the report of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from operator import attrgetter
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import ColumnMapping, ImportKind, Site, Skill, SkillEvent
from webapp.services import customers, records
from webapp.services.access import Viewer
from webapp.services.audit import Actor
from webapp.services.importing.content import Content
from webapp.services.importing.context import Context, LogWriter
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.kinds.base import Progress
from webapp.services.importing.problems import MAX_LISTED, FileRefusedError, Problem
from webapp.services.importing.reading import read_table
from webapp.services.importing.shift_difference import ShiftDifference
from webapp.services.importing.table import Table
from webapp.services.importing.writing import Checker, Tally, Writer
from webapp.services.log_writing import EventRow, project_as, write_events

_NAMES_CUSTOMERS = frozenset({ImportKind.ENGAGEMENTS, ImportKind.ACD_LOG})


@dataclass(slots=True)
class Report:
    """
    What a pass over a file found or did.

    ``tallies`` counts database rows by table, ``categories`` the rows of a call log by what became of them,
    ``rejected`` lists those of its rows that became nothing, with the reason.  ``difference`` is that between a file of
    shifts and the roster.
    """

    kind: ImportKind
    rows: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    problem_count: int = 0
    notes: Sequence[str] = ()
    categories: Mapping[str, int] = field(default_factory=dict)
    rejected: Sequence[Problem] = ()
    difference: ShiftDifference | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    header_digest: str = ""

    @property
    def sound(self) -> bool:
        """Whether the file can be applied."""
        return self.problem_count == 0

    @property
    def total(self) -> Tally:
        """New, changed, unchanged and removed database rows of all tables."""
        total = Tally()
        for tally in self.tallies.values():
            total.new += tally.new
            total.changed += tally.changed
            total.unchanged += tally.unchanged
            total.removed += tally.removed
        return total

    def as_json(self, *, limit: int | None = None) -> dict[str, Any]:
        """Return the report as plain JSON types, with up to ``limit`` rejected rows listed."""
        total = self.total
        return {
            "kind": self.kind.value,
            "rows": self.rows,
            "new": total.new,
            "changed": total.changed,
            "unchanged": total.unchanged,
            "removed": total.removed,
            "tables": {name: asdict(tally) for name, tally in self.tallies.items()},
            "errors": self.problem_count,
            "problems": [problem.as_json() for problem in self.problems],
            "notes": list(self.notes),
            "categories": dict(self.categories),
            "rejected": [problem.as_json() for problem in self.rejected[:limit]],
            "mapping": dict(self.mapping),
            **({"difference": self.difference.summary()} if self.difference is not None else {}),
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
    content: Content
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
        return read_table(self.content, encoding=self.options.get("encoding"), max_rows=KINDS[self.kind].max_rows)


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
    log: LogWriter | None = None,
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
    log
        Writes the skill events of a staged import elsewhere than into this session, which is a reading one then.
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
    at_once = batch_id is not None and log is None
    sink = Writer(session, batch_id=batch_id) if batch_id is not None and at_once else Checker(session)
    report = Report(source.kind)
    savepoint = session.begin_nested() if at_once else None
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
            log=_write_at_once(session, by) if at_once else log,
        )
        report.mapping, report.header_digest = mapping, table.digest
        try:
            report.rows = kind.run(table, context, progress=progress)
        finally:
            context.keys.close()
            report.problems, report.problem_count = context.problems.listed, context.problems.count
        report.tallies, report.notes = sink.tallies, context.notes
        report.categories, report.rejected = context.categories, context.rejected
        report.difference = context.difference
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
        if source.kind in _NAMES_CUSTOMERS:
            # A file may bring back a customer who was erased.
            customers.erase_again(session, by=by)
    return report


def _write_at_once(session: Session, by: Actor) -> LogWriter:
    """Return a writer of skill events that projects their records in the same transaction."""

    def write(rows: Sequence[EventRow]) -> list[int]:
        keys = write_events(session, rows, importer_id=by.person_id)
        # These rows go past the session, which refuses to commit what nobody audited.
        session.info.setdefault("changed", SkillEvent.__name__)
        pairs = {(row["person_id"], row["skill_id"]) for row in rows}
        records.reproject(session, project_as(session, pairs), by.at.date())
        return keys

    return write
