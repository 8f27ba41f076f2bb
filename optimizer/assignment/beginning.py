"""
What every heuristic begins with: columns that a floor of protected growth needs, and pairs of a lead and a learner.

Heuristics choose one column at a time, and neither half of a pair fits alone; so pairs are placed here, before anything
else takes their minutes, and no single move takes them apart again. Exact parts of the search are free to.
"""

from collections import defaultdict

import numpy as np

from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model
from optimizer.roster import Floats, Integers

TRIED_LEADS = 60
"""Most leads that are tried for one engagement."""


def begin(model: Model, points: Floats, *, shares: Floats | None = None, least: float = 0.0) -> Ledger:
    """Return a ledger with the columns that the model starts with and as many pairs as fit.

    Parameters
    ----------
    points
        What each column brings; a pair brings the sum of its halves.
    shares
        How far an LP chose each column: those it chose come first.
    least
        Least points of a pair that does not have to be served.
    """
    ledger = Ledger(model)
    for column in model.start.tolist():
        ledger.add(column)
    place_pairs(ledger, points, shares=shares, least=least)
    return ledger


def place_pairs(ledger: Ledger, points: Floats, *, shares: Floats | None = None, least: float = 0.0) -> None:
    """Place pairs that fit into a ledger: those that must be served, then those of most points for their minutes."""
    model = ledger.model
    columns = model.columns
    leads = np.flatnonzero((columns.pair >= 0) & ~columns.shadows)
    shadows = np.flatnonzero(columns.shadows)
    if not len(leads):
        return
    rank = points if shares is None else points + shares * (1.0 + np.ptp(points))
    beside: dict[tuple[int, int], list[int]] = defaultdict(list)
    for column in shadows[np.lexsort((shadows, -rank[shadows]))].tolist():
        beside[int(columns.pair[column]), int(columns.start[column])].append(column)
    for work in _in_order(model, leads, rank):
        ours = leads[columns.engagement[leads] == work]
        for lead in ours[np.lexsort((ours, -rank[ours]))][:TRIED_LEADS].tolist():
            if _place(ledger, lead, beside[work, int(columns.start[lead])], points, least):
                break


def _in_order(model: Model, leads: Integers, rank: Floats) -> list[int]:
    """Return the paired engagements, those that must be served first, then the dearest for their minutes."""
    work = model.columns.engagement[leads]
    density = np.full(len(model.must), -np.inf)
    np.maximum.at(density, work, rank[leads] / model.columns.minutes[leads])
    found = np.unique(work)
    order: list[int] = found[np.lexsort((found, -density[found], ~model.must[found]))].tolist()
    return order


def _place(ledger: Ledger, lead: int, shadows: list[int], points: Floats, least: float) -> bool:
    """Place a lead with the first learner beside whom both fit, and return whether there is one."""
    model = ledger.model
    work = int(model.columns.engagement[lead])
    if ledger.chosen[work] >= 0:
        return True
    for shadow in shadows:
        worth = points[lead] + points[shadow]
        if (worth >= least or model.must[work]) and ledger.fits_together((lead, shadow)):
            ledger.add(lead)
            ledger.add(shadow)
            return True
    return False
