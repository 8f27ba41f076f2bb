"""The database schema's version: migrate up and down, and refuse a schema that the code was not written for."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from webapp.db import Database
from webapp.errors import SchemaVersionError

_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


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


def _run(database: Database, action: object, revision: str) -> None:
    config = _alembic()
    with database.engine.connect() as connection:
        # A batch migration of SQLite rebuilds tables, which foreign keys of other tables would forbid.
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.commit()
        config.attributes["connection"] = connection
        action(config, revision)  # type: ignore[operator]
        connection.commit()
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = ON")
            connection.commit()


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, or None if it is empty."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str:
    """Return the newest revision that this code knows."""
    head = ScriptDirectory.from_config(_alembic()).get_current_head()
    if head is None:
        raise SchemaVersionError("This installation has no migrations.")
    return head


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
    known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
    if current is None or current in known:
        raise SchemaVersionError(
            f"The database schema is at {current or 'nothing'}, this version needs {head}: run 'mainstay db upgrade'."
        )
    raise SchemaVersionError(
        f"The database schema is at {current}, which is newer than this version ({head}): install the newer version."
    )
