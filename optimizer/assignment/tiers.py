r"""
Lexicographic tiers: each tier is solved in turn, and later ones may give up at most ε of those before.

After tier *i* is solved with value :math:`T_i`, the row :math:`v_i(x) \ge T_i - \varepsilon |T_i|` joins the model for
all later tiers (Isermann 1982, with a tolerance). A tier whose points nothing can change is skipped.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model, Objective, tier_objectives
from optimizer.assignment.neighbourhood import search_neighbourhoods
from optimizer.assignment.protect import Protected, owed, protect_growth
from optimizer.assignment.relaxation import InfeasibleError, Relaxation
from optimizer.assignment.routes import PublishPlan, better_of, first_plan, name_route, solve_tier, tell
from optimizer.assignment.search import Incumbent, complete
from optimizer.control import Control, relative_gap
from optimizer.plan import StoppedBy

PROTECTED_SHARE = 0.15
"""Share of the time that protected growth may use, where growth minutes are due."""

FIRST_TIER_SHARE = 0.6
"""Share of the time that the first tier may use where later tiers follow."""

LATER_SHARE = 0.8
"""Share of the rest that the later tiers may use together; the first tier is polished in what is left."""


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
    route
        The algorithms that were chosen, in words.
    """

    model: Model
    incumbent: Incumbent | None
    tiers: tuple[TierOutcome, ...]
    relaxation: Relaxation | None
    stopped_by: StoppedBy
    infeasible: bool = False
    route: str = ""


def solve_tiers(model: Model, control: Control, publish: PublishPlan) -> Outcome:
    """Solve the tiers of a model in order.

    Parameters
    ----------
    publish
        Told about every better whole plan, so that nothing is lost if the run is killed.
    """
    try:
        protected = protect_growth(model, control.until(PROTECTED_SHARE))
    except InfeasibleError:
        return Outcome(model, None, (), None, StoppedBy.GAP, infeasible=True)
    if protected is not None:
        model = protected.model
    first, *later = tier_objectives(model)
    later = [objective for objective in later if not objective.is_constant]
    part = control.until(FIRST_TIER_SHARE) if later else control
    control.enter("first plan")
    incumbent = first_plan(model, first, control)
    if protected is not None and protected.found.incumbent is not None:
        incumbent = better_of(incumbent, complete(model, first, protected.found.incumbent.chosen, control))
    tell(incumbent, control, publish)
    try:
        relaxation, found = solve_tier(model, first, incumbent, part, publish)
    except InfeasibleError:
        return Outcome(model, None, (), None, StoppedBy.GAP, infeasible=True)
    if found.incumbent is None:
        return Outcome(model, None, (), relaxation, found.stopped_by, infeasible=found.infeasible)

    outcomes = [TierOutcome(first, found.incumbent.objective, found.bound, found.stopped_by)]
    incumbent = found.incumbent
    restricted = model
    epsilon = model.problem.policy.growth_epsilon
    master = None if relaxation is None else relaxation.master
    for position, objective in enumerate(later):
        control.enter(objective.tier)
        restricted = _with_floor(restricted, outcomes[-1])
        part = control.until(LATER_SHARE / (len(later) - position))
        so_far = replace(incumbent, objective=objective.of(incumbent.chosen, incumbent.continuous))
        margin = outcomes[-1].bound - outcomes[-1].best + epsilon * abs(outcomes[-1].best)
        resumed, found = solve_tier(restricted, objective, so_far, part, publish, resume=master, margin=margin)
        master = None if resumed is None else resumed.master
        incumbent = found.incumbent or so_far
        outcomes.append(TierOutcome(objective, incumbent.objective, found.bound, found.stopped_by))
    if later:
        incumbent = _polish(restricted, outcomes, incumbent, control)
        publish(incumbent)
    incumbent = _insert_what_fits(restricted, [first, *later], incumbent)
    outcomes = [_raised(outcome, incumbent) for outcome in outcomes]
    if protected is not None:
        outcomes.insert(0, _protected_outcome(protected, -owed(model, incumbent.chosen)))
    worst = next((each.stopped_by for each in outcomes if each.stopped_by is not StoppedBy.GAP), StoppedBy.GAP)
    stopped = control.stopped_by() or worst
    return Outcome(model, incumbent, tuple(outcomes), relaxation, stopped, route=name_route(model))


def _protected_outcome(protected: Protected, final: float) -> TierOutcome:
    """Return how protected growth was solved: its best value is that of the final plan where that owes less."""
    found = protected.found
    best = final if found.incumbent is None else max(found.incumbent.objective, final)
    return TierOutcome(protected.objective, best, max(found.bound, best), found.stopped_by)


def _raised(outcome: TierOutcome, incumbent: Incumbent) -> TierOutcome:
    """Return the outcome of a tier, with a higher best value where the final plan has one."""
    value = outcome.objective.of(incumbent.chosen, incumbent.continuous)
    best = max(value, outcome.best)
    return replace(outcome, best=best, bound=max(outcome.bound, best))


def _with_floor(model: Model, outcome: TierOutcome) -> Model:
    """Return the model in which this tier gives up at most ε."""
    epsilon = model.problem.policy.growth_epsilon
    margin = 1e-7 * max(1.0, abs(outcome.best))
    return model.with_floor(outcome.objective, outcome.best - epsilon * abs(outcome.best) - margin)


def _polish(model: Model, outcomes: list[TierOutcome], incumbent: Incumbent, control: Control) -> Incumbent:
    """Return a plan that gives up no more of the first tier than the later ones need.

    A later tier is indifferent between plans that it values alike, and its solver may return any of them.
    """
    first, last = outcomes[0], outcomes[-1]
    margin = 1e-7 * max(1.0, abs(last.best))
    model = model.with_floor(last.objective, last.best - margin)
    best = replace(incumbent, objective=first.objective.of(incumbent.chosen, incumbent.continuous))
    best = better_of(best, complete(model, first.objective, incumbent.chosen, control)) or best
    if control.stopped_by() is None:
        none = np.zeros(len(model.columns))
        best, _ = search_neighbourhoods(model, first.objective, none, first.best, best, control, quick=True)
    return best


def _insert_what_fits(model: Model, objectives: list[Objective], incumbent: Incumbent) -> Incumbent:
    """Serve engagements for which there is room, where that gains in the first tier and costs in no other."""
    ledger = Ledger.of(model, incumbent.chosen, incumbent.continuous)
    gain = objectives[0].on_columns
    harmless = np.all([objective.on_columns >= 0 for objective in objectives[1:]] or [gain >= 0], axis=0)
    if model.problem.policy.weight("balance") > 0:
        harmless = np.zeros_like(harmless)
    waiting = (ledger.chosen < 0)[model.columns.engagement] & harmless & (gain > 0)
    candidates = np.flatnonzero(waiting)
    for column in candidates[np.lexsort((candidates, -gain[candidates]))].tolist():
        if ledger.chosen[model.columns.engagement[column]] < 0 and ledger.fits(column):
            ledger.add(column)
    return replace(incumbent, chosen=np.sort(ledger.columns()))
