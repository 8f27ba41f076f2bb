"""
The skill graph: which skills are needed before others.

An edge runs from a skill to its prerequisite.  The relation is acyclic, or nobody could begin.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

import networkx as nx

Node = TypeVar("Node", bound=Hashable)
Edge = tuple[Node, Node]


def find_cycle(edges: Iterable[Edge[Node]]) -> list[Node]:
    """
    Return the skills of one cycle in the order in which they need each other, or an empty list if there is none.

    Parameters
    ----------
    edges
        Pairs (skill, its prerequisite).

    Notes
    -----
    Depth-first search, O(skills + edges).
    """
    graph = nx.DiGraph(list(edges))
    try:
        return [tail for tail, _ in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        return []


def find_path(edges: Iterable[Edge[Node]], source: Node, target: Node) -> list[Node]:
    """
    Return the shortest chain of prerequisites from one skill to another, both included, or an empty list.

    A new edge ``target`` → ``source`` would close this chain to a cycle.
    """
    graph = nx.DiGraph(list(edges))
    if source not in graph or target not in graph:
        return [source] if source == target else []
    try:
        return list(nx.shortest_path(graph, source, target))
    except nx.NetworkXNoPath:
        return []


def all_prerequisites(edges: Iterable[Edge[Node]], skill: Node) -> list[Node]:
    """Return every skill that is needed before ``skill``, directly or through others, the first to learn first."""
    graph = nx.DiGraph(list(edges))
    if skill not in graph:
        return []
    needed = nx.descendants(graph, skill)
    order = list(nx.lexicographical_topological_sort(graph.subgraph(needed), key=str))
    return order[::-1]
