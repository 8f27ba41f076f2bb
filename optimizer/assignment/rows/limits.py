r"""
Limits: in each shift an agent has at most so much stretch, so much heavy work and so many contacts of a channel.

Learning beside others counts as stretch, and as nothing else.

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

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from optimizer.assignment.columns import Columns
from optimizer.assignment.rows.family import Rows, Scene, at_most, grouped
from optimizer.roster import Floats, Integers, Roster


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of limit: its name, how much each column counts towards it, and the most of each agent in a shift."""

    rule: str
    amounts: Floats
    most: Floats


def limit_kinds(roster: Roster, columns: Columns) -> list[Kind]:
    """Return every kind of limit, in the order of their rows."""
    engagements, agents = roster.problem.engagements, roster.problem.agents
    heavy = np.array([each.heavy for each in engagements], dtype=bool)[columns.work] & ~columns.shadows
    channel = np.array([each.channel for each in engagements], dtype=object)[columns.work]
    stretch = np.array([agent.max_stretch_minutes for agent in agents], dtype=float)
    most_heavy = np.array([_or_infinite(agent.limits.heavy_minutes) for agent in agents])
    kinds = [
        Kind("max_stretch_minutes", columns.growth, stretch),
        Kind("limits.heavy_minutes", columns.minutes * heavy, most_heavy),
    ]
    for name in sorted({name for agent in agents for name in agent.limits.contacts}):
        most = np.array([_or_infinite(agent.limits.contacts.get(name)) for agent in agents])
        counted = ((channel == name) & ~columns.shadows).astype(float)
        kinds.append(Kind(f"limits.contacts.{name}", counted, most))
    return kinds


def limit_rows(scene: Scene) -> Rows:
    """Return one row for each agent × shift × limit that some column can reach."""
    matrices, most = [], []
    for kind in limit_kinds(scene.roster, scene.columns):
        keys, row_of = _shifts_in_use(scene, kind)
        matrices.append(grouped(row_of, kind.amounts, (len(keys), len(scene.columns))))
        most.append(kind.most[keys // (scene.roster.problem.intervals + 1)])
    return at_most("limit", sparse.vstack(matrices), np.concatenate(most), width=len(scene.continuous))


def list_limits(scene: Scene) -> list[tuple[str, int, int]]:
    """Return rule, agent and shift of each row of `limit_rows`, in their order."""
    width = scene.roster.problem.intervals + 1
    return [
        (kind.rule, *divmod(key, width))
        for kind in limit_kinds(scene.roster, scene.columns)
        for key in _shifts_in_use(scene, kind)[0].tolist()
    ]


def _or_infinite(limit: float | None) -> float:
    return np.inf if limit is None else float(limit)


def _shifts_in_use(scene: Scene, kind: Kind) -> tuple[Integers, Integers]:
    """Return the shifts (agent · (intervals + 1) + shift) with a finite limit that a column reaches, and its row."""
    columns, roster = scene.columns, scene.roster
    row_of = np.full(len(columns), -1, dtype=np.int64)
    if not len(columns):
        return row_of, row_of
    shift = roster.shift_of[columns.agent, columns.start]
    counted = (kind.amounts > 0) & (shift >= 0) & np.isfinite(kind.most[columns.agent])
    keys, row_of[counted] = np.unique(
        columns.agent[counted] * (roster.problem.intervals + 1) + shift[counted], return_inverse=True
    )
    return keys, row_of
