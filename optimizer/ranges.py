r"""
Ranges of shadow prices: what one minute more brings, and what one minute less costs.

Duals of a degenerate LP are not unique. The optimum :math:`V(b)` is concave and piecewise linear in the right-hand side
of a row; its one-sided derivatives

.. math:: V'_+(b) \le \lambda \le V'_-(b)

are the smallest and the largest dual over all optimal ones (Akgül 1984; Jansen, de Jong, Roos, Terlaky 1997). Each is
found by solving the LP again with the right-hand side moved by :math:`\delta`: where the slopes over :math:`\delta` and
:math:`\delta / 2` agree, concavity makes the piece between them linear and the slope is the derivative itself. Until
they agree :math:`\delta` is halved. One question is some dual simplex runs from the optimal basis, with all columns
priced.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimizer.assignment.asks import Asks
from optimizer.assignment.master import Master
from optimizer.assignment.model import Model, Objective, build_model, protected_objective, tier_objectives
from optimizer.assignment.relaxation import needed_columns
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.plan import Plan
from optimizer.prices import policy_rules
from optimizer.problem import Problem
from optimizer.roster import Integers, Roster

Cell = tuple[str, int]
"""An agent and an interval, or the path of a limit and the first interval that it concerns (0 for the whole plan)."""

FIRST_STEP = 1.0
HALVINGS = 8
COLUMNS_AT_ONCE = 5_000
"""Most columns that one round of pricing adds."""

WHOLE = 20_000
"""Columns up to which all take part in the LP from the start."""

_SAME_SLOPE = 1e-6


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Between which prices the duals of a row lie.

    Attributes
    ----------
    low
        Points that one unit more brings, at first.
    high
        Points that one unit less costs, at first; infinite if there is no plan with less.
    exact
        Whether both are proven; else the true range lies within this one.
    """

    low: float
    high: float
    exact: bool


class OutOfTimeError(RuntimeError):
    """The clock or a cancel came before the LP was solved."""


class NoSolutionError(ValueError):
    """No plan obeys the rules of the problem."""


def price_ranges(
    problem: Problem, cells: Iterable[Cell], *, plan: Plan | None = None, control: Control | None = None
) -> dict[Cell, PriceRange]:
    """Return the ranges of the shadow prices of some agents' intervals, or of some limits.

    Parameters
    ----------
    cells
        (agent id, interval), or (path of a limit, first interval of its shift) as in `Prices.policy`.
    plan
        A plan of the problem: the LP starts from it, and owes no more protected growth than it does.

    Raises
    ------
    LookupError
        If an agent has no capacity in the interval, or nothing in the problem reaches the limit.
    NoSolutionError
        If no plan obeys the rules.
    OutOfTimeError
        If the control ends the work.
    """
    fit = Fit(Roster.of(problem))
    model = build_model(fit, Asks.of(problem))
    rows = _rows(fit, model)
    wanted = list(cells)
    for cell in wanted:
        if cell not in rows:
            raise LookupError(f"{cell[0]} in interval {cell[1]} has no price")
    if not wanted:
        return {}
    model = _protected(model, plan)
    lp = _LinearProgram(model, tier_objectives(model)[0], plan, control or Control())
    optimum = lp.value(rows[wanted[0]], 0.0)
    if optimum is None:
        raise NoSolutionError("no plan obeys the rules, so that nothing has a price")
    return {cell: lp.range_of(rows[cell], optimum) for cell in wanted}


def floor_price(problem: Problem, plan: Plan, *, control: Control | None = None) -> PriceRange | None:
    """Return what one point more that customers give up would gain in the tier of growth, and what one less would cost.

    The price of ε, in points of the growth tier's LP for one point below its floor; None if there is no such tier in
    the plan.

    Raises
    ------
    NoSolutionError
        If no plan obeys the rules.
    OutOfTimeError
        If the control ends the work.
    """
    tiers = {tier.tier: tier for tier in plan.tiers}
    if "customers" not in tiers or "growth" not in tiers:
        return None
    model = _protected(build_model(Fit(Roster.of(problem)), Asks.of(problem)), plan)
    customers, growth = tier_objectives(model)[:2]
    best = tiers["customers"].objective
    model = model.with_floor(customers, best - problem.policy.growth_epsilon * abs(best))
    lp = _LinearProgram(model, growth, plan, control or Control())
    row = len(model.upper) - 1
    optimum = lp.value(row, 0.0)
    if optimum is None:
        raise NoSolutionError("no plan obeys the rules, so that nothing has a price")
    return lp.range_of(row, optimum)


def _protected(model: Model, plan: Plan | None) -> Model:
    """Return the model in which no more protected growth is owed than in a plan."""
    objective = protected_objective(model)
    if objective is None or plan is None:
        return model
    owed = sum(each.debt for each in plan.growth)
    return model.with_floor(objective, -owed - 1e-7 * max(1.0, owed))


def _rows(fit: Fit, model: Model) -> dict[Cell, int]:
    """Return the row of every agent's interval with capacity, and of every limit."""
    horizon = model.problem.intervals
    cells = np.flatnonzero(fit.roster.capacity.ravel() > 0).tolist()
    first = model.families["capacity"].start
    rows: dict[Cell, int] = {
        (fit.roster.ids[cell // horizon], cell % horizon): row for row, cell in enumerate(cells, first)
    }
    return rows | {(rule.path, rule.interval or 0): row for row, rule in policy_rules(fit, model)}


class _LinearProgram:
    """One tier's LP over all columns, by column generation, with a right-hand side that may be moved."""

    def __init__(self, model: Model, objective: Objective, plan: Plan | None, control: Control) -> None:
        self.model = model
        self.objective = objective
        start = np.union1d(_start(model, plan), needed_columns(model))
        threads = model.problem.policy.threads
        self.master = Master(model, self.objective, start, control, mip=False, threads=threads, solver="simplex")
        self.master.solve()
        self._least = 1e-9 * max(1.0, float(np.abs(self.objective.on_columns).max(initial=0.0)))

    def range_of(self, row: int, optimum: float) -> PriceRange:
        """Return the range of a row's dual."""
        low, low_exact = self._derivative(row, optimum, 1.0)
        high, high_exact = self._derivative(row, optimum, -1.0)
        return PriceRange(max(low, 0.0), max(high, low, 0.0), low_exact and high_exact)

    def _derivative(self, row: int, optimum: float, sign: float) -> tuple[float, bool]:
        """Return a one-sided derivative, and whether it is proven."""
        scale = 1e-9 * max(1.0, abs(optimum))
        step, slope = FIRST_STEP, self._slope(row, optimum, sign * FIRST_STEP)
        for _ in range(HALVINGS):
            finer = self._slope(row, optimum, sign * step / 2)
            if slope is not None and finer is not None:
                tolerance = _SAME_SLOPE * max(1.0, abs(finer)) + scale / step
                if abs(finer - slope) <= tolerance:
                    return finer, True
            step, slope = step / 2, finer
        return (np.inf if slope is None else slope), slope is None

    def _slope(self, row: int, optimum: float, change: float) -> float | None:
        value = self.value(row, change)
        return None if value is None else (value - optimum) / change

    def value(self, row: int, change: float) -> float | None:
        """Return the optimum over all columns with a row's limit moved; None if there is no solution.

        Raises
        ------
        OutOfTimeError
            If the control ends the work before.
        """
        upper = float(self.model.upper[row]) + change
        if not len(self.model.columns) and not len(self.model.continuous):
            holds = (self.model.lower <= 0).all() and (np.delete(self.model.upper, row) >= 0).all() and upper >= 0
            return self.objective.constant if holds else None
        while self.master.solver.control.stopped_by() is None:
            outcome = self.master.solve_with_limit(row, upper)
            if outcome == "infeasible":
                return None
            if outcome != "optimal":
                break
            priced = self.objective.on_columns - self.model.on_columns.T @ self.master.duals
            priced[self.master.active] = -np.inf
            entering = np.flatnonzero(priced > self._least)
            if not len(entering):
                on_columns = self.objective.on_columns[self.master.active] @ self.master.columns
                rest = self.objective.on_continuous @ self.master.continuous + self.objective.constant
                return float(on_columns + rest)
            self.master.add(np.sort(entering[np.argsort(-priced[entering], kind="stable")[:COLUMNS_AT_ONCE]]))
        raise OutOfTimeError("the LP was not solved in time")


def _start(model: Model, plan: Plan | None) -> Integers:
    """Return the columns to start with: all of a small model, else those of the plan and every so many others."""
    columns, problem = model.columns, model.problem
    if len(columns) <= WHOLE:
        return np.arange(len(columns))
    every = np.arange(0, len(columns), max(1, len(columns) // WHOLE))
    if plan is None:
        return every
    engagement = {each.id: index for index, each in enumerate(problem.engagements)}
    agent = {each.id: index for index, each in enumerate(problem.agents)}
    chosen = {(engagement[each.engagement], agent[each.agent], each.start) for each in plan.assignments}
    known = zip(columns.engagement.tolist(), columns.agent.tolist(), columns.start.tolist(), strict=True)
    return np.union1d(every, np.array([row for row, key in enumerate(known) if key in chosen], dtype=np.int64))
