"""
Diving: fix what the LP is sure of, forbid what no longer fits, solve again, until nothing is fractional.

**Source**: guided diving on the LP of a column generation (Danna, Le Pape 2005; Sadykov et al. 2019, "price and dive").
Each round fixes all columns that are whole and the surest `SURE_SHARE` of the fractional ones, sets every column that
does not fit beside them to zero, and solves again by the dual simplex: the LP then knows what rounding has done, which
plain rounding does not; columns that fit and improve it enter. At most `ROUNDS` rounds; no clock, so that it repeats
exactly.
"""

import numpy as np

from optimizer.assignment.beginning import begin
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.master import Master
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.relaxation import Relaxation
from optimizer.control import Control
from optimizer.roster import Floats, Integers

ROUNDS = 40
SURE_SHARE = 0.2
WHOLE = 0.999
ENTERING = 3
_NOTHING = 1e-6


def dive(model: Model, objective: Objective, relaxation: Relaxation, control: Control) -> Ledger:
    """Return a plan found by diving from the LP; the LP is left as it was."""
    master = relaxation.lp
    columns, values = relaxation.chosen, relaxation.shares
    ledger = begin(model, objective.on_columns, shares=_spread(model, columns, values))
    begun = ledger.columns()
    missing = np.setdiff1d(begun, master.active)
    if len(missing):
        master.add(missing)
    changed: list[Integers] = []
    basis = master.solver.basis()
    for _ in range(ROUNDS):
        fixed = np.concatenate([begun, _fix(ledger, columns, values)])
        begun = begun[:0]
        if not len(fixed) or control.stopped_by() is not None:
            break
        position = _positions(master.active, fixed)
        master.bound_columns(position, np.ones(len(position)), np.ones(len(position)))
        shut = _without_room(model, ledger, master.active)
        master.bound_columns(shut, np.zeros(len(shut)), np.zeros(len(shut)))
        changed += [position, shut]
        if master.solve() != "optimal":
            break
        entering = _still_fitting(model, objective, ledger, master)
        if len(entering):
            master.add(entering)
            master.continue_from_basis()
            if master.solve() != "optimal":
                break
        used = np.flatnonzero(master.columns > _NOTHING)
        columns, values = master.active[used], master.columns[used]
    if changed:
        # The next tier starts from this basis; that of the last round is far from it.
        master.solver.restore(basis)
        every = np.unique(np.concatenate(changed))
        master.bound_columns(every, np.zeros(len(every)), np.full(len(every), np.inf))
    return ledger


def _spread(model: Model, columns: Integers, values: Floats) -> Floats:
    """Return values of some columns as an array over all."""
    spread = np.zeros(len(model.columns))
    spread[columns] = values
    return spread


def _fix(ledger: Ledger, columns: Integers, values: Floats) -> Integers:
    """Add the surest columns to the ledger and return those that were added."""
    engagement = ledger.model.columns.engagement
    open_ = ledger.chosen[engagement[columns]] < 0
    columns, values = columns[open_], values[open_]
    order = np.lexsort((columns, -values))
    count = int((values >= WHOLE).sum())
    count += int(np.ceil(SURE_SHARE * (len(columns) - count)))
    added = []
    for column in columns[order][:count].tolist():
        if ledger.chosen[engagement[column]] < 0 and ledger.fits(column):
            ledger.add(column)
            added.append(column)
    return np.array(added, dtype=np.int64)


def _without_room(model: Model, ledger: Ledger, active: Integers) -> Integers:
    """Return the positions of active columns of open engagements that no longer fit."""
    waiting: Integers = np.flatnonzero(ledger.chosen[model.columns.engagement[active]] < 0)
    fits = np.fromiter((ledger.fits(column) for column in active[waiting].tolist()), bool, len(waiting))
    shut: Integers = waiting[~fits]
    return shut


def _still_fitting(model: Model, objective: Objective, ledger: Ledger, master: Master) -> Integers:
    """Return columns outside the LP that would improve it and fit: those in it may all have lost their room."""
    priced = objective.on_columns - model.on_columns.T @ master.duals
    priced[master.active] = -np.inf
    priced[ledger.chosen[model.columns.engagement] >= 0] = -np.inf
    improving = np.flatnonzero(priced > _NOTHING * max(1.0, float(np.abs(objective.on_columns).max(initial=0.0))))
    order = improving[np.lexsort((improving, -priced[improving], model.columns.engagement[improving]))]
    entering: list[int] = []
    count = np.zeros(len(model.must), dtype=np.int64)
    for column in order.tolist():
        engagement = model.columns.engagement[column]
        if count[engagement] < ENTERING and ledger.fits(column):
            count[engagement] += 1
            entering.append(column)
    return np.array(entering, dtype=np.int64)


def _positions(active: Integers, columns: Integers) -> Integers:
    order = np.argsort(active, kind="stable")
    found: Integers = order[np.searchsorted(active, columns, sorter=order)]
    return found
