"""
The neighbourhood of one skill, laid out in layers to be drawn.

The skill stands in the middle.  To its left stands what it needs first, one layer for each step; to its right what
needs it; above it what contains it, below what it contains, and on its right, under what needs it, what resembles it.
Within a layer skills are ordered so that lines cross little, by the barycentre of their neighbours in the layer before
(Sugiyama, Tagawa, Toda 1981), and by name where that does not tell.  Equal input gives an equal picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import networkx as nx

from optimizer.graphs.skills import Edge

STEPS = 2
MOST_IN_LAYER = 8


class Side(StrEnum):
    """Where a skill stands from the one in the middle."""

    MIDDLE = "middle"
    NEEDS = "needs"
    LEADS_TO = "leads_to"
    BROADER = "broader"
    NARROWER = "narrower"
    RELATED = "related"


@dataclass(frozen=True, slots=True)
class Placed:
    """A skill at its side, in the layer that many steps from the middle (0 for the middle), in order from 0."""

    skill: int
    side: Side
    layer: int
    order: int


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The skills that are drawn, and how many more there are on each side that has no room for them."""

    placed: tuple[Placed, ...]
    more: Mapping[Side, int]


def lay_out(
    middle: int,
    *,
    needs: Iterable[Edge[int]],
    broader: Iterable[Edge[int]],
    related: Iterable[Edge[int]],
    names: Mapping[int, str],
    most: int = MOST_IN_LAYER,
) -> Neighbourhood:
    """
    Lay out what stands around a skill.

    Parameters
    ----------
    middle
        The skill.
    needs, broader, related
        Links as pairs (skill, other), those of other skills included.
    names
        Name by skill, for the order.
    most
        How many skills a layer has room for, at least 1.

    Notes
    -----
    A skill that stands on several sides is drawn once: as a prerequisite before a successor, then broader, narrower,
    related.  Breadth-first search, O(skills + links).
    """
    ahead, around = nx.DiGraph(list(needs)), nx.DiGraph(list(broader))
    resembling = nx.Graph(list(related))
    for graph in (ahead, around, resembling):
        graph.add_node(middle)
    placed = [Placed(middle, Side.MIDDLE, 0, 0)]
    more: dict[Side, int] = {}
    taken = {middle}
    directions = [
        (Side.NEEDS, ahead, STEPS),
        (Side.LEADS_TO, ahead.reverse(copy=False), 1),
        (Side.BROADER, around, STEPS),
        (Side.NARROWER, around.reverse(copy=False), 1),
        (Side.RELATED, resembling, 1),
    ]
    for side, graph, steps in directions:
        before = [middle]
        for layer in range(1, steps + 1):
            found = {other for skill in before for other in graph[skill]} - taken
            ordered = _order(found, before, graph, names)
            if len(ordered) > most:
                more[side] = more.get(side, 0) + len(ordered) - most
            before = ordered[:most]
            taken.update(found)
            placed += [Placed(skill, side, layer, place) for place, skill in enumerate(before)]
    return Neighbourhood(tuple(placed), more)


def _order(found: Iterable[int], before: Sequence[int], graph: nx.Graph[int], names: Mapping[int, str]) -> list[int]:
    """Return the skills of a layer by the mean place of their neighbours in the layer before, then by name."""

    def barycentre(skill: int) -> float:
        places = [place for place, other in enumerate(before) if graph.has_edge(other, skill)]
        return sum(places) / len(places)

    return sorted(found, key=lambda skill: (barycentre(skill), names[skill].casefold(), skill))
