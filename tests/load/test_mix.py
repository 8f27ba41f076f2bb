"""The page mix runs to its end on both databases, and nothing that it was told is done is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter

import pytest

from tests import required_services, running
from tests.load import mix_count
from tests.load.mix import MOST_ERRORS, Report
from tests.load.mix_client import MIX, Outcome
from webapp.db import Database

LONGEST_SECONDS = 420


@pytest.mark.timeout(LONGEST_SECONDS + 60)
@pytest.mark.parametrize(("database", "processes"), [("sqlite", 1), ("sqlite", 2), ("postgresql", 2)])
def test_small_mix_loses_nothing(database, processes, require_service):
    if database == "postgresql":
        require_service("postgresql", required_services.find_postgresql)
        require_service("redis", required_services.find_redis)
    command = [sys.executable, "-m", "tests.load.mix", "--small", "--database", database]
    command += ["--processes", str(processes)]

    ended = subprocess.run(
        command, cwd=running.ROOT, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = json.loads(ended.stdout)
    assert report["broken"] == []
    assert [window["window"].partition(" and ")[0].partition(",")[0] for window in report["windows"]] == [
        "alone",
        "import",
        "import",
    ]
    assert all(window["requests"] and window["errors"] == 0 for window in report["windows"])
    assert all(window["cpu_ms"] > window["bare_cpu_ms"] > 0 for window in report["windows"])
    assert set().union(*(window["median_ms"] for window in report["windows"])) == set(MIX)
    assert all(report["acknowledged"].values())
    assert report["beside"]["imports"]
    assert report["beside"]["plans"]


def test_mix_is_stated_in_hundredths():
    assert sum(MIX.values()) == 100


def test_lost_confirmations_answers_and_contacts_are_found(migrated_sqlite, tmp_path):
    shutil.copy(migrated_sqlite, tmp_path / "mainstay.db")
    database = Database(f"sqlite:///{tmp_path / 'mainstay.db'}")
    seen = Outcome()
    seen.confirmed[7] = 2
    seen.answered[5] = "accepted"
    seen.contacts.append("load-1")

    assert mix_count.find_lost(database, seen, before=Counter()) == [
        "person 7: 2 confirmations",
        "assignment 5: None, not accepted",
        "contact load-1",
    ]


def test_errors_and_refusals_without_advice_break_a_report():
    report = Report("sqlite")
    assert report.broken() == []

    report.seen.seconds["my day"] = [0.1] * int(2 / MOST_ERRORS)
    report.seen.errors = ["my day: 500"]
    assert report.broken() == []

    report.seen.errors *= 3
    report.seen.busy_without_advice = 1
    assert report.broken() == ["my day: 500"] * 3 + ["1 answers 503 without Retry-After"]
