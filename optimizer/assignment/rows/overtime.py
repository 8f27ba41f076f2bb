r"""
Overtime: work that the ladder puts into overtime stays within the overtime minutes, interval by interval.

.. math:: \sum_{k \in K^o} m_{k a t}\, x_k \le v_{a t} \qquad \text{for every agent } a, \text{ interval } t

===========  ======================  ================================
Symbol       Code                    Unit
===========  ======================  ================================
:math:`K^o`  ``Columns.overtime``    columns in overtime
:math:`m`    ``Columns.load``        minutes of handling ÷ concurrency
:math:`v`    ``Agent.overtime``      minutes
===========  ======================  ================================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most, only


def overtime_rows(scene: Scene) -> Rows:
    """Return one row for each agent × interval with overtime minutes."""
    columns = scene.columns
    cells = np.flatnonzero(scene.roster.overtime.ravel() > 0)
    load = sparse.csr_array(only(columns.overtime, columns.load).T)[cells]
    return at_most("overtime", load, scene.roster.overtime.ravel()[cells], width=len(scene.continuous))
