"""Writing a backup: every row as it stood at one moment, while others go on writing."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Table, select

from webapp import schema
from webapp.db import Base, Database
from webapp.errors import InvalidInputError
from webapp.services.backup.archive import MANIFEST, Manifest, TableEntry, member_name
from webapp.services.backup.values import KINDS, kind_of

_ROWS_AT_ONCE = 1_000


def dump(database: Database, path: Path, *, at: dt.datetime) -> Manifest:
    """
    Write a backup.

    All rows are read in one snapshot, so that they fit each other whatever is written meanwhile. The file appears
    under its name once it is whole and on the disk; a backup that is killed leaves a file with a leading dot.

    Raises
    ------
    InvalidInputError
        If there is a file of that name already, or no folder for it.
    SchemaVersionError
        If the schema is not this version's.
    """
    if path.exists():
        raise InvalidInputError(f"There is a file {path} already; a backup overwrites nothing.")
    if not path.parent.is_dir():
        raise InvalidInputError(f"There is no folder {path.parent}.")
    schema.check_schema(database)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("xb") as file:
            # Rows hold what people said of customers and of each other.
            partial.chmod(0o600)
            manifest = _write(database, file, at=at)
            file.flush()
            os.fsync(file.fileno())
        # A link and not a rename: it fails where another backup has taken the name meanwhile.
        os.link(partial, path)
    except FileExistsError:
        raise InvalidInputError(f"There is a file {path} already; a backup overwrites nothing.") from None
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def content_hash(database: Database) -> str:
    """Return the hash that a backup of the database would have now, without writing one."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device and no path of ours
        return _write(database, nowhere, at=dt.datetime.now(dt.UTC)).content_hash


def _write(database: Database, file: IO[bytes], *, at: dt.datetime) -> Manifest:
    revision = schema.head_revision()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        _snapshot(database) as connection,
    ):
        tables = []
        for table in Base.metadata.sorted_tables:
            with archive.open(member_name(table.name), "w", force_zip64=True) as member:
                tables.append(_write_table(connection, table, member))
        manifest = Manifest(revision=revision, created_at=at, tables=tuple(tables))
        archive.writestr(MANIFEST, manifest.to_json())
    return manifest


def _snapshot(database: Database) -> Connection:
    """Return a connection whose transaction sees the database as it is at its first statement."""
    # SQLite's own transactions are snapshots in WAL mode; PostgreSQL's are from this level on.
    level = {} if database.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return database.engine.connect().execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE, **level)


def _write_table(connection: Connection, table: Table, member: IO[bytes]) -> TableEntry:
    digest, rows = hashlib.sha256(), 0
    for line in _lines(connection, table):
        digest.update(line)
        member.write(line)
        rows += 1
    # The first line names the columns.
    return TableEntry(table.name, rows - 1, digest.hexdigest(), later=_own_references(table))


def _lines(connection: Connection, table: Table) -> Iterator[bytes]:
    kinds = [(column.name, kind_of(column)) for column in table.columns]
    yield _line(kinds)
    packs = [KINDS[kind].pack for _, kind in kinds]
    for row in connection.execute(select(table).order_by(*table.primary_key.columns)):
        yield _line([None if value is None else pack(value) for pack, value in zip(packs, row, strict=True)])


def _line(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _own_references(table: Table) -> tuple[str, ...]:
    return tuple(sorted(key.parent.name for key in table.foreign_keys if key.column.table is table))
