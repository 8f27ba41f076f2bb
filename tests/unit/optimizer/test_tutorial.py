"""The tutorial does what it says, block by block, and what it imports stands in the package."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import optimizer

ROOT = Path(__file__).resolve().parents[3]
TUTORIAL = ROOT / "docs" / "optimizer-tutorial.md"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?", re.MULTILINE | re.DOTALL)


def test_every_block_of_the_tutorial_prints_what_stands_below_it(tmp_path, monkeypatch):
    """The blocks share one namespace, as in a notebook, and an empty folder."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "tutorial"}
    blocks = list(BLOCK.finditer(TUTORIAL.read_text(encoding="utf-8")))

    for block in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block["code"], str(TUTORIAL), "exec"), names)  # noqa: S102  It is our own page.
        assert printed.getvalue() == (block["printed"] or ""), block["code"]

    assert len(blocks) >= 10


@pytest.mark.parametrize("name", ["Problem", "solve", "verify", "explain"])
def test_the_package_offers_its_main_words_at_the_top(name):
    assert name in optimizer.__all__
    assert callable(getattr(optimizer, name))


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "optimizer" / "py.typed").is_file()


def test_the_package_works_without_the_web_application(tmp_path):
    """It is documented as if it were published alone: a copy of its folder is enough."""
    (tmp_path / "optimizer").symlink_to(ROOT / "optimizer")
    others = {"flask", "hypothesis", "sqlalchemy", "webapp"}
    script = f"import sys; from optimizer import Problem, solve, verify, explain; print({others} & set(sys.modules))"
    alone = {**os.environ, "PYTHONPATH": str(tmp_path)}

    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=alone, capture_output=True, check=True)

    assert ended.stdout.strip() == b"set()"
