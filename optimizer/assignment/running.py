r"""
How work runs through the intervals.

A column of *m* minutes at concurrency *c* that starts in *s* does
:math:`w_t = \min(L, m - \sum_{u<t} w_u, c \cdot cap_{at})` minutes in each interval :math:`t \ge s` and loads the agent
with :math:`w_t / c`. All columns run at once, one numpy pass for each interval that work runs through:
O(columns × intervals per engagement).
"""

import numpy as np
from scipy import sparse

from optimizer.roster import Floats, Integers

_DONE = 1e-9


def run_through(
    agent: Integers, start: Integers, minutes: Floats, contacts: Floats, capacity: Floats, interval_minutes: float
) -> tuple[sparse.csr_array, Integers]:
    """Run each piece of work through its intervals.

    Returns
    -------
    load
        Agent minutes, work × (agents · intervals).
    last
        Last interval of each piece of work, −1 where it cannot be finished.
    """
    horizon = capacity.shape[1]
    left = minutes.copy()
    last = np.full(len(agent), -1, dtype=np.int64)
    active = np.arange(len(agent))
    now = start.copy()
    rows, cells, loads = [], [], []
    while len(active):
        room = contacts[active] * capacity[agent[active], now[active]]
        work = np.minimum(np.minimum(interval_minutes, left[active]), room)
        active, work = active[work > 0], work[work > 0]
        rows.append(active)
        cells.append(agent[active] * horizon + now[active])
        loads.append(work / contacts[active])
        left[active] -= work
        finished = left[active] <= _DONE
        last[active[finished]] = now[active[finished]]
        active = active[~finished]
        now[active] += 1
        active = active[now[active] < horizon]
    shape = (len(agent), capacity.size)
    if not rows:
        return sparse.csr_array(shape), last
    entries = (np.concatenate(loads), (np.concatenate(rows), np.concatenate(cells)))
    return sparse.csr_array(sparse.coo_array(entries, shape=shape)), last
