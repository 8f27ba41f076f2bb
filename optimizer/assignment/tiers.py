r"""
Lexicographic tiers: each tier is solved in turn, and later ones may give up at most ε of those before.

After tier *i* is solved with value :math:`T_i`, the row :math:`v_i(x) \ge T_i - \varepsilon |T_i|` joins the model for
all later tiers (Isermann 1982, with a tolerance). A tier whose points nothing can change is skipped.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.assignment.model import Model, Objective, tier_objectives
from optimizer.assignment.relaxation import InfeasibleError, Relaxation, solve_relaxation
from optimizer.assignment.rounding import exchange, lagrangian_greedy, regret_greedy
from optimizer.assignment.search import Found, Incumbent, complete, search_core
from optimizer.control import Control, relative_gap
from optimizer.plan import StoppedBy
from optimizer.roster import Floats, Integers

FIRST_TIER_SHARE = 0.7
"""Share of the time that the first tier may use where later tiers follow."""

COLUMNS_TO_START = 15
"""Columns of each engagement, drawn at random, in the first restricted LP."""


@dataclass(frozen=True, slots=True)
class TierOutcome:
    """How one tier was solved: its objective, the best plan for it, and its bound."""

    objective: Objective
    best: float
    bound: float
    stopped_by: StoppedBy

    @property
    def gap(self) -> float:
        """Relative gap at which the tier was left."""
        return relative_gap(self.best, self.bound)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the driver found.

    Attributes
    ----------
    incumbent
        The plan; None if there is none.
    relaxation
        The LP of the first tier, from which prices are read; None if the clock came first.
    """

    model: Model
    incumbent: Incumbent | None
    infeasible: bool
    tiers: tuple[TierOutcome, ...]
    relaxation: Relaxation | None
    stopped_by: StoppedBy


def solve_tiers(model: Model, control: Control, publish: "PublishPlan") -> Outcome:
    """Solve the tiers of a model in order.

    Parameters
    ----------
    publish
        Told about every better whole plan, so that nothing is lost if the run is killed.
    """
    first, *later = tier_objectives(model)
    later = [objective for objective in later if not objective.is_constant]
    part = control.until(FIRST_TIER_SHARE) if later else control
    try:
        relaxation, found = _solve_first(model, first, part, publish)
    except InfeasibleError:
        return Outcome(model, None, True, (), None, StoppedBy.GAP)
    stopped_by = found.stopped_by
    if found.incumbent is None:
        return Outcome(model, None, found.infeasible, (), relaxation, stopped_by)
    outcomes = [TierOutcome(first, found.incumbent.objective, found.bound, stopped_by)]
    incumbent = found.incumbent
    for position, objective in enumerate(later):
        previous = outcomes[-1]
        epsilon = model.problem.policy.growth_epsilon
        model = model.with_floor(previous.objective, previous.best - epsilon * abs(previous.best))
        control.enter(objective.tier)
        part = control.until(1.0 / (len(later) - position))
        outcome, incumbent = _solve_later(model, objective, incumbent, part)
        outcomes.append(outcome)
        publish(incumbent)
    worst = next((each.stopped_by for each in outcomes if each.stopped_by is not StoppedBy.GAP), StoppedBy.GAP)
    return Outcome(model, incumbent, False, tuple(outcomes), relaxation, control.stopped_by() or worst)


class PublishPlan:
    """Somebody who wants to know about every better plan."""

    def __call__(self, incumbent: Incumbent) -> None:
        """Take note of a better plan."""


def _solve_first(
    model: Model, objective: Objective, control: Control, publish: PublishPlan
) -> tuple[Relaxation | None, Found]:
    control.enter("first plan")
    best = _better(None, complete(model, objective, regret_greedy(model, objective).columns(), control))
    _tell(best, control, publish)

    control.enter("bound")
    start = _start_columns(model, best)
    relaxation = solve_relaxation(model, objective, control, start=start, threads=model.problem.policy.threads)
    if relaxation is None:
        return None, Found(best, _loose_bound(model, objective), False, control.stopped_by() or StoppedBy.CLOCK)

    control.enter("customers")
    ledger = lagrangian_greedy(model, objective, relaxation)
    best = _better(best, complete(model, objective, ledger.columns(), control))
    _tell(best, control, publish)
    exchange(model, objective, ledger, _forecast_prices(model, relaxation), control)
    best = _better(best, complete(model, objective, ledger.columns(), control))
    _tell(best, control, publish)
    if best is not None and relative_gap(best.objective, relaxation.bound) <= model.problem.policy.gap:
        return relaxation, Found(best, max(relaxation.bound, best.objective), False, StoppedBy.GAP)
    stopped = control.stopped_by()
    if stopped is not None:
        return relaxation, Found(best, relaxation.bound, False, stopped)
    found = search_core(model, objective, relaxation, best, control)
    if found.incumbent is not None:
        _tell(found.incumbent, control, publish)
    return relaxation, found


def _solve_later(
    model: Model, objective: Objective, incumbent: Incumbent, control: Control
) -> tuple[TierOutcome, Incumbent]:
    """Solve a later tier from the plan of the tiers before, which is always a plan of this one."""
    incumbent = replace(incumbent, objective=objective.of(incumbent.chosen, incumbent.continuous))
    best = complete(model, objective, incumbent.chosen, control)
    incumbent = incumbent if best is None or best.objective < incumbent.objective else best
    start = _start_columns(model, incumbent)
    stopped = control.stopped_by()
    relaxation = None
    if stopped is None:
        relaxation = solve_relaxation(model, objective, control, start=start, threads=model.problem.policy.threads)
    if relaxation is None:
        bound = _loose_bound(model, objective)
        stopped = control.stopped_by() or StoppedBy.CLOCK
        return TierOutcome(objective, incumbent.objective, bound, stopped), incumbent
    if relative_gap(incumbent.objective, relaxation.bound) <= model.problem.policy.gap:
        bound = max(relaxation.bound, incumbent.objective)
        return TierOutcome(objective, incumbent.objective, bound, StoppedBy.GAP), incumbent
    found = search_core(model, objective, relaxation, incumbent, control)
    incumbent = found.incumbent or incumbent
    return TierOutcome(objective, incumbent.objective, found.bound, found.stopped_by), incumbent


def _better(best: Incumbent | None, other: Incumbent | None) -> Incumbent | None:
    if best is None or other is None:
        return best or other
    return other if other.objective > best.objective else best


def _tell(best: Incumbent | None, control: Control, publish: PublishPlan) -> None:
    if best is not None:
        control.report(incumbent=best.objective)
        publish(best)


def _start_columns(model: Model, incumbent: Incumbent | None) -> Integers:
    """Return random columns of every engagement, and those of the best plan.

    Random ones, because the best of each engagement are often those of the same few agents.
    """
    count = len(model.columns)
    share = COLUMNS_TO_START * len(model.must) / max(count, 1)
    drawn = np.flatnonzero(np.random.default_rng(model.problem.policy.seed).random(count) < share)
    return drawn if incumbent is None else np.union1d(drawn, incumbent.chosen)


def _forecast_prices(model: Model, relaxation: Relaxation) -> Floats | None:
    """Return the capacity prices where a forecast competes with engagements for the minutes, else None."""
    if not len(model.continuous.reserve_cell):
        return None
    prices = np.zeros(len(model.upper))
    rows = model.families["capacity"]
    prices[rows] = np.maximum(relaxation.duals[rows], 0.0)
    return prices


def _loose_bound(model: Model, objective: Objective) -> float:
    """Return a bound without an LP: the best column of every engagement, every forecast minute."""
    best = np.zeros(len(model.must))
    np.maximum.at(best, model.columns.engagement, objective.on_columns)
    demand = np.array([each.minutes for each in model.problem.forecast], dtype=float)
    rate = np.array([each.value_per_minute for each in model.problem.forecast], dtype=float)
    points = 0.0
    if objective.tier == "customers" and len(rate):
        points = float(model.problem.policy.weight("service") * (rate @ demand.sum(axis=1)))
    return float(best.sum() + points + objective.constant)
