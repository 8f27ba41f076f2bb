"""Migrations and models say the same, and every migration can be taken back."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

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
