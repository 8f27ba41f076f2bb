r"""
Once: an engagement is served once at most, and exactly once where it must be; nobody or one learns beside.

.. math:: l_e \le \sum_{k \in K_e} x_k \le 1 \qquad \text{for every engagement } e

=========  ====================================================  ======
Symbol     Code                                                  Unit
=========  ====================================================  ======
:math:`l`  ``must_assign``, a pin or the frozen window           1 or 0
=========  ====================================================  ======
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, grouped
from optimizer.roster import Flags


def once_rows(scene: Scene, must: Flags) -> Rows:
    """Return one row for each engagement, then one for each learner's slot; `must` says which have to be served."""
    columns = scene.columns
    matrix = grouped(columns.engagement, np.ones(len(columns)), (len(must), len(columns)))
    none = sparse.csr_array((len(must), len(scene.continuous)))
    return Rows("once", matrix, none, must.astype(float), np.ones(len(must)))
