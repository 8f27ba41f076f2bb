"""
Kill -9 of a backup and of a restore: a file is whole or not there, a database is as before or as restored.

The moment differs from round to round; ``MAINSTAY_FAULT_ROUNDS`` says how often.
"""

from __future__ import annotations

import random

from webapp.models import Site
from webapp.services import backup


def test_killed_backup_leaves_a_whole_file_or_none(installation, centre, rounds):
    before = backup.content_hash(installation.database)
    for turn in range(rounds):
        file = installation.folder / f"{turn}.backup"

        # From before the database is opened to just after the file has its name.
        installation.kill_after(random.uniform(0.5, 3), "backup", str(file))

        if file.exists():
            assert installation.run_json("verify-backup", str(file))["content_hash"] == before
        else:
            installation.run("backup", str(file))
        assert file.stat().st_mode & 0o077 == 0
    assert backup.content_hash(installation.database) == before
    installation.assert_sound()


def test_killed_restore_leaves_the_rows_of_before_or_those_of_the_backup(installation, centre, rounds):
    file = installation.folder / "mainstay.backup"
    installation.run("backup", str(file))
    again = ("restore", str(file), "--replace", "--yes")
    for turn in range(rounds):
        installation.run("site", "add", f"later-{turn}", "Later", "Europe/Berlin")
        before = backup.content_hash(installation.database)

        installation.kill_after(random.uniform(0.5, 4), *again)

        if installation.count(Site, Site.code.startswith("later-")):
            assert backup.content_hash(installation.database) == before
            installation.run(*again)
        assert installation.count(Site) == 1
        installation.assert_sound()
