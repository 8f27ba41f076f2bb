"""Reading the files of a release one by one: each is recognised by its header and read by a function of its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from webapp.models.taxonomy import TaxonomyCode
from webapp.services.taxonomies.archive import Files
from webapp.services.taxonomies.draft import FileReport, RelationScope, ReleaseDraft
from webapp.services.taxonomies.problems import Problems
from webapp.services.taxonomies.tables import Line, SourceTable, open_table

Progress = Callable[[int, int, str], None]

LABEL_LENGTH = 300
_URI_LENGTH = 300
_CODE_LENGTH = 80


@dataclass(slots=True)
class Reading:
    """One file while it is read: where its rows go, and what becomes of them."""

    draft: ReleaseDraft
    problems: Problems
    report: FileReport
    number: int
    seen: dict[object, str] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        """Count the present row as one that says nothing for Mainstay."""
        self.report.used -= 1
        self.report.left_out[reason] += 1

    def refuse(self, line: Line, column: str, message: str) -> None:
        """Note a problem of the present row."""
        self.problems.add(line.file, message, row=line.number, column=column)

    def text(self, line: Line, column: str, *, longest: int = LABEL_LENGTH) -> str | None:
        """Return a cell that must hold something, or None with a problem noted."""
        value = line.get(column)
        if not value:
            self.refuse(line, column, "The cell is empty.")
            return None
        if len(value) > longest:
            self.refuse(line, column, f"The text has {len(value)} characters; at most {longest} are accepted.")
            return None
        return value

    def uri(self, line: Line, column: str) -> str | None:
        """Return an address, or None with a problem noted."""
        value = self.text(line, column, longest=_URI_LENGTH)
        if value is not None and any(letter.isspace() for letter in value):
            self.refuse(line, column, f"“{value[:60]}” is no address: it holds a space.")
            return None
        return value

    def code(self, line: Line, column: str) -> str:
        """Return a code, which may be missing; a long one is a problem."""
        value = line.get(column)
        if len(value) > _CODE_LENGTH:
            self.refuse(line, column, f"The code has {len(value)} characters; at most {_CODE_LENGTH} are accepted.")
        return value

    def repeats(self, line: Line, key: object, says: str, column: str) -> bool:
        """Return whether an earlier row says the same; one that contradicts it is a problem."""
        if key not in self.seen:
            self.seen[key] = says
            return False
        if self.seen[key] != says:
            self.refuse(
                line, column, f"An earlier row says “{self.seen[key][:60]}” of the same; this one says “{says[:60]}”."
            )
        return True


@dataclass(frozen=True, slots=True)
class FileKind:
    """
    One kind of file of a taxonomy.

    Parameters
    ----------
    title
        What it holds.
    usual_name
        Its name as published, for the list of what is missing.
    columns
        The columns by which it is recognised, and without which it cannot be read.
    read
        Reads one row.
    scopes
        The relations that it lists in full.
    names
        Pattern of its usual names: a file so called whose header lacks a column is refused instead of passed over.
    accepts
        Says by its first row whether a file with these columns is meant; without it, each is.
    expected
        Whether a release without it is incomplete.
    short_rows
        Whether its rows may lack cells at the end.
    """

    title: str
    usual_name: str
    columns: frozenset[str]
    read: Callable[[Reading, Line], None]
    scopes: frozenset[RelationScope] = frozenset()
    names: str = ""
    accepts: Callable[[Line], bool] | None = None
    expected: bool = True
    short_rows: bool = False


def read_files(
    taxonomy: TaxonomyCode,
    files: Files,
    kinds: Sequence[FileKind],
    *,
    report: Progress,
) -> ReleaseDraft:
    """
    Return what the files of a release say.

    Parameters
    ----------
    taxonomy
        Which taxonomy it is.
    files
        Its files; those of no known kind are listed as not used.
    kinds
        The kinds of files, the most particular first.
    report
        Told the number of each file, how many there are, and its name as its turn comes.

    Raises
    ------
    ReleaseRefusedError
        If a file is malformed, or none is known.
    """
    draft, problems = ReleaseDraft(taxonomy), Problems()
    found: set[str] = set()
    for number, (name, content) in enumerate(files):
        report(number, len(files.readers), name)
        before = len(problems.found)
        table = open_table(name, content, problems)
        kind = _recognise(table, kinds) if table is not None else None
        if table is None or kind is None:
            draft.unused.append(name)
            if len(problems.found) == before:
                _refuse_known_name(name, table, kinds, problems)
            continue
        found.add(kind.title)
        draft.scopes |= kind.scopes
        _read(draft, problems, table, kind)
    draft.missing = [kind.usual_name for kind in kinds if kind.expected and kind.title not in found]
    if not found and not problems.found:
        names = ", ".join(kind.usual_name for kind in kinds if kind.expected)
        problems.add(files_name(files), f"None of the files is one of this taxonomy: {names}.")
    problems.refuse_if_any()
    return draft


def files_name(files: Files) -> str:
    """Return names of some files, for a message about all of them."""
    names = list(files.readers)
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def _recognise(table: SourceTable, kinds: Sequence[FileKind]) -> FileKind | None:
    header = set(table.header)
    first = table.first()
    for kind in kinds:
        if kind.columns <= header and (kind.accepts is None or (first is not None and kind.accepts(first))):
            return kind
    return None


def _refuse_known_name(name: str, table: SourceTable | None, kinds: Sequence[FileKind], problems: Problems) -> None:
    """Note which column is missing from a file that is called as one of the release is."""
    stem = re.sub(r"[\s_-]+", "", PurePosixPath(name).stem.casefold())
    for kind in kinds:
        if not kind.names or not re.fullmatch(kind.names, stem):
            continue
        if table is None:
            problems.add(name, "The file is empty.")
        for column in sorted(kind.columns - set(table.header if table else kind.columns)):
            problems.add(name, "The header lacks this column.", row=1, column=column)
        return


def _read(draft: ReleaseDraft, problems: Problems, table: SourceTable, kind: FileKind) -> None:
    report = FileReport(table.name, kind.title)
    reading = Reading(draft, problems, report, len(draft.files))
    draft.files.append(report)
    for line in table.lines(problems, short_rows=kind.short_rows):
        report.rows += 1
        report.used += 1
        kind.read(reading, line)
