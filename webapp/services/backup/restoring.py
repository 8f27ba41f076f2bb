"""Restoring a backup: checked whole before anything is touched, written in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    column,
    delete,
    func,
    insert,
    inspect,
    select,
    table,
    text,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import TableClause

from webapp import schema
from webapp.db import Database
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Site
from webapp.services import audit, customers
from webapp.services.audit import Actor
from webapp.services.backup import revocations
from webapp.services.backup.archive import Archive, TableEntry
from webapp.services.backup.revocations import Revocations
from webapp.services.backup.values import KINDS

_ROWS_AT_ONCE = 1_000
_VERSION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did: rows written, API tokens that it revoked again, rows of customers that it erased again."""

    rows: int
    revoked_tokens: int
    erased_rows: int
    unknown_erasures: int = 0
    """Customers who were erased under another ``SECRET_KEY``: whether they are back, nobody can say."""


def restore(
    database: Database,
    archive: Archive,
    *,
    replace: bool,
    known: Revocations | None,
    by: Actor,
) -> RestoreReport:
    """
    Write a backup's rows into a database.

    The archive is read whole and checked first; then all rows are written in one transaction, so that a restore that
    fails or is killed leaves the database as it was. An older backup is written with the schema that it is of, and
    migrated.

    Parameters
    ----------
    database
        An empty database, or with ``replace`` one with this version's schema, whose rows are deleted.
    archive
        What to write.
    replace
        Whether rows that are there may be deleted.
    known
        What has been revoked since the backup was written; None if nobody can say. What the database says that is
        replaced is added.
    by
        Who restores.

    Raises
    ------
    InvalidInputError
        If the archive is damaged, or of a schema that this version does not know.
    ConflictError
        If the database holds rows and they may not be replaced, or not by a backup of this age.
    """
    archive.verify()
    manifest = archive.manifest
    if not schema.knows(manifest.revision):
        raise InvalidInputError(
            f"The backup is of schema {manifest.revision}, which this version does not know: install the version that "
            "wrote it, or a newer one."
        )
    if _is_empty(database):
        _migrate_to(database, manifest.revision)
    elif not replace:
        raise ConflictError("The database holds rows already; restore into an empty one, or say that it be replaced.")
    elif schema.current_revision(database) != manifest.revision:
        raise ConflictError(
            f"The database is at schema {schema.current_revision(database)}, the backup at {manifest.revision}: "
            "restore it into an empty database, where it is migrated."
        )
    else:
        with database.reading() as session:
            known = revocations.read_revocations(session).joined(known or Revocations())
    with database.transaction() as session:
        rows = _write(session.connection(), archive)
        if manifest.revision == schema.head_revision():
            return _finish(session, manifest.content_hash, known, rows=rows, by=by)
    schema.upgrade(database)
    with database.transaction() as session:
        return _finish(session, manifest.content_hash, known, rows=rows, by=by)


def _is_empty(database: Database) -> bool:
    with database.engine.connect() as connection:
        names = [name for name in inspect(connection).get_table_names() if name != _VERSION_TABLE]
        return not any(
            connection.execute(select(text("1")).select_from(table(name)).limit(1)).first() is not None
            for name in names
        )


def _migrate_to(database: Database, revision: str) -> None:
    current = schema.current_revision(database)
    if current == revision:
        return
    if current is not None:
        schema.downgrade(database, "base")
    schema.upgrade(database, revision)


def _write(connection: Connection, archive: Archive) -> int:
    entries = archive.manifest.tables
    present = {name for name in inspect(connection).get_table_names() if name != _VERSION_TABLE}
    differing = sorted(present ^ {entry.name for entry in entries})
    if differing:
        raise InvalidInputError(f"The backup and its schema do not have the same tables: {differing[0]}.")
    tables = {entry.name: _table(archive, entry) for entry in entries}
    # Rows of one table may point to each other; SQLite would refuse to delete the first of them.
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    for entry in reversed(entries):
        if entry.later:
            connection.execute(update(tables[entry.name]).values(dict.fromkeys(entry.later)))
        connection.execute(delete(tables[entry.name]))
    for entry in entries:
        _write_table(connection, tables[entry.name], archive, entry)
    return archive.manifest.rows


def _table(archive: Archive, entry: TableEntry) -> TableClause:
    return table(entry.name, *(column(name, KINDS[kind].type_) for name, kind in archive.columns(entry.name).items()))


def _write_table(connection: Connection, into: TableClause, archive: Archive, entry: TableEntry) -> None:
    pointing: list[dict[str, Any]] = []

    def without_pointers() -> Iterator[dict[str, Any]]:
        for row in archive.rows(entry.name):
            if any(row[name] is not None for name in entry.later):
                pointing.append({"own_id": row["id"], **{f"to_{name}": row[name] for name in entry.later}})
                yield row | dict.fromkeys(entry.later)
            else:
                yield row

    rows = without_pointers()
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        connection.execute(insert(into), batch)
    if pointing:
        own_id = bindparam("own_id", type_=BigInteger())
        to_rows = {name: bindparam(f"to_{name}", type_=BigInteger()) for name in entry.later}
        connection.execute(update(into).where(into.c.id == own_id).values(to_rows), pointing)
    if connection.dialect.name == "postgresql" and "id" in into.c:
        _count_on(connection, into)


def _count_on(connection: Connection, into: TableClause) -> None:
    """Let new rows take keys after those that were written."""
    sequence = func.pg_get_serial_sequence(into.name, "id")
    highest = select(func.coalesce(func.max(into.c.id), 0) + 1).scalar_subquery()
    connection.execute(select(func.setval(sequence, highest, False)).where(sequence.is_not(None)))  # noqa: FBT003 - SQL


def _finish(session: Session, content_hash: str, known: Revocations | None, *, rows: int, by: Actor) -> RestoreReport:
    revoked, erased = revocations.reapply(session, known, by=by)
    # A backup of a database without a site holds nothing that could be audited.
    site = session.scalar(select(Site).order_by(Site.id).limit(1))
    if site is not None:
        detail = {"content_hash": content_hash, "rows": rows, "revoked_tokens": revoked, "erased_rows": erased}
        audit.record(session, "restore_backup", site, by=by, detail=detail)
    unknown = customers.count_unknown(session)
    return RestoreReport(rows=rows, revoked_tokens=revoked, erased_rows=erased, unknown_erasures=unknown)
