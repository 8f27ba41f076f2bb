"""A finished plan seen agent by agent: what each one does, what is free, what else would fit."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optimizer.assignment.columns import STEP_BIT, Columns
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.rows.changes import keeps_previous
from optimizer.fit import Fit
from optimizer.problem import Problem
from optimizer.room import Day, Kept, Work
from optimizer.roster import Flags, Floats, Integers

_TOLERANCE = 1e-7
_SHARE_STEPS = 10_000


@dataclass(frozen=True)
class Circumstances:
    """A finished plan, as needed to explain what it leaves out.

    Attributes
    ----------
    objective
        Of the first tier.
    ledger
        With the plan's columns and reserved minutes booked.
    prices
        Agents × intervals, points for a minute.
    reserved
        Reserved minutes, agents × intervals × classes.
    """

    fit: Fit
    model: Model
    objective: Objective
    ledger: Ledger
    prices: Floats
    reserved: Floats

    @cached_property
    def free(self) -> Floats:
        """Minutes of each agent and interval that are neither planned, kept nor needed for carried work."""
        chosen = self.ledger.columns()
        regular = chosen[~self.model.columns.overtime[chosen]]
        capacity = self.fit.roster.capacity
        load = np.asarray(self.model.columns.load[regular].sum(axis=0)).reshape(capacity.shape)
        load = load + self.reserved.sum(axis=2)
        free, carried = np.zeros_like(capacity), np.zeros(len(capacity))
        for interval in range(capacity.shape[1]):
            left = capacity[:, interval] - load[:, interval] - carried
            free[:, interval], carried = np.maximum(left, 0.0), np.maximum(-left, 0.0)
        return free

    def missing_minutes(self, columns: Integers) -> Floats:
        """Return about how many capacity minutes each column lacks; none in overtime."""
        load = self.model.columns.load[columns]
        lacking = np.maximum(load.data - self.free.ravel()[load.indices], 0.0)
        row = np.repeat(np.arange(len(columns)), np.diff(load.indptr))
        missing = np.bincount(row, lacking, minlength=len(columns)).astype(float)
        return np.where(self.model.columns.overtime[columns], 0.0, missing)

    def day(self, row: int) -> Day:
        """Return what an agent does in the plan."""
        if row not in self._days:
            problem = self.model.problem
            chosen = np.array(self._chosen_by_agent.get(row, []), dtype=np.int64)
            work = tuple(
                work_of(problem, self.fit, self.model.columns, column, float(self.objective.on_columns[column]),
                        movable=bool(self._movable[column]))
                for column in chosen.tolist()
            )  # fmt: skip
            agent = problem.agents[row]
            self._days[row] = Day(agent, problem.interval_minutes, problem.max_carry, work, self._kept(row))
        return self._days[row]

    def _kept(self, row: int) -> tuple[Kept, ...]:
        problem, weight = self.model.problem, self.model.problem.policy.weight("service")
        kept = []
        for interval, number in np.argwhere(self.reserved[row] > 0).tolist():
            demand = problem.forecast[number]
            rate = weight * demand.value_per_minute * float(self.fit.roster.concurrency(demand.channel)[row])
            kept.append(Kept(number, interval, float(self.reserved[row, interval, number]), rate))
        return tuple(kept)

    def broken_shares(self, column_minutes: float, gone: tuple[int, ...] = (), *, proactive: bool) -> dict[str, float]:
        """Return the bounds on the proactive share that one more assignment would break, with what would allow it.

        Parameters
        ----------
        gone
            Columns that give way.
        """
        policy, columns = self.model.problem.policy, self.model.columns
        left = [float(columns.minutes[column]) for column in gone]
        left_proactive = [minutes for column, minutes in zip(gone, left, strict=True) if self._proactive[column]]
        chosen = self.ledger.columns()
        total = float(columns.minutes[chosen].sum()) + column_minutes - sum(left)
        ours = float((columns.minutes * self._proactive)[chosen].sum()) - sum(left_proactive)
        ours += column_minutes if proactive else 0.0
        low, high = policy.proactive_share_min, policy.proactive_share_max
        broken = {}
        if low is not None and ours < low * total - _TOLERANCE:
            broken["proactive_share_min"] = math.floor(_SHARE_STEPS * ours / total) / _SHARE_STEPS
        if high is not None and ours > high * total + _TOLERANCE:
            broken["proactive_share_max"] = math.ceil(_SHARE_STEPS * ours / total) / _SHARE_STEPS
        return broken

    def lowered(self, row: int) -> bool:
        """Return whether an agent does work below its level, which a higher level might turn into stretch."""
        chosen = self._chosen_by_agent.get(row, [])
        return bool((self.model.columns.relaxed[chosen] & STEP_BIT["lower_level"]).any())

    @cached_property
    def _days(self) -> dict[int, Day]:
        return {}

    @cached_property
    def _proactive(self) -> Flags:
        stance = np.zeros(len(self.model.must), dtype=bool)
        for index, engagement in enumerate(self.model.problem.engagements):
            stance[index] = engagement.stance == "proactive"
        return stance[self.model.columns.engagement]

    @cached_property
    def _chosen_by_agent(self) -> dict[int, list[int]]:
        chosen: dict[int, list[int]] = {}
        for column in np.sort(self.ledger.columns()).tolist():
            chosen.setdefault(int(self.model.columns.agent[column]), []).append(column)
        return chosen

    @cached_property
    def _movable(self) -> Flags:
        problem, columns = self.model.problem, self.model.columns
        movable = ~self.model.must[columns.engagement] & (columns.pair < 0)
        if problem.max_changes is not None:
            movable &= ~keeps_previous(problem, columns)
        return movable


def work_of(
    problem: Problem, fit: Fit, columns: Columns, column: int, value: float, *, movable: bool = True
) -> Work:  # fmt: skip
    """Return a column as work in its agent's day."""
    engagement = problem.engagements[columns.work_of(column)]
    learns = columns.is_shadow(column)
    return Work(
        name=column,
        start=int(columns.start[column]),
        minutes=float(columns.minutes[column]),
        contacts=1.0 if learns else float(fit.roster.concurrency(engagement.channel)[columns.agent[column]]),
        value=value,
        channel="" if learns else engagement.channel,
        overtime=bool(columns.overtime[column]),
        stretch=bool(columns.minutes[column] > 0 and (columns.stretch[column] >= 0 or columns.is_shadow(column))),
        heavy=engagement.heavy and not learns,
        movable=movable,
    )
