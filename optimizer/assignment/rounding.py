"""
Whole plans by rounding: a regret greedy without prices, a Lagrangian greedy with them, and exchanges.

* **Regret greedy** (Martello, Toth 1981): engagements in order of what they lose if their best column is gone.
* **Lagrangian greedy** (Jörnsten, Näsberg 1986): columns in order of their value minus what they use at LP prices,
  those that the LP chose first.
* **Exchange**: an unassigned engagement takes the place of one assigned, which moves elsewhere or out, if that gains.

None of them looks at a clock; each is bounded by its numbers of columns and rounds, so that it repeats exactly.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.assignment.beginning import begin
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.relaxation import Relaxation
from optimizer.control import Control
from optimizer.roster import Flags, Floats, Integers

_LEAST_GAIN = 1e-9
TRIED_MOVES = 20_000
"""Most moves that a climb tries."""

TRIED_COLUMNS = 40
"""Most columns that an exchange tries for one engagement."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What the heuristics maximise: points of each column."""

    points: Floats
    order: Integers
    first: Integers

    @classmethod
    def of(cls, model: Model, points: Floats) -> "Scores":
        """Sort the columns of each engagement by their points, best first."""
        columns = model.columns
        order = np.lexsort((np.arange(len(columns)), -points, columns.engagement))
        first = np.searchsorted(columns.engagement, np.arange(len(model.must) + 1))
        return cls(points, order, first)

    def best_first(self, engagement: int) -> Integers:
        """Return the columns of an engagement, best first."""
        return self.order[self.first[engagement] : self.first[engagement + 1]]


def regret_greedy(model: Model, objective: Objective) -> Ledger:
    """Return a first plan without any prices."""
    scores = Scores.of(model, objective.on_columns)
    ledger = begin(model, objective.on_columns)
    load = np.asarray(model.columns.load.sum(axis=1)).ravel()
    density = np.full(len(model.must), -np.inf)
    np.maximum.at(density, model.columns.engagement, objective.on_columns / np.maximum(load, 1e-9))
    choices = np.diff(scores.first)
    helps = _helps(model)
    for engagement in np.lexsort((choices, -density, ~helps, ~model.must)):
        if ledger.chosen[engagement] < 0:
            _place(ledger, scores, engagement, least=-np.inf if model.must[engagement] else 0.0)
    return ledger


def lagrangian_greedy(model: Model, objective: Objective, relaxation: Relaxation) -> Ledger:
    """Return a plan rounded from an LP solution."""
    points = objective.on_columns - model.on_columns.T @ _coupling(model, relaxation.duals)
    scores = Scores.of(model, points)
    share = np.zeros(len(model.columns))
    share[relaxation.chosen] = relaxation.shares
    tolerance = 1e-6 * max(1.0, float(np.abs(objective.on_columns).max(initial=0.0)))
    ledger = begin(model, points, shares=share, least=-tolerance)
    by_share = relaxation.chosen[np.lexsort((relaxation.chosen, -relaxation.shares))]
    for column in by_share.tolist():
        if ledger.chosen[model.columns.engagement[column]] < 0 and ledger.fits(column):
            ledger.add(column)
    worth = np.full(len(model.must), -np.inf)
    np.maximum.at(worth, model.columns.engagement, points)
    for engagement in np.lexsort((-worth, ~model.must)):
        if ledger.chosen[engagement] < 0:
            _place(ledger, scores, engagement, least=-np.inf if model.must[engagement] else -tolerance)
    return ledger


def exchange(model: Model, objective: Objective, ledger: Ledger, control: Control) -> None:
    """Improve a plan in place until no single exchange gains or the run is stopped.

    Reserved minutes are not looked at: this is for problems without a forecast.
    """
    scores = Scores.of(model, objective.on_columns)
    while True:
        gained = 0.0
        waiting = np.flatnonzero(ledger.chosen < 0)
        for engagement in waiting[np.argsort(-_best(scores, waiting), kind="stable")]:
            if control.stopped_by() is not None:
                return
            gained += _insert(ledger, scores, int(engagement), model.must)
        for engagement in range(len(model.must)):
            gained += _improve(ledger, scores, engagement)
        if gained <= 1e-9:
            return


def climb(model: Model, objective: Objective, chosen: Integers, continuous: Floats) -> Integers:
    """Return the columns of a plan after single moves that gain in a later tier, the cheapest for the first tier first.

    Reserved minutes stay as they are; every row holds, the floors of earlier tiers among them.
    """
    ledger = Ledger.of(model, chosen, continuous)
    points, served = objective.on_columns, ledger.chosen[model.columns.engagement]
    floors = [rows.start for name, rows in model.families.items() if name.startswith("floor")]
    cost = model.on_columns[floors].sum(axis=0)
    now = np.where(served >= 0, points[served], 0.0)
    price = np.where(served >= 0, cost[served], 0.0)
    gain, loss = points - now, cost - price
    better = np.flatnonzero(gain > _LEAST_GAIN)
    order = better[np.lexsort((better, loss[better] / gain[better]))][:TRIED_MOVES]
    for column in order.tolist():
        before = int(ledger.chosen[model.columns.engagement[column]])
        if before >= 0 and model.columns.pair[before] >= 0:
            continue
        if before >= 0 and points[column] <= points[before] + _LEAST_GAIN:
            continue
        if before >= 0:
            ledger.remove(before)
        if ledger.fits(column):
            ledger.add(column)
            if ledger.holds():
                continue
            ledger.remove(column)
        if before >= 0:
            ledger.add(before)
    return np.sort(ledger.columns())


def _best(scores: Scores, engagements: Integers) -> Floats:
    return np.array(
        [scores.points[scores.best_first(each)[0]] if len(scores.best_first(each)) else -np.inf for each in engagements]
    )


def _place(ledger: Ledger, scores: Scores, engagement: int, *, least: float) -> bool:
    for column in scores.best_first(engagement).tolist():
        if scores.points[column] < least:
            return False
        if ledger.fits(column):
            ledger.add(column)
            return True
    return False


def _improve(ledger: Ledger, scores: Scores, engagement: int) -> float:
    """Move an assigned engagement to a better column that is free, and return the gain."""
    now = int(ledger.chosen[engagement])
    if now < 0 or ledger.fixed[now] or scores.points[now] >= scores.points[scores.best_first(engagement)[0]] - 1e-9:
        return 0.0
    ledger.remove(now)
    for column in scores.best_first(engagement).tolist():
        if scores.points[column] <= scores.points[now] + 1e-9:
            break
        if ledger.fits(column):
            ledger.add(column)
            return float(scores.points[column] - scores.points[now])
    ledger.add(now)
    return 0.0


def _insert(ledger: Ledger, scores: Scores, engagement: int, must: Flags) -> float:
    """Serve an unassigned engagement, moving one other if that gains, and return the gain."""
    for column in scores.best_first(engagement)[:TRIED_COLUMNS].tolist():
        points = float(scores.points[column])
        if points <= 1e-9 and not must[engagement]:
            return 0.0
        if ledger.fits(column):
            ledger.add(column)
            return points
        for other in ledger.neighbours(column):
            gain = _displace(ledger, scores, column, other, must)
            if gain > 0:
                return gain
    return 0.0


def _displace(ledger: Ledger, scores: Scores, column: int, other: int, must: Flags) -> float:
    """Put a column in the place of another, whose engagement moves to its best free column or out."""
    loser = int(ledger.model.columns.engagement[other])
    ledger.remove(other)
    if ledger.fits(column):
        ledger.add(column)
        before = float(scores.points[other])
        gain = float(scores.points[column]) - before
        for refuge in scores.best_first(loser)[:TRIED_COLUMNS].tolist():
            if gain + float(scores.points[refuge]) <= 1e-9 or scores.points[refuge] < 0:
                break
            if ledger.fits(refuge):
                ledger.add(refuge)
                return gain + float(scores.points[refuge])
        if gain > 1e-9 and not must[loser]:
            return gain
        ledger.remove(column)
    ledger.add(other)
    return 0.0


def _coupling(model: Model, duals: Floats) -> Floats:
    """Return the duals without those of the rows that tie a single engagement."""
    coupling = np.maximum(duals, 0.0)
    coupling[model.families["once"]] = 0.0
    return coupling


def _helps(model: Model) -> Flags:
    """Return which engagements a row with a limit below what nothing would use needs: a share or a cap on changes."""
    helpful = np.zeros(len(model.must), dtype=bool)
    for family, rows in model.families.items():
        if family in {"share", "change"} or family.startswith("floor"):
            block = model.on_columns[rows].tocoo()
            helpful[model.columns.engagement[block.coords[1][block.data < 0]]] = True
    return helpful
