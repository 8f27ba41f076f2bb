"""Each contract of ``pyproject.toml`` holds, and is seen to break when somebody breaks its rule."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as main; main(['--no-logo', '--no-cache'])"

VIOLATIONS = [
    ("webapp/models/breach.py", "import webapp.services", "webapp keeps its layers, and every module of it has one"),
    ("webapp/helpers.py", "", "webapp keeps its layers, and every module of it has one"),
    ("webapp/blueprints/one/views.py", "import webapp.blueprints.two", "Features do not import each other"),
    ("optimizer/breach.py", "import sqlalchemy", "The optimizer is pure"),
    ("webapp/forms/breach.py", "import optimizer", "Only services and the console command use the optimizer"),
    ("webapp/services/breach.py", "import flask", "Services and models know nothing of the web"),
    ("webapp/blueprints/one/views.py", "from sqlalchemy import select", "Views do not query"),
    ("webapp/services/breach.py", "import pulp", "Only the optimizer names the solver"),
    ("optimizer/plan.py", "import highspy", "Problem, plan and the independent checker stay free of the solver"),
    ("webapp/services/one/views.py", "import webapp.services.two", "No package cycles"),
]


def lint(root: Path) -> str:
    """Return import-linter's report on a tree."""
    answer = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS], cwd=root, capture_output=True, text=True, check=False, timeout=120
    )
    return answer.stdout + answer.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the packages and their contracts, to be broken."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("optimizer", "webapp"):
        source = ROOT / package
        shutil.copytree(source, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "static"))
    return tmp_path


def test_every_contract_holds():
    report = lint(ROOT)

    assert "0 broken" in report, report


@pytest.mark.parametrize(("name", "line", "contract"), VIOLATIONS)
def test_a_breach_of_the_rule_breaks_its_contract(tree, name, line, contract):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for package in (path.parent, path.parent.with_name("two")):
        if path.parent.name == "one":
            package.mkdir(exist_ok=True)
            (package / "__init__.py").write_text("import webapp.services.one\n" if "services" in name else "")
    with path.open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")

    report = lint(tree)

    assert f"{contract} BROKEN" in report, report
