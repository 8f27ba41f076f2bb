r"""
Shadow prices: what one more minute of an agent, or of a skill, is worth in an interval.

The price of agent *a* in interval *t* is the dual of their capacity row in the LP of the first tier. The price of
skill *s* at level *l* in *t* is the mean price of those who have it at that level or more and are on shift: the
value of one more minute of such an agent, whoever it is. Where nobody with it is on shift it is the best price that any
work which needs the skill at that level would pay for a minute,

.. math:: \max_{e} \frac{v_e - \pi_e}{m_e}

over open engagements and forecast classes, with :math:`\pi` the dual of serving the engagement once (or of the class's
demand): the reduced cost of the column that such an agent would have. Prices are those of an LP, never of a MIP, and
are not negative.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from optimizer.assignment.model import Model
from optimizer.assignment.relaxation import Relaxation
from optimizer.fit import Fit
from optimizer.plan import Prices
from optimizer.problem import Requirement
from optimizer.roster import Floats

_DECIMALS = 6


def read_prices(fit: Fit, model: Model, relaxation: Relaxation | None) -> Prices:
    """Return the shadow prices of the first tier's LP; none if there was no time for it."""
    if relaxation is None:
        return Prices()
    roster = fit.roster
    by_agent = agent_prices(fit, model, relaxation)
    agent = {identity: _written(by_agent[row]) for row, identity in enumerate(roster.ids)}
    skill: dict[str, dict[str, tuple[float, ...]]] = {}
    for name, level in sorted(_levels_in_demand(model)):
        holders = roster.levels[:, roster.skills[name]] >= level
        on_shift = holders[:, None] & (roster.capacity > 0)
        count = on_shift.sum(axis=0)
        mean = (by_agent * on_shift).sum(axis=0) / np.maximum(count, 1)
        missing = _price_of_missing(model, relaxation, name, level) if (count == 0).any() else mean
        skill.setdefault(name, {})[str(level)] = _written(np.where(count > 0, mean, missing))
    return Prices(agent, skill)


def agent_prices(fit: Fit, model: Model, relaxation: Relaxation) -> Floats:
    """Return the dual of each capacity row, agents × intervals, 0 where there is no capacity."""
    prices = np.zeros(fit.roster.capacity.size)
    duals = relaxation.duals[model.families["capacity"]]
    prices[fit.roster.capacity.ravel() > 0] = np.maximum(duals, 0.0)
    return prices.reshape(fit.roster.capacity.shape)


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
