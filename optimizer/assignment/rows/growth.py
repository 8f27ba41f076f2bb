r"""
Growth: what of an agent's growth minutes due the plan does not give stays owed.

.. math:: -\sum_{k \in K_a} g_k\, x_k - d_a \le -D_a \qquad \text{for every agent } a \text{ with } D_a > 0

=========  ==============================  ==================================================
Symbol     Code                            Unit
=========  ==============================  ==================================================
:math:`g`  ``Columns.growth``              minutes of stretch work, and of learning beside others
:math:`d`  ``Continuous.debts``            minutes owed, between 0 and :math:`D`
:math:`D`  ``Agent.growth_due_minutes``    minutes
=========  ==============================  ==================================================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most, grouped


def growth_rows(scene: Scene) -> Rows:
    """Return one row for each agent with growth minutes due."""
    columns, continuous = scene.columns, scene.continuous
    count = len(continuous.debt_agent)
    row_of = np.full(len(scene.roster.ids), -1, dtype=np.int64)
    row_of[continuous.debt_agent] = np.arange(count)
    row = np.where(columns.growth > 0, row_of[columns.agent], -1)
    variables = np.arange(continuous.debts.start, continuous.debts.stop)
    on_continuous = sparse.coo_array((-np.ones(count), (np.arange(count), variables)), shape=(count, len(continuous)))
    due = continuous.upper[continuous.debts]
    return at_most(
        "growth", grouped(row, -columns.growth, (count, len(columns))), -due, on_continuous, width=len(continuous)
    )
