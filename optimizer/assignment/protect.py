"""
Protected growth: the least debt of growth minutes, found before anything else, is a floor for all tiers.

Only columns that give growth minutes, pairs, and what must be served matter to the debt; any plan cut down to them owes
no more. So the tier is solved on those columns alone, and its bound holds for all.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from optimizer.assignment.model import Model, Objective, protected_objective
from optimizer.assignment.neighbourhood import search_neighbourhoods
from optimizer.assignment.relaxation import solve_relaxation
from optimizer.assignment.rounding import lagrangian_greedy, regret_greedy
from optimizer.assignment.search import Found, Incumbent, complete, search_core
from optimizer.control import Control, relative_gap
from optimizer.plan import StoppedBy
from optimizer.roster import Integers

SMALL = 4_000
"""Columns up to which branch and cut comes without a search of neighbourhoods before it."""

_LEAST_MINUTES = 1e-6


@dataclass(frozen=True, slots=True)
class Protected:
    """The least debt found, and the model in which no plan owes more.

    Attributes
    ----------
    found
        Its incumbent is a plan of the whole model; None if none was found in time.
    """

    model: Model
    objective: Objective
    found: Found


def protect_growth(model: Model, control: Control) -> Protected | None:
    """Return the model with a floor of protected growth, or None if no growth minutes are due.

    Raises
    ------
    InfeasibleError
        If no plan obeys the rows.
    """
    objective = protected_objective(model)
    if objective is None:
        return None
    control.enter("protected")
    kept = _that_matter(model)
    part, points = _restrict(model, objective, kept)
    found = _solve(part, points, control)
    if found.incumbent is None:
        return Protected(model, objective, found)
    incumbent = _exactly(model, objective, kept[found.incumbent.chosen], found.incumbent)
    bound = min(found.bound, 0.0)
    if bound - incumbent.objective <= _LEAST_MINUTES * max(1.0, abs(bound)):
        bound = incumbent.objective
    growing = incumbent.chosen[
        (model.columns.growth > 0)[incumbent.chosen] | (model.columns.pair >= 0)[incumbent.chosen]
    ]
    least = incumbent.objective - 1e-7 * max(1.0, abs(incumbent.objective))
    floored = replace(model.with_floor(objective, least), start=growing)
    return Protected(floored, objective, replace(found, incumbent=incumbent, bound=max(bound, incumbent.objective)))


def owed(model: Model, chosen: Integers) -> float:
    """Return the growth minutes that a plan of some columns still owes."""
    columns, continuous = model.columns, model.continuous
    grown = np.bincount(columns.agent[chosen], columns.growth[chosen], minlength=len(model.problem.agents))
    return float(np.maximum(continuous.upper[continuous.debts] - grown[continuous.debt_agent], 0.0).sum())


def _that_matter(model: Model) -> Integers:
    columns = model.columns
    for family in ("share", "change"):
        if model.families[family].stop > model.families[family].start:
            return np.arange(len(columns))
    return np.flatnonzero((columns.growth > 0) | (columns.pair >= 0) | model.must[columns.engagement])


def _restrict(model: Model, objective: Objective, kept: Integers) -> tuple[Model, Objective]:
    on_columns = sparse.csr_array(sparse.csc_array(model.on_columns)[:, kept])
    part = replace(model, columns=model.columns.select(kept), on_columns=on_columns)
    return part, replace(objective, on_columns=objective.on_columns[kept])


def _solve(model: Model, objective: Objective, control: Control) -> Found:
    none = np.zeros(0, dtype=np.int64)
    best = complete(model, objective, none, control)
    everything = np.arange(len(model.columns))
    relaxation = solve_relaxation(model, objective, control, start=everything, threads=model.problem.policy.threads)
    if relaxation is None:
        return Found(best, 0.0, control.stopped_by() or StoppedBy.CLOCK)
    for ledger in (regret_greedy(model, objective), lagrangian_greedy(model, objective, relaxation)):
        rounded = complete(model, objective, np.sort(ledger.columns()), control)
        if rounded is not None and (best is None or rounded.objective > best.objective):
            best = rounded
    if best is not None and len(model.columns) > SMALL:
        part = control.until(0.5)
        best, _ = search_neighbourhoods(model, objective, relaxation.slack, relaxation.bound, best, part)
    if best is not None and relative_gap(best.objective, relaxation.bound) <= 1e-9:
        return Found(best, relaxation.bound, StoppedBy.GAP)
    return search_core(model, objective, relaxation, best, control)


def _exactly(model: Model, objective: Objective, chosen: Integers, incumbent: Incumbent) -> Incumbent:
    """Return the plan with its debts computed from its columns, without the solver's rounding."""
    continuous, columns = model.continuous, model.columns
    count = len(model.problem.agents)
    grown = np.bincount(columns.agent[chosen], columns.growth[chosen], minlength=count)[continuous.debt_agent]
    values = incumbent.continuous.copy()
    values[continuous.debts] = np.maximum(continuous.upper[continuous.debts] - grown, 0.0)
    return Incumbent(chosen, values, objective.of(chosen, values) + 0.0)
