"""The restricted model: some of the columns and all else, written in PuLP and solved by HiGHS."""

from typing import Any

import numpy as np
import pulp
from scipy import sparse

from optimizer.assignment.highs import ArrayHighs
from optimizer.assignment.model import Model, Objective
from optimizer.control import Control
from optimizer.roster import Floats, Integers

_ROUNDING = 1e-9
SENSES = {"equal": pulp.LpConstraintEQ, "most": pulp.LpConstraintLE}


class Master:
    """A restricted LP or MIP over some columns of a model.

    Continuous variables come first in HiGHS's order, then the columns in the order in which they were made active:
    names are padded with zeros, because PuLP sorts variables by name.

    Attributes
    ----------
    active
        The columns that take part.
    """

    def __init__(
        self, model: Model, objective: Objective, active: Integers, control: Control, *, mip: bool, **options: Any
    ) -> None:
        self.model = model
        self.objective = objective
        self.active = np.sort(active)
        self.solver = ArrayHighs(control, mip=mip, **options)
        self._by_column = sparse.csc_array(model.on_columns)
        self._problem = self._write(mip=mip)
        self._started = False

    @property
    def columns(self) -> Floats:
        """Values of the active columns after a solve."""
        return self.solver.values[len(self.model.continuous) :]

    @property
    def continuous(self) -> Floats:
        """Values of the continuous variables after a solve."""
        return self.solver.values[: len(self.model.continuous)]

    @property
    def duals(self) -> Floats:
        """Duals of the rows after a solve of an LP."""
        return self.solver.duals

    def _write(self, *, mip: bool) -> pulp.LpProblem:
        """Write the PuLP model with the fast constructors: 0.1 µs a term, not the 3.3 µs of ``lpSum(c * x)``."""
        model = self.model
        problem = pulp.LpProblem("assignment", pulp.LpMaximize)
        kind = pulp.LpInteger if mip else pulp.LpContinuous
        # In an LP the row of an engagement bounds its columns; a bound of their own would take that row's dual.
        most_of_column = 1.0 if mip else None
        upper = model.continuous.upper.tolist()
        variables = [problem.add_variable(f"a{number:09d}", 0.0, most) for number, most in enumerate(upper)]
        variables += [
            problem.add_variable(f"x{number:09d}", 0.0, most_of_column, kind) for number in self.active.tolist()
        ]
        points = np.concatenate([self.objective.on_continuous, self.objective.on_columns[self.active]])
        problem.setObjective(pulp.LpAffineExpression(zip(variables, points.tolist(), strict=True)))

        matrix = sparse.csr_array(sparse.hstack([model.on_continuous, self._by_column[:, self.active]]))
        starts, index, entries = matrix.indptr.tolist(), matrix.indices.tolist(), matrix.data.tolist()
        lower, upper = model.lower.tolist(), model.upper.tolist()
        for row in range(len(upper)):
            part = slice(starts[row], starts[row + 1])
            terms = zip([variables[position] for position in index[part]], entries[part], strict=True)
            sense = SENSES["equal" if lower[row] == upper[row] else "most"]
            name = f"r{row:09d}"
            problem.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, name, upper[row]))
        return problem

    def start_from(self, chosen: Integers, continuous: Floats) -> None:
        """Give HiGHS a plan to start from: active columns that are chosen, and the continuous variables."""
        if not len(self.active) and not len(self.model.continuous):
            return
        self._prepare()
        self.solver.start_from(np.concatenate([continuous, np.isin(self.active, chosen).astype(float)]))

    def solve(self) -> str:
        """Solve, or solve again after a change, and return the outcome of `ArrayHighs.outcome`."""
        if not len(self.active) and not len(self.model.continuous):
            return self._judge_nothing()
        self._prepare()
        return self.solver.run()

    def _judge_nothing(self) -> str:
        """Return the outcome where there is nothing to decide: HiGHS calls an empty model neither way."""
        rows = len(self.model.upper)
        self.solver.values, self.solver.duals, self.solver.bound = np.zeros(0), np.zeros(rows), 0.0
        holds = (self.model.lower <= _ROUNDING) & (self.model.upper >= -_ROUNDING)
        return "optimal" if holds.all() else "infeasible"

    def _prepare(self) -> None:
        if not self._started:
            self.solver.createAndConfigureSolver(self._problem)
            self.solver.buildSolverModel(self._problem)
            self._started = True

    def continue_with(self, model: Model, objective: Objective, control: Control) -> None:
        """Go on with the next tier: the same model with one more row at its end, and another objective."""
        floor = sparse.csr_array(
            sparse.hstack([model.on_continuous[[-1]], sparse.csc_array(model.on_columns[[-1]])[:, self.active]])
        )
        self.model, self.objective = model, objective
        self._by_column = sparse.csc_array(model.on_columns)
        self.solver.control = control
        if not self._started:
            self._problem = self._write(mip=self.solver.mip)
            return
        self.solver.add_row(float(model.upper[-1]), floor.indices, np.asarray(floor.data, dtype=float))
        self.solver.continue_from_basis()
        self.solver.change_objective(np.concatenate([objective.on_continuous, objective.on_columns[self.active]]))

    def continue_from_basis(self) -> None:
        """Let the next solve of a live LP go on by the primal simplex."""
        if self._started:
            self.solver.continue_from_basis()

    def solve_with_limit(self, row: int, upper: float) -> str:
        """Solve with another upper limit of one row; the limit of the model stands for later solves."""
        if not self._started:
            return "none"
        self.solver.change_row(row, upper)
        outcome = self.solver.run()
        self.solver.change_row(row, float(self.model.upper[row]))
        return outcome

    def bound_columns(self, positions: Integers, lower: Floats, upper: Floats) -> None:
        """Give active columns, by their positions in `active`, other bounds."""
        if self._started and len(positions):
            self.solver.bound_columns(positions + len(self.model.continuous), lower, upper)

    def add(self, columns: Integers) -> None:
        """Make more columns active in the live model."""
        if not self._started:
            self.active = np.concatenate([self.active, columns])
            self._problem = self._write(mip=self.solver.mip)
            return
        part = self._by_column[:, columns]
        self.solver.add_columns(
            self.objective.on_columns[columns], part.indptr[:-1], part.indices, np.asarray(part.data, dtype=float)
        )
        self.active = np.concatenate([self.active, columns])
