r"""
Interdiction: which absences of at most a given number break covered work, if any do.

**Model**: interdiction of a maximum flow by the dual of the flow, a mixed-integer program (Wood 1993, "Deterministic
network interdiction"; strongly NP-hard).  Absences :math:`z` and a set of works :math:`y` are chosen together so that
the works miss as many minutes as possible:

.. math::
    \max \sum_w m_w y_w - \sum_{(a, t)} c_{at} u_{at} \quad\text{where}\quad
    y_w \le v_g,\; u_{at} \ge v_g - z_a,\; \sum_a z_a \le k,\; z \in \{0, 1\},\; 0 \le u, v, y \le 1

=========  ========================================================
Symbol     Meaning
=========  ========================================================
:math:`y`  the work belongs to the shortage
:math:`v`  gate g (people in a slot) is open to a work of the shortage
:math:`u`  the minutes of a person in a slot count against it
:math:`z`  the person is away
=========  ========================================================

For whole :math:`z` what remains is the dual of a flow, whose matrix is totally unimodular, so that only :math:`z` is
branched on.  The optimum is 0 exactly if no :math:`k` absences break anything.  It is asked for with a budget, not for
the fewest absences at once: minimising :math:`\sum z` lets the relaxation break a thousandth of a work by a thousandth
of an absence, and bounds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice, pairwise
from typing import Any

import numpy as np
import pulp
from pulp import constants

from optimizer.assignment.highs import ArrayHighs
from optimizer.control import Control
from optimizer.graphs.cover import Cover

_SOME = 0.5
"""Minutes from which a shortage is one: minutes are whole, and the solver is exact to a small part of one."""


@dataclass(frozen=True, slots=True)
class Target:
    """
    Works whose shortage absences could bring about.

    Attributes
    ----------
    works
        Their positions in the cover.
    people
        Who has minutes for any of them, those with the most minutes first.
    minutes
        The minutes of each of ``people`` that are open to the works.
    spare
        Minutes that the works leave over while everybody is there, at least 0.
    """

    works: tuple[int, ...]
    people: tuple[str, ...]
    minutes: tuple[int, ...]
    spare: int

    @property
    def fewest(self) -> int:
        """The fewest absences that break the works: those with the most minutes first."""
        gone = 0
        for count, own in enumerate(self.minutes, start=1):
            gone += own
            if gone > self.spare:
                return count
        return len(self.minutes) + 1

    def breaking(self, count: int, limit: int) -> list[tuple[str, ...]]:
        """Return up to ``limit`` groups of ``count`` people whose absence breaks the works, most minutes first."""
        own = dict(zip(self.people, self.minutes, strict=True))
        # Whoever does not help the strongest others to break it is in no group.
        others = sum(self.minutes[: count - 1])
        useful = [person for person in self.people if own[person] + others > self.spare]
        groups = (group for group in combinations(useful, count) if sum(own[each] for each in group) > self.spare)
        return [tuple(sorted(group)) for group in islice(groups, limit)]


def aim(cover: Cover, works: Sequence[int]) -> Target:
    """Return what absences could do to some works."""
    points = cover.points_of(works)
    own = np.zeros(len(cover.people), dtype=np.int64)
    np.add.at(own, cover.owner[points], cover.minutes[points])
    order = [person for person in np.argsort(-own, kind="stable").tolist() if own[person]]
    spare = int(own.sum()) - int(cover.needed[list(works)].sum())
    people = tuple(cover.people[person] for person in order)
    return Target(tuple(works), people, tuple(own[order].tolist()), spare)


def likely_targets(cover: Cover) -> list[Target]:
    """
    Return targets by rule of thumb: the works that only some people can do, in one slot and in all.

    They give a first number of absences to beat, often the fewest already.
    """
    every = range(len(cover.works))
    single = {work.slots for work in cover.works if len(work.slots) == 1}
    targets = [aim(cover, every)]
    for scope in [None, *sorted(single, key=sorted)]:
        inside = [work for work in every if scope is None or cover.works[work].slots <= scope]
        crews = sorted({cover.works[work].people for work in inside}, key=sorted)
        targets += [aim(cover, [work for work in inside if cover.works[work].people <= crew]) for crew in crews]
    return targets


class Interdiction:
    """
    The model of some work, kept alive for other budgets.

    Parameters
    ----------
    cover
        The work, covered while everybody is there; each of its people has minutes for some of it.
    control
        Deadline and cancel.
    """

    def __init__(self, cover: Cover, control: Control) -> None:
        self.cover = cover
        # Any absences that break something will do; the flow then tells the most that they break.
        self._solver = ArrayHighs(control, mip=True, threads=1, mip_rel_gap=0.0, objective_target=-_SOME)
        self._forbidden: list[tuple[str, ...]] = []
        self._columns: list[int] = []

    def _write(self, budget: int) -> pulp.LpProblem:
        model, cover = pulp.LpProblem("absences", pulp.LpMaximize), self.cover
        self._away = [model.add_variable(f"z{each:06d}", 0, 1, pulp.LpInteger) for each in range(len(cover.people))]
        short = [model.add_variable(f"y{each:06d}", 0, 1) for each in range(len(cover.works))]
        opened = [model.add_variable(f"v{each:06d}", 0, 1) for each in range(len(cover.gates))]
        counted = [model.add_variable(f"u{each:07d}", 0, 1) for each in range(len(cover.owner))]
        gains = [*zip(short, cover.needed.tolist(), strict=True), *zip(counted, (-cover.minutes).tolist(), strict=True)]
        model.setObjective(pulp.LpAffineExpression(gains))
        # The budget is the first row, so that it can be changed.
        rows: list[list[tuple[Any, int]]] = [[(variable, 1) for variable in self._away]]
        for work, gates in enumerate(cover.gates_of):
            rows += [[(short[work], 1), (opened[gate], -1)] for gate in gates.tolist()]
        for gate, points in enumerate(cover.gates):
            for point in points.tolist():
                rows.append([(opened[gate], 1), (counted[point], -1), (self._away[cover.owner[point]], -1)])
        # Of people who are alike the first is away first, or the search would try each of them in turn.
        rows += [[(self._away[second], 1), (self._away[first], -1)] for first, second in self._twins()]
        for number, terms in enumerate(rows):
            most = 0 if number else budget
            row = pulp.LpAffineExpression(terms)
            model.addConstraint(pulp.LpConstraint(row, constants.LpConstraintLE, f"r{number:07d}", most))
        return model

    def _twins(self) -> list[tuple[int, int]]:
        """Return pairs of people who have the same minutes behind the same gates."""
        looks: list[set[tuple[int, int]]] = [set() for _ in self.cover.people]
        for gate, points in enumerate(self.cover.gates):
            for point in points.tolist():
                looks[self.cover.owner[point]].add((gate, int(self.cover.minutes[point])))
        groups: dict[frozenset[tuple[int, int]], list[int]] = {}
        for person, look in enumerate(looks):
            groups.setdefault(frozenset(look), []).append(person)
        return [pair for group in groups.values() for pair in pairwise(group)]

    def forbid(self, people: tuple[str, ...]) -> None:
        """Let no further answer hold all of these people."""
        if set(people) <= set(self.cover.people):
            self._forbidden.append(people)

    def solve(self, budget: int) -> tuple[Target | None, bool]:
        """
        Return works that some absences within a budget break, or None; and whether None is proven.

        If the clock or a cancel comes first, works that were found until then are returned all the same.
        """
        if self._solver.live is None:
            # The first run is without what is forbidden, which only live models take.
            self._write(budget).solve(self._solver)
            self._columns = [variable.index for variable in self._away]  # type: ignore[attr-defined]
            if not self._forbidden:
                return self._read()
        self._solver.change_row(0, float(budget))
        while self._forbidden:
            people = self._forbidden.pop()
            index = np.array([self._columns[self.cover.people.index(person)] for person in people])
            self._solver.add_row(len(index) - 1, index, np.ones(len(index)))
        self._solver.run()
        return self._read()

    def _read(self) -> tuple[Target | None, bool]:
        if self._solver.outcome() == "none":
            return None, False
        away = self._solver.values[self._columns] > _SOME
        people = [person for person, gone in zip(self.cover.people, away.tolist(), strict=True) if gone]
        works = self.cover.short_works(people)
        return (aim(self.cover, works), True) if works else (None, self._solver.bound < _SOME)
