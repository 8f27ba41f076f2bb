r"""
Capacity: nobody is planned beyond the minutes of their shift, except for work carried into the next interval.

.. math::
    \sum_{k \in K} m_{k a t}\, x_k + \sum_{g} y_{g a t} + o_{a, t-1} - o_{a t} \le c_{a t}
    \qquad \text{for every agent } a, \text{ interval } t

=========  ==============================  ==================================================
Symbol     Code                            Unit
=========  ==============================  ==================================================
:math:`x`  a column is chosen              1 or 0
:math:`m`  ``Columns.load``                minutes of handling ÷ concurrency
:math:`y`  ``Continuous.reserve_*``        minutes kept for forecast class :math:`g`
:math:`o`  ``Continuous.carry_cell``       minutes carried out of the interval, ≤ ``max_carry``
:math:`c`  ``Agent.capacity``              productive minutes in the interval
=========  ==============================  ==================================================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most, only


def capacity_rows(scene: Scene) -> Rows:
    """Return one row for each agent × interval with capacity, in the order of `capacity_cells`."""
    cells = capacity_cells(scene)
    columns, continuous = scene.columns, scene.continuous
    load = sparse.csr_array(only(~columns.overtime, columns.load).T)[cells]

    count = scene.roster.capacity.size
    carry = np.arange(len(continuous.carry_cell))
    reserve = np.arange(continuous.reserves.start, continuous.reserves.stop)
    rows = np.concatenate([continuous.carry_cell, continuous.carry_cell + 1, continuous.reserve_cell])
    entries = np.concatenate([-np.ones(len(carry)), np.ones(len(carry)), np.ones(len(reserve))])
    variables = np.concatenate([carry, carry, reserve])
    matrix = sparse.coo_array((entries, (rows, variables)), shape=(count, len(continuous)))
    on_continuous = sparse.csr_array(matrix)[cells]
    return at_most("capacity", load, scene.roster.capacity.ravel()[cells], on_continuous, width=len(continuous))


def capacity_cells(scene: Scene) -> np.ndarray:
    """Return the cells (agent · intervals + interval) that have a capacity row."""
    return np.flatnonzero(scene.roster.capacity.ravel() > 0)
