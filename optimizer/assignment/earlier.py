"""
What an earlier plan teaches: assignments to begin from, and prices to begin with.

It is read from a saved plan and not from the memory of a process. What no longer holds is left out: engagements and
agents that are gone, starts that are no longer possible, work for which there is no more room.
"""

from dataclasses import dataclass

import numpy as np

from optimizer.assignment.column_set import number_triples
from optimizer.assignment.columns import Columns, describe_columns, enumerate_columns, join_columns
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model
from optimizer.fit import Fit
from optimizer.plan import Plan
from optimizer.roster import Floats, Integers


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier plan in the indices of a new problem.

    Attributes
    ----------
    engagement, agent, start
        Its assignments; those in overtime and the learners of pairs are left out.
    prices
        Points for a minute, agents × intervals; None if the plan has no prices for this horizon. Those of agents whom
        it did not know are 0.
    """

    engagement: Integers
    agent: Integers
    start: Integers
    prices: Floats | None

    @classmethod
    def of(cls, fit: Fit, plan: Plan) -> "Earlier":
        """Read an earlier plan."""
        problem, agents = fit.roster.problem, fit.roster.index
        engagements = {each.id: index for index, each in enumerate(problem.engagements)}
        kept = [
            (engagements[each.engagement], agents[each.agent], each.start)
            for each in plan.assignments
            if each.engagement in engagements
            and each.agent in agents
            and each.start < problem.intervals
            and "overtime" not in each.relaxed
        ]
        triples = np.array(sorted(kept), dtype=np.int64).reshape(len(kept), 3)
        return cls(triples[:, 0], triples[:, 1], triples[:, 2], _prices(fit, plan))

    def describe(self, fit: Fit, *, also: Integers) -> Columns:
        """Return the columns of its assignments, and all columns of some engagements."""
        others = ~np.isin(self.engagement, also)
        overtime = np.zeros(int(others.sum()), dtype=bool)
        own = describe_columns(fit, self.engagement[others], self.agent[others], self.start[others], overtime)
        return join_columns([enumerate_columns(fit, also.tolist()), own])

    def find(self, model: Model) -> Integers:
        """Return its columns in a model, those that fit beside each other; halves of pairs are left out."""
        columns, problem = model.columns, model.problem
        plain = np.flatnonzero((columns.pair < 0) & ~columns.overtime)
        wanted = number_triples(problem, self.engagement, self.agent, self.start)
        number = number_triples(problem, columns.engagement[plain], columns.agent[plain], columns.start[plain])
        ledger = Ledger(model)
        for column in plain[np.isin(number, wanted)].tolist():
            slot = int(columns.engagement[column])
            if slot < len(problem.engagements) and ledger.chosen[slot] < 0 and ledger.fits(column):
                ledger.add(column)
        return np.sort(ledger.columns())


def _prices(fit: Fit, plan: Plan) -> Floats | None:
    problem = fit.roster.problem
    if any(len(each) != problem.intervals for each in plan.prices.agent.values()) or not plan.prices.agent:
        return None
    none = (0.0,) * problem.intervals
    prices = np.array([plan.prices.agent.get(agent.id, none) for agent in problem.agents], dtype=float)
    return prices.reshape(len(problem.agents), problem.intervals)
