r"""
Changes: at most so many previous assignments are left.

.. math:: \sum_{p \in P} (1 - x_p) \le n

=========  =========================  ==========================================
Symbol     Code                       Unit
=========  =========================  ==========================================
:math:`P`  ``Problem.previous``       columns of the previous plan
:math:`n`  ``Problem.max_changes``    previous assignments
=========  =========================  ==========================================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.columns import Columns
from optimizer.assignment.rows.family import Rows, Scene, at_most
from optimizer.problem import Problem
from optimizer.roster import Flags


def change_rows(scene: Scene) -> Rows:
    """Return the one row of the cap on changes, or none."""
    problem = scene.roster.problem
    if problem.max_changes is None:
        return at_most("change", sparse.csr_array((0, len(scene.columns))), np.zeros(0), width=len(scene.continuous))
    kept = -keeps_previous(problem, scene.columns).astype(float)
    upper = np.array([problem.max_changes - len(problem.previous)], dtype=float)
    return at_most("change", sparse.csr_array(kept[None, :]), upper, width=len(scene.continuous))


def keeps_previous(problem: Problem, columns: Columns) -> Flags:
    """Return which columns are those of the previous plan."""
    index = {engagement.id: position for position, engagement in enumerate(problem.engagements)}
    rows = {agent.id: position for position, agent in enumerate(problem.agents)}
    agent = np.full(len(problem.engagements), -1, dtype=np.int64)
    start = np.full(len(problem.engagements), -1, dtype=np.int64)
    for placement in problem.previous:
        agent[index[placement.engagement]] = rows[placement.agent]
        start[index[placement.engagement]] = placement.start
    same_agent: Flags = agent[columns.work] == columns.agent
    same_start: Flags = start[columns.work] == columns.start
    return same_agent & same_start & ~columns.shadows
