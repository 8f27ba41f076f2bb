"""Many editors at once lose no edit, in CI at a size that takes seconds; docs/benchmarks.md has the full one."""

import shutil

import pytest

from tests.load.editors import run
from webapp import schema
from webapp.db import Database

EDITORS, EDITS = 8, 25


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """Return the address of an empty database of each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "mainstay.db")
        return f"sqlite:///{tmp_path / 'mainstay.db'}"
    url = request.getfixturevalue("create_postgresql_database")()
    database = Database(url)
    schema.upgrade(database)
    database.dispose()
    return url


@pytest.fixture
def opened(address):
    database = Database(address)
    yield database
    database.dispose()


@pytest.mark.parametrize("rows", [1, 8])
def test_every_edit_that_was_answered_as_saved_is_there(opened, address, rows):
    outcome = run(opened, address, editors=EDITORS, edits=EDITS, rows=rows, processes=2)

    assert (outcome.saved, outcome.lost, outcome.extra, outcome.broken_at) == (EDITORS * EDITS, 0, 0, None)


def test_a_build_without_the_version_check_is_found_out(opened, address):
    outcome = run(opened, address, editors=EDITORS, edits=EDITS, rows=1, processes=2, broken=True)

    assert outcome.lost > 0
