"""The benchmark of the inventory runs to its end; its figures are for people who look at them."""

from __future__ import annotations

import subprocess
import sys

from tests import running


def test_benchmark_runs_at_a_small_size():
    command = [sys.executable, "-m", "tests.load.inventory", "--people", "300", "--rounds", "3", "--imports", "500"]

    ended = subprocess.run(command, cwd=running.ROOT, capture_output=True, text=True, timeout=250, check=False)

    assert ended.returncode == 0, ended.stderr
    assert [line.split(":")[0].strip() for line in ended.stdout.splitlines()] == [
        "sqlite",
        "who-can search",
        "profile",
        "heat map of 200 people, 40,000 cells",
        "import of 500 records",
    ]
