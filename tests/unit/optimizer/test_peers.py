"""Peers are asked the same question: the whole model, first tier, every plan checked by the same code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import optimizer
from optimizer import Policy, Problem, solve, verify
from optimizer.benchmarks.gap import GapInstance
from optimizer.benchmarks.generator import Shape, generate
from optimizer.benchmarks.instances import FIRST_TIER_WEIGHTS
from optimizer.benchmarks.peers import PEERS, PeerMissingError, check_peer, solve_by_peer
from optimizer.benchmarks.whole_model import write_pulp, write_whole_model
from optimizer.fit import Fit
from optimizer.plan import Progress
from optimizer.roster import Roster
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement

# Start-up of an interpreter and a solver may take long on a busy machine; the problems themselves take no time.
POLICY = Policy(name="bench", weights=FIRST_TIER_WEIGHTS, gap=0.0, time_limit_s=60)


@pytest.fixture(scope="module")
def mixed() -> Problem:
    """Return a tiny problem with forecast, carry-over, concurrency and known customers."""
    return generate(Shape(agents=3, engagements=8, intervals=4, forecast=0.3, rich=True), seed=2, policy=POLICY)


@pytest.fixture(scope="module")
def optimum(mixed) -> float:
    """Return its optimum."""
    plan = solve(mixed)
    assert plan.status == "optimal"
    return plan.objective or 0.0


@pytest.mark.parametrize("name", PEERS)
def test_each_peer_proves_the_same_optimum_with_a_valid_plan(name, mixed, optimum):
    told: list[Progress] = []

    plan = solve_by_peer(mixed, name, on_progress=told.append)

    assert plan.message == ""
    assert verify(mixed, plan) == ()
    assert plan.status == "optimal"
    # CP-SAT counts minutes in hundredths, so it may miss the last of them; HiGHS stops at its own gap of 0.01 %.
    assert plan.objective == pytest.approx(optimum, rel=2e-4)
    assert (plan.gap or 0.0) <= 2e-4
    assert plan.reserved
    assert plan.peak_mb > 20
    incumbents = [each for each in told if each.incumbent is not None]
    assert incumbents[-1].incumbent == pytest.approx(plan.objective, rel=2e-4)
    assert all(0 < each.seconds <= plan.seconds + 1 for each in incumbents)


@pytest.mark.parametrize("name", PEERS)
def test_a_problem_without_a_plan_is_called_infeasible_by_each_peer(name):
    """Two jobs of two minutes do not fit into three, and both must be done."""
    instance = GapInstance("over", np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]]), np.array([3.0]))

    plan = solve_by_peer(instance.to_problem(maximise=True, policy=POLICY), name)

    assert plan.status == "infeasible"
    assert plan.objective is None


def test_a_peer_keeps_lead_and_learner_together():
    """The whole model has every family of rows; nobody but the expert may lead, and only the beginner learns."""
    expert = an_agent("a1", skills={"billing": 4})
    beginner = an_agent("a2", skills={"billing": 1}, wants=("billing",), max_stretch_minutes=60.0)
    lesson = an_engagement("e1", shadow=True)

    plan = solve_by_peer(a_problem([expert, beginner], [lesson], policy=POLICY), "highs")

    assert [(each.agent, each.shadow) for each in plan.assignments] == [("a1", "a2")]


def test_the_whole_model_is_written_row_by_row(mixed):
    """PuLP's program has the rows, factors and points of our arrays."""
    _, whole = write_whole_model(Fit(Roster.of(mixed)))

    program, variables = write_pulp(whole)

    assert len(variables) == len(whole.points) == len(program.variables())
    assert sum(variable.cat == "Integer" for variable in variables) == whole.integers
    assert len(program.constraints()) == len(whole.row_upper)
    for row, constraint in enumerate(program.constraints()):
        written = {int(variable.name[1:]): factor for variable, factor in constraint.items()}
        part = slice(whole.matrix.indptr[row], whole.matrix.indptr[row + 1])
        expected = dict(zip(whole.matrix.indices[part].tolist(), whole.matrix.data[part].tolist(), strict=True))
        assert written == expected
        assert -constraint.constant == pytest.approx(whole.row_upper[row])


def test_a_peer_that_is_not_installed_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools", None)

    with pytest.raises(PeerMissingError, match=r"cpsat needs the package ortools.*setup --dev"):
        check_peer("cpsat")
    check_peer("highs")


def test_an_unknown_peer_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="highs, cbc, cpsat"):
        check_peer("gurobi")


def test_the_process_of_cp_sat_loads_no_part_of_this_package():
    """OR-Tools and highspy bring different builds of one library; the import of the second fails."""
    script = Path(optimizer.__file__).with_name("benchmarks") / "peer_cpsat.py"
    code = (
        f"import runpy, sys; runpy.run_path({str(script)!r}, run_name='looked_at'); "
        "sys.exit(any(name.split('.')[0] in ('optimizer', 'highspy', 'pulp') for name in sys.modules))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=240)

    assert ended.returncode == 0, ended.stderr
