r"""
The career lattice: service roles, the steps between them, and how far a person meets a role.

Readiness of a person with effective levels :math:`\ell` for a role with requirements :math:`R` is

.. math:: \rho = \frac{\sum_{r \in R} w_r \, \min(1, \ell_r / L_r)}{\sum_{r \in R} w_r}

=============  ===========================  ==============================
Symbol         Code                         Unit
=============  ===========================  ==============================
:math:`L_r`    ``RoleRequirement.level``    required level, 1 to 5
:math:`w_r`    ``RoleRequirement.weight``   weight, above 0
:math:`\ell_r` ``levels[skill]``            effective level, 0 to 5
:math:`\rho`   ``Readiness.share``          fraction, 0 to 1
=============  ===========================  ==============================

The minimum is why a surplus never offsets a shortfall.  A hard gate is never offset either: nobody is ready while any
gate is unmet, whatever their share.  Readiness informs a person's decision; it never makes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx

READY_SHARE = 0.8
"""Share from which a person who meets every gate is called ready; the rest is learnt in the role."""


class LatticeCycleError(ValueError):
    """
    Steps up that lead back to where they start.

    Parameters
    ----------
    roles
        The roles of the cycle in order; the first follows the last.
    """

    def __init__(self, roles: Sequence[int]) -> None:
        super().__init__(f"Steps up run in a circle over {len(roles)} roles.")
        self.roles = tuple(roles)


@dataclass(frozen=True, slots=True)
class RoleRequirement:
    """A skill that a role asks for, by its key: level 1 to 5, weight above 0, and whether it is a hard gate."""

    skill: int
    level: int
    weight: float = 1.0
    gate: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.level <= 5:
            raise ValueError(f"Level {self.level} is not from 1 to 5.")
        if not self.weight > 0:
            raise ValueError(f"Weight {self.weight} is not above 0.")


@dataclass(frozen=True, slots=True)
class Gap:
    """A requirement that is not met: the level there is, and whether it is a gate."""

    skill: int
    has: int
    needs: int
    gate: bool

    @property
    def levels(self) -> int:
        """Levels that are missing, at least 1."""
        return self.needs - self.has


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a person meets a role; ``gaps`` come gates first, then by missing levels, the largest first."""

    share: float
    gaps: tuple[Gap, ...]

    @property
    def unmet_gates(self) -> tuple[Gap, ...]:
        """The hard gates that are not met."""
        return tuple(gap for gap in self.gaps if gap.gate)

    @property
    def ready(self) -> bool:
        """Whether every gate is met and the share reaches :data:`READY_SHARE`."""
        return not self.unmet_gates and self.share >= READY_SHARE - 1e-9

    @property
    def missing_levels(self) -> int:
        """Levels that are missing over all requirements."""
        return sum(gap.levels for gap in self.gaps)

    @property
    def nearness(self) -> tuple[int, float, int]:
        """Key that sorts the readiest first: unmet gates, then share, then missing levels."""
        return (len(self.unmet_gates), -self.share, self.missing_levels)


def readiness(requirements: Sequence[RoleRequirement], levels: Mapping[int, int]) -> Readiness:
    """
    Return how far effective levels meet the requirements of a role.

    Parameters
    ----------
    requirements
        What the role asks for; a role that asks for nothing is met by everybody.
    levels
        Effective level by skill; a skill that is not named has level 0.

    Examples
    --------
    Level 1 of 2 at weight 1 and level 5 of 3 at weight 3 give (1 · 1/2 + 3 · 1) / 4:

    >>> readiness([RoleRequirement(1, 2), RoleRequirement(2, 3, weight=3)], {1: 1, 2: 5}).share
    0.875
    """
    total = sum(requirement.weight for requirement in requirements)
    if not requirements:
        return Readiness(share=1.0, gaps=())
    met = sum(
        requirement.weight * min(1.0, levels.get(requirement.skill, 0) / requirement.level)
        for requirement in requirements
    )
    gaps = [
        Gap(requirement.skill, has=levels.get(requirement.skill, 0), needs=requirement.level, gate=requirement.gate)
        for requirement in requirements
        if levels.get(requirement.skill, 0) < requirement.level
    ]
    return Readiness(
        share=met / total, gaps=tuple(sorted(gaps, key=lambda gap: (not gap.gate, -gap.levels, gap.skill)))
    )


class Lattice:
    """
    The graph of roles and steps.

    Parameters
    ----------
    roles
        Keys of the roles.
    up, across
        Steps as pairs (from, to); a step across leads to an equal place and may be walked back by another step.

    Raises
    ------
    LatticeCycleError
        If steps up run in a circle, so that "up" would mean nothing.
    """

    def __init__(
        self, roles: Iterable[int], *, up: Iterable[tuple[int, int]], across: Iterable[tuple[int, int]] = ()
    ) -> None:
        self._up: nx.DiGraph[int] = nx.DiGraph()
        self._up.add_nodes_from(roles)
        self._up.add_edges_from(up)
        self._across: nx.DiGraph[int] = nx.DiGraph()
        self._across.add_nodes_from(self._up)
        self._across.add_edges_from(across)
        try:
            cycle = nx.find_cycle(self._up)
        except nx.NetworkXNoCycle:
            return
        raise LatticeCycleError([edge[0] for edge in cycle])

    def entries(self) -> tuple[int, ...]:
        """Return the roles that no step up leads to: where people come in."""
        return tuple(sorted(role for role in self._up if self._up.in_degree(role) == 0))

    def dead_ends(self) -> tuple[int, ...]:
        """Return the roles that no step leaves, neither up nor across."""
        return tuple(
            sorted(role for role in self._up if self._up.out_degree(role) == 0 and self._across.out_degree(role) == 0)
        )
