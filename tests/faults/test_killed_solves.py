"""
Cancel and kill a solve at random moments: the best plan is kept or none, never a half one, and no process is left.

``MAINSTAY_FAULT_ROUNDS`` says how often each fault is tried. `docs/benchmarks.md` has the result of the full number.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer import Plan, Policy, Problem, Status, solve_in_child, verify
from optimizer.benchmarks.generator import Shape, generate
from optimizer.files import ExitCode, read_plan
from tests import running
from tests.faults.installation import wait_until

TOKEN_VARIABLE = "MAINSTAY_FAULT_TOKEN"
LIMIT_SECONDS = 3.0
LATEST_SECONDS = 6.0
"""From before the first line of the program to after the last: most solves end within the limit and a second."""

PATIENCE_SECONDS = 120.0
"""What a starved machine may take to load a program or to end it; a fault takes longer, because it takes for ever."""

OLD_PLAN = Plan(Status.TIME_LIMIT_NO_PLAN, message="of yesterday")
SCRIPT = """
import json, sys
from optimizer import Problem, solve_in_child
solve_in_child(Problem.from_json(json.load(open(sys.argv[1]))))
"""


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Return a problem that is far from solved to a gap of 0 within the limit."""
    policy = Policy(time_limit_s=LIMIT_SECONDS, gap=0.0)
    return generate(Shape(agents=12, engagements=100, intervals=12, forecast=0.2, load=0.7, rich=True), 1, policy)


@pytest.fixture
def file(problem: Problem, tmp_path: Path) -> Path:
    """Return the problem as a file."""
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(problem.to_json()), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a plan file that holds an older plan."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(OLD_PLAN.to_json()), encoding="utf-8")
    return path


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a word that every process started in this test bears in its environment, and all that they start."""
    word = uuid.uuid4().hex
    monkeypatch.setenv(TOKEN_VARIABLE, word)
    return word


def _bearers(token: str) -> set[int]:
    """Return the processes that run and bear the word, whoever their parent is by now."""
    mark = f"{TOKEN_VARIABLE}={token}".encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                # A dead process that nobody has collected has an empty environment.
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.add(int(folder.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


def _solvers(token: str) -> set[int]:
    """Return the solver processes among them."""
    found = set()
    for pid in _bearers(token):
        try:
            if b"optimizer.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _kill_solvers(token: str, killed: set[int]) -> None:
    """Kill the solver processes and note which."""
    for pid in _solvers(token):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)


def _after(seconds: float) -> Callable[[], bool]:
    """Return a function that says whether so much time has passed since now."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def _await_solver(token: str, command: subprocess.Popen[str]) -> None:
    """Wait until a command has started its solver, or has ended."""
    wait_until(lambda: _solvers(token) or command.poll() is not None, seconds=PATIENCE_SECONDS)


def _await_none(token: str) -> None:
    wait_until(lambda: not _bearers(token), seconds=PATIENCE_SECONDS)


def _assign(file: Path, out: Path) -> subprocess.Popen[str]:
    """Start ``mainstay assign``."""
    return subprocess.Popen(
        running.command("assign", str(file), "-o", str(out)),
        cwd=running.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _assert_whole(problem: Problem, out: Path) -> Plan:
    """Check that the plan file holds the old plan, or a new one that obeys every rule."""
    plan = read_plan(out)
    assert plan == OLD_PLAN or plan.problem == problem.digest()
    assert verify(problem, plan) == ()
    return plan


def test_a_cancelled_solve_keeps_the_best_plan_or_none(problem, token, rounds):
    for _ in range(rounds):
        plan = solve_in_child(problem, should_cancel=_after(random.uniform(0, LATEST_SECONDS)))

        assert plan.status in (Status.CANCELLED, Status.FEASIBLE, Status.OPTIMAL, Status.TIME_LIMIT_NO_PLAN)
        assert verify(problem, plan) == ()
        assert plan.has_plan or not plan.assignments
        _await_none(token)


def test_a_killed_solver_leaves_its_best_plan_and_the_reason(problem, token, rounds):
    for _ in range(rounds):
        killed: set[int] = set()
        timer = threading.Timer(random.uniform(0.05, LATEST_SECONDS), _kill_solvers, [token, killed])
        timer.start()

        plan = solve_in_child(problem)

        timer.cancel()
        timer.join()
        assert verify(problem, plan) == ()
        assert plan.status is not Status.INFEASIBLE
        if plan.status is Status.SOLVER_ERROR:
            assert killed
            assert "SIGKILL" in plan.message
        _await_none(token)


def test_no_solver_survives_the_program_that_asked(file, token, rounds):
    for _ in range(rounds):
        program = subprocess.Popen([sys.executable, "-c", SCRIPT, str(file)], cwd=running.ROOT)
        time.sleep(random.uniform(0, LATEST_SECONDS))

        program.kill()
        program.wait()

        _await_none(token)


def test_an_interrupted_command_writes_its_best_plan_or_none(problem, file, out, token, rounds):
    for _ in range(rounds):
        command = _assign(file, out)
        time.sleep(random.uniform(0, LATEST_SECONDS))

        command.send_signal(random.choice([signal.SIGINT, signal.SIGTERM]))
        said, _nothing = command.communicate(timeout=PATIENCE_SECONDS)

        plan = _assert_whole(problem, out)
        if command.returncode == ExitCode.PLAN:
            assert plan.has_plan
        elif command.returncode == ExitCode.NO_PLAN:
            assert plan.status in (Status.CANCELLED, Status.TIME_LIMIT_NO_PLAN)
        else:
            # It was still loading, and had nothing to keep.
            assert "Ending the search" not in said
            assert command.returncode != ExitCode.SOLVER_ERROR, said
        _await_none(token)


def test_a_killed_command_leaves_the_old_plan_or_the_new_one(problem, file, out, token, rounds):
    for _ in range(rounds):
        command = _assign(file, out)
        time.sleep(random.uniform(0, LATEST_SECONDS))

        command.kill()
        command.communicate(timeout=PATIENCE_SECONDS)

        _assert_whole(problem, out)
        _await_none(token)


def test_a_command_whose_solver_is_killed_says_so(problem, file, out, token, rounds):
    for _ in range(rounds):
        command = _assign(file, out)
        _await_solver(token, command)
        time.sleep(random.uniform(0, LIMIT_SECONDS))

        _kill_solvers(token, set())
        said, _nothing = command.communicate(timeout=PATIENCE_SECONDS)

        plan = _assert_whole(problem, out)
        assert command.returncode in (ExitCode.PLAN, ExitCode.SOLVER_ERROR), said
        if command.returncode == ExitCode.SOLVER_ERROR:
            assert "SIGKILL" in said
            assert plan.status is Status.SOLVER_ERROR
        _await_none(token)
