"""
CP-SAT of OR-Tools on the whole model, in a process of its own.

Run as a script, not imported by the package: OR-Tools and highspy bring different builds of one library and cannot live
in one process. It reads the arrays that `WholeModel.save` wrote and writes lines of JSON.

CP-SAT knows integers only. Minutes count in hundredths, rows are scaled by 1,000 and rounded so that whatever CP-SAT
allows is allowed by the model as well, points are scaled by 100,000. What rounding costs is far below 0.01 %.
"""

import json
import sys
import time
from typing import Any

import numpy as np

try:
    from ortools.sat.python import cp_model
except ImportError as error:
    raise ImportError("optimizer.benchmarks.peer_cpsat needs the package ortools: pip install ortools") from error

MINUTE_PARTS = 100
ROW_SCALE = 1_000
POINT_SCALE = 100_000
_WHOLE = 1e-9


class _Teller(cp_model.CpSolverSolutionCallback):
    """Tells every better solution the moment that it is found."""

    def on_solution_callback(self) -> None:
        """Write the points of a solution."""
        _say(incumbent=self.objective_value / POINT_SCALE)


def main() -> None:
    """Solve the model of a file until a moment of the system's clock, and write the values into another file."""
    path, deadline_at, out = sys.argv[1:4]
    with np.load(path) as arrays:
        model, variables = _write({name: arrays[name] for name in arrays.files})
        integers = int(arrays["integers"])
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = max(0.1, float(deadline_at) - time.monotonic())
    status = solver.solve(model, _Teller())
    found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    if found:
        values = np.array([solver.value(variable) for variable in variables], dtype=float)
        values[integers:] /= MINUTE_PARTS
        np.save(out, values)
    _say(
        found=found,
        bound=solver.best_objective_bound / POINT_SCALE,
        proven=status == cp_model.OPTIMAL,
        infeasible=status == cp_model.INFEASIBLE,
    )


def _write(arrays: dict[str, Any]) -> tuple[cp_model.CpModel, list[cp_model.IntVar]]:
    """Return the model in integers; `divide` turns units of a variable into those of the whole model."""
    integers, count = int(arrays["integers"]), len(arrays["upper"])
    divide = np.where(np.arange(count) < integers, 1, MINUTE_PARTS)
    most = np.floor(arrays["upper"] * divide + _WHOLE).astype(np.int64).tolist()
    model = cp_model.CpModel()
    variables = [model.new_int_var(0, each, "") for each in most]
    starts, index, entries = arrays["starts"], arrays["index"], arrays["entries"]
    for row, (least, greatest) in enumerate(zip(arrays["row_lower"], arrays["row_upper"], strict=True)):
        part = slice(starts[row], starts[row + 1])
        places, factors = index[part], entries[part] / divide[index[part]]
        scale = 1 if np.all(factors == np.round(factors)) else ROW_SCALE
        terms = [variables[place] for place in places.tolist()]
        _limit(model, terms, factors * scale, least * scale, greatest * scale)
    points = np.round(arrays["points"] * POINT_SCALE / divide).astype(np.int64)
    used = np.flatnonzero(points).tolist()
    model.maximize(cp_model.LinearExpr.weighted_sum([variables[each] for each in used], points[used].tolist()))
    return model, variables


def _limit(model: cp_model.CpModel, terms: list[cp_model.IntVar], factors: Any, least: float, greatest: float) -> None:
    """Add a row, its factors rounded against the side that they are limited on: variables are never negative."""
    if np.isfinite(greatest):
        up = np.ceil(factors - _WHOLE).astype(np.int64).tolist()
        model.add_linear_constraint(
            cp_model.LinearExpr.weighted_sum(terms, up), cp_model.INT_MIN, int(np.floor(greatest + _WHOLE))
        )
    if np.isfinite(least):
        down = np.floor(factors + _WHOLE).astype(np.int64).tolist()
        model.add_linear_constraint(
            cp_model.LinearExpr.weighted_sum(terms, down), int(np.ceil(least - _WHOLE)), cp_model.INT_MAX
        )


def _say(**message: object) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
