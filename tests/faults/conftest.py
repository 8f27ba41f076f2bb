"""Installations to break: a database of each kind, and a small centre in it."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import running
from tests.factories import Make
from tests.factories.centre import Centre, build_centre
from tests.faults.installation import Installation
from webapp.db import Database

ROUNDS_VARIABLE = "MAINSTAY_FAULT_ROUNDS"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what looks for processes in /proc where there is none."""
    if sys.platform != "linux":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="processes are found in /proc, which Linux has"))


@pytest.fixture(scope="session")
def rounds() -> int:
    """Return how often each fault is tried: once in CI; docs/benchmarks.md says how to run the full thousand."""
    return int(os.environ.get(ROUNDS_VARIABLE, "1"))


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """Return an installation on each kind of database, migrated and empty."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "mainstay.db")
        url = f"sqlite:///{tmp_path / 'mainstay.db'}"
    else:
        url = request.getfixturevalue("create_postgresql_database")()
        running.mainstay("db", "upgrade", database_url=url)
    database = Database(url)
    yield Installation(database, url, tmp_path)
    database.dispose()


@pytest.fixture
def centre(installation: Installation) -> Centre:
    """Return a small contact centre with tomorrow to plan."""
    with installation.database.writing() as session:
        make = Make(session)
        centre = build_centre(make, day_on=running.now().date() + dt.timedelta(days=1))
        make.commit()
    return centre
