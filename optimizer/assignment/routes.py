"""
How one tier is solved: the algorithms that the size and shape of a model choose.

Small models are solved exactly at once. Large ones of single engagements begin with an ascent and annealing; where
forecast or balance ask for more than that, with the LP and a dive. `name_route` says it in words.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from optimizer.assignment.annealing import HOT, WARM, anneal, construct
from optimizer.assignment.ascent import relax_by_ascent
from optimizer.assignment.dive import dive
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.master import Master
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.neighbourhood import search_neighbourhoods
from optimizer.assignment.relaxation import InfeasibleError, Relaxation, best_unlisted, solve_relaxation, tighten
from optimizer.assignment.rounding import climb, exchange, lagrangian_greedy, regret_greedy
from optimizer.assignment.search import Found, Incumbent, complete, core_size, search_core
from optimizer.control import Control
from optimizer.plan import StoppedBy
from optimizer.roster import Integers

FIRST = "customers"
"""The tier whose plans and bounds are told on the way."""

ANNEALING_SHARE = 0.6
"""Share of a tier's time for annealing, where branch and cut can still follow."""

POLISHING_SHARE = 0.5
"""Share of a tier's time for annealing with the reserved minutes as they are, before parts are solved exactly."""

SMALL_CORE = 4_000
"""Columns up to which branch and cut on the whole model comes first."""

LARGEST_CORE = 30_000
"""Columns of a core beyond which branch and cut would not leave the root in the time at hand."""

RELAXATION_SHARE = 0.6
"""Share of a tier's time after which its LP is interrupted; the best duals so far still give a bound."""

FLOOR_STEPS = 5
"""Bisection steps between the floor of the tier before and its bound, for a floor that rounding just keeps."""

COLUMNS_TO_START = 4
"""Columns of each engagement, drawn at random, in the first restricted LP."""


class PublishPlan(Protocol):
    """Somebody who wants to know about every better plan."""

    def __call__(self, incumbent: Incumbent) -> None:
        """Take note of a better plan."""


def first_plan(model: Model, objective: Objective, control: Control) -> Incumbent | None:
    """Return a plan without any prices, or that of an earlier plan, whichever is better."""
    if _is_for_annealing(model) and not model.fixed.any():
        chosen = construct(model, objective, -objective.on_columns)
    else:
        chosen = regret_greedy(model, objective).columns()
    first = complete(model, objective, chosen, control)
    if not len(model.earlier):
        return first
    return better_of(first, complete(model, objective, model.earlier, control))


def name_route(model: Model) -> str:
    """Return the algorithms that the size and shape of a model choose, in words."""
    if not _is_for_annealing(model):
        exact = "sifting LP, Lagrangian greedy, branch and cut, annealing, neighbourhoods"
        rounding = "sifting LP, dive, annealing, neighbourhoods, branch and cut on a core of columns"
        return exact if len(model.columns) <= SMALL_CORE else rounding
    listed = "" if model.unlisted is None else "columns listed by price, "
    last = "neighbourhoods" if len(model.columns) > LARGEST_CORE else "branch and cut on a core of columns"
    return f"{listed}dual ascent, annealing, {last}"


def _is_for_annealing(model: Model) -> bool:
    """Return whether a model is too large to be solved exactly at once, and of single engagements alone."""
    large = len(model.columns) > SMALL_CORE or model.unlisted is not None
    return large and not len(model.continuous.reserve_cell) and _without_excess(model)


def _without_excess(model: Model) -> bool:
    """Return whether no excess over a breakpoint counts: annealing leaves continuous variables as they are."""
    return model.problem.policy.weight("balance") == 0


def solve_tier(
    model: Model,
    objective: Objective,
    incumbent: Incumbent | None,
    control: Control,
    publish: PublishPlan,
    *,
    resume: Master | None = None,
    margin: float = 0.0,
) -> tuple[Relaxation | None, Found]:
    """Solve one tier: LP bound, rounding, then exact search or neighbourhoods by the size of the core."""
    is_first = objective.tier == FIRST
    if not is_first and incumbent is not None:
        climbed = climb(model, objective, incumbent.chosen, incumbent.continuous)
        incumbent = better_of(incumbent, complete(model, objective, climbed, control))
    if is_first:
        control.enter("bound")
    if _is_for_annealing(model) and (is_first or incumbent is not None):
        answer = _solve_by_annealing(model, objective, incumbent, control, publish)
        if answer is not None:
            return answer
    relaxation = _relax(model, objective, incumbent, control.until(RELAXATION_SHARE), resume)
    if relaxation is None:
        stopped = control.stopped_by() or StoppedBy.CLOCK
        return None, Found(incumbent, _loose_bound(model, objective), stopped)
    if is_first:
        control.enter(FIRST)
    best = incumbent
    for rounded in _roundings(model, objective, relaxation, margin, control):
        best = better_of(best, rounded)
        if is_first:
            tell(best, control, publish)
    found = _search(model, objective, relaxation, best, control)
    if is_first:
        tell(found.incumbent, control, publish)
    return relaxation, found


def _solve_by_annealing(
    model: Model, objective: Objective, incumbent: Incumbent | None, control: Control, publish: PublishPlan
) -> tuple[Relaxation, Found] | None:
    """Solve a tier by dual ascent and annealing, then branch and cut on the core; None if no plan was found.

    Raises
    ------
    InfeasibleError
        If an engagement that must be served has no column.
    """
    is_first = objective.tier == FIRST
    known = -np.inf if incumbent is None else incumbent.objective
    relaxation = relax_by_ascent(model, objective, control, known=known, start=model.duals if is_first else None)
    best = incumbent
    if is_first:
        control.report(bound=relaxation.bound)
        control.enter(FIRST)
        best = better_of(best, complete(model, objective, _round(model, objective, relaxation), control))
        tell(best, control, publish)
    if best is None:
        return None

    def pass_on(better: Incumbent) -> None:
        if is_first:
            tell(better, control, publish)

    small = len(model.columns) <= LARGEST_CORE
    part = control.until(ANNEALING_SHARE) if small else control
    hot = WARM if is_first and len(model.earlier) else HOT
    best, stopped = anneal(model, objective, relaxation, best, part, pass_on, hot=hot)
    if stopped is StoppedBy.GAP or control.stopped_by() is not None:
        return relaxation, Found(best, max(relaxation.bound, best.objective), stopped)
    if small:
        found = search_core(model, objective, relaxation, best, control)
    else:
        best, last = search_neighbourhoods(model, objective, relaxation.slack, relaxation.bound, best, control)
        found = Found(best, max(relaxation.bound, best.objective), last)
    pass_on(found.incumbent or best)
    if stopped is StoppedBy.CLOCK and found.stopped_by is not StoppedBy.GAP:
        found = replace(found, stopped_by=stopped)
    return relaxation, found


def _round(model: Model, objective: Objective, relaxation: Relaxation) -> Integers:
    """Return the columns of a greedy plan at the prices of an ascent."""
    if model.fixed.any():
        return lagrangian_greedy(model, objective, relaxation).columns()
    return construct(model, objective, relaxation.slack)


def _relax(
    model: Model, objective: Objective, incumbent: Incumbent | None, control: Control, resume: Master | None
) -> Relaxation | None:
    """Return the LP relaxation of a tier, or None if there is no time for it."""
    if control.stopped_by() is not None:
        return None
    threads = model.problem.policy.threads
    if resume is None or incumbent is None:
        start = _start_columns(model, incumbent)
        return solve_relaxation(model, objective, control, start=start, threads=threads)
    try:
        return solve_relaxation(model, objective, control, start=incumbent.chosen, threads=threads, resume=resume)
    except InfeasibleError:
        # A later tier has the plan of the tier before; only rounding of its floor can stand against that.
        return None


def _start_columns(model: Model, incumbent: Incumbent | None) -> Integers:
    """Return random columns of every engagement, and those of the best plan.

    Random ones, because the best of each engagement are often those of the same few agents.
    """
    count = len(model.columns)
    share = COLUMNS_TO_START * len(model.must) / max(count, 1)
    drawn = np.flatnonzero(np.random.default_rng(model.problem.policy.seed).random(count) < share)
    return drawn if incumbent is None else np.union1d(drawn, incumbent.chosen)


def _roundings(
    model: Model, objective: Objective, relaxation: Relaxation, margin: float, control: Control
) -> Iterator[Incumbent | None]:
    """Yield plans rounded from the LP.

    Parameters
    ----------
    margin
        For a later tier: how far the LP of the tier before could go above its floor. Rounding loses some of that tier,
        so the LP is rounded with higher floors.
    """
    if objective.tier == FIRST:
        yield from _rounded_and_exchanged(model, objective, lagrangian_greedy(model, objective, relaxation), control)
        if len(model.columns) > SMALL_CORE and control.stopped_by() is None:
            yield from _rounded_and_exchanged(model, objective, dive(model, objective, relaxation, control), control)
        return
    row = len(model.upper) - 1
    low, high = 0.0, 1.0
    for _ in range(FLOOR_STEPS):
        if control.stopped_by() is not None:
            return
        share = (low + high) / 2
        tighter = tighten(relaxation, row, float(model.upper[row]) - share * margin)
        rounded = None
        if tighter is not None:
            ledger = lagrangian_greedy(model, objective, tighter)
            rounded = complete(model, objective, ledger.columns(), control)
        low, high = (share, high) if rounded is None and tighter is not None else (low, share)
        yield rounded


def _rounded_and_exchanged(
    model: Model, objective: Objective, ledger: Ledger, control: Control
) -> Iterator[Incumbent | None]:
    """Yield a rounded plan as it is, and after exchanges where no forecast competes for the minutes they would take."""
    yield complete(model, objective, ledger.columns(), control)
    if not len(model.continuous.reserve_cell):
        exchange(model, objective, ledger, control)
        yield complete(model, objective, ledger.columns(), control)


def _search(
    model: Model, objective: Objective, relaxation: Relaxation, best: Incumbent | None, control: Control
) -> Found:
    """Search for a better plan: small cores exactly at once, others by neighbourhoods before that."""
    bound = relaxation.bound
    if best is None or len(model.columns) <= SMALL_CORE:
        part = control if best is None else control.until(0.5)
        found = search_core(model, objective, relaxation, best, part)
        if found.incumbent is None or found.stopped_by is StoppedBy.GAP or control.stopped_by() is not None:
            return found
        best, bound = found.incumbent, found.bound
    if _without_excess(model):
        part = control.until(POLISHING_SHARE)
        best, _ = anneal(model, objective, replace(relaxation, bound=bound), best, part, lambda _: None)
    best, stopped_by = search_neighbourhoods(model, objective, relaxation.slack, bound, best, control)
    if stopped_by is not StoppedBy.ITERATIONS or core_size(relaxation, best) > LARGEST_CORE:
        return Found(best, max(bound, best.objective), stopped_by)
    found = search_core(model, objective, relaxation, best, control)
    return replace(found, bound=min(found.bound, max(bound, best.objective)), stopped_by=found.stopped_by)


def _loose_bound(model: Model, objective: Objective) -> float:
    """Return a bound without an LP: the best column of every engagement, every forecast minute."""
    best = np.zeros(len(model.must))
    np.maximum.at(best, model.columns.engagement, objective.on_columns)
    if model.unlisted is not None:
        count = len(model.problem.engagements)
        free = np.zeros(len(model.upper))
        best[:count] = np.maximum(best[:count], best_unlisted(model, model.unlisted, objective, free))
    demand = np.array([each.minutes for each in model.problem.forecast], dtype=float)
    rate = np.array([each.value_per_minute for each in model.problem.forecast], dtype=float)
    points = 0.0
    if objective.tier == "customers" and len(rate):
        points = float(model.problem.policy.weight("service") * (rate @ demand.sum(axis=1)))
    return float(best.sum() + points + objective.constant)


def better_of(best: Incumbent | None, other: Incumbent | None) -> Incumbent | None:
    """Return the plan of more points; the first of two that are worth the same."""
    if best is None or other is None:
        return best or other
    return other if other.objective > best.objective else best


def tell(best: Incumbent | None, control: Control, publish: PublishPlan) -> None:
    """Report a plan to those who watch the run, if there is one."""
    if best is not None:
        control.report(incumbent=best.objective)
        publish(best)
