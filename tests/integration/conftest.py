"""
A real database and the application over it.

``database`` comes twice, as SQLite and as PostgreSQL, so that every integration test runs on both; ``make`` builds
rows, ``app`` and ``client`` serve them at the moment :data:`tests.factories.NOW`.
"""

from __future__ import annotations

import datetime as dt
import functools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from config import Config
from tests.factories import NOW, Make
from webapp import create_app, schema
from webapp.db import Base, Database
from webapp.models import Person
from webapp.services import erasure_memory
from webapp.services.erasure_memory import ErasureMemory


@pytest.fixture(scope="session", autouse=True)
def erasure_key() -> None:
    """Set the key by which erased customers are remembered, which a process is given when it starts."""
    erasure_memory.configure(ErasureMemory(Config().secret_key))


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_url: str) -> Iterator[Database]:
    """Return a PostgreSQL database with the newest schema; tests share it and empty it."""
    database = Database(postgresql_url)
    schema.upgrade(database)
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return a migrated, empty database of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        database = Database(f"sqlite:///{path}")
        yield database
        database.dispose()
        return
    database = request.getfixturevalue("migrated_postgresql")
    yield database
    with database.engine.begin() as connection:
        connection.exec_driver_sql(_emptying())


@functools.cache
def _emptying() -> str:
    """
    Return the command that empties every table and counts keys from 1 again.

    TRUNCATE gives each table and index a new file; for the few rows of a test, DELETE takes a fortieth of its time.
    """
    tables = Base.metadata.sorted_tables
    deletes = [f'DELETE FROM "{table.name}";' for table in reversed(tables)]  # noqa: S608 - names of our own models
    restarts = [f"PERFORM setval(pg_get_serial_sequence('{table.name}', 'id'), 1, false);" for table in tables]
    return f"DO $$ BEGIN {' '.join(deletes + restarts)} END $$"


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """Return a writing session, rolled back at the end unless the test commits."""
    with database.writing() as session:
        yield session


@pytest.fixture
def make(session: Session) -> Make:
    """Return a builder of rows in ``session``."""
    return Make(session)


@pytest.fixture
def clock() -> Callable[[], dt.datetime]:
    """Return the clock of the application under test; it stands still."""
    return lambda: NOW


@pytest.fixture
def app(database: Database, clock: Callable[[], dt.datetime]) -> Flask:
    """Return the application over ``database``, without CSRF tokens and without an executor."""
    config = Config(environment="test", executor="none")
    app = create_app(config, database=database, clock=clock, start_jobs=False)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return a client that nobody is signed in to."""
    return app.test_client()


@pytest.fixture
def sign_in(app: Flask, make: Make) -> Callable[[Person], FlaskClient]:
    """Return a function that commits what was built and returns a client with a person signed in."""

    def _sign_in(person: Person) -> FlaskClient:
        make.session.refresh(person, ["account"])
        assert person.account is not None
        uniquifier = person.account.fs_uniquifier
        make.commit()
        client = app.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"] = uniquifier
            cookie["_fresh"] = True
            # Sign-in renews this mark; password changes are only open for a while after it.
            cookie["fs_cc"] = "set"
            cookie["fs_paa"] = NOW.timestamp()
        return client

    return _sign_in
