"""
The whole assignment model as arrays: columns, continuous variables, rows by family, and the objective of each tier.

The arrays are what pricing, bounds and heuristics read; `optimizer.assignment.master` writes a part of them as a PuLP
model when it comes to solving.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from optimizer.assignment.asks import Asks
from optimizer.assignment.columns import Columns, enumerate_columns
from optimizer.assignment.continuous import Continuous, list_continuous
from optimizer.assignment.rows.balance import balance_rows
from optimizer.assignment.rows.capacity import capacity_rows
from optimizer.assignment.rows.changes import change_rows, keeps_previous
from optimizer.assignment.rows.demand import demand_rows
from optimizer.assignment.rows.family import Rows, Scene
from optimizer.assignment.rows.growth import growth_rows
from optimizer.assignment.rows.limits import limit_rows
from optimizer.assignment.rows.once import once_rows
from optimizer.assignment.rows.overtime import overtime_rows
from optimizer.assignment.rows.pairs import pair_rows
from optimizer.assignment.rows.shares import share_rows
from optimizer.assignment.unlisted import Unlisted
from optimizer.fit import Fit
from optimizer.policy import TIERS
from optimizer.problem import Problem
from optimizer.roster import Flags, Floats, Integers, Roster

FAMILIES: tuple[Callable[[Scene], Rows], ...] = (
    capacity_rows,
    overtime_rows,
    demand_rows,
    limit_rows,
    share_rows,
    change_rows,
    balance_rows,
    pair_rows,
    growth_rows,
)
"""Families of rows after `once_rows`, which comes first: row number = number of the engagement or learner's slot."""


@dataclass(frozen=True, slots=True)
class Objective:
    """Points of one tier: of each column, of each unit of a continuous variable, and a constant."""

    tier: str
    on_columns: Floats
    on_continuous: Floats
    constant: float

    @property
    def is_constant(self) -> bool:
        """Whether nothing that is decided changes this tier."""
        return not self.on_columns.any() and not self.on_continuous.any()

    def of(self, chosen: Integers, continuous: Floats) -> float:
        """Return the points of chosen columns and values of the continuous variables."""
        points = self.on_columns[chosen].sum() + self.on_continuous @ continuous + self.constant
        return float(points)


@dataclass(frozen=True, slots=True)
class Model:
    """The model of one problem.

    Attributes
    ----------
    roster
        The agents as arrays: capacity, overtime and limits of carry-over. Its own problem may have other pins.
    must
        Which engagements have to be served; the slots of learners follow, none of which has to be.
    on_columns, on_continuous, lower, upper
        All rows; those of `families["once"]` come first.
    families
        Where the rows of each family stand.
    start
        Columns with which heuristics begin: those that a floor of protected growth needs.
    unlisted
        Where not all columns are listed: those that are not, to be priced.
    duals
        Duals of all rows to begin with; None if there are none.
    earlier
        Columns of an earlier plan, which fit beside each other, to begin from.
    """

    problem: Problem
    roster: Roster
    columns: Columns
    continuous: Continuous
    must: Flags
    on_columns: sparse.csr_array
    on_continuous: sparse.csr_array
    lower: Floats
    upper: Floats
    families: dict[str, slice]
    start: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    unlisted: Unlisted | None = None
    duals: Floats | None = None
    earlier: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def fixed(self) -> Flags:
        """Which columns no single move may take out: halves of a pair, and those that heuristics begin with."""
        fixed: Flags = self.columns.pair >= 0
        fixed[self.start] = True
        return fixed

    def duals_at(self, prices: Floats) -> Floats:
        """Return duals of all rows: the prices of minutes, agents × intervals, in the rows of capacity, else 0."""
        duals = np.zeros(len(self.upper))
        duals[self.families["capacity"]] = prices[self.roster.capacity > 0]
        return duals

    def with_floor(self, objective: Objective, least: float) -> "Model":
        """Return the model with one more row: this objective must stay at or above `least`."""
        row = len(self.upper)
        return replace(
            self,
            on_columns=sparse.csr_array(
                sparse.vstack([self.on_columns, sparse.csr_array(-objective.on_columns[None, :])])
            ),
            on_continuous=sparse.csr_array(
                sparse.vstack([self.on_continuous, sparse.csr_array(-objective.on_continuous[None, :])])
            ),
            lower=np.append(self.lower, -np.inf),
            upper=np.append(self.upper, objective.constant - least),
            duals=None if self.duals is None else np.append(self.duals, 0.0),
            families=self.families | {f"floor {objective.tier}": slice(row, row + 1)},
        )

    def columns_of(self, engagement: int) -> slice:
        """Return where the columns of an engagement stand."""
        first, after = np.searchsorted(self.columns.engagement, [engagement, engagement + 1])
        return slice(int(first), int(after))


def build_model(fit: Fit, asks: Asks, enumerated: Columns | None = None) -> Model:
    """Return the model of a problem with those pins and rules that `asks` lists.

    Parameters
    ----------
    enumerated
        All columns of the problem, if somebody has enumerated them already.
    """
    problem = asks.apply(fit.roster.problem)
    columns = asks.filter(problem, enumerate_columns(fit) if enumerated is None else enumerated)
    scene = Scene(fit.roster, columns, list_continuous(fit, columns))
    must = asks.must(problem)
    parts = [once_rows(scene, must), *(family(replace_problem(scene, problem)) for family in FAMILIES)]
    families, first = {}, 0
    for part in parts:
        families[part.name] = slice(first, first + len(part))
        first += len(part)
    return Model(
        problem=problem,
        roster=fit.roster,
        columns=columns,
        continuous=scene.continuous,
        must=must,
        on_columns=sparse.csr_array(sparse.vstack([part.on_columns for part in parts])),
        on_continuous=sparse.csr_array(sparse.vstack([part.on_continuous for part in parts])),
        lower=np.concatenate([part.lower for part in parts]),
        upper=np.concatenate([part.upper for part in parts]),
        families=families,
    )


def replace_problem(scene: Scene, problem: Problem) -> Scene:
    """Return the scene with another version of the problem, the agents being the same."""
    return replace(scene, roster=replace(scene.roster, problem=problem))


def tier_objectives(model: Model) -> list[Objective]:
    """Return the objective of each tier of points, in order: all but that of protected growth."""
    return [_objective(model, tier, terms) for tier, terms in TIERS.items() if tier != "protected"]


def protected_objective(model: Model) -> Objective | None:
    """Return the objective of protected growth, minus the minutes owed; None if no minutes are due."""
    if not len(model.continuous.debt_agent):
        return None
    return _objective(model, "protected", TIERS["protected"])


def _objective(model: Model, tier: str, terms: tuple[str, ...]) -> Objective:
    problem, columns, continuous = model.problem, model.columns, model.continuous
    policy = problem.policy
    on_columns = columns.value(terms)
    on_continuous = np.zeros(len(continuous))
    constant = 0.0
    if "service" in terms:
        rate = np.array([each.value_per_minute for each in problem.forecast], dtype=float)
        points = policy.weight("service") * rate[continuous.reserve_class] * continuous.reserve_contacts
        on_continuous[continuous.reserves] += points
    if "cost" in terms and policy.weight("cost") > 0:
        rate = np.array([agent.cost_per_minute for agent in problem.agents], dtype=float)
        agent = continuous.reserve_cell // problem.intervals
        on_continuous[continuous.reserves] -= policy.weight("cost") * rate[agent]
    if "balance" in terms:
        on_continuous[continuous.excesses] -= policy.weight("balance")
    if "debt" in terms:
        on_continuous[continuous.debts] = -1.0
    if "stability" in terms and policy.weight("stability") > 0:
        minutes = {engagement.id: engagement.minutes for engagement in problem.engagements}
        left = sum(minutes[placement.engagement] for placement in problem.previous)
        constant = -policy.weight("stability") * left
        kept = keeps_previous(problem, columns)
        own = np.array([each.minutes for each in problem.engagements], dtype=float)[columns.work]
        on_columns = on_columns + policy.weight("stability") * own * kept
    return Objective(tier, on_columns, on_continuous, constant)
