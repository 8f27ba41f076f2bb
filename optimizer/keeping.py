r"""
Keep for live contacts whom an earlier plan kept: the same minutes served, by as few other people as possible.

A re-plan decides anew who keeps minutes for which contacts, and many choices are worth the same. For the people on the
floor they are not the same: each change is a changed day. With assignments and served minutes fixed, the reserves
nearest to the earlier ones are a small linear program (a generalised transportation problem):

.. math:: \min \sum_{a,k,t} w_a |y_{akt} - p_{akt}|

First every agent weighs the same; then the less an agent's day changed, the more its change weighs, so that few days
change much rather than all a little (reweighted :math:`\ell_1` minimisation: Candès, Wakin and Boyd, 2008,
doi:10.1007/s00041-008-9045-x),

subject to the minutes of each class and interval that the new plan serves, and each agent's minutes with carry-over.

=========  ========================  ==================================================
Symbol     Code                      Unit
=========  ========================  ==================================================
:math:`y`  the answer                agent minutes kept for class k in interval t
:math:`p`  ``earlier``               the same in the earlier plan
=========  ========================  ==================================================
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from optimizer.assignment.columns import describe_columns
from optimizer.fit import Fit
from optimizer.plan import Plan, Reservation
from optimizer.problem import Problem
from optimizer.roster import Floats, Roster

__all__ = ["keep_reserved"]

_LEAST_MINUTES = 1e-6
_SLACK = 1e-7
_ROUNDS = 4
_EASE = 0.05
_UNCHANGED_MINUTES = 1.0
"""A day that changes by less counts as one that stays; it keeps the weights of the rounds finite."""

Key = tuple[str, str, int]
"""Forecast class, agent, interval."""


def keep_reserved(
    problem: Problem, plan: Plan, earlier: Sequence[Reservation], *, changed: Collection[str] = ()
) -> tuple[Reservation, ...]:
    """Return reserves that serve what a plan's reserves serve, and differ least from earlier ones.

    The plan's own reserves come back where nothing nearer is possible.

    Parameters
    ----------
    problem
        The problem that the plan answers.
    plan
        A plan that obeys its rules.
    earlier
        Reserves of the plan before it, over the same intervals.
    changed
        Agents whose day changes anyway: their minutes change before anybody else's.
    """
    wanted = _by_key(earlier)
    chosen = _by_key(plan.reserved)
    keys = sorted(key for key in wanted.keys() | chosen.keys() if key in chosen or _may_keep(problem, key))
    # Pairs and overtime draw on minutes that are not looked at here.
    apart = any(each.shadow is not None or "overtime" in each.relaxed for each in plan.assignments)
    if not keys or wanted == chosen or apart:
        return plan.reserved
    ids = [agent.id for agent in problem.agents]
    ease = np.array([_EASE if identity in changed else 1.0 for identity in ids])
    found = _solve(problem, keys, wanted=wanted, chosen=chosen, load=_load(problem, plan), ease=ease)
    if found is None:
        return plan.reserved
    return tuple(
        Reservation(class_, agent, interval, float(minutes))
        for (class_, agent, interval), minutes in zip(keys, found, strict=True)
        if minutes > _LEAST_MINUTES
    )


def _by_key(reserved: Sequence[Reservation]) -> dict[Key, float]:
    minutes: dict[Key, float] = defaultdict(float)
    for each in reserved:
        minutes[each.class_, each.agent, each.interval] += each.minutes
    return dict(minutes)


def _may_keep(problem: Problem, key: Key) -> bool:
    """Return whether an agent may still keep minutes for a class in an interval."""
    class_, name, interval = key
    demand = next((each for each in problem.forecast if each.class_ == class_), None)
    agent = next((each for each in problem.agents if each.id == name), None)
    if demand is None or agent is None or not 0 <= interval < problem.intervals or not agent.capacity[interval]:
        return False
    if agent.channels is not None and demand.channel not in agent.channels:
        return False
    return all(need.preferred or agent.skills.get(need.skill, 0) >= need.level for need in demand.requires)


def _load(problem: Problem, plan: Plan) -> Floats:
    """Return the agent minutes of all assignments, agents × intervals."""
    fit = Fit(Roster.of(problem))
    load = np.zeros(fit.roster.capacity.shape)
    index = {engagement.id: position for position, engagement in enumerate(problem.engagements)}
    if plan.assignments:
        columns = describe_columns(
            fit,
            np.array([index[each.engagement] for each in plan.assignments], dtype=np.int64),
            np.array([fit.roster.index[each.agent] for each in plan.assignments], dtype=np.int64),
            np.array([each.start for each in plan.assignments], dtype=np.int64),
            np.zeros(len(plan.assignments), dtype=bool),
        )
        load += np.asarray(columns.load.sum(axis=0)).reshape(load.shape)
    return load


def _solve(
    problem: Problem,
    keys: Sequence[Key],
    *,
    wanted: Mapping[Key, float],
    chosen: Mapping[Key, float],
    load: Floats,
    ease: Floats,
) -> Floats | None:
    roster = Roster.of(problem)
    agents, intervals = roster.capacity.shape
    demands = {each.class_: each for each in problem.forecast}
    count, cells = len(keys), agents * intervals
    contacts = np.array(
        [problem.agents[roster.index[agent]].concurrency.get(demands[name].channel, 1.0) for name, agent, _ in keys]
    )
    cell = np.array([roster.index[agent] * intervals + interval for _, agent, interval in keys], dtype=np.int64)
    slots = {slot: row for row, slot in enumerate(sorted({(name, interval) for name, _, interval in keys}))}
    slot = np.array([slots[name, interval] for name, _, interval in keys], dtype=np.int64)
    served = np.zeros(len(slots))
    np.add.at(served, slot, contacts * np.array([chosen.get(key, 0.0) for key in keys]))
    before = np.array([wanted.get(key, 0.0) for key in keys])
    position = np.arange(count)
    # Columns: minutes kept, their distance from the earlier ones, minutes carried out of each cell.
    in_cell = sparse.csr_array((np.ones(count), (cell, position)), shape=(cells, count))
    into = np.arange(cells)[np.arange(cells) % intervals > 0]
    carry = sparse.csr_array((np.ones(len(into)), (into, into - 1)), shape=(cells, cells)) - sparse.eye_array(cells)
    same = sparse.eye_array(count)
    rows: Any = sparse.block_array(
        [
            [in_cell, None, carry],
            [same, -same, None],
            [-same, -same, None],
            [sparse.csr_array((-contacts, (slot, position)), shape=(len(slots), count)), None, None],
        ],
        format="csr",
    )
    limits = np.concatenate([(roster.capacity - load).ravel() + _SLACK, before, -before, -served + _SLACK])
    demanded = sparse.csr_array((contacts, (slot, position)), shape=(len(slots), count))
    most = np.array([demands[name].minutes[interval] for name, interval in slots])
    rows = sparse.vstack([rows, sparse.hstack([demanded, sparse.csr_array((len(slots), count + cells))])], format="csr")
    limits = np.concatenate([limits, np.maximum(most, served) + _SLACK])
    upper = np.concatenate([np.full(2 * count, np.inf), roster.carry_limit.ravel()])
    bounds: Any = np.column_stack([np.zeros(len(upper)), upper])
    row = cell // intervals
    weight: Floats = ease
    best: Floats | None = None
    for _ in range(_ROUNDS):
        cost = np.concatenate([np.zeros(count), weight[row], np.zeros(cells)])
        answer = linprog(cost, A_ub=rows, b_ub=limits, bounds=bounds)
        if not answer.success:
            break
        best = np.asarray(answer.x)[:count]
        weight = ease / (_UNCHANGED_MINUTES + np.bincount(row, np.abs(best - before), minlength=agents))
    return best
