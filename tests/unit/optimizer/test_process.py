"""A solve in a child process ends in time, can be cancelled, and leaves no process behind whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from optimizer import Plan, Policy, Progress, Status, solve, solve_in_child, verify
from optimizer.benchmarks.generator import Shape, generate
from optimizer.plan import CauseCode, StoppedBy
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement, placed

LONG = Policy(time_limit_s=30.0, gap=0.0)


@pytest.fixture(scope="module")
def hard_problem():
    """Return a problem that is far from solved to a gap of 0 in the time of these tests."""
    return generate(Shape(agents=30, engagements=300, intervals=16, load=0.9), seed=1, policy=LONG)


def _children() -> set[int]:
    return {pid for pid in _children_of(os.getpid()) if _is_running(pid)}


def _children_of(parent: int) -> set[int]:
    """Return the processes that a process has started in any of its threads."""
    lists = Path(f"/proc/{parent}/task").glob("*/children")
    return {int(pid) for each in lists for pid in each.read_text(encoding="utf-8").split()}


@pytest.fixture
def solvers():
    """Return a function that lists the processes started since the test began; a browser of earlier tests is none."""
    before = _children()
    return lambda: _children() - before


def _is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_a_child_solves_and_tells_how_far_it_is(solvers):
    told: list[Progress] = []

    plan = solve_in_child(a_problem([an_agent()], [an_engagement()]), on_progress=told.append)

    assert plan.status is Status.OPTIMAL
    assert placed(plan) == {"e1": ("a1", 0)}
    assert "customers" in {progress.phase for progress in told}
    assert told[-1].incumbent == pytest.approx(10)
    assert solvers() == set()


def test_a_problem_with_read_only_mappings_reaches_the_child():
    """Weights and levels may be views of somebody else's dictionaries, which pickle refuses by itself."""
    view = MappingProxyType({"service": 1.0})
    problem = a_problem([an_agent()], [an_engagement()], policy=Policy(weights=view))

    plan = solve_in_child(problem)

    assert plan.status is Status.OPTIMAL
    assert plan.problem == problem.digest()


def test_every_plan_that_is_told_on_the_way_is_whole(hard_problem):
    """The last one told is all that is left of a child that is killed, so that each has to obey every rule."""
    told: list[Plan] = []

    solve(replace(hard_problem, policy=replace(LONG, time_limit_s=5.0)), publish=told.append)

    assert told
    assert all(verify(hard_problem, plan) == () for plan in told)
    assert {left.cause.code for plan in told for left in plan.unassigned} == {CauseCode.UNKNOWN}


def test_the_deadline_holds(hard_problem, solvers):
    problem = replace(hard_problem, policy=replace(LONG, time_limit_s=5.0))
    began = time.monotonic()

    plan = solve_in_child(problem)

    # Without a deadline the run would take half a minute; a busy machine may start and end the child late.
    assert time.monotonic() - began <= 13.0
    assert plan.status is Status.FEASIBLE
    assert plan.stopped_by is StoppedBy.CLOCK
    assert verify(problem, plan) == ()
    assert solvers() == set()


def test_a_time_limit_of_nothing_is_not_called_infeasible(hard_problem):
    problem = replace(hard_problem, policy=replace(LONG, time_limit_s=0.01))

    plan = solve_in_child(problem)

    assert plan.status in (Status.FEASIBLE, Status.TIME_LIMIT_NO_PLAN)
    assert plan.stopped_by is StoppedBy.CLOCK


@pytest.mark.parametrize("after_s", [0.0, 0.8, 2.0])
def test_cancel_keeps_the_best_plan(hard_problem, after_s, solvers):
    began = time.monotonic()

    plan = solve_in_child(hard_problem, should_cancel=lambda: time.monotonic() - began >= after_s)

    assert plan.status is Status.CANCELLED
    assert time.monotonic() - began <= after_s + 6.0
    if plan.objective is not None:
        assert verify(hard_problem, plan) == ()
    assert solvers() == set()


def test_a_cancelled_run_has_a_plan_once_one_was_told(hard_problem):
    seen: list[Progress] = []

    plan = solve_in_child(
        hard_problem,
        on_progress=seen.append,
        should_cancel=lambda: any(progress.phase == "customers" for progress in seen),
    )

    assert plan.status is Status.CANCELLED
    assert plan.objective is not None
    assert plan.objective > 0
    assert verify(hard_problem, plan) == ()


def test_a_killed_child_is_a_solver_error(hard_problem, solvers):
    def kill(progress):
        if progress.phase == "customers":
            for pid in solvers():
                os.kill(pid, signal.SIGKILL)

    plan = solve_in_child(hard_problem, on_progress=kill)

    assert plan.status is Status.SOLVER_ERROR
    assert "SIGKILL" in plan.message
    assert solvers() == set()


def test_a_child_without_memory_is_a_solver_error(hard_problem):
    plan = solve_in_child(hard_problem, memory_mb=60)

    assert plan.status is Status.SOLVER_ERROR
    assert plan.message


def test_the_child_dies_with_its_parent(hard_problem, tmp_path):
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(hard_problem.to_json()), encoding="utf-8")
    script = textwrap.dedent(
        """
        import glob, json, os, sys
        from optimizer import Problem, solve_in_child
        def tell(progress):
            if progress.phase == "bound":
                lists = glob.glob(f"/proc/{os.getpid()}/task/*/children")
                print(*[open(each).read() for each in lists], flush=True)
        solve_in_child(Problem.from_json(json.load(open(sys.argv[1]))), on_progress=tell)
        """
    )
    command = [sys.executable, "-c", script, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline().split()[0])
        assert _is_running(child)

        parent.kill()
        parent.wait()

    deadline = time.monotonic() + 5.0
    while _is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(child)
