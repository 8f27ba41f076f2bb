r"""
The shortest routes through the career lattice, in months of learning.

A step to a role with requirements :math:`R`, taken with levels :math:`\ell`, takes

.. math:: e(\ell, R) = \max\Bigl(m, \sum_{r \in R} \sum_{k=\ell_r}^{L_r - 1} t_k\Bigr), \qquad
          \ell'_r = \max(\ell_r, L_r)

=============  ================================  ==============================
Symbol         Code                              Unit
=============  ================================  ==============================
:math:`t_k`    ``Effort.months_per_level[k]``    months from level k to k + 1
:math:`m`      ``Effort.least_step_months``      months, above 0
:math:`L_r`    ``RoleRequirement.level``         required level, 1 to 5
:math:`\ell_r` ``levels[skill]``                 effective level, 0 to 5
=============  ================================  ==============================

Gates and weighted requirements count alike: what somebody is promoted without they learn in the role.  The step leaves
them with :math:`\ell'`, so that what one step of a route taught is not paid for again.  The effort of a step therefore
depends on the route before it, and the algorithm of Dijkstra (1959) on roles alone would be wrong.  It is exact on
*states*, pairs of a role and the levels reached, because there the effort of an edge depends on the edge alone and is
never negative.  The search runs on states, made as they are met, with two cuts that lose no optimum:

- A state is dropped if its role was reached before in no more months, those included in which what is lacking of these
  levels for later roles would be learnt.  Higher levels never lengthen what is left, and shorten it by no more than the
  months in which they are learnt.
- The order is that of A* (Hart, Nilsson, Raphael 1968) under a bound that is never above what is left: the larger of
  :math:`m` times the fewest steps left, and the learning of what every route from the role asks for.

No role is entered twice.  That loses nothing either: whatever a detour back to a role teaches takes at least as long
as it saves later, as :math:`\max(m, x) - \max(m, y) \le x - y` for :math:`x \ge y`.

States can grow exponentially with the roles: the path with the fewest colours is a special case, and NP-hard (Yuan,
Varma, Jue 2005, doi:10.1109/INFCOM.2005.1498549).  Ladders of dozens of roles take milliseconds; a search that meets
more than :data:`MOST_STATES` gives up rather than answer wrongly.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import and_, or_

import networkx as nx

from optimizer.graphs.lattice import Gap, RoleRequirement, readiness

HIGHEST = 5
MOST_STATES = 50_000

Cost = tuple[float, int]
"""Months, then steps, so that of equally long routes the one with fewer steps is the better."""


class TooManyWaysError(RuntimeError):
    """More ways through the lattice than are compared."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    How long learning takes.

    The defaults are assumptions for orientation, not measurements: a month to begin, half a year in all to be
    competent, two years in all to be an expert, one skill after the other; and three months at least from a role to
    the next.

    Parameters
    ----------
    months_per_level
        Months from each level 0 to 4 to the next, each at least 0.
    least_step_months
        What a step takes even if there is nothing to learn for it, above 0.
    """

    months_per_level: tuple[float, float, float, float, float] = (1, 2, 3, 6, 12)
    least_step_months: float = 3

    def __post_init__(self) -> None:
        if len(self.months_per_level) != HIGHEST or min(self.months_per_level) < 0:
            raise ValueError(f"Give {HIGHEST} numbers of months, none below 0.")
        if not self.least_step_months > 0:
            raise ValueError(f"A step of {self.least_step_months} months is not above 0.")

    def learning_months(self, has: int, needs: int) -> float:
        """
        Return the months from a level to another, 0 if it is reached already.

        Examples
        --------
        From 1 to 3 the levels 2 and 3 are learnt, in 2 and 3 months:

        >>> Effort().learning_months(1, 3)
        5
        """
        return sum(self.months_per_level[has:needs])


@dataclass(frozen=True, slots=True)
class RouteStep:
    """A step of a route: the role it leads to, what is missing when it is begun, and the months that it takes."""

    role: int
    gaps: tuple[Gap, ...]
    months: float


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a role to another without any role twice."""

    steps: tuple[RouteStep, ...]

    @property
    def roles(self) -> tuple[int, ...]:
        """The roles that it leads to, in order, without the one where it begins."""
        return tuple(step.role for step in self.steps)

    @property
    def months(self) -> float:
        """Months that it takes."""
        return sum(step.months for step in self.steps)


@dataclass(frozen=True, slots=True)
class Gain:
    """What one level more of a skill would save: the level then reached, and months of the shortest route."""

    skill: int
    level: int
    months: float


class RouteSearch:
    """
    The routes to one role.

    Parameters
    ----------
    steps
        Steps up and across as pairs (from, to).
    asks
        What each role asks for; a role that is not named asks for nothing.
    target
        The role to reach.
    effort
        How long learning takes; the defaults of :class:`Effort` unless given.
    most_states
        How many states all searches together may go on from; beyond that they raise :class:`TooManyWaysError`.
    """

    def __init__(
        self,
        steps: Iterable[tuple[int, int]],
        asks: Mapping[int, Sequence[RoleRequirement]],
        *,
        target: int,
        effort: Effort | None = None,
        most_states: int = MOST_STATES,
    ) -> None:
        self._states_left = most_states
        self._asks = asks
        self._target = target
        self._effort = effort or Effort()
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_node(target)
        graph.add_edges_from(steps)
        self._left: dict[int, int] = dict(nx.single_target_shortest_path_length(graph, target))
        # Roles from which the target is out of reach are left out, so that the search never goes there.
        self._next = {role: sorted(other for other in graph[role] if other in self._left) for role in self._left}
        needs = {role: {line.skill: line.level for line in asks.get(role, ())} for role in self._left}
        self._coding = _Coding({skill for levels in needs.values() for skill in levels}, self._effort)
        self._needs = {role: self._coding.encode(levels) for role, levels in needs.items()}
        self._later = {role: self._join(nx.descendants(graph, role)) for role in self._left}
        self._sure = self._bottlenecks()

    def list_routes(self, start: int, levels: Mapping[int, int], *, most: int = 1) -> tuple[Route, ...]:
        """
        Return the shortest routes for a person, the shortest first; of equally long ones the one with fewer steps.

        The routes after the first are found as Yen (1971, doi:10.1287/mnsc.17.11.712) does: the next one leaves a route
        already found at some role, and every such departure is solved by the same search, from the levels that the kept
        part of the route brought.

        Parameters
        ----------
        start
            The role where the person is.
        levels
            Their effective level by skill; a skill that is not named has level 0.
        most
            How many routes to return, at least 1; fewer if there are no more, none if there is no way.
        """
        found = islice(self._iter_best(start, self._coding.encode(levels)), most)
        return tuple(self._describe(roles, levels) for roles in found)

    def list_gains(self, start: int, levels: Mapping[int, int]) -> tuple[Gain, ...]:
        """
        Return what one level more of each skill would save on the shortest route, what moves most first.

        Each is found by solving again with that level, so a gain that another route makes possible is counted too;
        levels that save nothing are left out.  Of equal gains the lower level comes first: it is sooner reached.
        """
        now = self._months(start, levels)
        if now is None:
            return ()
        gains = []
        for skill in self._coding.skills:
            level = levels.get(skill, 0) + 1
            then = self._months(start, {**levels, skill: level}) if level <= HIGHEST else now
            if then is not None and then < now:
                gains.append(Gain(skill, level, now - then))
        return tuple(sorted(gains, key=lambda gain: (-gain.months, gain.level, gain.skill)))

    def _months(self, start: int, levels: Mapping[int, int]) -> float | None:
        found = self._search((0, 0), (start,), self._coding.encode(levels))
        return found[0][0] if found else None

    def _iter_best(self, start: int, levels: int) -> Iterator[tuple[int, ...]]:
        """Yield routes as their roles, that of the start included, the best first."""
        first = self._search((0, 0), (start,), levels)
        candidates = [first] if first else []
        known = {roles for _, roles in candidates}
        yielded: list[tuple[int, ...]] = []
        while candidates:
            _, best = heapq.heappop(candidates)
            yielded.append(best)
            yield best
            for found in self._departures(best, levels, yielded):
                if found[1] not in known:
                    known.add(found[1])
                    heapq.heappush(candidates, found)

    def _departures(
        self, route: tuple[int, ...], levels: int, yielded: Sequence[tuple[int, ...]]
    ) -> Iterator[tuple[Cost, tuple[int, ...]]]:
        """Yield the best way to leave a route at each of its roles other than as a route already found does."""
        cost: Cost = (0, 0)
        for place, role in enumerate(route[:-1]):
            if place:
                cost, levels = self._step(cost, levels, role)
            kept = route[: place + 1]
            barred = frozenset(other[place + 1] for other in yielded if other[: place + 1] == kept)
            found = self._search(cost, kept, levels, barred=barred)
            if found:
                yield found

    def _search(
        self, cost: Cost, kept: tuple[int, ...], levels: int, *, barred: frozenset[int] = frozenset()
    ) -> tuple[Cost, tuple[int, ...]] | None:
        """Return the best route that begins with the kept roles and does not go on to a barred one."""
        if kept[-1] not in self._left:
            return None
        reached: dict[int, list[tuple[Cost, int]]] = {}
        queue = [(self._bound(cost, levels, kept[-1]), kept, cost, levels)]
        while queue:
            _, route, cost, levels = heapq.heappop(queue)
            role = route[-1]
            if role == self._target:
                return cost, route
            if self._is_pointless(role, cost, levels, reached.setdefault(role, [])):
                continue
            reached[role].append((cost, levels))
            self._states_left -= 1
            if self._states_left < 0:
                raise TooManyWaysError("The lattice has more ways than are compared.")
            for other in self._next[role]:
                if other not in route and not (route == kept and other in barred):
                    then, brought = self._step(cost, levels, other)
                    heapq.heappush(queue, (self._bound(then, brought, other), (*route, other), then, brought))
        return None

    def _step(self, cost: Cost, levels: int, role: int) -> tuple[Cost, int]:
        """Return cost and levels after a step to a role."""
        months, steps = cost
        learning = self._coding.months(self._needs[role] & ~levels)
        return (months + max(self._effort.least_step_months, learning), steps + 1), levels | self._needs[role]

    def _bound(self, cost: Cost, levels: int, role: int) -> Cost:
        """Return the least that any route on from a role costs in all."""
        (months, steps), left = cost, self._left[role]
        learning = self._coding.months(self._sure[role] & ~levels)
        return months + max(left * self._effort.least_step_months, learning), steps + left

    def _is_pointless(self, role: int, cost: Cost, levels: int, others: Iterable[tuple[Cost, int]]) -> bool:
        """Return whether another way to the role costs no more, what it lacks of these levels for later included."""
        useful = levels & self._later[role]
        return any(
            before <= cost and (before[0] + self._coding.months(useful & ~has), before[1]) <= cost
            for before, has in others
        )

    def _join(self, roles: Iterable[int]) -> int:
        return reduce(or_, (self._needs[role] for role in roles if role in self._needs), 0)

    def _bottlenecks(self) -> dict[int, int]:
        """Return the levels that every route from each role to the target asks for, as far as they are common."""
        sure = dict.fromkeys(self._left, self._join(self._left)) | {self._target: 0}
        changed = True
        while changed:
            changed = False
            for role in self._left.keys() - {self._target}:
                least = reduce(and_, (sure[other] | self._needs[other] for other in self._next[role]))
                changed |= least != sure[role]
                sure[role] = least
        return sure

    def _describe(self, roles: Sequence[int], levels: Mapping[int, int]) -> Route:
        has = dict(levels)
        steps = []
        for role in roles[1:]:
            gaps = readiness(self._asks.get(role, ()), has).gaps
            learning = sum(self._effort.learning_months(gap.has, gap.needs) for gap in gaps)
            steps.append(RouteStep(role, gaps, max(self._effort.least_step_months, learning)))
            has.update({gap.skill: gap.needs for gap in gaps})
        return Route(tuple(steps))


class _Coding:
    """
    Levels as the bits of one number: a bit for each skill and level that is reached.

    So the levels of two roles together are ``a | b``, what they have in common ``a & b``, what is missing ``a & ~b``.
    """

    def __init__(self, skills: Iterable[int], effort: Effort) -> None:
        self.skills = sorted(skills)
        self._bits = {
            skill: [1 << (level * len(self.skills) + place) for level in range(HIGHEST)]
            for place, skill in enumerate(self.skills)
        }
        block = (1 << len(self.skills)) - 1
        self._blocks = [
            (block << (level * len(self.skills)), months) for level, months in enumerate(effort.months_per_level)
        ]

    def encode(self, levels: Mapping[int, int]) -> int:
        """Return levels by skill as bits; skills that no role asks for are left out."""
        return sum(sum(bits[: levels.get(skill, 0)]) for skill, bits in self._bits.items())

    def months(self, levels: int) -> float:
        """Return the months in which these levels are learnt."""
        return sum(months * (levels & block).bit_count() for block, months in self._blocks) if levels else 0
