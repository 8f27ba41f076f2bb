r"""
The workforce model in PuLP: a mixed-integer program that minimises money.

.. math:: \min \sum_t \bigl(\text{spent}_t + \sum_{sk} g_{sk} u_{skt}\bigr)

where :math:`g` is the penalty of demand and spent is what `money` lists. `rows` has the rows and their symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizer.roster import Floats, Integers
from optimizer.staffing.workforce.money import penalties, spending
from optimizer.staffing.workforce.problem import WorkforceProblem
from optimizer.staffing.workforce.rows import FAMILIES
from optimizer.staffing.workforce.variables import Terms, Variables, add_variables

_SENSES = {"=": constants.LpConstraintEQ, "<=": constants.LpConstraintLE, ">=": constants.LpConstraintGE}


@dataclass(frozen=True, slots=True)
class WorkforceModel:
    """The model of a problem.

    Attributes
    ----------
    program
        It maximises minus the money, because `ArrayHighs` maximises.
    constant
        Money that nothing decides.
    rows
        Where each row stands, by family and what it is about.
    """

    program: pulp.LpProblem
    variables: Variables
    constant: float
    rows: dict[str, dict[tuple[str | int, ...], int]]

    def whole(self) -> Integers:
        """Return where the whole variables stand, once a solver has numbered them."""
        return np.array([variable.index for variable in self.variables.whole], dtype=np.int64)  # type: ignore[attr-defined]

    def worth(self, values: Floats) -> float:
        """Return minus the money that values of all variables cost, in the solver's order."""
        points: Any = self.program.objective or {}
        return sum((float(values[variable.index]) * price for variable, price in points.items()), -self.constant)


def build_workforce_model(problem: WorkforceProblem) -> WorkforceModel:
    """Return the model of a problem."""
    program = pulp.LpProblem("workforce", constants.LpMaximize)
    variables = add_variables(problem, program)
    constant = _set_objective(program, variables)
    rows: dict[str, dict[tuple[str | int, ...], int]] = {}
    for position, row in enumerate(row for family in FAMILIES for row in family(variables)):
        rows.setdefault(row.family, {})[row.key] = position
        terms = pulp.LpAffineExpression(row.terms.items())
        program.addConstraint(pulp.LpConstraint(terms, _SENSES[row.sense], f"r{position:09d}", row.limit))
    return WorkforceModel(program, variables, constant, rows)


def _set_objective(program: pulp.LpProblem, variables: Variables) -> float:
    """Set the objective and return its constant."""
    money: dict[pulp.LpVariable, float] = {}
    constant = 0.0
    for quarter in range(variables.problem.quarters):
        terms, fixed = spending(variables, quarter)
        constant += fixed
        _subtract(money, [*terms, *penalties(variables, quarter)])
    program.setObjective(pulp.LpAffineExpression(money.items()))
    return constant


def _subtract(total: dict[pulp.LpVariable, float], terms: Terms) -> None:
    for variable, price in terms:
        total[variable] = total.get(variable, 0.0) - price
