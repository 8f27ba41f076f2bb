"""The whole model of a problem as one mixed-integer program: what is handed to solvers to measure ourselves beside."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pulp
from scipy import sparse

from optimizer.assignment.asks import Asks
from optimizer.assignment.model import Model, build_model, tier_objectives
from optimizer.fit import Fit
from optimizer.roster import Floats

COMPARED_TIER = "customers"


@dataclass(frozen=True, slots=True)
class WholeModel:
    """Maximise ``points · v + constant`` with ``row_lower ≤ matrix · v ≤ row_upper`` and ``0 ≤ v ≤ upper``.

    Attributes
    ----------
    integers
        So many variables at the front are binary: the model's columns, in its order. The continuous ones follow.
    """

    points: Floats
    upper: Floats
    integers: int
    matrix: sparse.csr_array
    row_lower: Floats
    row_upper: Floats
    constant: float

    def save(self, path: Path) -> None:
        """Write the arrays as an ``.npz`` file, for a process that must not load this package."""
        np.savez(
            path,
            points=self.points,
            upper=self.upper,
            integers=self.integers,
            starts=self.matrix.indptr,
            index=self.matrix.indices,
            entries=self.matrix.data,
            row_lower=self.row_lower,
            row_upper=self.row_upper,
        )


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """What a solver made of a whole model.

    Attributes
    ----------
    values
        Values of all variables; None without a solution.
    bound
        The solver's own upper bound, constant included; None if it gave none.
    proven
        Whether the solver calls the solution optimal within its own tolerance.
    infeasible
        Whether the solver calls the model infeasible.
    """

    values: Floats | None
    bound: float | None
    proven: bool
    infeasible: bool = False


def write_whole_model(fit: Fit) -> tuple[Model, WholeModel]:
    """Return a problem's model with every column and every pin and rule, and its first tier as a program."""
    model = build_model(fit, Asks.of(fit.roster.problem))
    objective = next(each for each in tier_objectives(model) if each.tier == COMPARED_TIER)
    columns = len(model.columns)
    return model, WholeModel(
        points=np.concatenate([objective.on_columns, objective.on_continuous]),
        upper=np.concatenate([np.ones(columns), model.continuous.upper]),
        integers=columns,
        matrix=sparse.csr_array(sparse.hstack([model.on_columns, model.on_continuous])),
        row_lower=model.lower,
        row_upper=model.upper,
        constant=objective.constant,
    )


def write_pulp(whole: WholeModel) -> tuple[pulp.LpProblem, list[pulp.LpVariable]]:
    """Return the program in PuLP, by the constructors that cost least.

    Names are padded with zeros, because PuLP hands variables over in the order of their names.
    """
    program = pulp.LpProblem("whole", pulp.LpMaximize)
    kinds = (pulp.LpContinuous, pulp.LpInteger)
    variables = [
        program.add_variable(f"v{number:09d}", 0.0, float(most), kinds[number < whole.integers])
        for number, most in enumerate(whole.upper)
    ]
    used = np.flatnonzero(whole.points).tolist()
    program.setObjective(pulp.LpAffineExpression([(variables[each], float(whole.points[each])) for each in used]))
    starts, index, entries = whole.matrix.indptr.tolist(), whole.matrix.indices.tolist(), whole.matrix.data.tolist()
    for row, (least, most) in enumerate(zip(whole.row_lower.tolist(), whole.row_upper.tolist(), strict=True)):
        part = slice(starts[row], starts[row + 1])
        terms = list(zip([variables[each] for each in index[part]], entries[part], strict=True))
        for sense, side in _sides(least, most, entries[part]):
            name = f"r{row:09d}{'l' if sense == pulp.LpConstraintGE else 'u'}"
            program.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, name, side))
    return program, variables


def _sides(least: float, most: float, entries: list[float]) -> list[tuple[int, float]]:
    """Return the constraints that a row comes to; a lower limit that holds anyway is none."""
    if least == most:
        return [(pulp.LpConstraintEQ, most)]
    sides = [(pulp.LpConstraintLE, most)] if np.isfinite(most) else []
    if np.isfinite(least) and not (least <= 0 and all(entry >= 0 for entry in entries)):
        sides.append((pulp.LpConstraintGE, least))
    return sides
