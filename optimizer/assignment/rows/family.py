"""A family of rows: linear limits over the binary columns and the continuous variables."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.assignment.columns import Columns
from optimizer.assignment.continuous import Continuous
from optimizer.roster import Flags, Floats, Integers, Roster


@dataclass(frozen=True, slots=True)
class Scene:
    """What a family of rows is made from."""

    roster: Roster
    columns: Columns
    continuous: Continuous


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows ``lower ≤ on_columns · x + on_continuous · z ≤ upper`` of one family.

    Attributes
    ----------
    name
        Short name of the family, for the model's row names.
    on_columns, on_continuous
        Coefficients, rows × columns and rows × continuous variables.
    """

    name: str
    on_columns: sparse.csr_array
    on_continuous: sparse.csr_array
    lower: Floats
    upper: Floats

    def __len__(self) -> int:
        return len(self.upper)


def at_most(name: str, on_columns: Any, upper: Floats, on_continuous: Any = None, *, width: int) -> Rows:
    """Return rows with an upper limit only; `width` is the number of continuous variables."""
    count = len(upper)
    return Rows(
        name,
        sparse.csr_array(on_columns),
        sparse.csr_array((count, width)) if on_continuous is None else sparse.csr_array(on_continuous),
        np.full(count, -np.inf),
        np.asarray(upper, dtype=float),
    )


def grouped(row: Integers, coefficients: Floats, shape: tuple[int, int]) -> sparse.csr_array:
    """Return a matrix with one entry in each column: `coefficients[j]` in row `row[j]`, none where the row is −1."""
    used = np.flatnonzero(row >= 0)
    return sparse.csr_array(sparse.coo_array((coefficients[used], (row[used], used)), shape=shape))


def only(which: Flags, matrix: sparse.csr_array) -> sparse.csr_array:
    """Return a matrix with the rows for which `which` does not hold set to zero."""
    kept = np.repeat(which.astype(float), np.diff(matrix.indptr))
    return sparse.csr_array((matrix.data * kept, matrix.indices, matrix.indptr), shape=matrix.shape)
