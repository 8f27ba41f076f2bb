"""
Which pins and rules cannot hold together: a minimal set of them.

**Deletion filter** (Chinneck, Dravnieks 1991): leave out one ask after the other; if the rest is still infeasible, it
was not needed. What is left is minimal: without any one of its members there is a plan.
"""

from collections.abc import Sequence

import numpy as np

from optimizer.assignment.asks import Ask, Asks
from optimizer.assignment.columns import Columns, enumerate_columns
from optimizer.assignment.master import Master
from optimizer.assignment.model import Objective, build_model
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.plan import Conflict


def find_conflicts(fit: Fit, control: Control) -> tuple[Conflict, ...]:
    """Return a minimal set of asks that conflict.

    Where the clock or a cancel cuts the filter short, the set still conflicts but may not be minimal.
    """
    problem = fit.roster.problem
    asks = Asks.of(problem)
    columns = enumerate_columns(fit)
    alone = next((ask for ask in sorted(asks.members) if _has_no_column(fit, columns, ask)), None)
    if alone is not None:
        return Asks(frozenset({alone})).conflicts(problem)
    for group in _groups(sorted(asks.members)):
        if control.stopped_by() is not None:
            break
        fewer = asks.without(group)
        if _is_infeasible(fit, fewer, columns, control):
            asks = fewer
        elif len(group) > 1:
            for ask in group:
                if control.stopped_by() is None and _is_infeasible(fit, asks.without([ask]), columns, control):
                    asks = asks.without([ask])
    return asks.conflicts(problem)


def _has_no_column(fit: Fit, columns: Columns, ask: Ask) -> bool:
    """Return whether an ask alone can not be obeyed, whatever else is planned."""
    alone = Asks(frozenset({ask}))
    must = alone.must(fit.roster.problem)
    left = alone.filter(fit.roster.problem, columns)
    return bool(must.any()) and not must[left.engagement].any()


def _groups(members: Sequence[Ask]) -> list[Sequence[Ask]]:
    """Return the asks in groups of about √n: a group that is not needed goes with one question."""
    size = max(1, round(len(members) ** 0.5))
    return [members[first : first + size] for first in range(0, len(members), size)]


def _is_infeasible(fit: Fit, asks: Asks, columns: Columns, control: Control) -> bool:
    """Return whether it is proven that no plan obeys these asks."""
    model = build_model(fit, asks, columns)
    has_column = np.zeros(len(model.must), dtype=bool)
    has_column[model.columns.engagement] = True
    if (model.must & ~has_column).any():
        return True
    relevant = model.must[model.columns.engagement] | model.columns.shadows
    if any(rows.stop > rows.start for name, rows in model.families.items() if name in {"share", "change"}):
        relevant = np.ones(len(model.columns), dtype=bool)
    nothing = Objective("customers", np.zeros(len(model.columns)), np.zeros(len(model.continuous)), 0.0)
    master = Master(model, nothing, np.flatnonzero(relevant), control, mip=True, threads=model.problem.policy.threads)
    return master.solve() == "infeasible"
