"""Files that are put into a folder are imported once and end where their outcome is seen."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from webapp.cli.drop_folder import LOCK_NAME, DropFolder
from webapp.cli.intake import intake
from webapp.errors import BusyError
from webapp.models import Engagement, ImportBatch


class Taken:
    """Notes what was imported; a file that says “bad” is refused with a report."""

    def __init__(self):
        self.contents = []
        self.digests = set()

    def take(self, path, report):
        text = path.read_text()
        if "bad" in text:
            report.write_text("row,message\n1,bad\n")
            return False
        self.contents.append(text)
        return True


@pytest.fixture
def taken():
    return Taken()


@pytest.fixture
def folder(tmp_path, taken):
    return DropFolder(tmp_path, taken.take, taken.digests.__contains__, settle_seconds=0)


def names(folder, place):
    return sorted(each.name for each in (folder.path / place).iterdir())


def test_files_are_taken_in_the_order_of_their_age(folder, taken):
    for age, name in enumerate(("new.csv", "middle.CSV", "old.xlsx")):
        (folder.path / name).write_text(name)
        os.utime(folder.path / name, (time.time() - age * 60,) * 2)

    assert folder.run_once() == (3, 0)

    assert taken.contents == ["old.xlsx", "middle.CSV", "new.csv"]
    assert len(names(folder, "done")) == 3
    assert names(folder, "processing") == []


def test_what_fails_stands_beside_its_report(folder):
    (folder.path / "work.csv").write_text("bad")

    assert folder.run_once() == (0, 1)

    file, report = names(folder, "failed")
    assert file.startswith("work.")
    assert report.endswith(".errors.csv")
    assert report.removesuffix(".errors.csv") == file.removesuffix(".csv")


def test_the_same_content_is_imported_once(folder, taken):
    taken.digests.add(hashlib.sha256(b"known").hexdigest())
    (folder.path / "copy.csv").write_text("known")

    assert folder.run_once() == (1, 0)

    assert taken.contents == []
    assert len(names(folder, "done")) == 1


def test_what_a_killed_process_left_is_taken_first(folder, taken):
    (folder.path / "processing").mkdir()
    (folder.path / "processing" / "left.csv").write_text("left")
    (folder.path / "new.csv").write_text("new")

    folder.run_once()

    assert taken.contents == ["left", "new"]


def test_files_still_written_hidden_or_of_another_kind_wait(tmp_path, taken):
    folder = DropFolder(tmp_path, taken.take, taken.digests.__contains__, settle_seconds=60)
    for name in ("fresh.csv", ".hidden.csv", "picture.png"):
        (tmp_path / name).write_text(name)
    os.utime(tmp_path / ".hidden.csv", (0, 0))
    os.utime(tmp_path / "picture.png", (0, 0))

    assert folder.run_once() == (0, 0)


def test_two_processes_do_not_work_on_one_folder(folder):
    with folder.held(), (folder.path / LOCK_NAME).open("w") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BusyError), folder.held():
            pass


@pytest.fixture
def mainstay(database, monkeypatch):
    """Return a function that runs a console command on the test's database and returns its exit code."""
    monkeypatch.setattr("webapp.cli.intake.get_database", lambda: database)
    monkeypatch.setattr("webapp.cli.importing.get_database", lambda: database)

    def run(*words):
        return CliRunner().invoke(intake, words).exit_code

    return run


def test_the_command_imports_engagements_once_and_reports_what_is_wrong(make, mainstay, tmp_path, database):
    make.engagement_type(code="mail")
    make.site(code="porto")
    make.commit()
    header = "external_id,type,earliest_at,due_at\n"
    (tmp_path / "good.csv").write_text(f"{header}f-1,mail,2026-11-24 09:00,2026-11-24 12:00\n")
    (tmp_path / "bad.csv").write_text(f"{header}f-2,nonsense,2026-11-24 09:00,2026-11-24 12:00\n")
    words = ("folder", str(tmp_path), "--site", "porto", "--settle", "0")

    assert mainstay(*words) == 1

    with database.reading() as session:
        assert session.scalars(select(Engagement.external_id)).all() == ["f-1"]
    (report,) = (tmp_path / "failed").glob("*.errors.csv")
    assert "2,type,nonsense" in report.read_text()
    next((tmp_path / "done").iterdir()).rename(tmp_path / "again.csv")
    assert mainstay(*words) == 0
    with database.reading() as session:
        assert session.scalar(select(func.count(ImportBatch.id))) == 1
