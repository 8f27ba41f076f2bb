r"""
The LP relaxation over all columns by column generation, and a bound that is certified over all of them.

**Sifting** (Bixby, Gregory, Lustig, Marsten, Shanno 1992): solve a restricted LP, price every column with its duals,
add the best of those that would improve it, repeat. Pricing is one sparse product, O(nonzeros).

**Bound**: for any duals :math:`\lambda` of the rows other than *once*, with the sign that their side asks for,

.. math::
    U(\lambda) = \lambda^T b + \sum_e \max_{k \in K_e} (v_k - \lambda^T A_k)^{[+]}
                 + \sum_z u_z \max(0, w_z - \lambda^T A_z)

bounds every plan from above (Lagrangian relaxation, Geoffrion 1974); :math:`[+]` is the maximum with 0 for engagements
that may stay unassigned. It needs no optimal LP: duals of a restricted or interrupted one give a valid bound too.
"""

from dataclasses import dataclass, replace

import numpy as np

from optimizer.assignment.master import Master
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.unlisted import Unlisted
from optimizer.control import Control
from optimizer.roster import Floats, Integers

_NOTHING = 1e-9
COLUMNS_PER_ENGAGEMENT = 4
"""Most columns that one round of pricing adds for an engagement; more make the LP slow, fewer the rounds many."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A solved LP relaxation.

    Attributes
    ----------
    chosen, shares
        Columns with a value above 0, and those values.
    continuous
        Values of the continuous variables.
    duals
        Duals of all rows.
    bound
        Certified upper bound of the objective over all columns, its constant included.
    slack
        For every column: by how much choosing it lowers the bound. A plan that uses it is worth ``bound − slack`` at
        most.
    proven
        Whether no column outside the restricted LP would improve it.
    master
        The restricted LP, still alive, with which the next tier can go on; None where duals come from an ascent.
    """

    chosen: Integers
    shares: Floats
    continuous: Floats
    duals: Floats
    bound: float
    slack: Floats
    proven: bool
    master: Master | None

    @property
    def lp(self) -> Master:
        """The restricted LP.

        Raises
        ------
        LookupError
            If there is none.
        """
        if self.master is None:
            raise LookupError("these duals come from an ascent")
        return self.master


class InfeasibleError(Exception):
    """No plan obeys the rows, proven over all columns."""


def certify(
    model: Model, objective: Objective, duals: Floats, *, of_unlisted: Floats | None = None
) -> tuple[float, Floats]:
    """Return the bound that duals give over all columns, and the slack of every column.

    Parameters
    ----------
    of_unlisted
        What `Unlisted.price` says at these duals, if somebody has asked it already.

    Raises
    ------
    InfeasibleError
        If an engagement that must be served has no column.
    """
    coupling = np.where(np.isfinite(model.lower), duals, np.maximum(duals, 0.0))
    coupling[model.families["once"]] = 0.0
    if model.unlisted is not None:
        coupling = _on_minutes_alone(model, objective, coupling)
    points = objective.on_columns - model.on_columns.T @ coupling
    best = np.where(model.must, -np.inf, 0.0)
    np.maximum.at(best, model.columns.engagement, points)
    if not np.isfinite(best).all():
        raise InfeasibleError
    if model.unlisted is not None:
        count = len(model.problem.engagements)
        if of_unlisted is None:
            of_unlisted = best_unlisted(model, model.unlisted, objective, coupling)
        best[:count] = np.maximum(best[:count], of_unlisted)
    spare = np.maximum(objective.on_continuous - model.on_continuous.T @ coupling, 0.0)
    bound = coupling @ np.where(coupling != 0, model.upper, 0.0) + best.sum() + spare @ model.continuous.upper
    return float(bound + objective.constant), best[model.columns.engagement] - points


def _on_minutes_alone(model: Model, objective: Objective, coupling: Floats) -> Floats:
    """Return the duals that unlisted columns can be priced with: those of minutes in the first tier, none in others."""
    known = np.zeros(len(coupling))
    if objective.tier == "customers":
        for family in ("capacity", "demand"):
            known[model.families[family]] = coupling[model.families[family]]
    return known


def best_unlisted(model: Model, unlisted: Unlisted, objective: Objective, coupling: Floats) -> Floats:
    """Return the most that an unlisted column of each engagement brings at these duals."""
    if objective.tier == "customers":
        return unlisted.price(minute_prices(model, coupling), kept=1, jitter=0.0)[0]
    # A cost is never positive, so in the economy tier no column brings anything.
    return unlisted.most_later if objective.tier == "growth" else np.zeros(len(unlisted.most_later))


def solve_relaxation(
    model: Model,
    objective: Objective,
    control: Control,
    *,
    start: Integers,
    threads: int = 1,
    resume: Master | None = None,
) -> Relaxation | None:
    """Solve the LP over all columns, or return None if the clock or a cancel came before the first restricted LP.

    Parameters
    ----------
    start
        Columns of the first restricted LP. Together with those that `needed_columns` lists they must allow a
        solution if there is one.
    resume
        The LP of the tier before, to go on with in place of a new one: its optimum is a basis for this one.

    Raises
    ------
    InfeasibleError
        If no plan obeys the rows.
    """
    if resume is None:
        active = np.union1d(start, needed_columns(model))
        master = Master(model, objective, active, control, mip=False, threads=threads, solver="simplex")
    else:
        master = resume
        master.continue_with(model, objective, control)
        master.add(np.setdiff1d(start, master.active))
    best: Relaxation | None = None
    scale = 1e-7 * max(1.0, float(np.abs(objective.on_columns).max(initial=0.0)))
    while True:
        outcome = master.solve()
        if outcome == "infeasible":
            raise InfeasibleError
        if outcome != "optimal":
            return best
        priced = objective.on_columns - model.on_columns.T @ master.duals
        priced[master.active] = -np.inf
        entering = _best_per_engagement(model, priced, scale)
        best = _read(model, objective, master, best, proven=not len(entering))
        control.report(bound=best.bound if objective.tier == "customers" else None)
        if not len(entering) or control.stopped_by() is not None:
            return best
        master.add(entering)
        master.continue_from_basis()


def tighten(relaxation: Relaxation, row: int, upper: float) -> Relaxation | None:
    """Return the restricted LP's solution with another upper limit of one row, or None if it has none.

    Its bound and slack are those of the relaxation as it was: they do not hold for the other limit.
    """
    master = relaxation.master
    if master is None or master.solve_with_limit(row, upper) != "optimal":
        return None
    used = np.flatnonzero(master.columns > _NOTHING)
    return replace(
        relaxation,
        chosen=master.active[used],
        shares=master.columns[used],
        continuous=master.continuous,
        duals=master.duals,
    )


def minute_prices(model: Model, duals: Floats) -> Floats:
    """Return the dual of each capacity row, agents × intervals, 0 where there is no capacity."""
    prices = np.zeros(model.roster.capacity.shape)
    prices[model.roster.capacity > 0] = np.maximum(duals[model.families["capacity"]], 0.0)
    return prices


def needed_columns(model: Model) -> Integers:
    """Return the columns without which a restricted model might have no solution although the whole one has."""
    columns = model.columns
    shares = model.families["share"]
    if shares.stop > shares.start:
        return np.arange(len(columns))
    needed = model.must[columns.engagement]
    if (columns.pair[needed] >= 0).any():
        needed = needed | columns.shadows
    changes = model.families["change"]
    if changes.stop > changes.start:
        needed = needed | (model.on_columns[[changes.start]].toarray().ravel() != 0)
    return np.flatnonzero(needed)


def _best_per_engagement(model: Model, priced: Floats, least: float) -> Integers:
    """Return the columns that price out best, at most `COLUMNS_PER_ENGAGEMENT` for each engagement."""
    improving = np.flatnonzero(priced > least)
    order = improving[np.lexsort((improving, -priced[improving], model.columns.engagement[improving]))]
    engagement = model.columns.engagement[order]
    first = np.searchsorted(engagement, engagement)
    return np.sort(order[np.arange(len(order)) - first < COLUMNS_PER_ENGAGEMENT])


def _read(model: Model, objective: Objective, master: Master, best: Relaxation | None, *, proven: bool) -> Relaxation:
    bound, slack = certify(model, objective, master.duals)
    if best is not None and best.bound <= bound and not proven:
        bound, slack = best.bound, best.slack
    used = np.flatnonzero(master.columns > _NOTHING)
    return Relaxation(
        chosen=master.active[used],
        shares=master.columns[used],
        continuous=master.continuous,
        duals=master.duals,
        bound=bound,
        slack=slack,
        proven=proven,
        master=master,
    )
