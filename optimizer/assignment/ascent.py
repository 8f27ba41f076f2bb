r"""
Dual ascent: prices for the rows without an LP.

**Source**: Lagrangian relaxation (Geoffrion 1974; Fisher 1981) solved by a deflected subgradient (Camerini, Fratta,
Maffioli 1975) with Polyak's step. The rows other than *once* are priced into the columns; each engagement then takes
its best column alone, and

.. math::
    U(\lambda) = \lambda^T b + \sum_e \max_{k \in K_e} (v_k - \lambda^T A_k)^{[+]}
                 + \sum_z u_z \max(0, w_z - \lambda^T A_z)

bounds every plan (`relaxation.certify`). A step goes against the subgradient :math:`b - A x(\lambda)`, deflected by the
step before, as far as the distance to the best plan known asks for. One step costs O(nonzeros); at most `STEPS` are
made, fewer if the bound stands still: no clock, so that it repeats exactly.
"""

import numpy as np
from scipy import sparse

from optimizer.assignment.board import Priced
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.relaxation import Relaxation, certify
from optimizer.control import Control
from optimizer.roster import Flags, Floats, Integers

STEPS = 600
STALLED = 12
"""Steps without a lower bound after which steps become shorter."""

SHORTEST = 1e-3
FIRST_LENGTH = 1.0
DEFLECTION = 1.5
AIM = 0.02
"""Where no plan is known: by which share of the bound the best plan is taken to be below it."""

LEAST_GAIN = 1e-7
"""Share of the bound by which it must fall, lest the step counts as one without."""

_LOOK_EVERY = 20
_NOTHING = 1e-18
_SHORTEST_REACH = 1e-6


def relax_by_ascent(
    model: Model, objective: Objective, control: Control, *, known: float, start: Floats | None = None
) -> Relaxation:
    """Return bound, duals and slack by an ascent; it chooses no columns, because only an LP does.

    Raises
    ------
    InfeasibleError
        If an engagement that must be served has no column.
    """
    duals = ascend(model, objective, control, known=known, start=start)
    bound, slack = certify(model, objective, duals)
    none = np.zeros(0, dtype=np.int64)
    nothing = np.zeros(len(model.continuous))
    return Relaxation(none, np.zeros(0), nothing, duals, bound, slack, proven=False, master=None)


def ascend(
    model: Model,
    objective: Objective,
    control: Control,
    *,
    known: float,
    start: Floats | None = None,
    steps: int = STEPS,
) -> Floats:
    """Return duals of all rows that give a low bound.

    Parameters
    ----------
    known
        Points of the best plan known; −∞ if there is none.
    start
        Duals to begin with, one for each row.
    steps
        Most steps.
    """
    from optimizer.assignment.kernels import take_best  # noqa: PLC0415  It loads the compiler.

    rows = np.flatnonzero(np.arange(len(model.upper)) >= model.families["once"].stop)
    priced = _price(model, objective, rows)
    on_continuous = sparse.csc_array(model.on_continuous[rows])
    free, finite = np.isfinite(model.lower[rows]), np.isfinite(model.upper[rows])
    upper = np.where(finite, model.upper[rows], 0.0)
    walk = _Walk(np.zeros(len(rows)) if start is None else start[rows].copy(), known - objective.constant, free)
    usage = np.zeros(len(rows))
    for step in range(steps):
        usage[:] = 0.0
        bound = take_best(priced, walk.duals, usage)
        spare = objective.on_continuous - on_continuous.T @ walk.duals
        whole = np.where(spare > 0, model.continuous.upper, 0.0)
        bound += float(walk.duals @ upper + spare @ whole)
        gradient = np.where(finite, upper - usage - on_continuous @ whole, 0.0)
        stopped = step % _LOOK_EVERY == 0 and control.stopped_by() is not None
        if not walk.go(bound, gradient) or stopped:
            break
    every = np.zeros(len(model.upper))
    every[rows] = walk.best_duals
    return every


def _price(model: Model, objective: Objective, rows: Integers) -> Priced:
    on_columns = sparse.csc_array(model.on_columns[rows])
    return Priced(
        points=np.asarray(objective.on_columns, dtype=float),
        first_row=on_columns.indptr.astype(np.int64),
        row=on_columns.indices.astype(np.int64),
        entry=on_columns.data,
        first_of_slot=np.searchsorted(model.columns.engagement, np.arange(len(model.must) + 1)),
        must=model.must,
    )


class _Walk:
    """Where a deflected subgradient method stands, and its next step.

    Attributes
    ----------
    duals
        Where the next bound is asked for.
    best, best_duals
        The lowest bound so far, and where it was found.
    """

    def __init__(self, start: Floats, known: float, free: Flags) -> None:
        self.duals = start
        self.best, self.best_duals = np.inf, start
        self._known, self._free = known, free
        self._direction = np.zeros(len(start))
        self._length, self._stalled = FIRST_LENGTH, 0

    def go(self, bound: float, gradient: Floats) -> bool:
        """Make a step, given bound and subgradient at `duals`; return False when there is no way on."""
        self._stalled = 0 if bound < self.best - LEAST_GAIN * abs(self.best) else self._stalled + 1
        if bound < self.best:
            self.best, self.best_duals = bound, self.duals
        if self._stalled >= STALLED:
            self._length, self._stalled = 0.5 * self._length, 0
            self.duals, self._direction = self.best_duals, np.zeros(len(gradient))
            return self._length >= SHORTEST
        gradient = np.where((self.duals <= 0) & (gradient > 0) & ~self._free, 0.0, gradient)
        size = float(self._direction @ self._direction)
        bend = max(0.0, -DEFLECTION * float(gradient @ self._direction) / size) if size > 0 else 0.0
        self._direction = gradient + bend * self._direction
        size = float(self._direction @ self._direction)
        if size <= _NOTHING:
            return False
        aim = max(self._known, self.best - AIM * abs(self.best))
        reach = self._length * max(bound - aim, _SHORTEST_REACH * abs(bound)) / size
        there = self.duals - reach * self._direction
        self.duals = np.where(self._free, there, np.maximum(there, 0.0))
        return True
