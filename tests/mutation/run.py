"""
Run the tests against mutants of modules and list the mutants that survive.

``python -m tests.mutation.run optimizer/verify optimizer/assignment/rows --report survivors.json``, from the checkout.
Outside CI: a run takes about an hour. `docs/mutation.md` says what was found.

The working tree is copied and only the copy is mutated. This process loads the libraries once; every mutant is tested
in a fork of it, stage by stage, until a test fails or time is up. A mutant that hangs is one that a test has noticed.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.mutants import Mutant, mutate

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("config.py", "docs", "manage.py", "migrations", "optimizer", "pyproject.toml", "templates", "tests", "webapp")
LIBRARIES = (
    "numpy",
    "scipy.sparse",
    "scipy.optimize",
    "pulp",
    "highspy",
    "numba",
    "hypothesis",
    "pytest",
    "jsonschema",
)
"""Loaded before the first fork. None of them may start a thread, which would not live on in the fork."""

CHECKED = "test_oracle.py::test_every_plan_passes_the_independent_checker"
STAGES: dict[str, tuple[tuple[str, ...], ...]] = {
    "optimizer/verify": (("test_verify_rules.py", "test_verify_points.py", "test_verify.py"), (CHECKED,)),
    "optimizer/assignment/rows": (("test_solve_by_hand.py", "test_pairs_and_growth.py"), ("test_oracle.py",)),
}
"""Tests for the modules of a folder, the quick ones first; those that do not exist are left out."""

SECONDS = 240


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test noticed."""

    module: str
    line: int
    before: str
    after: str


def main(words: Sequence[str] | None = None) -> int:
    """Mutate, test and report; return 1 if a mutant survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="+", help="modules or folders")
    parser.add_argument("--report", type=Path, help="JSON file for the survivors")
    parser.add_argument("--seconds", type=float, default=3600.0, help="wall time of the whole run")
    parser.add_argument(
        "--part", default="1/1", help="which part of the mutants, such as 2/3: parts may run side by side"
    )
    chosen = parser.parse_args(words)
    number, parts = (int(each) for each in chosen.part.split("/"))
    for name in LIBRARIES:
        importlib.import_module(name)
    ends_at = time.monotonic() + chosen.seconds
    survivors: list[Survivor] = []
    tested = untested = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        _copy_tree(copy)
        for module in _modules(chosen.paths):
            mutants = list(mutate((ROOT / module).read_text(encoding="utf-8")))[number - 1 :: parts]
            stages = _stages(module)
            if not _passes(copy, stages):
                raise SystemExit(f"The tests of {module} fail without a mutant.")
            for mutant in mutants:
                if time.monotonic() > ends_at:
                    untested += 1
                    continue
                tested += 1
                if _survives(copy, module, mutant, stages):
                    survivors.append(Survivor(module, mutant.line, mutant.before, mutant.after))
                    _say(f"{module}:{mutant.line}: {mutant.before}  ->  {mutant.after}")
            _say(f"# {module}: {len(mutants)} mutants")
    _say(f"{tested} mutants tested, {len(survivors)} survived, {untested} not tested for want of time.")
    if chosen.report:
        listed = [{name: getattr(each, name) for name in Survivor.__slots__} for each in survivors]
        chosen.report.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")
    return 1 if survivors else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _copy_tree(copy: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".hypothesis", "*.pyc")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)


def _modules(paths: Sequence[str]) -> list[str]:
    files = [
        file for path in paths for file in ([ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("*.py"))
    ]
    return sorted(str(file.relative_to(ROOT)) for file in files)


def _stages(module: str) -> list[list[str]]:
    folder = next(name for name in STAGES if module.startswith(name))
    here = Path("tests/unit/optimizer")
    stages = [
        [str(here / name) for name in stage if (ROOT / here / name.split("::")[0]).exists()] for stage in STAGES[folder]
    ]
    return [stage for stage in stages if stage]


def _survives(copy: Path, module: str, mutant: Mutant, stages: list[list[str]]) -> bool:
    target = copy / module
    original = target.read_text(encoding="utf-8")
    target.write_text(mutant.source, encoding="utf-8")
    try:
        return _passes(copy, stages)
    finally:
        target.write_text(original, encoding="utf-8")


def _passes(copy: Path, stages: list[list[str]]) -> bool:
    return all(_run(copy, stage) for stage in stages)


def _run(copy: Path, tests: list[str]) -> bool:
    """Run tests in a fork of this process; a fork that takes too long has failed."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os._exit(_test(copy, tests))
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def _test(copy: Path, tests: list[str]) -> int:
    """Run tests in this process, on the copy, without a word."""
    # Our own modules come from the copy, those of the mutation run included.
    for name in [name for name in sys.modules if name.split(".")[0] in {"optimizer", "tests", "webapp"}]:
        del sys.modules[name]
    os.chdir(copy)
    sys.path[:] = [str(copy), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
    # A module written twice within a second would otherwise be taken from the cache.
    sys.dont_write_bytecode = True
    pytest = importlib.import_module("pytest")
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        options = [
            "-x",
            "-q",
            "--assert=plain",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            "-p",
            "no:cov",
            "--hypothesis-seed=1",
        ]
        return int(pytest.main([*options, *tests]))


if __name__ == "__main__":
    sys.exit(main())
