"""
Continuous variables: reserved minutes, carry-over, excess of the balance term, and growth that stays owed.

They stand behind the binary columns in every row, in this order: carry, reserves, excess, debts.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.assignment.columns import Columns
from optimizer.fit import Fit
from optimizer.roster import Floats, Integers, Roster

OCCUPANCY, STRETCH, HEAVY = range(3)
BREAKPOINTS = {OCCUPANCY: (0.6, 0.7, 0.8, 0.9), STRETCH: (0.1, 0.2, 0.3), HEAVY: (0.1, 0.2, 0.3)}


@dataclass(frozen=True, slots=True)
class Continuous:
    """Continuous variables of the model, each between 0 and its upper bound.

    Attributes
    ----------
    carry_cell
        Capacity cell (agent · intervals + interval) out of which each carry variable carries.
    reserve_class, reserve_cell, reserve_contacts
        Forecast class, capacity cell and simultaneous contacts of each reserve variable.
    excess_agent, excess_measure, excess_from
        Agent, measure and minutes from which on each excess variable counts.
    debt_agent
        Agent of each debt variable: those with growth minutes due.
    upper
        Upper bounds of all variables, in the order carry, reserves, excess, debts.
    """

    carry_cell: Integers
    reserve_class: Integers
    reserve_cell: Integers
    reserve_contacts: Floats
    excess_agent: Integers
    excess_measure: Integers
    excess_from: Floats
    debt_agent: Integers
    upper: Floats

    def __len__(self) -> int:
        return len(self.upper)

    @property
    def reserves(self) -> slice:
        """Where the reserve variables stand."""
        return slice(len(self.carry_cell), len(self.carry_cell) + len(self.reserve_cell))

    @property
    def excesses(self) -> slice:
        """Where the excess variables stand."""
        return slice(self.reserves.stop, self.reserves.stop + len(self.excess_from))

    @property
    def debts(self) -> slice:
        """Where the debt variables stand."""
        return slice(self.excesses.stop, len(self.upper))


def list_continuous(fit: Fit, columns: Columns) -> Continuous:
    """Return the continuous variables of a problem."""
    roster = fit.roster
    carry_cell = np.flatnonzero(roster.carry_limit.ravel() > 0)
    klass, cell, contacts, reserve_upper = _list_reserves(fit)
    agent, measure, start, excess_upper = _list_excess(roster, columns)
    due = np.array([each.growth_due_minutes for each in roster.problem.agents], dtype=float)
    return Continuous(
        carry_cell=carry_cell,
        reserve_class=klass,
        reserve_cell=cell,
        reserve_contacts=contacts,
        excess_agent=agent,
        excess_measure=measure,
        excess_from=start,
        debt_agent=np.flatnonzero(due > 0),
        upper=np.concatenate([roster.carry_limit.ravel()[carry_cell], reserve_upper, excess_upper, due[due > 0]]),
    )


def _list_reserves(fit: Fit) -> tuple[Integers, Integers, Floats, Floats]:
    roster = fit.roster
    horizon = roster.problem.intervals
    parts: list[tuple[Integers, Integers, Floats, Floats]] = []
    for index, demand in enumerate(roster.problem.forecast):
        able = fit.of(demand).possible
        wanted = np.array(demand.minutes) > 0
        agents, intervals = np.nonzero(able[:, None] & wanted[None, :] & (roster.capacity > 0))
        contacts = roster.concurrency(demand.channel)[agents]
        # No bound by capacity here: a bound would take the dual that belongs to the capacity row.
        upper = np.array(demand.minutes)[intervals] / contacts
        parts.append((np.full(len(agents), index, np.int64), agents * horizon + intervals, contacts, upper))
    if not parts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    klass, cell, contacts, upper = (np.concatenate(column) for column in zip(*parts, strict=True))
    return klass, cell, contacts, upper


def _list_excess(roster: Roster, columns: Columns) -> tuple[Integers, Integers, Floats, Floats]:
    """Return one excess variable for each agent with capacity, measure in use and breakpoint."""
    agent, measure, start, upper = [], [], [], []
    if roster.problem.policy.weight("balance") > 0:
        heavy = (
            np.array([each.heavy for each in roster.problem.engagements], dtype=bool)[columns.work] & ~columns.shadows
        )
        possible = {
            STRETCH: np.bincount(columns.agent, columns.growth, minlength=len(roster.ids)),
            HEAVY: np.bincount(columns.agent, columns.minutes * heavy, minlength=len(roster.ids)),
        }
        total = roster.capacity.sum(axis=1)
        for row in np.flatnonzero(total > 0):
            for kind, breakpoints in BREAKPOINTS.items():
                most = total[row] if kind == OCCUPANCY else possible[kind][row]
                for share in breakpoints:
                    if most > share * total[row]:
                        agent.append(row)
                        measure.append(kind)
                        start.append(share * total[row])
                        upper.append(most - share * total[row])
    return (
        np.array(agent, dtype=np.int64),
        np.array(measure, dtype=np.int64),
        np.array(start, dtype=float),
        np.array(upper, dtype=float),
    )
