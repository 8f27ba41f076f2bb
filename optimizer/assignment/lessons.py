r"""
What an agent's lesson does to the LP of the first tier: a bound without solving it, and its value.

With the duals :math:`\lambda` of the problem as it is, the Lagrangian bound of the changed problem,

.. math::
    \lambda^T b + \sum_e \max_{k \in K_e} (v_k - \lambda^T A_k)^{[+]} + \sum_z u_z \max(0, w_z - \lambda^T A_z),

differs from the present one only by the columns and reserves of the agent who learns, and only for work that asks for
the skill. All agents who might learn one skill are priced together; what they would gain is told apart afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import highspy
import numpy as np

from optimizer.assignment.asks import Asks
from optimizer.assignment.columns import enumerate_columns
from optimizer.assignment.model import Model, Objective, build_model, tier_objectives
from optimizer.assignment.relaxation import Relaxation, certify, solve_relaxation
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.problem import Problem
from optimizer.roster import Floats, Roster

FIRST = "customers"

_PRICED = frozenset({"capacity", "overtime", "demand", "share", "change"})
"""Row families that stand in the same order whatever the columns are, so that their duals hold for new columns too."""

_UNPRICED = frozenset({"once", "limit"})
"""Row families that new columns need not pay: the first is taken into account as a maximum, and the entries and duals
of the second are not negative, so that leaving them out only raises the bound."""

Placed = tuple[int, int, int]
"""Engagement, agent and start of a column."""


@dataclass(frozen=True, slots=True)
class SolvedProblem:
    """A problem with the LP of its first tier solved.

    Attributes
    ----------
    value
        Points of the LP's solution, which is a lower bound of the LP's optimum if the clock came first.
    bound
        Certified upper bound.
    """

    model: Model
    objective: Objective
    relaxation: Relaxation
    value: float

    @property
    def bound(self) -> float:
        """Certified upper bound of the LP's optimum, never below `value`."""
        return max(self.relaxation.bound, self.value)

    @classmethod
    def of(cls, problem: Problem, control: Control, start: set[Placed]) -> "SolvedProblem | None":
        """
        Solve a problem's LP, with some columns to start from, or return None if the clock came first.

        Raises
        ------
        InfeasibleError
            If no plan obeys the rows.
        """
        # HiGHS keeps its threads for the life of a process and refuses to solve with another number of them.
        highspy.Highs.resetGlobalScheduler(True)  # noqa: FBT003  A compiled function takes no keywords.
        model = build_model(Fit(Roster.of(problem)), Asks.of(problem))
        objective = _first_tier(model)
        first = [position for position, key in enumerate(_placed(model)) if key in start]
        relaxation = solve_relaxation(
            model, objective, control, start=np.array(first, dtype=np.int64), threads=problem.policy.threads
        )
        if relaxation is None:
            return None
        points = objective.on_columns[relaxation.chosen] @ relaxation.shares
        points += objective.on_continuous @ relaxation.continuous
        return cls(model, objective, relaxation, float(points + objective.constant))

    def active(self) -> set[Placed]:
        """Return the columns that the LP has generated: what the LP of a similar problem may start from."""
        placed = _placed(self.model)
        return {placed[position] for position in self.relaxation.lp.active.tolist()}


def _placed(model: Model) -> list[Placed]:
    columns = model.columns
    return list(zip(columns.engagement.tolist(), columns.agent.tolist(), columns.start.tolist(), strict=True))


def _first_tier(model: Model) -> Objective:
    return next(objective for objective in tier_objectives(model) if objective.tier == FIRST)


class Screen:
    """Bounds of what lessons gain, from the duals of the problem as it is.

    Attributes
    ----------
    bound
        The bound of the problem as it is by these duals.
    """

    def __init__(self, solved: SolvedProblem) -> None:
        model, objective, duals = solved.model, solved.objective, solved.relaxation.duals
        self.bound, _ = certify(model, objective, duals)
        self._duals = {name: duals[rows] for name, rows in model.families.items()}
        # Where rows whose columns are not priced below cost something, nothing can be said without an LP.
        self._complete = not any(self._duals[name].any() for name in self._duals.keys() - _PRICED - _UNPRICED)
        coupling = np.where(np.isfinite(model.lower), duals, np.maximum(duals, 0.0))
        coupling[model.families["once"]] = 0.0
        points = objective.on_columns - model.on_columns.T @ coupling
        engagement, agent = model.columns.engagement, model.columns.agent

        self._best = np.where(model.must, -np.inf, 0.0)
        self._best_of_others = self._best.copy()
        np.maximum.at(self._best, engagement, points)
        self._best_agent = np.full(len(self._best), -1)
        leads = points >= self._best[engagement]
        self._best_agent[engagement[leads]] = agent[leads]
        others = agent != self._best_agent[engagement]
        np.maximum.at(self._best_of_others, engagement[others], points[others])
        self._spare = _spare_by_agent(model, objective, coupling)

    def gains(self, taught: Problem, learners: Sequence[int], skill: str) -> Floats:
        """Return for each learner an upper bound of what the LP gains if they alone learn; ∞ where an LP must tell.

        Parameters
        ----------
        taught
            The problem in which all learners have learnt the skill.
        learners
            Their indices.
        """
        fit = Fit(Roster.of(taught))
        rows = np.array(learners, dtype=np.int64)
        changed = [
            index for index, each in enumerate(taught.engagements) if any(need.skill == skill for need in each.requires)
        ]
        learns = np.zeros(len(taught.agents), dtype=bool)
        learns[rows] = True
        model = build_model(fit, Asks.of(taught), enumerate_columns(fit, changed, learns))
        objective, columns = _first_tier(model), model.columns
        coupling = self._coupling(model)

        place = np.full(len(learns), -1)
        place[rows] = np.arange(len(rows))
        best = np.where(self._best_agent == rows[:, None], self._best_of_others, self._best)
        points = objective.on_columns - model.on_columns.T @ coupling
        np.maximum.at(best, (place[columns.agent], columns.engagement), points)
        asked = np.union1d(changed, columns.engagement).astype(np.int64)
        gains = (best[:, asked] - self._best[asked]).sum(axis=1)
        gains += (_spare_by_agent(model, objective, coupling) - self._spare)[rows]
        # Columns of others change too where the learner covers their stretch work, or where somebody learns beside.
        covers = np.array([skill in taught.agents[row].mentor_for for row in learners], dtype=bool)
        beside = any(taught.engagements[index].shadow for index in changed)
        return np.where(covers | beside | (not self._complete), np.inf, gains)

    def _coupling(self, model: Model) -> Floats:
        """Return the duals in the rows of a model of a lesson."""
        coupling = np.zeros(len(model.upper))
        for name in _PRICED & model.families.keys():
            coupling[model.families[name]] = self._duals[name]
        return np.where(np.isfinite(model.lower), coupling, np.maximum(coupling, 0.0))


def _spare_by_agent(model: Model, objective: Objective, coupling: Floats) -> Floats:
    """Return what the reserved minutes of each agent add to the bound."""
    continuous = model.continuous
    spare = np.maximum(objective.on_continuous - model.on_continuous.T @ coupling, 0.0) * continuous.upper
    agent = continuous.reserve_cell // model.problem.intervals
    total = np.zeros(len(model.problem.agents))
    np.add.at(total, agent, spare[continuous.reserves])
    return total
