r"""
Demand: a class gets no more contact minutes than are forecast.

.. math:: \sum_a c_{g a}\, y_{g a t} \le d_{g t} \qquad \text{for every class } g, \text{ interval } t

=========  ==================================  ================================
Symbol     Code                                Unit
=========  ==================================  ================================
:math:`y`  ``Continuous.reserve_*``            agent minutes
:math:`c`  ``Continuous.reserve_contacts``     simultaneous contacts
:math:`d`  ``Forecast.minutes``                contact minutes
=========  ==================================  ================================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most


def demand_rows(scene: Scene) -> Rows:
    """Return one row for each forecast class × interval."""
    problem, continuous = scene.roster.problem, scene.continuous
    horizon = problem.intervals
    demand = np.array([each.minutes for each in problem.forecast], dtype=float).ravel()
    row = continuous.reserve_class * horizon + continuous.reserve_cell % horizon
    variable = np.arange(continuous.reserves.start, continuous.reserves.stop)
    on_continuous = sparse.coo_array(
        (continuous.reserve_contacts, (row, variable)), shape=(len(demand), len(continuous))
    )
    none = sparse.csr_array((len(demand), len(scene.columns)))
    return at_most("demand", none, demand, on_continuous, width=len(continuous))
