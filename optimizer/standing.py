"""
What of an earlier plan can stand: the placements that still obey the rules and fit into their agents' minutes.

Somebody who falls ill leaves placements behind that nobody can keep. A frozen window that held them would make the
problem infeasible, and a cap on changes would be used up by changes that nobody chose.
"""

from collections.abc import Sequence

import numpy as np

from optimizer.assignment.columns import describe_columns
from optimizer.fit import Fit
from optimizer.problem import Placement, Problem
from optimizer.roster import Flags, Floats, Roster

__all__ = ["find_standing"]

_TOLERANCE = 1e-6


def find_standing(problem: Problem, placements: Sequence[Placement]) -> tuple[Placement, ...]:
    """Return the placements that can all stand together, the earliest of each agent first.

    A placement is dropped if it breaks a rule of a single assignment, or if the agent's minutes do not suffice beside
    the placements before it. Minutes for live contacts give way to placements and are not looked at.

    Parameters
    ----------
    problem
        The problem of the present; its own `previous` is not read.
    placements
        Where engagements stood, each of them and its agent known to the problem.
    """
    if not placements:
        return ()
    fit = Fit(Roster.of(problem))
    work = {engagement.id: position for position, engagement in enumerate(problem.engagements)}
    columns = describe_columns(
        fit,
        np.array([work[each.engagement] for each in placements], dtype=np.int64),
        np.array([fit.roster.index[each.agent] for each in placements], dtype=np.int64),
        np.array([each.start for each in placements], dtype=np.int64),
        np.zeros(len(placements), dtype=bool),
    )
    shape = fit.roster.capacity.shape
    loads = {
        int(columns.engagement[column]): columns.load[[column]].toarray().reshape(shape)
        for column in np.flatnonzero(columns.pair < 0)
        if _may_serve(fit, int(columns.engagement[column]), int(columns.agent[column]))
    }
    taken = np.zeros(shape)
    stands = set()
    for each in sorted(placements, key=lambda each: (each.agent, each.start, each.engagement)):
        load = loads.get(work[each.engagement])
        row = fit.roster.index[each.agent]
        if load is not None and _fits(fit.roster.capacity[row], taken[row] + load[row], problem.max_carry):
            taken += load
            stands.add(each.engagement)
    return tuple(each for each in placements if each.engagement in stands)


def _may_serve(fit: Fit, engagement: int, agent: int) -> bool:
    """Return whether an agent may have an engagement at all: it was not declined, and their levels still suffice."""
    work = fit.roster.problem.engagements[engagement]
    return bool(fit.of(work).possible[agent] and fit.allowed(work)[agent])


def _fits(capacity: Floats, load: Floats, max_carry: float) -> bool:
    """Return whether an agent can carry a load, with begun work running on into the next interval they work."""
    works_on: Flags = np.append(capacity[1:] > 0, False)
    carried = 0.0
    for available, wanted, may_carry in zip(capacity, load, works_on, strict=True):
        carried = max(0.0, carried + wanted - available)
        if carried > (max_carry if may_carry else 0.0) + _TOLERANCE:
            return False
    return True
