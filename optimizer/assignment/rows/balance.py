r"""
Balance: what an agent's minutes exceed a breakpoint by, for a convex piecewise-linear price of uneven days.

.. math::
    M_{a h}(x, y) - z_{a h b} \le \beta_b\, C_a
    \qquad \text{for every agent } a, \text{ measure } h, \text{ breakpoint } b

===============  ===============================  ==================================================
Symbol           Code                             Unit
===============  ===============================  ==================================================
:math:`M`        ``continuous.OCCUPANCY`` …       minutes of load, of stretch, of heavy work
:math:`z`        ``Continuous.excesses``          minutes above the breakpoint, priced in ``balance``
:math:`\beta C`  ``Continuous.excess_from``       share × capacity over the horizon, minutes
===============  ===============================  ==================================================
"""

from typing import Any

import numpy as np
from scipy import sparse

from optimizer.assignment.continuous import HEAVY, OCCUPANCY, STRETCH
from optimizer.assignment.rows.family import Rows, Scene, at_most


def balance_rows(scene: Scene) -> Rows:
    """Return one row for each excess variable."""
    roster, columns, continuous = scene.roster, scene.columns, scene.continuous
    count, horizon = len(continuous.excess_agent), roster.problem.intervals
    heavy = np.array([each.heavy for each in roster.problem.engagements], dtype=bool)[columns.work] & ~columns.shadows
    load = np.asarray(columns.load.sum(axis=1)).ravel() * ~columns.overtime
    amounts = {OCCUPANCY: load, STRETCH: columns.growth, HEAVY: columns.minutes * heavy}

    row: list[Any] = []
    variable: list[Any] = []
    entry: list[Any] = []
    reserve_agent = continuous.reserve_cell // horizon
    on_columns = sparse.lil_array((count, len(columns)))
    for number, (agent, measure) in enumerate(zip(continuous.excess_agent, continuous.excess_measure, strict=True)):
        mine = np.flatnonzero((columns.agent == agent) & (amounts[measure] > 0))
        on_columns[[number], mine] = amounts[measure][mine]
        row.append([number])
        variable.append([continuous.excesses.start + number])
        entry.append([-1.0])
        if measure == OCCUPANCY:
            reserves = np.flatnonzero(reserve_agent == agent)
            row.append(np.full(len(reserves), number))
            variable.append(reserves + continuous.reserves.start)
            entry.append(np.ones(len(reserves)))
    if not count:
        return at_most("balance", sparse.csr_array((0, len(columns))), np.zeros(0), width=len(continuous))
    on_continuous = sparse.coo_array(
        (np.concatenate(entry), (np.concatenate(row), np.concatenate(variable))), shape=(count, len(continuous))
    )
    return at_most("balance", on_columns, continuous.excess_from, on_continuous, width=len(continuous))
