"""
Flaws of a career lattice that HR mends: roles that nobody reaches, and roles from which every way up leads out.

Both are questions of reachability, answered by breadth-first search in O(roles · (roles + steps)).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import networkx as nx


def unreachable_roles(
    roles: Iterable[int], *, steps: Iterable[tuple[int, int]], entries: Collection[int]
) -> tuple[int, ...]:
    """
    Return the roles to which no steps lead from any entry.

    Parameters
    ----------
    roles
        Keys of the roles.
    steps
        Steps up and across as pairs (from, to).
    entries
        The roles where people come in; they are reached.

    Examples
    --------
    Nothing leads to 3, which leads to 4:

    >>> unreachable_roles([1, 2, 3, 4], steps=[(1, 2), (3, 4)], entries=[1])
    (3, 4)
    """
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(roles)
    graph.add_edges_from(steps)
    reached = set(entries)
    for entry in entries:
        reached |= nx.descendants(graph, entry)
    return tuple(sorted(set(graph) - reached))


def roles_leading_out(
    roles: Iterable[int], *, up: Iterable[tuple[int, int]], across: Iterable[tuple[int, int]], outside: Collection[int]
) -> tuple[int, ...]:
    """
    Return the roles inside service whose only way up leads out of it.

    From such a role steps lead up, and each leads to an outside role, or to a role inside from which no walk by steps
    inside service arrives at a role that no step up leaves: whoever goes on climbing there ends outside.

    Parameters
    ----------
    roles
        Keys of the roles.
    up, across
        Steps as pairs (from, to).
    outside
        The roles that are not in service.

    Examples
    --------
    From 1 two steps lead up: to 2, from where the only step leads out to 9, and out at once.

    >>> roles_leading_out([1, 2, 9], up=[(1, 2), (2, 9), (1, 9)], across=[], outside=[9])
    (1, 2)
    """
    climb: nx.DiGraph[int] = nx.DiGraph()
    climb.add_nodes_from(roles)
    climb.add_edges_from(up)
    inside = climb.subgraph(set(climb) - set(outside)).copy()
    inside.add_edges_from((one, other) for one, other in across if one in inside and other in inside)
    tops = [role for role in inside if climb.out_degree(role) == 0]
    # Searching once from all tops against the steps finds every role from which one of them is reached.
    staying = set(tops).union(*(nx.ancestors(inside, top) for top in tops))
    return tuple(
        sorted(
            role for role in inside if climb.out_degree(role) > 0 and not any(other in staying for other in climb[role])
        )
    )
