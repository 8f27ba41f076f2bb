"""HiGHS and CBC on the whole model, written in PuLP, with their default settings and one thread."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pulp

from optimizer.assignment.highs import ArrayHighs
from optimizer.benchmarks.whole_model import WholeAnswer, WholeModel, write_pulp
from optimizer.control import Control

TellIncumbent = Callable[[float, float], None]
"""Told the points of every better solution, and when it was found in seconds since the run began."""

_CBC_FOUND = re.compile(r"^Cbc00(?:04|12|16)I Integer solution of (\S+) found .*\((\S+) seconds\)", re.MULTILINE)
_CBC_BOUND = re.compile(r"^(?:Lower|Upper) bound:\s+(\S+)", re.MULTILINE)
_CBC_TIME = re.compile(r"\(Wallclock seconds\):\s+(\S+)")


def solve_by_highs(whole: WholeModel, control: Control, tell: TellIncumbent) -> WholeAnswer:
    """Solve by HiGHS, handed over in one call, which is faster than PuLP's own column by column."""
    program, _ = write_pulp(whole)
    solver = ArrayHighs(control, mip=True, threads=1)
    solver.on_incumbent = lambda points, _: tell(points + whole.constant, control.seconds())
    solver.createAndConfigureSolver(program)
    solver.buildSolverModel(program)
    outcome = solver.run()
    found = outcome in {"optimal", "feasible"}
    return WholeAnswer(
        values=solver.values if found else None,
        bound=float(solver.bound) + whole.constant if np.isfinite(solver.bound) else None,
        proven=outcome == "optimal",
        infeasible=outcome == "infeasible",
    )


def solve_by_cbc(whole: WholeModel, control: Control, tell: TellIncumbent) -> WholeAnswer:
    """Solve by the CBC that PuLP brings, which reads the model from a file and logs what it finds."""
    program, variables = write_pulp(whole)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        solver = pulp.PULP_CBC_CMD(  # type: ignore[attr-defined]  # PuLP types it as absent.
            msg=False, threads=1, timeLimit=max(1.0, control.remaining()), logPath=str(log), timeMode="elapsed"
        )
        solver.tmpDir = folder
        program.solve(solver)
        text = log.read_text(encoding="utf-8", errors="replace")
        _tell_log(text, control.seconds(), whole.constant, tell)
    found = program.sol_status in {pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible}
    values = np.array([variable.varValue or 0.0 for variable in variables])
    proven = program.sol_status == pulp.LpSolutionOptimal
    bound = None
    if proven:
        bound = float(whole.points @ values) + whole.constant
    elif stated := _CBC_BOUND.findall(text):
        # CBC minimises what PuLP hands over, and says so of its bound.
        bound = abs(float(stated[-1])) + whole.constant
    return WholeAnswer(
        values=values if found else None,
        bound=bound,
        proven=proven,
        infeasible=program.sol_status == pulp.LpSolutionInfeasible,
    )


def _tell_log(text: str, ended: float, constant: float, tell: TellIncumbent) -> None:
    """Tell of every solution that CBC's log names; its clock began so long before its end as it says at its end."""
    lasted = _CBC_TIME.findall(text)
    began = ended - float(lasted[-1]) if lasted else 0.0
    for points, seconds in _CBC_FOUND.findall(text):
        # CBC minimises what PuLP hands over, so its points have the other sign.
        tell(-float(points) + constant, began + float(seconds))
