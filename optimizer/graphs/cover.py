r"""
Cover: whether the people on shift have the minutes that the work of a period asks for.

Work :math:`w` needs :math:`m_w` minutes from its people :math:`E_w` in its slots :math:`T_w`; person :math:`a` has
:math:`c_{at}` minutes in slot :math:`t`.  Minutes may be split among people and slots.  Work is covered if a flow

.. math:: \text{source} \xrightarrow{m_w} w \longrightarrow (E_w, t) \longrightarrow (a, t) \xrightarrow{c_{at}}
          \text{sink}

fills every edge that leaves the source.  By the theorem of max-flow and min-cut (Ford, Fulkerson 1956; for cover also
Hall 1935 and Gale 1957) it is not covered exactly if some works :math:`D` need more than their people have:

.. math:: \sum_{w \in D} m_w > \sum_{(a, t) \text{ open to some } w \in D} c_{at}

Such works are a **shortage**, and the proof that anybody can check with a pencil.  Of the largest shortage the smallest
set of works is taken; it is unique (Dulmage, Mendelsohn 1958).  The flow is Dinic's, O(V²E).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

Integers = npt.NDArray[np.int64]

_SOURCE = 0
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Work:
    """
    Minutes that are needed from certain people in certain slots.

    Parameters
    ----------
    id
        Its name, one of a kind.
    minutes
        Whole minutes of somebody's time, at least 0.
    people
        Who can do it.
    slots
        When it may be done, by the number of the slot.
    """

    id: str
    minutes: int
    people: frozenset[str]
    slots: frozenset[int]

    def __post_init__(self) -> None:
        if self.minutes < 0:
            raise ValueError(f"Work {self.id!r} has {self.minutes} minutes, fewer than 0.")


@dataclass(frozen=True, slots=True)
class Shortage:
    """Works that need more minutes than the people have who could do any of them."""

    works: tuple[str, ...]
    needed: int
    available: int

    @property
    def missing(self) -> int:
        """Minutes that are missing, at least 1."""
        return self.needed - self.available


class Cover:
    """
    The network of a period.

    Parameters
    ----------
    minutes
        Whole minutes that each person has, by slot.
    works
        What is needed.

    Raises
    ------
    ValueError
        If minutes are below 0, two works share a name, or the minutes add up to more than 2³¹ − 1.
    """

    def __init__(self, minutes: Mapping[str, Mapping[int, int]], works: Sequence[Work]) -> None:
        _check(minutes, works)
        self.works = tuple(work for work in works if work.minutes)
        self.people = tuple(sorted(minutes))
        number = {person: position for position, person in enumerate(self.people)}
        found = [(number[a], slot, own) for a, slots in minutes.items() for slot, own in slots.items() if own]
        places = sorted(found)
        self.owner = np.array([place[0] for place in places], dtype=np.int64)
        self.slot = np.array([place[1] for place in places], dtype=np.int64)
        self.minutes = np.array([place[2] for place in places], dtype=np.int64)
        self.needed = np.array([work.minutes for work in self.works], dtype=np.int64)
        points = {(person, slot): position for position, (person, slot, _) in enumerate(places)}
        self.gates: list[Integers] = []
        """For each set of people in one slot that works ask for, the points (person, slot) behind it."""
        self.gates_of: list[Integers] = []
        """For each work, its gates."""
        self._edges: csr_array | None = None
        known: dict[tuple[frozenset[str], int], int] = {}
        for work in self.works:
            own = [_gate(known, self.gates, points, number, work.people, slot) for slot in sorted(work.slots)]
            self.gates_of.append(np.array([gate for gate in own if gate >= 0], dtype=np.int64))

    def shortages(self, away: Collection[str] = ()) -> tuple[Shortage, ...]:
        """
        Return what is not covered without some people, the largest shortage first; empty if everything is.

        The works of all shortages together are the smallest set of works that misses the most minutes; each shortage is
        a part of it that shares no minute with the others.
        """
        left = self._without(away)
        found = [self._shortage(group, left) for group in self._groups(self.short_works(away))]
        return tuple(sorted(found, key=lambda shortage: (-shortage.missing, shortage.works)))

    def parts(self) -> list[Cover]:
        """Return the network cut into those of works that share nobody's minutes with others."""
        return [self._part(group) for group in self._groups(range(len(self.works)))]

    def _part(self, works: Sequence[int]) -> Cover:
        minutes: dict[str, dict[int, int]] = {}
        for point in self.points_of(works).tolist():
            own = minutes.setdefault(self.people[self.owner[point]], {})
            own[int(self.slot[point])] = int(self.minutes[point])
        return Cover(minutes, [self.works[work] for work in works])

    def points_of(self, works: Iterable[int]) -> Integers:
        """Return the points that are open to any of some works."""
        gates = {gate for work in works for gate in self.gates_of[work].tolist()}
        return np.unique(np.concatenate([self.gates[gate] for gate in gates])) if gates else np.zeros(0, np.int64)

    def _groups(self, works: Sequence[int]) -> list[list[int]]:
        """Return works in groups that have no point in common, each and all in the order of their positions."""
        edges = [(position, point) for position, work in enumerate(works) for point in self.points_of([work]).tolist()]
        size = len(works) + len(self.owner)
        rows = [row for row, _ in edges]
        columns = [len(works) + point for _, point in edges]
        _, labels = connected_components(csr_array((np.ones(len(edges)), (rows, columns)), shape=(size, size)))
        groups: dict[int, list[int]] = {}
        for position, work in enumerate(works):
            groups.setdefault(int(labels[position]), []).append(work)
        return list(groups.values())

    def _shortage(self, works: Sequence[int], left: Integers) -> Shortage:
        available = int(left[self.points_of(works)].sum())
        return Shortage(tuple(self.works[work].id for work in works), int(self.needed[works].sum()), available)

    def _without(self, away: Collection[str]) -> Integers:
        """Return the minutes of each point without those of some people."""
        gone = [position for position, person in enumerate(self.people) if person in away]
        return np.where(np.isin(self.owner, gone), 0, self.minutes)

    def short_works(self, away: Collection[str] = ()) -> list[int]:
        """
        Return the positions of the works that are short without some people; none if everything is covered.

        They are the source side of the smallest minimum cut.
        """
        graph = self._network()
        left = self._without(away)
        # The last edges are those from the points to the sink.
        entries = np.concatenate([graph.data[: len(graph.data) - len(left)], left.astype(np.int32)])
        graph = csr_array((entries, graph.indices, graph.indptr), shape=graph.shape)
        flow = maximum_flow(graph, _SOURCE, graph.shape[0] - 1)
        if flow.flow_value == int(self.needed.sum()):
            return []
        residual = csr_array(graph - flow.flow)
        residual.eliminate_zeros()
        reached = breadth_first_order(residual, _SOURCE, return_predecessors=False)
        return sorted(int(node) - 1 for node in reached if 1 <= node <= len(self.works))

    def _network(self) -> csr_array:
        """Return the network while everybody is there: source, works, gates, points and sink, each with its edges."""
        if self._edges is None:
            first_gate = 1 + len(self.works)
            first_point = first_gate + len(self.gates)
            sink = first_point + len(self.owner)
            heads = [np.arange(1, first_gate), *(first_gate + gates for gates in self.gates_of)]
            heads += [*(first_point + points for points in self.gates), np.full(len(self.owner), sink)]
            counts = [len(self.works), *map(len, self.gates_of), *map(len, self.gates), *[1] * len(self.owner), 0]
            limits = [self.needed, *(np.full(len(gates), _LARGEST // 2) for gates in self.gates_of)]
            limits += [*(self.minutes[points] for points in self.gates), self.minutes]
            starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
            edges = (np.concatenate(limits).astype(np.int32), np.concatenate(heads).astype(np.int32), starts)
            self._edges = csr_array(edges, shape=(sink + 1, sink + 1))
        return self._edges


def _check(minutes: Mapping[str, Mapping[int, int]], works: Sequence[Work]) -> None:
    if len({work.id for work in works}) < len(works):
        raise ValueError("Two works share a name.")
    if any(own < 0 for slots in minutes.values() for own in slots.values()):
        raise ValueError("Somebody has fewer than 0 minutes.")
    total = sum(work.minutes for work in works) + sum(own for slots in minutes.values() for own in slots.values())
    if total > _LARGEST:
        raise ValueError(f"{total} minutes are more than a flow can count.")


def _gate(
    known: dict[tuple[frozenset[str], int], int],
    gates: list[Integers],
    points: Mapping[tuple[int, int], int],
    number: Mapping[str, int],
    people: frozenset[str],
    slot: int,
) -> int:
    """Return the gate of some people in a slot, −1 if none of them has a minute there."""
    key = (people, slot)
    if key not in known:
        own = sorted(points[place] for a in people if a in number and (place := (number[a], slot)) in points)
        known[key] = len(gates) if own else -1
        if own:
            gates.append(np.array(own, dtype=np.int64))
    return known[key]
