"""
Simulated annealing with ejection chains: the search that improves whole plans.

**Source**: Kirkpatrick, Gelatt, Vecchi 1983; ejection chains for the generalized assignment problem: Yagiura, Ibaraki,
Glover 2006. A move draws an engagement and one of its columns, those of small slack more often; what is in the way on
that agent is ejected, `Effort.ejected` engagements at most, each the one of least reduced value among a few drawn;
each of them goes to the first of its columns that has room, by slack. The whole move stands with probability
min(1, exp(gain ÷ temperature)), else it is taken back.

A round cools geometrically from `HOT` to `COLD` mean points of an engagement and makes twice the moves of the round
before. Moves are counted and not seconds, so that the search repeats exactly; it ends when `PATIENCE` rounds have
gained nothing. One move costs O(columns tried × intervals that the work runs through), about 1–2 µs.

Reserved minutes stay as they are while it runs; afterwards they are settled anew for the plan that was found.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from optimizer.assignment.board import LONGEST_CHAIN, Board, Effort, Standing, State
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.relaxation import Relaxation, minute_prices
from optimizer.assignment.search import Incumbent, complete
from optimizer.control import Control, relative_gap
from optimizer.plan import StoppedBy
from optimizer.roster import Floats, Integers

HOT, COLD = 0.1, 0.002
WARM = 0.01
"""Temperature to begin with where the plan is nearly right already: one of yesterday, mended."""

MOVES_PER_ENGAGEMENT = 200
"""Moves of the first round, for each engagement."""

MOVES_AT_ONCE = 100_000
"""Moves between two looks at the clock: about a tenth of a second."""

PATIENCE = 2
MOST_ROUNDS = 14
FIRST_STATE = 88172645463325252
EFFORT = Effort(ejected=3, drawn=3, tried=400)
LEAST_GAIN = 1e-6


def anneal(
    model: Model,
    objective: Objective,
    relaxation: Relaxation,
    incumbent: Incumbent,
    control: Control,
    tell: Callable[[Incumbent], None],
    *,
    hot: float = HOT,
) -> tuple[Incumbent, StoppedBy]:
    """Improve a plan and return the best one, with what ended the search.

    Parameters
    ----------
    relaxation
        Columns of small slack are tried more often; what is cheapest at its prices is ejected first; the search ends
        when the plan is within the policy's gap of its bound.
    tell
        Told about every better plan.
    hot
        Temperature to begin with, in mean points of an engagement.
    """
    policy = model.problem.policy
    table = lay_out(model, objective, relaxation.slack, relaxation.duals)
    random = np.array([FIRST_STATE + policy.seed], dtype=np.uint64)
    served = np.abs(objective.on_columns[incumbent.chosen])
    scale = float(served.mean()) if served.any() else float(np.abs(objective.on_columns).max(initial=1.0))
    best, idle = incumbent, 0
    for number in range(_rounds(policy.iterations)):
        moves = MOVES_PER_ENGAGEMENT * len(model.must) * 2**number
        standing = stand(model, table, best, random)
        _cool(table.board, standing, moves, (hot * scale, COLD * scale), control)
        found = complete(model, objective, table.columns(standing), control)
        gain = -np.inf if found is None else found.objective - best.objective
        if found is not None and gain > 0:
            best = found
            tell(best)
        stopped = control.stopped_by()
        if stopped is not None:
            return best, stopped
        if relative_gap(best.objective, relaxation.bound) <= max(policy.gap, 1e-9):
            return best, StoppedBy.GAP
        idle = 0 if gain > LEAST_GAIN * abs(best.objective) else idle + 1
        if idle >= PATIENCE:
            break
    return best, StoppedBy.ITERATIONS


def construct(model: Model, objective: Objective, slack: Floats) -> Integers:
    """Return the columns of a plan made greedily: engagements by their points for a minute, columns by slack.

    The model must have no pairs and nothing to start with: halves of a pair do not fit alone.
    """
    from optimizer.assignment.kernels import place_in_order  # noqa: PLC0415  It loads the compiler.

    columns = model.columns
    nothing = Incumbent(np.zeros(0, dtype=np.int64), np.zeros(len(model.continuous)), objective.constant)
    table = lay_out(model, objective, slack, np.zeros(len(model.upper)))
    standing = stand(model, table, nothing, np.array([FIRST_STATE], dtype=np.uint64))
    density = np.full(len(model.must), -np.inf)
    np.maximum.at(density, columns.engagement, objective.on_columns / columns.minutes)
    place_in_order(table.board, standing, np.lexsort((-density, ~model.must)))
    return table.columns(standing)


def _rounds(iterations: int | None) -> int:
    """Return the rounds that a limit on iterations allows: an iteration is a thousand moves for an engagement."""
    if iterations is None:
        return MOST_ROUNDS
    return min(MOST_ROUNDS, int(iterations * 1000 / MOVES_PER_ENGAGEMENT + 1).bit_length() - 1)


def _cool(board: Board, standing: Standing, moves: int, points: tuple[float, float], control: Control) -> None:
    """Make the moves of one round, from the first temperature to the second, looking at the clock now and then."""
    from optimizer.assignment.kernels import run_moves  # noqa: PLC0415  It loads the compiler.

    (hot, last), made = points, 0
    decay = (last / hot) ** (1.0 / moves)
    while made < moves and control.stopped_by() is None:
        batch = min(MOVES_AT_ONCE, moves - made)
        cold = hot * decay**batch
        run_moves(board, standing, EFFORT, batch, hot, cold)
        hot, made = cold, made + batch


@dataclass(frozen=True, slots=True)
class Table:
    """A board, and how it stands to its model.

    Attributes
    ----------
    order
        The model's column at each place of the board.
    rows
        The model's rows that tie slots together, as they follow each other on the board.
    """

    board: Board
    order: Integers
    rows: Integers

    def columns(self, standing: Standing) -> Integers:
        """Return the model's columns that are chosen on the board, sorted."""
        return np.sort(self.order[standing.chosen[standing.chosen >= 0]])


def lay_out(model: Model, objective: Objective, slack: Floats, duals: Floats) -> Table:
    """Return the board of a model."""
    columns, problem, roster = model.columns, model.problem, model.roster
    order = np.lexsort((np.arange(len(columns)), slack, columns.engagement))
    load = sparse.csr_array(columns.load)[order]
    load.sort_indices()
    coupling = np.ones(len(model.upper), dtype=bool)
    for family in ("once", "capacity", "overtime", "demand", "balance", "pair"):
        coupling[model.families[family]] = False
    rows = np.flatnonzero(coupling)
    others = sparse.csc_array(model.on_columns[rows])[:, order]
    held = np.zeros(len(model.must), dtype=bool)
    held[columns.engagement[model.fixed]] = True
    points = np.asarray(objective.on_columns, dtype=float)[order]
    board = Board(
        first_of_slot=np.searchsorted(columns.engagement, np.arange(len(model.must) + 1)),
        pool=(columns.agent + len(problem.agents) * columns.overtime)[order],
        points=points,
        reduced=points - load @ minute_prices(model, duals).ravel(),
        first_load=load.indptr.astype(np.int64),
        interval=(load.indices % problem.intervals).astype(np.int64),
        minutes=load.data,
        first_row=others.indptr.astype(np.int64),
        row=others.indices.astype(np.int64),
        entry=others.data,
        most=model.upper[rows],
        capacity=np.concatenate([roster.capacity, roster.overtime]),
        carry_limit=np.concatenate([roster.carry_limit, np.zeros(roster.overtime.shape)]),
        must=model.must,
        held=held,
    )
    return Table(board, order, rows)


def stand(model: Model, table: Table, plan: Incumbent, random: State) -> Standing:
    """Return a plan as it stands on a board, its reserved minutes booked."""
    from optimizer.assignment.kernels import place_all  # noqa: PLC0415  It loads the compiler.

    continuous, slots, board = model.continuous, len(model.must), table.board
    place = np.empty(len(table.order), dtype=np.int64)
    place[table.order] = np.arange(len(table.order))
    load = np.zeros(board.capacity.shape)
    np.add.at(load.ravel(), continuous.reserve_cell, plan.continuous[continuous.reserves])
    chosen = np.full(slots, -1, dtype=np.int64)
    chosen[model.columns.engagement[plan.chosen]] = place[plan.chosen]
    standing = Standing(
        chosen=np.full(slots, -1, dtype=np.int64),
        load=load,
        carry=_carry(load, board.capacity),
        activity=np.asarray((model.on_continuous @ plan.continuous)[table.rows], dtype=float),
        slots_of=np.zeros((len(load), slots), dtype=np.int32),
        held_by=np.zeros(len(load), dtype=np.int64),
        place=np.zeros(slots, dtype=np.int64),
        random=random,
        chain=np.zeros(LONGEST_CHAIN, dtype=np.int64),
        before=np.zeros(LONGEST_CHAIN, dtype=np.int64),
    )
    place_all(board, standing, chosen)
    return standing


def _carry(load: Floats, capacity: Floats) -> Floats:
    """Return the smallest carry-over of some load, pools × intervals."""
    carry = np.zeros(load.shape)
    carried = np.zeros(len(load))
    for t in range(load.shape[1]):
        carried = np.maximum(0.0, load[:, t] + carried - capacity[:, t])
        carry[:, t] = carried
    return carry
