"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import redis

from tests import required_services
from webapp import schema
from webapp.db import Database

# A busy machine is no reason for a property to fail; pytest-timeout stops what hangs.
hypothesis.settings.register_profile("mainstay", deadline=None, print_blob=True)
hypothesis.settings.load_profile("mainstay")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a misspelt requirement before the first test, rather than require nothing."""
    required_services.required_services(os.environ)


@pytest.fixture(scope="session")
def require_service() -> Callable[..., object]:
    """Return :func:`tests.required_services.require_service`, for a service that no fixture here stands for."""
    return required_services.require_service


@pytest.fixture(scope="session")
def create_postgresql_database() -> Iterator[Callable[[], str]]:
    """Return a function that creates an empty PostgreSQL database and returns its SQLAlchemy address."""
    server_url = required_services.require_service("postgresql", required_services.find_postgresql)
    with ExitStack() as databases:
        yield lambda: databases.enter_context(required_services.temporary_database(server_url))


@pytest.fixture(scope="session")
def postgresql_url(create_postgresql_database: Callable[[], str]) -> str:
    """Return the SQLAlchemy address of a PostgreSQL database that this test worker has to itself."""
    return create_postgresql_database()


@pytest.fixture
def redis_url(worker_id: str) -> Iterator[str]:
    """Return the address of a Redis database that this test worker has to itself, empty before and after."""
    server_url = required_services.require_service("redis", required_services.find_redis)
    url = required_services.redis_database_url(server_url, worker_id)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture(scope="session")
def browser_path() -> Path:
    """Return the path of the system's Chromium; Playwright takes it as ``executable_path``."""
    return required_services.require_service("browser", required_services.find_browser)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real data sets outside the repository."""
    return required_services.require_service("shared-data", required_services.find_shared_data)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the newest schema and no rows; tests copy it."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    database = Database(f"sqlite:///{path}")
    schema.upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.dispose()
    return path
