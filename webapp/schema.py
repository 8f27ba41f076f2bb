"""The database schema's version: migrate up and down, and refuse a schema that the code was not written for."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from webapp.db import Database
from webapp.errors import SchemaVersionError

_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_MIGRATING = 6_025_411_873
"""Key of PostgreSQL's advisory lock; it only has to differ from the others of this application."""


def _alembic() -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate the database up to a revision."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Migrate the database down to a revision; ``base`` empties it."""
    _run(database, command.downgrade, revision)


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Wait until nobody else migrates the database: of several that start at once, one does it and the rest see it."""
    if not database.is_sqlite:
        # On a connection of its own: each migration ends a transaction, and the lock outlives them.
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATING})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATING})
        return
    if not database.url.database or database.url.database == ":memory:":
        yield
        return
    with Path(f"{database.url.database}.migrating").open("wb") as lock:
        # The system lets go of it when the process ends, however it ends.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(database: Database, action: object, revision: str) -> None:
    config = _alembic()
    with alone(database), database.engine.connect() as connection:
        # A batch migration of SQLite rebuilds tables, which foreign keys of other tables would forbid. Inside a
        # transaction SQLite ignores the setting in silence, and SQLAlchemy would begin one for it.
        if database.is_sqlite:
            _set_foreign_keys(connection, on=False)
        try:
            config.attributes["connection"] = connection
            action(config, revision)  # type: ignore[operator]
            if database.is_sqlite:
                _refuse_dangling(connection)
            connection.commit()
        finally:
            connection.rollback()
            if database.is_sqlite:
                _set_foreign_keys(connection, on=True)


def _set_foreign_keys(connection: Connection, *, on: bool) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA foreign_keys = {'ON' if on else 'OFF'}")


def _refuse_dangling(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise SchemaVersionError(f"A migration would leave a row of {broken[0]} that points to no row of {broken[2]}.")


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, or None if it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def head_revision() -> str:
    """Return the newest revision that this code knows."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    if head is None:
        raise SchemaVersionError("This installation has no migrations.")
    return head


def knows(revision: str) -> bool:
    """Return whether this code can migrate from a revision to its own."""
    return revision in {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}


def check_schema(database: Database) -> None:
    """
    Refuse a schema that this code was not written for.

    Raises
    ------
    SchemaVersionError
        Saying which way it is off, and what to do.
    """
    current, head = current_revision(database), head_revision()
    if current == head:
        return
    if current is None or knows(current):
        raise SchemaVersionError(
            f"The database schema is at {current or 'nothing'}, this version needs {head}: run 'mainstay db upgrade'."
        )
    raise SchemaVersionError(
        f"The database schema is at {current}, which is newer than this version ({head}): install the newer version."
    )
