"""HiGHS behind PuLP, handed over as arrays in one call and kept alive for more columns and new starts."""

from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
import pulp
from pulp import constants

from optimizer.control import Control
from optimizer.roster import Floats

_INFINITE = highspy.kHighsInf
_DUAL_SIMPLEX, _PRIMAL_SIMPLEX = 1, 4
_Callback = highspy.cb.HighsCallbackType
_Status = highspy.HighsModelStatus


class SolverError(RuntimeError):
    """HiGHS failed in a way that says nothing about the problem."""


class ArrayHighs(pulp.HiGHS):  # type: ignore[misc, name-defined]  # PuLP types it as absent.
    """HiGHS as a PuLP solver that passes the model in one call.

    `pulp.HiGHS` hands over column by column at about 30 µs each, ignores wrong options in silence, calls a
    time-limited solve optimal and has no re-solve; this class does none of these. PuLP's model is read once; then
    `add_columns`, `start_from` and `run` work on the live HiGHS model.

    Parameters
    ----------
    control
        Ends a run at its deadline or when it is cancelled.
    options
        HiGHS options; an unknown one is an error.

    Attributes
    ----------
    values, duals
        Of the last run, in HiGHS's order: variables by name, rows as added. `duals` are those of the maximisation:
        not negative for rows with an upper limit only.
    """

    def __init__(self, control: Control, *, mip: bool, **options: Any) -> None:
        super().__init__(mip=mip, msg=False)
        self.control = control
        self.live: Any = None
        self.options = options
        self.on_incumbent: Callable[[float, Floats], None] | None = None
        self.values: Floats = np.zeros(0)
        self.duals: Floats = np.zeros(0)
        self.bound = np.inf
        self._interrupted = False

    def createAndConfigureSolver(self, lp: pulp.LpProblem) -> None:  # noqa: N802
        """Start HiGHS and set its options, refusing those that it does not know."""
        self.live = lp.solverModel = highspy.Highs()
        for name, value in {"output_flag": False, **self.options}.items():
            if self.live.setOptionValue(name, value) != highspy.HighsStatus.kOk:
                raise SolverError(f"HiGHS refuses the option {name} = {value!r}")
        self.live.setCallback(self._called, None)
        for kind in (_Callback.kCallbackSimplexInterrupt, _Callback.kCallbackMipInterrupt):
            self.live.startCallback(kind)
        if self.mip:
            self.live.startCallback(_Callback.kCallbackMipImprovingSolution)

    def buildSolverModel(self, lp: pulp.LpProblem) -> None:  # noqa: N802
        """Pass PuLP's model to HiGHS as arrays; HiGHS minimises, so the objective changes its sign."""
        variables = lp.variables()
        for position, variable in enumerate(variables):
            variable.index = position  # type: ignore[attr-defined]  # PuLP's own solver sets it too.
        constraints = lp.constraints()
        starts = np.zeros(len(constraints) + 1, dtype=np.int32)
        starts[1:] = np.cumsum([len(constraint) for constraint in constraints])
        index = np.fromiter(
            (variable.index for constraint in constraints for variable in constraint), np.int32, int(starts[-1])
        )
        entries = np.fromiter(
            (entry for constraint in constraints for entry in constraint.values()), float, int(starts[-1])
        )
        costs = np.zeros(len(variables))
        for variable, points in (lp.objective or {}).items():
            costs[variable.index] = -points
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(variables), len(constraints)
        model.col_cost_ = costs
        model.col_lower_ = np.array([_or(each.lowBound, -_INFINITE) for each in variables], dtype=float)
        model.col_upper_ = np.array([_or(each.upBound, _INFINITE) for each in variables], dtype=float)
        model.row_lower_ = np.array([_or(each.getLb(), -_INFINITE) for each in constraints], dtype=float)
        model.row_upper_ = np.array([_or(each.getUb(), _INFINITE) for each in constraints], dtype=float)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = starts, index, entries
        if self.mip:
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            model.integrality_ = [kinds[variable.cat == constants.LpInteger] for variable in variables]
        if self.live.passModel(model) == highspy.HighsStatus.kError:
            raise SolverError("HiGHS refuses the model")

    def callSolver(self, lp: pulp.LpProblem) -> None:  # noqa: N802, ARG002
        """Run HiGHS until it is done, out of time or cancelled."""
        self.run()

    def findSolutionValues(self, lp: pulp.LpProblem) -> tuple[int, int]:  # noqa: N802, ARG002
        """Return PuLP's status codes: optimal only if it was proven, feasible only if there is a solution."""
        return {
            "optimal": (constants.LpStatusOptimal, constants.LpSolutionOptimal),
            "feasible": (constants.LpStatusNotSolved, constants.LpSolutionIntegerFeasible),
            "infeasible": (constants.LpStatusInfeasible, constants.LpSolutionInfeasible),
            "none": (constants.LpStatusNotSolved, constants.LpSolutionNoSolutionFound),
        }[self.outcome()]

    def run(self) -> str:
        """Run, or run again, and return the outcome."""
        remaining = self.control.remaining()
        if np.isfinite(remaining):
            # HiGHS counts its time limit from the first run of the live model on.
            self.live.setOptionValue("time_limit", self.live.getRunTime() + max(remaining, 0.01))
        self._interrupted = False
        if self.live.run() == highspy.HighsStatus.kError:
            raise SolverError(f"HiGHS ended with {self.live.modelStatusToString(self.live.getModelStatus())}")
        solution = self.live.getSolution()
        self.values = np.array(solution.col_value)
        self.duals = -np.array(solution.row_dual)
        info = self.live.getInfo()
        self.bound = -info.mip_dual_bound if self.mip else -info.objective_function_value
        return self.outcome()

    def outcome(self) -> str:
        """Return ``optimal``, ``feasible``, ``infeasible`` or ``none`` for the last run."""
        status = self.live.getModelStatus()
        if status in (_Status.kInfeasible, _Status.kUnboundedOrInfeasible):
            return "infeasible"
        if self.live.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return "none"
        return "optimal" if status in (_Status.kOptimal, _Status.kModelEmpty) else "feasible"

    def add_columns(self, costs: Floats, starts: Any, rows: Any, entries: Floats) -> None:
        """Append variables to the live LP, given column by column; their rows bound them from above."""
        count = len(costs)
        self.live.addCols(
            count, -costs, np.zeros(count), np.full(count, _INFINITE), len(rows),
            starts.astype(np.int32), rows.astype(np.int32), entries,
        )  # fmt: skip

    def continue_from_basis(self) -> None:
        """Solve again by the primal simplex: after new columns or costs the last basis is still primal feasible."""
        self.live.setOptionValue("simplex_strategy", _PRIMAL_SIMPLEX)

    def add_row(self, upper: float, index: Any, entries: Floats) -> None:
        """Append one row with an upper limit to the live model."""
        self.live.addRow(-_INFINITE, upper, len(index), index.astype(np.int32), entries)

    def change_row(self, row: int, upper: float) -> None:
        """Give a row of the live LP another upper limit; the last basis is then still dual feasible."""
        self.live.changeRowBounds(row, -_INFINITE, upper)
        self.live.setOptionValue("simplex_strategy", _DUAL_SIMPLEX)

    def bound_columns(self, index: Any, lower: Floats, upper: Floats) -> None:
        """Give some variables of the live LP other bounds; the last basis is then still dual feasible."""
        most = np.where(np.isfinite(upper), upper, _INFINITE)
        self.live.changeColsBounds(len(index), index.astype(np.int32), lower, most)
        self.live.setOptionValue("simplex_strategy", _DUAL_SIMPLEX)

    def basis(self) -> Any:
        """Return the basis of the live LP, None before its first run."""
        return None if self.live is None else self.live.getBasis()

    def restore(self, basis: Any) -> None:
        """Go back to a basis; columns that were added since are outside it."""
        if basis is None:
            return
        missing = self.live.getNumCol() - len(basis.col_status)
        basis.col_status = [*basis.col_status, *[highspy.HighsBasisStatus.kLower] * missing]
        if self.live.setBasis(basis) == highspy.HighsStatus.kError:
            raise SolverError("HiGHS refuses a basis")

    def change_objective(self, points: Floats) -> None:
        """Maximise other points, one for each variable in HiGHS's order."""
        every = np.arange(len(points), dtype=np.int32)
        self.live.changeColsCost(len(points), every, -points)

    def start_from(self, values: Floats) -> None:
        """Give a solution to start from, in HiGHS's order of variables."""
        solution = highspy.HighsSolution()
        solution.col_value = values
        solution.value_valid = True
        self.live.setSolution(solution)

    def _called(self, kind: Any, message: str, out: Any, into: Any, data: Any) -> None:  # noqa: ARG002
        if kind == _Callback.kCallbackMipImprovingSolution:
            if self.on_incumbent is not None:
                self.on_incumbent(-out.objective_function_value, np.array(out.mip_solution))
            return
        if kind == _Callback.kCallbackMipInterrupt and np.isfinite(out.mip_dual_bound):
            self.control.report(bound=None)
        if self.control.stopped_by() is not None:
            self._interrupted = True
            into.user_interrupt = True


def _or(value: float | None, default: float) -> float:
    return default if value is None else float(value)
