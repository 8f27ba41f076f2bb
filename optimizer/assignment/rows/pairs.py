r"""
Pairs: somebody learns beside the lead of a pair from the same interval on, and it is somebody else.

.. math::
    \sum_{k \in K_e: s_k = s} x_k - \sum_{k \in K'_e: s_k = s} x_k \le 0, \qquad
    \sum_{k \in K'_e: s_k = s} x_k - \sum_{k \in K_e: s_k = s} x_k \le 0
    \qquad \text{for every engagement } e, \text{ start } s

.. math:: \sum_{k \in K_e \cup K'_e: a_k = a} x_k \le 1 \qquad \text{for every engagement } e, \text{ agent } a

===========  ===========================================  ======
Symbol       Code                                         Unit
===========  ===========================================  ======
:math:`K`    ``Columns.pair``, but not ``shadows``        1 or 0
:math:`K'`   ``Columns.shadows``                          1 or 0
===========  ===========================================  ======

An equation is written as two inequalities: so neither half of a pair alone fits a running account of the rows, and no
heuristic can choose one without the other.
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most


def pair_rows(scene: Scene) -> Rows:
    """Return two rows for each paired engagement × start, and one for each agent who could be either half."""
    columns, problem = scene.columns, scene.roster.problem
    half = np.flatnonzero(columns.pair >= 0)
    work, agent, start, learns = (
        part[half] for part in (columns.pair, columns.agent, columns.start, columns.shadows.astype(np.int64))
    )
    starts, at = np.unique(work * problem.intervals + start, return_inverse=True)
    sign = 1.0 - 2.0 * learns
    people, who = np.unique(work * len(problem.agents) + agent, return_inverse=True)
    leads, learners = (np.bincount(who[learns == side], minlength=len(people)) > 0 for side in (0, 1))
    either = np.flatnonzero(leads & learners)
    row_of = np.full(len(people), -1, dtype=np.int64)
    row_of[either] = 2 * len(starts) + np.arange(len(either))
    torn = row_of[who] >= 0

    count = 2 * len(starts) + len(either)
    rows = np.concatenate([at, len(starts) + at, row_of[who[torn]]])
    entries = np.concatenate([sign, -sign, np.ones(int(torn.sum()))])
    where = np.concatenate([half, half, half[torn]])
    matrix = sparse.coo_array((entries, (rows, where)), shape=(count, len(columns)))
    upper = np.concatenate([np.zeros(2 * len(starts)), np.ones(len(either))])
    return at_most("pair", matrix, upper, width=len(scene.continuous))
