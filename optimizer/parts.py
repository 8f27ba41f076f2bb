"""
Parts of a problem that share no agent: each can be solved by itself, and what they find is joined.

Two pieces of work belong together if one agent may take both, or may help with both as a mentor or a learner; the parts
are connected components of that graph.  What spans parts (the cap on changes, the share of proactive work, balance and
the growth of the whole) is not in them, or only each part's share of it, so that the joined plans are a beginning for a
solve of the whole and not its answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from optimizer.fit import Fit, Qualification
from optimizer.plan import Plan, Prices, Status
from optimizer.problem import Engagement, Problem
from optimizer.roster import Integers, Roster


def split(problem: Problem, *, most: int, time_limit_s: float | None = None) -> tuple[Problem, ...]:
    """Return the parts of a problem, the same ones each time; none if it cannot be taken apart.

    Small components go together so that parts are about equally large: the largest first, each into the smallest part
    (longest processing time first; Graham, 1969).

    Parameters
    ----------
    most
        Most parts, at least 2.
    time_limit_s
        Time limit of each part, by default that of the problem.
    """
    label = _label(problem)
    sizes = np.bincount(label[len(problem.agents) :], minlength=int(label.max(initial=-1)) + 1)
    # Work that nobody may take goes along with any part; it makes none.
    sizes[np.setdiff1d(label[len(problem.agents) :], label[: len(problem.agents)])] = 0
    if np.count_nonzero(sizes) < 2:
        return ()
    part_of = np.zeros(len(sizes), dtype=np.int64)
    loads = [0] * min(most, int(np.count_nonzero(sizes)))
    for component in np.lexsort((np.arange(len(sizes)), -sizes)).tolist():
        smallest = loads.index(min(loads))
        part_of[component] = smallest
        loads[smallest] += int(sizes[component])
    limit = problem.policy.time_limit_s if time_limit_s is None else time_limit_s
    return tuple(_cut(problem, part_of[label], number, limit) for number in range(len(loads)))


def join(problem: Problem, answers: Iterable[Plan]) -> Plan | None:
    """Return what the plans of parts say together, as a beginning for a solve of the whole; None if none has a plan."""
    found = [answer for answer in answers if answer.has_plan]
    if not found:
        return None
    prices = {agent: row for answer in found for agent, row in answer.prices.agent.items()}
    return Plan(
        Status.FEASIBLE,
        objective=sum(answer.objective or 0.0 for answer in found),
        assignments=tuple(each for answer in found for each in answer.assignments),
        reserved=tuple(each for answer in found for each in answer.reserved),
        prices=Prices(agent=prices),
        problem=problem.digest(),
    )


def _label(problem: Problem) -> Integers:
    """Return the component of each agent, engagement and forecast class, in this order."""
    fit, agents, works = Fit(Roster.of(problem)), len(problem.agents), len(problem.engagements)
    index = fit.roster.index
    edges: list[tuple[int, int]] = []
    joined: set[bytes] = set()

    def tie(node: int, those: Integers) -> None:
        if not len(those):
            return
        edges.append((node, int(those[0])))
        # Many pieces of work may be taken by the same agents, who need to be tied to each other only once.
        if those.tobytes() not in joined:
            joined.add(those.tobytes())
            edges.extend(zip(those[:-1].tolist(), those[1:].tolist(), strict=True))

    for position, engagement in enumerate(problem.engagements):
        kind = fit.of(engagement)
        tie(agents + position, np.flatnonzero(fit.allowed(engagement) & kind.possible))
        tie(agents + position, _mentors(fit, kind))
        if engagement.shadow:
            tie(agents + position, np.flatnonzero(fit.learners(engagement)))
        if engagement.owner is not None:
            edges.append((agents + position, index[engagement.owner]))
    for position, demand in enumerate(problem.forecast):
        tie(agents + works + position, np.flatnonzero(fit.of(demand).possible))
    where = {engagement.id: agents + position for position, engagement in enumerate(problem.engagements)}
    edges.extend((where[pin.engagement], index[pin.agent]) for pin in problem.pins)
    edges.extend((where[stood.engagement], index[stood.agent]) for stood in problem.previous)
    size = agents + works + len(problem.forecast)
    ends = np.array(edges, dtype=np.int64).reshape(len(edges), 2)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (ends[:, 0], ends[:, 1])), shape=(size, size))
    label: Integers = connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def _mentors(fit: Fit, kind: Qualification) -> Integers:
    """Return the mentors without whom some agents could not take stretch work of a kind."""
    asked = {(int(kind.stretch[agent]), int(kind.stretch_level[agent])) for agent in np.flatnonzero(kind.stretch >= 0)}
    found = [fit.roster.mentors(skill, level) for skill, level in sorted(asked)]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def _cut(problem: Problem, part: Integers, number: int, time_limit_s: float) -> Problem:
    agents, works = len(problem.agents), len(problem.engagements)
    own = tuple(agent for agent, of in zip(problem.agents, part[:agents], strict=True) if of == number)
    known = {agent.id for agent in own}
    engagements = tuple(
        _narrow(engagement, known)
        for engagement, of in zip(problem.engagements, part[agents : agents + works], strict=True)
        if of == number
    )
    asked = {engagement.id for engagement in engagements}
    previous = tuple(each for each in problem.previous if each.engagement in asked)
    changes = problem.max_changes
    if changes is not None and problem.previous:
        changes = changes * len(previous) // len(problem.previous)
    return replace(
        problem,
        agents=own,
        engagements=engagements,
        forecast=tuple(
            demand for demand, of in zip(problem.forecast, part[agents + works :], strict=True) if of == number
        ),
        pins=tuple(each for each in problem.pins if each.engagement in asked),
        previous=previous,
        max_changes=changes,
        # One part may have no proactive work at all; what each keeps below the most, all keep below it.
        policy=replace(problem.policy, proactive_share_min=None, time_limit_s=time_limit_s),
    )


def _narrow(engagement: Engagement, known: set[str]) -> Engagement:
    """Return an engagement that names nobody of another part; they could not take it anyhow."""

    def own(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in names if name in known)

    eligible = engagement.eligible_agents
    return replace(
        engagement,
        known_agents=own(engagement.known_agents),
        excluded_agents=own(engagement.excluded_agents),
        eligible_agents=None if eligible is None else own(eligible),
        values={name: value for name, value in engagement.values.items() if name in known},
        minutes_by_agent={name: value for name, value in engagement.minutes_by_agent.items() if name in known},
    )
