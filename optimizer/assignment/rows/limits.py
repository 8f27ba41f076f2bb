r"""
Limits: in each shift an agent has at most so much stretch, so much heavy work and so many contacts of a channel.

.. math::
    \sum_{k \in K_{a h}} q_k\, x_k \le b_{a h}
    \qquad \text{for every agent } a, \text{ shift and kind of limit } h

=========  ==============================================================  =====================
Symbol     Code                                                            Unit
=========  ==============================================================  =====================
:math:`q`  ``Columns.minutes``, or 1 for contacts                          handle minutes, contacts
:math:`b`  ``Agent.max_stretch_minutes``, ``limits.heavy_minutes``,        the same
           ``limits.contacts``
=========  ==============================================================  =====================
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.rows.family import Rows, Scene, at_most, grouped
from optimizer.roster import Flags, Floats


def limit_rows(scene: Scene) -> Rows:
    """Return one row for each agent × shift × limit that some column can reach."""
    columns, problem = scene.columns, scene.roster.problem
    engagements, agents = problem.engagements, problem.agents
    heavy = np.array([each.heavy for each in engagements], dtype=bool)[columns.engagement]
    channel = np.array([each.channel for each in engagements], dtype=object)[columns.engagement]

    stretch = np.array([agent.max_stretch_minutes for agent in agents], dtype=float)
    parts = [_per_shift(scene, columns.stretch >= 0, columns.minutes, stretch)]
    most_heavy = np.array([_or_infinite(agent.limits.heavy_minutes) for agent in agents])
    parts.append(_per_shift(scene, heavy, columns.minutes, most_heavy))
    for name in sorted({name for agent in agents for name in agent.limits.contacts}):
        most = np.array([_or_infinite(agent.limits.contacts.get(name)) for agent in agents])
        parts.append(_per_shift(scene, channel == name, np.ones(len(columns)), most))
    matrix = sparse.vstack([part[0] for part in parts])
    return at_most("limit", matrix, np.concatenate([part[1] for part in parts]), width=len(scene.continuous))


def _or_infinite(limit: float | None) -> float:
    return np.inf if limit is None else float(limit)


def _per_shift(scene: Scene, counts: Flags, amounts: Floats, most: Floats) -> tuple[sparse.csr_array, Floats]:
    """Return the rows of one kind of limit: those with a finite limit and at least one column that counts."""
    columns, roster = scene.columns, scene.roster
    shift = roster.shift_of[columns.agent, columns.start] if len(columns) else columns.agent
    counted = counts & (shift >= 0) & np.isfinite(most[columns.agent] if len(columns) else shift)
    key = columns.agent * (roster.problem.intervals + 1) + shift
    used, row = np.unique(key[counted], return_inverse=True)
    row_of = np.full(len(columns), -1, dtype=np.int64)
    row_of[counted] = row
    return grouped(row_of, amounts, (len(used), len(columns))), most[used // (roster.problem.intervals + 1)]
