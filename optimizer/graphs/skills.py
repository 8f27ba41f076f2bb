"""
The skill graph: which skills are needed before others, which contain others, and what carries over between them.

An edge of a *prerequisite* runs from a skill to what it needs first, one of *broader* from a skill to what contains it.
Both are acyclic, or nobody could begin and nothing would contain anything.  *Related* runs from a skill to another
whose knowledge carries over to it by a weight in (0, 1].
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import networkx as nx

Node = TypeVar("Node", bound=Hashable)
Edge = tuple[Node, Node]


class SkillCycleError(ValueError):
    """
    Links that lead back to where they start.

    Parameters
    ----------
    skills
        The skills of the cycle in order; the first follows the last.
    verb
        How each stands to the next, such as "needs".
    """

    def __init__(self, skills: Sequence[object], verb: str) -> None:
        super().__init__(f" {verb} ".join(str(skill) for skill in (*skills, skills[0])))
        self.skills = tuple(skills)


def refuse_cycle(edges: Iterable[Edge[Node]], skill: Node, other: Node, *, verb: str) -> None:
    """
    Refuse a new edge that would close a circle, which the error names: ``A needs B needs C needs A``.

    Parameters
    ----------
    edges
        Pairs (skill, what it leads to) that are there, without a circle.
    skill, other
        The new edge.
    verb
        How the first stands to the second.

    Raises
    ------
    SkillCycleError
        If ``other`` leads to ``skill`` already; the circle is the shortest there is.
    """
    path = find_path(edges, other, skill)
    if path:
        raise SkillCycleError([skill, *path[:-1]], verb)


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
    return all_ahead(edges, skill)[::-1]


def all_ahead(edges: Iterable[Edge[Node]], skill: Node) -> list[Node]:
    """
    Return every skill that edges lead to from ``skill``, directly or through others, the nearest ones first.

    Over *broader* edges these are all skills that contain it.  No skill comes before one that leads to it.
    """
    graph = nx.DiGraph(list(edges))
    if skill not in graph:
        return []
    found = graph.subgraph(nx.descendants(graph, skill))
    return list(nx.lexicographical_topological_sort(found, key=str))
