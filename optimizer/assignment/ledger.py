"""A running account of what chosen columns use, which answers at once whether one more still fits."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from optimizer.assignment.model import Model
from optimizer.roster import Floats, Integers

TOLERANCE = 1e-7


class Ledger:
    """Chosen columns of a model, at most one for each engagement, within all rows except reserves.

    Carry-over is taken as small as possible: o(t) = max(0, l(t) + o(t−1) − capacity(t)). A set of columns fits if and
    only if this smallest carry-over stays within its limits. Each question costs O(intervals that the work and its
    carry-over run through).

    Attributes
    ----------
    chosen
        Column of each engagement and learner's slot, −1 if it is unassigned.
    fixed
        Which columns no single move may take out again (`Model.fixed`).
    """

    def __init__(self, model: Model) -> None:
        columns, roster = model.columns, model.roster
        self.model = model
        self.chosen = np.full(len(model.must), -1, dtype=np.int64)
        self._horizon = model.problem.intervals
        self._engagement = columns.engagement.tolist()
        self._agent = columns.agent.tolist()
        self._overtime = columns.overtime.tolist()
        load = sparse.csr_array(columns.load)
        load.sort_indices()
        self._first = load.indptr.tolist()
        self._interval = (load.indices % self._horizon).tolist()
        self._minutes = load.data.tolist()
        self._capacity: list[list[float]] = roster.capacity.tolist()
        self._limit: list[list[float]] = roster.carry_limit.tolist()
        self._load: list[list[float]] = np.zeros_like(roster.capacity).tolist()
        self._carry: list[list[float]] = np.zeros_like(roster.capacity).tolist()

        coupling = np.ones(len(model.upper), dtype=bool)
        for family in ("once", "capacity", "demand", "balance"):
            coupling[model.families[family]] = False
        self._rows = np.flatnonzero(coupling)
        others = sparse.csc_array(model.on_columns[self._rows])
        self._of_agent: list[set[int]] = [set() for _ in roster.ids]
        self._other_first = others.indptr.tolist()
        self._other_row = others.indices.tolist()
        self._other_entry = others.data.tolist()
        self._activity = np.zeros(len(self._rows)).tolist()
        self.fixed = model.fixed
        self._most = model.upper[self._rows].tolist()

    @classmethod
    def of(cls, model: Model, chosen: Integers, continuous: Floats) -> "Ledger":
        """Return the ledger of a whole plan, its reserves booked."""
        ledger = cls(model)
        for column in chosen.tolist():
            ledger.add(column)
        reserves = model.continuous.reserves
        kept = continuous[reserves]
        for position in np.flatnonzero(kept > 0).tolist():
            agent, interval = divmod(int(model.continuous.reserve_cell[position]), model.problem.intervals)
            ledger.reserve(agent, interval, float(kept[position]))
        beside = continuous.copy()
        beside[: reserves.start] = 0.0
        ledger._activity = (np.array(ledger._activity) + (model.on_continuous @ beside)[ledger._rows]).tolist()
        return ledger

    def holds(self) -> bool:
        """Return whether every row except capacity is within its limit."""
        return all(used <= most + TOLERANCE for used, most in zip(self._activity, self._most, strict=True))

    def fits(self, column: int) -> bool:
        """Return whether a column can be added; its engagement must be unassigned."""
        return self._others_fit(column) and (self._overtime[column] or self._capacity_fits(column))

    def fits_together(self, columns: Sequence[int]) -> bool:
        """Return whether columns of different agents, such as the halves of a pair, can be added at once."""
        added: dict[int, float] = {}
        for column in columns:
            for position in range(self._other_first[column], self._other_first[column + 1]):
                row = self._other_row[position]
                added[row] = added.get(row, 0.0) + self._other_entry[position]
        within = all(
            entry <= 0 or self._activity[row] + entry <= self._most[row] + TOLERANCE for row, entry in added.items()
        )
        return within and all(self.has_capacity_for(column) for column in columns)

    def _others_fit(self, column: int) -> bool:
        for position in range(self._other_first[column], self._other_first[column + 1]):
            entry, row = self._other_entry[position], self._other_row[position]
            if entry > 0 and self._activity[row] + entry > self._most[row] + TOLERANCE:
                return False
        return True

    def _capacity_fits(self, column: int) -> bool:
        agent = self._agent[column]
        load, capacity = self._load[agent], self._capacity[agent]
        limit, carry = self._limit[agent], self._carry[agent]
        position, after = self._first[column], self._first[column + 1]
        interval = self._interval[position]
        carried = carry[interval - 1] if interval else 0.0
        while interval < self._horizon:
            used = load[interval] + carried
            ours = position < after and self._interval[position] == interval
            if ours:
                used += self._minutes[position]
                position += 1
            carried = max(0.0, used - capacity[interval])
            if carried > limit[interval] + TOLERANCE:
                return False
            if not ours and position >= after and carried <= carry[interval] + 1e-12:
                return True
            interval += 1
        return True

    def add(self, column: int) -> None:
        """Choose a column for its engagement."""
        self.chosen[self._engagement[column]] = column
        self._of_agent[self._agent[column]].add(column)
        self._book(column, 1.0)

    def remove(self, column: int) -> None:
        """Give a chosen column up."""
        self.chosen[self._engagement[column]] = -1
        self._of_agent[self._agent[column]].discard(column)
        self._book(column, -1.0)

    def _book(self, column: int, sign: float) -> None:
        for position in range(self._other_first[column], self._other_first[column + 1]):
            self._activity[self._other_row[position]] += sign * self._other_entry[position]
        if self._overtime[column]:
            return
        agent = self._agent[column]
        load, capacity, carry = self._load[agent], self._capacity[agent], self._carry[agent]
        for position in range(self._first[column], self._first[column + 1]):
            load[self._interval[position]] += sign * self._minutes[position]
        first = self._interval[self._first[column]]
        carried = carry[first - 1] if first else 0.0
        for interval in range(first, self._horizon):
            carried = max(0.0, load[interval] + carried - capacity[interval])
            carry[interval] = carried

    def reserve(self, agent: int, interval: int, minutes: float) -> None:
        """Book minutes that are kept for a forecast class."""
        load, capacity, carry = self._load[agent], self._capacity[agent], self._carry[agent]
        load[interval] += minutes
        carried = carry[interval - 1] if interval else 0.0
        for later in range(interval, self._horizon):
            carried = max(0.0, load[later] + carried - capacity[later])
            carry[later] = carried

    def has_capacity_for(self, column: int) -> bool:
        """Return whether the agent's minutes alone would allow a column."""
        return self._overtime[column] or self._capacity_fits(column)

    def missing_minutes(self, column: int) -> tuple[float, int]:
        """Return the capacity minutes that a column lacks, and the interval where it lacks most."""
        agent = self._agent[column]
        lacking: dict[int, float] = {}
        for position in range(self._first[column], self._first[column + 1]):
            interval = self._interval[position]
            carried = self._carry[agent][interval - 1] if interval else 0.0
            free = self._capacity[agent][interval] - self._load[agent][interval] - carried
            lacking[interval] = max(0.0, self._minutes[position] - max(free, 0.0))
        return sum(lacking.values()), max(lacking, key=lambda interval: (lacking[interval], -interval))

    def columns(self) -> Integers:
        """Return the chosen columns."""
        chosen: Integers = self.chosen[self.chosen >= 0]
        return chosen

    def smallest_carry(self) -> Floats:
        """Return the values of the model's carry variables."""
        carry: Floats = np.minimum(np.array(self._carry), np.array(self._limit)).ravel()
        return carry[self.model.continuous.carry_cell]

    def neighbours(self, column: int) -> list[int]:
        """Return the chosen columns of the same agent that touch the intervals of a column, or one beside them."""
        first = self._interval[self._first[column]] - 1
        last = self._interval[self._first[column + 1] - 1] + 1
        return [
            other
            for other in sorted(self._of_agent[self._agent[column]])
            if not self.fixed[other]
            and self._interval[self._first[other]] <= last
            and self._interval[self._first[other + 1] - 1] >= first
        ]
