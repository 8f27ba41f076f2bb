"""
The child process of `optimizer.benchmarks.peers`: solves the whole model of a problem by one other solver.

It speaks as `optimizer.worker` does. The model is built from the arrays that our own search reads, so that a peer is
asked the same question; only the first tier is asked.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optimizer.answer import write_plan
from optimizer.assignment.search import Incumbent
from optimizer.assignment.tiers import Outcome
from optimizer.benchmarks import peer_pulp
from optimizer.benchmarks.peer_pulp import TellIncumbent, solve_by_cbc, solve_by_highs
from optimizer.benchmarks.whole_model import WholeAnswer, WholeModel, write_whole_model
from optimizer.control import Control, relative_gap
from optimizer.fit import Fit
from optimizer.memory import peak_memory_mb
from optimizer.plan import Plan, Progress, Status, StoppedBy
from optimizer.roster import Roster
from optimizer.worker import Speaker, main, read_problem

if TYPE_CHECKING:
    import threading

Solve = Callable[[WholeModel, Control, TellIncumbent], WholeAnswer]


def solve_by_cpsat(whole: WholeModel, control: Control, tell: TellIncumbent) -> WholeAnswer:
    """Solve by CP-SAT in a process of its own, which never loads highspy."""
    script = Path(peer_pulp.__file__).with_name("peer_cpsat.py")
    with tempfile.TemporaryDirectory() as folder:
        model, out = Path(folder, "model.npz"), Path(folder, "values.npy")
        whole.save(model)
        # -P keeps the script's folder off the path, where modules might hide others of the same name.
        command = [sys.executable, "-P", str(script), str(model), str(control.deadline_at), str(out)]
        said: dict[str, Any] = {}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout or ():
                message = json.loads(line)
                if "incumbent" in message:
                    tell(message["incumbent"] + whole.constant, control.seconds())
                else:
                    said = message
        if child.returncode or not said:
            raise RuntimeError(f"CP-SAT ended with code {child.returncode}")
        return WholeAnswer(
            values=np.load(out) if said["found"] else None,
            # Without a solution CP-SAT may not have got to a bound, and says 0.
            bound=said["bound"] + whole.constant if said["found"] else None,
            proven=said["proven"],
            infeasible=said["infeasible"],
        )


SOLVERS: Mapping[str, tuple[Solve, Callable[[], str]]] = {
    "highs": (solve_by_highs, lambda: f"HiGHS {version('highspy')} through PuLP {version('pulp')}, whole model"),
    "cbc": (solve_by_cbc, lambda: f"CBC of PuLP {version('pulp')}, whole model"),
    "cpsat": (solve_by_cpsat, lambda: f"CP-SAT {version('ortools')}, whole model in integers"),
}
"""Solvers by name, each with what it calls itself."""


def _work(request: dict[str, Any], speaker: Speaker, cancelled: "threading.Event") -> None:
    solve, name = SOLVERS[sys.argv[1]]
    control = Control(
        deadline_at=float(request["deadline_at"]),
        should_cancel=cancelled.is_set,
        began_at=float(request["began_at"]),
    )

    def tell(points: float, seconds: float) -> None:
        progress = Progress("customers", seconds, incumbent=points)
        speaker.say(progress={name: getattr(progress, name) for name in Progress.__slots__})

    problem, _ = read_problem(request)
    fit = Fit(Roster.of(problem))
    model, whole = write_whole_model(fit)
    answer = solve(whole, control, tell)
    seconds = time.monotonic() - control.began_at
    plan = Plan(Status.INFEASIBLE) if answer.infeasible else Plan(Status.TIME_LIMIT_NO_PLAN, bound=answer.bound)
    if answer.values is not None:
        chosen = np.flatnonzero(answer.values[: whole.integers] > 0.5)
        incumbent = Incumbent(chosen, answer.values[whole.integers :], float(whole.points @ answer.values))
        outcome = Outcome(model, incumbent, (), None, StoppedBy.CLOCK)
        plan = _with_bound(write_plan(fit, outcome, incumbent), answer)
    # Of the largest process: that which wrote the model, or the solver that it started.
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    plan = plan.with_changes(
        seconds=round(seconds, 3),
        peak_mb=round(max(peak_memory_mb(), started), 1),
        solver=name(),
        route="one program of the whole model, first tier alone",
        seed=problem.policy.seed,
        problem=problem.digest(),
        stopped_by=StoppedBy.GAP if answer.proven or answer.infeasible else StoppedBy.CLOCK,
    )
    speaker.say(plan=plan.to_json())


def _with_bound(plan: Plan, answer: WholeAnswer) -> Plan:
    """Return the plan with the solver's own bound, never below what it found."""
    status = Status.OPTIMAL if answer.proven else Status.FEASIBLE
    if answer.bound is None or plan.objective is None:
        return plan.with_changes(status=status)
    bound = max(answer.bound, plan.objective)
    return plan.with_changes(status=status, bound=bound, gap=relative_gap(plan.objective, bound))


if __name__ == "__main__":
    sys.exit(main(_work))
