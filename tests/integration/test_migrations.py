"""Migrations and models say the same, and every migration can be taken back."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, inspect, select

from tests.factories.every_table import fill_every_table
from webapp import schema
from webapp.db import Base, Database
from webapp.errors import SchemaVersionError


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request, tmp_path):
    """Return a database of its own without any table."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        url = request.getfixturevalue("create_postgresql_database")()
    database = Database(url)
    yield database
    database.dispose()


def test_migrations_build_what_the_models_describe(empty_database):
    schema.upgrade(empty_database)

    with empty_database.engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), Base.metadata)

    assert difference == []


def test_migrations_go_up_down_and_up_again(empty_database):
    schema.upgrade(empty_database)
    schema.downgrade(empty_database, "base")
    assert set(inspect(empty_database.engine).get_table_names()) <= {"alembic_version"}

    schema.upgrade(empty_database)
    assert set(Base.metadata.tables) <= set(inspect(empty_database.engine).get_table_names())


def test_rows_live_through_migrations_down_and_up_again(empty_database):
    """A rebuilt table of SQLite keeps the rows that point to it: foreign keys are off while it is rebuilt."""
    schema.upgrade(empty_database)
    with empty_database.engine.begin() as connection:
        fill_every_table(connection)

    schema.downgrade(empty_database, "0017")
    schema.upgrade(empty_database)

    with empty_database.engine.connect() as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(Base.metadata.tables[name]))
            for name in ("person", "job", "engagement", "assignment", "audit_event", "skill_event")
        }
        if empty_database.is_sqlite:
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert counts == dict.fromkeys(counts, 2)


def test_unmigrated_schema_is_refused(empty_database):
    with pytest.raises(SchemaVersionError, match="mainstay db upgrade"):
        schema.check_schema(empty_database)


def test_older_schema_is_refused(empty_database):
    schema.upgrade(empty_database, "0001")

    with pytest.raises(SchemaVersionError, match="mainstay db upgrade"):
        schema.check_schema(empty_database)


def test_newer_schema_is_refused(empty_database):
    schema.upgrade(empty_database)
    with empty_database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaVersionError, match="newer"):
        schema.check_schema(empty_database)


def test_of_several_that_migrate_at_once_one_does_it_and_the_others_wait(empty_database):
    second = Database(empty_database.url)
    waiting = threading.Thread(target=schema.upgrade, args=(second, "0001"))

    with schema.alone(empty_database):
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
        assert schema.current_revision(empty_database) is None
    waiting.join()

    assert schema.current_revision(empty_database) == "0001"
    second.dispose()
