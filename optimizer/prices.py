r"""
Shadow prices: what one more minute of an agent, or of a skill, is worth in an interval.

The price of agent *a* in interval *t* is the dual of their capacity row in the LP of the first tier. The price of
skill *s* at level *l* in *t* is the mean price of those who have it at that level or more and are on shift: the
value of one more minute of such an agent, whoever it is. Where nobody with it is on shift it is the best price that any
work which needs the skill at that level would pay for a minute,

.. math:: \max_{e} \frac{v_e - \pi_e}{m_e}

over open engagements and forecast classes, with :math:`\pi` the dual of serving the engagement once (or of the class's
demand): the reduced cost of the column that such an agent would have. Limits of agents and of the policy have prices of
the same kind: the duals of their rows. Prices are those of an LP, never of a MIP, and are not negative.

The **price of an assignment** is what everything that it uses is worth elsewhere: its minutes, its part of the limits,
and the share of proactive work that it makes harder (or easier: that part may be negative). At an optimal LP the value
minus the price of the best assignment of an engagement is what serving it adds, and no other has more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from optimizer.assignment.columns import Columns
from optimizer.assignment.model import Model
from optimizer.assignment.relaxation import Relaxation, minute_prices
from optimizer.assignment.rows.changes import keeps_previous
from optimizer.assignment.rows.family import Scene
from optimizer.assignment.rows.limits import limit_kinds, list_limits
from optimizer.fit import Fit
from optimizer.plan import PolicyPrice, Prices
from optimizer.problem import Requirement
from optimizer.roster import Floats, Roster

_DECIMALS = 6


def read_prices(fit: Fit, model: Model, relaxation: Relaxation | None) -> Prices:
    """Return the shadow prices of the first tier's LP; none if there was no time for it."""
    if relaxation is None:
        return Prices()
    roster = fit.roster
    by_agent = minute_prices(model, relaxation.duals)
    agent = {identity: _written(by_agent[row]) for row, identity in enumerate(roster.ids)}
    skill: dict[str, dict[str, tuple[float, ...]]] = {}
    for name, level in sorted(_levels_in_demand(model)):
        holders = roster.levels[:, roster.skills[name]] >= level
        on_shift = holders[:, None] & (roster.capacity > 0)
        count = on_shift.sum(axis=0)
        mean = (by_agent * on_shift).sum(axis=0) / np.maximum(count, 1)
        missing = _price_of_missing(model, relaxation, name, level) if (count == 0).any() else mean
        skill.setdefault(name, {})[str(level)] = _written(np.where(count > 0, mean, missing))
    return Prices(agent, skill, policy_prices(fit, model, relaxation.duals))


def policy_rules(fit: Fit, model: Model) -> list[tuple[int, PolicyPrice]]:
    """Return the number of every row that limits an agent's shift, an overtime interval or the plan, priced at 0."""
    problem, roster = model.problem, fit.roster
    rules = []
    scene = Scene(roster, model.columns, model.continuous)
    for row, (rule, agent, shift) in enumerate(list_limits(scene), model.families["limit"].start):
        shifts = problem.agents[agent].shifts
        first = shifts[shift][0] if shifts else 0
        unit = "contact" if rule.startswith("limits.contacts") else "minute"
        rules.append((row, PolicyPrice(rule, f"$.agents[{agent}].{rule}", 0.0, unit, first)))
    for row, cell in enumerate(np.flatnonzero(roster.overtime.ravel() > 0).tolist(), model.families["overtime"].start):
        agent, interval = divmod(cell, problem.intervals)
        rules.append((row, PolicyPrice("overtime", f"$.agents[{agent}].overtime[{interval}]", 0.0, "minute", interval)))
    bounds = [name for name in ("proactive_share_min", "proactive_share_max") if _is_set(model, name)]
    for row, rule in enumerate(bounds, model.families["share"].start):
        rules.append((row, PolicyPrice(rule, f"$.policy.{rule}", 0.0, "minute")))
    if problem.max_changes is not None:
        rules.append((model.families["change"].start, PolicyPrice("max_changes", "$.max_changes", 0.0, "change")))
    return rules


def _is_set(model: Model, share: str) -> bool:
    return getattr(model.problem.policy, share) is not None


def policy_prices(fit: Fit, model: Model, duals: Floats) -> tuple[PolicyPrice, ...]:
    """Return what one more unit of each limit is worth at some duals, without those that are worth nothing."""
    priced = (
        replace(rule, price=round(max(float(duals[row]), 0.0), _DECIMALS)) for row, rule in policy_rules(fit, model)
    )
    return tuple(rule for rule in priced if rule.price > 0)


def price_columns(roster: Roster, columns: Columns, prices: Prices) -> Floats:
    """Return the price of every column: what all that it uses is worth elsewhere, in points.

    Rows that tie the two halves of a pair have no price here.
    """
    problem = roster.problem
    agents = {f"$.agents[{row}]": row for row in range(len(problem.agents))}
    none = (0.0,) * problem.intervals
    by_agent = np.array([prices.agent.get(identity, none) for identity in roster.ids], dtype=float).ravel()
    total = np.where(columns.overtime, 0.0, columns.load @ by_agent)
    amounts = {kind.rule: kind.amounts for kind in limit_kinds(roster, columns)}
    shift = roster.shift_of[columns.agent, columns.start]
    proactive = np.array([each.stance == "proactive" for each in problem.engagements], dtype=float)[columns.work]
    minutes = columns.minutes * ~columns.shadows
    for rule in prices.policy:
        agent = agents.get(rule.path.partition("]")[0] + "]", -1)
        if rule.rule == "overtime":
            cell = agent * problem.intervals + (rule.interval or 0)
            total += rule.price * np.where(columns.overtime, columns.load[:, [cell]].toarray().ravel(), 0.0)
        elif rule.rule in amounts:
            here = (columns.agent == agent) & (shift == roster.shift_of[agent, rule.interval or 0])
            total += rule.price * np.where(here, amounts[rule.rule], 0.0)
        elif rule.rule == "proactive_share_min":
            total += rule.price * ((problem.policy.proactive_share_min or 0.0) - proactive) * minutes
        elif rule.rule == "proactive_share_max":
            total += rule.price * (proactive - (problem.policy.proactive_share_max or 0.0)) * minutes
        elif rule.rule == "max_changes":
            total -= rule.price * keeps_previous(problem, columns)
    return total


def _written(prices: Floats) -> tuple[float, ...]:
    return tuple(np.round(np.maximum(prices, 0.0), _DECIMALS).tolist())


def _levels_in_demand(model: Model) -> set[tuple[str, int]]:
    requires = [each.requires for each in model.problem.engagements] + [
        each.requires for each in model.problem.forecast
    ]
    return {(need.skill, need.level) for needs in requires for need in needs if need.level > 0}


def _price_of_missing(model: Model, relaxation: Relaxation, skill: str, level: int) -> Floats:
    """Return the best price that work which needs a skill at this level, or below it, would pay in each interval."""
    best = np.zeros(model.problem.intervals)
    for first, after, price in _offers(model, relaxation, skill, level):
        best[first:after] = np.maximum(best[first:after], price)
    return best


def _offers(model: Model, relaxation: Relaxation, skill: str, level: int) -> Iterator[tuple[int, int, float]]:
    problem, policy = model.problem, model.problem.policy
    rate = policy.weight("service") + policy.weight("match")
    once = relaxation.duals[model.families["once"]]
    for index, each in enumerate(problem.engagements):
        if _needs(each.requires, skill, level):
            yield each.earliest, each.latest + 1, (rate * each.worth - max(once[index], 0.0)) / each.minutes
    demand = relaxation.duals[model.families["demand"]].reshape(len(problem.forecast), problem.intervals)
    for index, work in enumerate(problem.forecast):
        if _needs(work.requires, skill, level):
            for interval in np.flatnonzero(np.array(work.minutes) > 0).tolist():
                own = policy.weight("service") * work.value_per_minute - max(demand[index, interval], 0.0)
                yield interval, interval + 1, own


def _needs(requires: Iterable[Requirement], skill: str, level: int) -> bool:
    return any(need.skill == skill and 0 < need.level <= level and not need.preferred for need in requires)
