r"""
Shares: proactive work has at least, and at most, its share of the assigned handle minutes.

.. math::
    \sum_k (s^{min} - p_k)\, m_k\, x_k \le 0, \qquad \sum_k (p_k - s^{max})\, m_k\, x_k \le 0

=========  ===========================================  ==========================
Symbol     Code                                         Unit
=========  ===========================================  ==========================
:math:`p`  ``Engagement.stance`` is ``proactive``       1 or 0
:math:`m`  ``Columns.minutes``, 0 for learners          handle minutes
:math:`s`  ``Policy.proactive_share_min`` and ``_max``  fraction
=========  ===========================================  ==========================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most


def share_rows(scene: Scene) -> Rows:
    """Return a row for each bound on the proactive share that the policy sets."""
    problem, columns = scene.roster.problem, scene.columns
    proactive = np.array([each.stance == "proactive" for each in problem.engagements], dtype=float)[columns.work]
    minutes = columns.minutes * ~columns.shadows
    policy = problem.policy
    coefficients = []
    if policy.proactive_share_min is not None:
        coefficients.append((policy.proactive_share_min - proactive) * minutes)
    if policy.proactive_share_max is not None:
        coefficients.append((proactive - policy.proactive_share_max) * minutes)
    matrix = sparse.csr_array(np.array(coefficients).reshape(len(coefficients), len(columns)))
    return at_most("share", matrix, np.zeros(len(coefficients)), width=len(scene.continuous))
