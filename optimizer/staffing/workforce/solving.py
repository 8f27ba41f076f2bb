"""
Solve a workforce problem: the relaxation, doing nothing, the mixed-integer program, and prices of both LPs.

The relaxation uses few of the many ways in which people could come or learn, and a plan made of those few alone is
mostly good enough to be proven by the relaxation's bound. That is near to T. Berthold (2014), "RENS: the optimal
rounding", with whole numbers free instead of rounded. The whole program is searched where it does not do.
"""

from __future__ import annotations

import highspy
import numpy as np

from optimizer.assignment.highs import ArrayHighs, SolverError
from optimizer.control import Control, relative_gap
from optimizer.memory import peak_memory_mb
from optimizer.plan import Status, StoppedBy
from optimizer.roster import Flags, Floats
from optimizer.staffing.workforce.answer import PriceSource, WorkforcePlan, WorkforcePrices
from optimizer.staffing.workforce.model import WorkforceModel, build_workforce_model
from optimizer.staffing.workforce.problem import WorkforceProblem
from optimizer.staffing.workforce.reading import read_plan, read_prices

__all__ = ["plan_workforce"]

TARGET_GAP = 0.005
_INTEGRALITY = 1e-9
"""How far from whole a number may be: rounding it must not break a row by more than the LP's own accuracy."""
_SHARE_OF_CORE = 0.5
"""Share of the remaining time for the ways that the relaxation uses."""
_GAP_OF_CORE = 0.2
"""Share of the gap that is left open there: the rest is for what the relaxation promises too much."""


def plan_workforce(
    problem: WorkforceProblem, *, gap: float = TARGET_GAP, control: Control | None = None, threads: int = 1
) -> WorkforcePlan:
    """Return the cheapest plan, proven to within `gap` unless the clock or a cancel comes first.

    Doing nothing is a plan and is what the search begins with, so that there is a plan once two LPs are solved. Whole
    numbers are then fixed where the search ended, and the LP of what remains gives the plan's figures: they are exact,
    and its duals are prices.

    Parameters
    ----------
    gap
        (objective − bound) ÷ |objective| at which the search ends.
    control
        Deadline and cancel.
    threads
        Of the solver; with the same number the same problem gives the same plan unless it was stopped.

    Raises
    ------
    SolverError
        If HiGHS fails.
    """
    control = control or Control()
    # HiGHS keeps its threads for the life of a process and refuses to solve with another number of them.
    highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003  A compiled function takes no keywords.
    plan = _Search(build_workforce_model(problem), control, threads).run(gap)
    return plan.with_changes(seconds=round(control.seconds(), 3), peak_mb=round(peak_memory_mb(), 1))


class _Search:
    """One problem on its way to a plan; worth is minus money, as `ArrayHighs` maximises."""

    def __init__(self, model: WorkforceModel, control: Control, threads: int) -> None:
        self.model = model
        self.control = control
        self.threads = threads
        self.program = _Linear(model, control, threads)

    def run(self, gap: float) -> WorkforcePlan:
        """Return the plan."""
        relaxed = self.program.solve()
        if relaxed is None:
            return self._stopped()
        prices = {PriceSource.RELAXED: read_prices(self.model, PriceSource.RELAXED, self.program.duals)}
        used = self.program.values[self.program.whole] > _INTEGRALITY
        idle = self.program.fix(np.zeros(len(used)))
        if idle is None:
            return self._stopped()
        whole, bound = self._search(gap, used, relaxed)
        self.program.unhurried()
        worth = self.program.fix(whole)
        if worth is None:
            raise SolverError("HiGHS refuses the whole numbers that it found")
        prices[PriceSource.FIXED] = read_prices(self.model, PriceSource.FIXED, self.program.duals)
        return self._report(gap, -worth, -bound, -idle, prices)

    def _search(self, gap: float, used: Flags, relaxed: float) -> tuple[Floats, float]:
        """Return the best whole numbers found and a bound of the worth."""
        start, whole = self.program.values, self.program.whole
        if not len(whole):
            return np.zeros(0), relaxed
        solver = ArrayHighs(
            self.control.until(_SHARE_OF_CORE),
            mip=True,
            threads=self.threads,
            mip_rel_gap=gap * _GAP_OF_CORE,
            mip_feasibility_tolerance=_INTEGRALITY,
            mip_lp_solver="ipm",
        )
        pass_model(solver, self.model)
        none = np.zeros(len(whole))
        solver.bound_columns(whole, none, np.where(used, np.inf, 0.0))
        start = _improve(solver, start)
        if relative_gap(self.model.worth(start), relaxed) <= gap or self.control.stopped_by() is not None:
            return np.round(start[whole]), relaxed
        solver.control = self.control
        solver.live.setOptionValue("mip_rel_gap", gap)
        solver.bound_columns(whole, none, np.full(len(whole), np.inf))
        start = _improve(solver, start)
        return np.round(start[whole]), min(relaxed, solver.bound)

    def _stopped(self) -> WorkforcePlan:
        stopped_by = self.control.stopped_by()
        if stopped_by is None:
            raise SolverError("HiGHS finds no plan, although doing nothing is one")
        cancelled = stopped_by is StoppedBy.CANCEL
        return WorkforcePlan(Status.CANCELLED if cancelled else Status.TIME_LIMIT_NO_PLAN, stopped_by=stopped_by)

    def _report(
        self, gap: float, objective: float, bound: float, idle: float, prices: dict[PriceSource, WorkforcePrices]
    ) -> WorkforcePlan:
        bound = min(bound, objective)
        reached = relative_gap(-objective, -bound)
        stopped_by = StoppedBy.GAP if reached <= max(gap, _INTEGRALITY) else self.control.stopped_by()
        status = Status.OPTIMAL if stopped_by is StoppedBy.GAP else Status.FEASIBLE
        return WorkforcePlan(
            status=Status.CANCELLED if stopped_by is StoppedBy.CANCEL else status,
            objective=objective,
            bound=bound,
            gap=reached,
            do_nothing=idle,
            stopped_by=stopped_by,
            prices=prices,
            **read_plan(self.model, self.program.values),
        )


def pass_model(solver: ArrayHighs, model: WorkforceModel) -> None:
    """Give a model to a solver, its constant included: gaps are relative to the whole objective."""
    solver.createAndConfigureSolver(model.program)
    solver.buildSolverModel(model.program)
    solver.live.changeObjectiveOffset(model.constant)


def _improve(solver: ArrayHighs, start: Floats) -> Floats:
    """Return the values of the best plan that a search from a plan finds."""
    solver.start_from(start)
    outcome = solver.run()
    if outcome == "infeasible":
        raise SolverError("HiGHS calls a program infeasible that doing nothing solves")
    return solver.values if outcome in {"optimal", "feasible"} else start


class _Linear:
    """The linear program, kept alive: with whole numbers relaxed, and with them fixed."""

    def __init__(self, model: WorkforceModel, control: Control, threads: int) -> None:
        # From nothing the interior point is three times as fast as the simplex, which then goes on from its basis.
        self._solver = ArrayHighs(control, mip=False, threads=threads, solver="ipm")
        pass_model(self._solver, model)
        self.whole = model.whole()

    @property
    def values(self) -> Floats:
        """Values of all variables."""
        return self._solver.values

    @property
    def duals(self) -> Floats:
        """Duals of all rows."""
        return self._solver.duals

    def solve(self) -> float | None:
        """Return the worth; None if it was stopped, or if no values obey the rows."""
        return self._solver.bound if self._solver.run() == "optimal" else None

    def fix(self, whole: Floats) -> float | None:
        """Return the worth with these people and classes; None as in `solve`."""
        if len(whole):
            self._solver.bound_columns(self.whole, whole, whole)
        self._solver.live.setOptionValue("solver", "simplex")
        return self.solve()

    def unhurried(self) -> None:
        """Let the clock no longer end a run: the last one takes what a plan needs to be one."""
        self._solver.control = Control()
        self._solver.live.setOptionValue("time_limit", highspy.kHighsInf)
