"""
The archive of a backup: a ZIP file with one member for each table and a manifest.

A member holds one JSON array a line: the columns first, each with its kind, then the rows in the order of their keys.
The manifest says which schema the rows are of, and for each member how many rows and which SHA-256 it has; the
archive's own hash is one over all of these, so that it names the content and not the file.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from webapp.errors import InvalidInputError
from webapp.services.backup.values import KINDS

FORMAT = "mainstay-backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
MAX_LINE_BYTES = 256 * 1024 * 1024
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, UnicodeDecodeError, ValueError, NotImplementedError)


def member_name(table: str) -> str:
    """Return the name of a table's member."""
    return f"tables/{table}.jsonl"


@dataclass(frozen=True, slots=True)
class TableEntry:
    """
    What the manifest says of one table.

    Parameters
    ----------
    name, rows, sha256
        Its name, how many rows it has, and the hash of its member's uncompressed bytes.
    later
        Columns that point to rows of the same table, which are written once all rows are there.
    """

    name: str
    rows: int
    sha256: str
    later: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive is; ``tables`` stand in the order in which they can be written."""

    revision: str
    created_at: dt.datetime
    tables: tuple[TableEntry, ...]

    @property
    def content_hash(self) -> str:
        """SHA-256 over the schema's revision and each table's name and hash, in the order of names."""
        lines = [self.revision, *sorted(f"{each.name} {each.rows} {each.sha256}" for each in self.tables)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def rows(self) -> int:
        """How many rows there are in all tables."""
        return sum(each.rows for each in self.tables)

    def to_json(self) -> str:
        """Return the manifest as it stands in the archive."""
        return json.dumps(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "revision": self.revision,
                "created_at": self.created_at.isoformat(),
                "content_hash": self.content_hash,
                "tables": [asdict(each) for each in self.tables],
            },
            indent=2,
        )

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """
        Read a manifest.

        Raises
        ------
        InvalidInputError
            If it is none, is of a newer format, or does not have the hash that it names.
        """
        try:
            found = json.loads(text)
            form, version = found["format"], found["format_version"]
            if form == FORMAT and version != FORMAT_VERSION:
                raise InvalidInputError(
                    f"The backup has format version {version}; this version reads {FORMAT_VERSION}."
                )
            manifest = cls(
                revision=str(found["revision"]),
                created_at=dt.datetime.fromisoformat(found["created_at"]),
                tables=tuple(
                    TableEntry(str(each["name"]), int(each["rows"]), str(each["sha256"]), tuple(each["later"]))
                    for each in found["tables"]
                ),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"{MANIFEST} of the backup cannot be read: {error}.") from error
        if form != FORMAT or found.get("content_hash") != manifest.content_hash:
            raise InvalidInputError(f"{MANIFEST} of the backup does not have the hash that it names: it was changed.")
        return manifest


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive that is open for reading, and what its manifest says."""

    manifest: Manifest
    _zip: zipfile.ZipFile

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table with the name of each one's kind, in the order of its rows."""
        with self._zip.open(member_name(table)) as member:
            return _columns(table, json.loads(member.readline(MAX_LINE_BYTES)))

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table as a database takes them."""
        with self._zip.open(member_name(table)) as member:
            columns = _columns(table, json.loads(member.readline(MAX_LINE_BYTES)))
            kinds = [(name, KINDS[kind]) for name, kind in columns.items()]
            for line in member:
                yield {
                    name: None if value is None else kind.unpack(value)
                    for (name, kind), value in zip(kinds, json.loads(line), strict=True)
                }

    def verify(self) -> None:
        """
        Read the whole archive and check it against its manifest.

        Raises
        ------
        InvalidInputError
            Naming the table, and the line where one is at fault.
        """
        expected = {MANIFEST, *(member_name(each.name) for each in self.manifest.tables)}
        present = self._zip.namelist()
        if sorted(present) != sorted(expected):
            wrong = sorted(set(present) ^ expected) or ["a member twice"]
            raise InvalidInputError(f"The backup does not hold what its manifest names: {wrong[0]}.")
        for entry in self.manifest.tables:
            try:
                self._verify_table(entry)
            except _FAULTS as error:
                raise InvalidInputError(f"The backup is damaged in table {entry.name}: {error}.") from error

    def _verify_table(self, entry: TableEntry) -> None:
        digest, count = hashlib.sha256(), -1
        with self._zip.open(member_name(entry.name)) as member:
            kinds: Mapping[str, str] = {}
            while line := member.readline(MAX_LINE_BYTES):
                digest.update(line)
                values = json.loads(line)
                if count < 0:
                    kinds = _columns(entry.name, values)
                elif not _fits(values, kinds):
                    raise ValueError(f"row {count + 1} does not fit its columns")
                count += 1
        if count != entry.rows or digest.hexdigest() != entry.sha256:
            raise ValueError("its rows do not have the hash that the manifest names")


def _columns(table: str, header: Any) -> dict[str, str]:
    if not isinstance(header, list) or not all(isinstance(each, list) and len(each) == 2 for each in header):
        raise InvalidInputError(f"The backup is damaged in table {table}: its first line names no columns.")
    columns = {str(name): str(kind) for name, kind in header}
    unknown = sorted(set(columns.values()) - set(KINDS))
    if unknown:
        raise InvalidInputError(f"The backup is damaged in table {table}: no column is of kind {unknown[0]!r}.")
    return columns


def _fits(values: Any, kinds: Mapping[str, str]) -> bool:
    return (
        isinstance(values, list)
        and len(values) == len(kinds)
        and all(
            value is None or isinstance(value, KINDS[kind].accepts)
            for value, kind in zip(values, kinds.values(), strict=True)
        )
    )


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """
    Open an archive for reading; only its manifest is checked yet.

    Raises
    ------
    InvalidInputError
        If the file is no archive of Mainstay.
    """
    try:
        packed = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InvalidInputError(f"There is no file {path}.") from None
    except _FAULTS as error:
        raise InvalidInputError(f"{path.name} is no backup of Mainstay, or was cut short: {error}.") from error
    with packed:
        try:
            manifest = Manifest.from_json(packed.read(MANIFEST))
        except KeyError:
            raise InvalidInputError(f"{path.name} is no backup of Mainstay: it has no {MANIFEST}.") from None
        except _FAULTS as error:
            raise InvalidInputError(f"{MANIFEST} of {path.name} is damaged: {error}.") from error
        yield Archive(manifest, packed)
