r"""
The hindsight optimum: what nobody could exceed who knew every call of a day before it began.

A call *c* that agent *a* begins at time σ of its window (from its arrival to the end of its patience, while the agent
is signed in) uses the agent for its handle time. Without the order of calls, only the seconds in each of the day's
buckets count, and the best plan is the linear program

.. math::
    \max \sum_k v_k x_k, \quad \sum_{k \in c} x_k \le 1, \quad \sum_{k \in a} u_{kb}\, x_k \le B, \quad x \ge 0

=========  ==========================================================================================
Symbol     Meaning
=========  ==========================================================================================
:math:`k`  a call, an agent, and a moment to begin
:math:`v`  points of the call with the agent, as the router counts them
:math:`u`  seconds of the agent's time in a bucket, the handle time ÷ contacts that they may hold at once
:math:`B`  length of a bucket
=========  ==========================================================================================

The use of a bucket is linear between the moments at which the begin or the end of the call crosses from one bucket to
the next, so these moments and the ends of the window are all that have to be listed: nothing is lost by rounding.
Whatever a router does is a point of this program, hence its optimum bounds the value of every rule. By weak duality so
does :math:`\sum_b \lambda_b + \sum_c \max(0, \max_{k \in c} v_k - \lambda u_k / B)` for any λ ≥ 0; a few hundred
subgradient steps come within some thousandths of the optimum and need no solver.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from optimizer.problem import Problem
from optimizer.roster import Floats, Integers
from optimizer.routing import Desk
from optimizer.simulate import Call

__all__ = ["bound_value"]

BUCKET_SECONDS = 900.0
"""Shorter buckets bound a little better and cost more; half of this lowers the bound by up to four thousandths."""

MOST_COLUMNS = 400_000
"""Buckets are made longer until there are no more than so many columns."""

_STEPS, _FIRST_STEP, _LAST_STEP = 400, 0.03, 0.00003
_PATIENCE, _WORTH_WHILE, _DEFLECTION = 15, 1e-4, 0.5


def bound_value(
    problem: Problem, desk: Desk, calls: Sequence[Call], *, bucket_seconds: float = BUCKET_SECONDS
) -> float:
    """Return points that no rule of routing can exceed on a day.

    Parameters
    ----------
    problem
        Gives the agents' intervals.
    calls
        The day's, with handle time and patience.
    bucket_seconds
        Length of a bucket, above 0.
    """
    if not calls or not problem.agents:
        return 0.0
    columns = _list_columns(problem, desk, calls, bucket_seconds)
    while len(columns.call) > MOST_COLUMNS and bucket_seconds < desk.interval_seconds * problem.intervals:
        bucket_seconds *= 2.0
        columns = _list_columns(problem, desk, calls, bucket_seconds)
    return _descend(columns, bucket_seconds) if len(columns.call) else 0.0


@dataclass(frozen=True)
class _Columns:
    """Ways to serve calls: by column its call and value; by entry its column, cell (agent and bucket) and seconds."""

    call: Integers
    value: Floats
    entry: Integers
    cell: Integers
    seconds: Floats
    cells: int


def _list_columns(problem: Problem, desk: Desk, calls: Sequence[Call], bucket: float) -> _Columns:
    calls_of, agents_of, values, begins = _list_begins(problem, desk, calls, bucket)
    lasts = np.array([call.handle_seconds for call in calls])[calls_of]
    together = _contacts_at_once(problem)[_rows(desk, calls)[calls_of], agents_of]
    buckets = int(np.ceil(desk.interval_seconds * problem.intervals / bucket))
    first, after = np.floor(begins / bucket), np.ceil((begins + lasts) / bucket)
    entries, cells, seconds = [], [], []
    for step in range(int((after - first).max(initial=0))):
        number = first + step
        used = np.minimum(begins + lasts, (number + 1) * bucket) - np.maximum(begins, number * bucket)
        chosen = np.flatnonzero((used > 0) & (number < buckets))
        entries.append(chosen)
        cells.append(agents_of[chosen] * buckets + number[chosen].astype(np.int64))
        seconds.append(used[chosen] / together[chosen])
    return _Columns(
        call=calls_of,
        value=values,
        entry=np.concatenate([np.zeros(0, dtype=np.int64), *entries]),
        cell=np.concatenate([np.zeros(0, dtype=np.int64), *cells]),
        seconds=np.concatenate([np.zeros(0), *seconds]),
        cells=buckets * len(problem.agents),
    )


def _list_begins(
    problem: Problem, desk: Desk, calls: Sequence[Call], bucket: float
) -> tuple[Integers, Integers, Floats, Floats]:
    """Return call, agent, value and moment of each way to begin, without those that use the same seconds."""
    pairs, agents, low, high = _list_windows(problem, desk, calls)
    lasts = np.array([call.handle_seconds for call in calls])[pairs]
    positions, moments = [np.arange(len(pairs)), np.arange(len(pairs))], [low, high]
    for shift in (np.zeros(len(pairs)), lasts):
        # Moments at which the begin, or the end, of the call meets the border of a bucket.
        border = (np.floor((low + shift) / bucket) + 1) * bucket - shift
        while len(inside := np.flatnonzero(border < high)):
            positions.append(inside)
            moments.append(border[inside])
            border = border + bucket
    position, moment = np.concatenate(positions), np.concatenate(moments)
    first, last = np.floor(moment / bucket), np.floor((moment + lasts[position]) / bucket)
    # Within one bucket all moments are alike; elsewhere the very moment counts.
    what = np.where(first == last, first * bucket, moment)
    kept = np.unique(np.column_stack([position, what]), axis=0, return_index=True)[1]
    position, moment = position[kept], moment[kept]
    return pairs[position], agents[position], _values(desk, calls, pairs, agents)[position], moment


def _list_windows(problem: Problem, desk: Desk, calls: Sequence[Call]) -> tuple[Integers, Integers, Floats, Floats]:
    """Return call, agent, and the earliest and latest moment to begin, for each shift that a call's window meets."""
    able = desk.able[_rows(desk, calls)]
    arrived = np.array([call.contact.arrived_at for call in calls])
    leaves = arrived + np.array([call.patience_seconds for call in calls])
    found: list[tuple[Integers, Integers, Floats, Floats]] = []
    for column, agent in enumerate(problem.agents):
        for opens, closes in _shifts(agent.capacity, desk.interval_seconds):
            whose = np.flatnonzero(able[:, column] & (arrived < closes) & (leaves >= opens))
            low, high = np.maximum(arrived[whose], opens), np.minimum(leaves[whose], closes)
            found.append((whose, np.full(len(whose), column), low, high))
    none = np.zeros(0, dtype=np.int64)
    calls_of, agents_of, low, high = zip(*found, strict=True) if found else ([none], [none], [none], [none])
    return np.concatenate(calls_of), np.concatenate(agents_of), np.concatenate(low), np.concatenate(high)


def _shifts(capacity: Sequence[float], length: float) -> list[tuple[float, float]]:
    on = np.flatnonzero(np.diff(np.concatenate([[False], np.array(capacity) > 0, [False]]).astype(np.int8)))
    return [(float(begin * length), float(end * length)) for begin, end in on.reshape(-1, 2)]


def _rows(desk: Desk, calls: Sequence[Call]) -> Integers:
    return np.array([desk.row[call.contact.class_] for call in calls], dtype=np.int64)


def _values(desk: Desk, calls: Sequence[Call], pairs: Integers, agents: Integers) -> Floats:
    rows = _rows(desk, calls)
    own = [call.contact.worth for call in calls]
    worth = np.array([desk.worth[row] if each is None else each for row, each in zip(rows, own, strict=True)])
    share = desk.share[rows[pairs], agents]
    known = {
        (number, desk.column[agent])
        for number, call in enumerate(calls)
        for agent in call.contact.known_agents
        if agent in desk.column
    }
    if known and desk.continuity:
        keys = zip(pairs.tolist(), agents.tolist(), strict=True)
        share = share + desk.continuity * np.array([key in known for key in keys], dtype=float)
    values: Floats = worth[pairs] * share
    return values


def _contacts_at_once(problem: Problem) -> Floats:
    """Return how many contacts of each class each agent may hold at once, classes × agents."""
    return np.array(
        [[agent.concurrency.get(demand.channel, 1.0) for agent in problem.agents] for demand in problem.forecast]
    )


def _descend(columns: _Columns, bucket: float) -> float:
    """Lower the bound by a deflected subgradient (Camerini, Fratta, Maffioli 1975) from free time on."""
    order = np.argsort(columns.call, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    call, value = columns.call[order], columns.value[order]
    first = np.flatnonzero(np.concatenate([[True], call[1:] != call[:-1]]))
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(call))))
    use = csr_array((columns.seconds / bucket, (place[columns.entry], columns.cell)), shape=(len(call), columns.cells))
    price, best_price = np.zeros(columns.cells), np.zeros(columns.cells)
    direction = np.zeros(columns.cells)
    lowest, length, idle = np.inf, _FIRST_STEP, 0
    for _ in range(_STEPS):
        gain = value - use @ price
        most = np.maximum.reduceat(gain, first)
        bound = float(price.sum() + np.maximum(most, 0.0).sum())
        idle = idle + 1 if bound > lowest * (1 - _WORTH_WHILE) else 0
        if bound < lowest:
            lowest, best_price = bound, price
        if idle >= _PATIENCE:
            idle, length, price = 0, length / 2, best_price
            if length < _LAST_STEP:
                break
            continue
        # The first of the best ways to serve each call that pays at these prices.
        position = np.where(gain >= most[group], np.arange(len(gain)), len(gain))
        chosen = np.minimum.reduceat(position, first)[most > 0]
        taken = np.zeros(len(gain))
        taken[chosen] = 1.0
        used = np.asarray(use.T @ taken)
        direction = 1.0 - used + _DEFLECTION * direction
        step = np.where((price <= 0) & (direction > 0), 0.0, direction)
        square = float(step @ step)
        if square == 0.0:
            break
        price = np.maximum(0.0, price - length * bound / square * step)
    return lowest
