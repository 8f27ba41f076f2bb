"""
The model of a problem that is too large to list all its columns: the best ones, found by prices in rounds.

**Column generation by dual ascent** (cf. Barahona, Jensen 1998): price all columns, list the best of each engagement,
ascend to prices on those, and again, until the bound over all columns is as good as that over the listed ones. The first
prices are drawn at random: with equal ones all engagements of a kind would list the same few agents.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer.assignment.annealing import construct
from optimizer.assignment.ascent import ascend
from optimizer.assignment.asks import Asks
from optimizer.assignment.columns import Columns
from optimizer.assignment.model import Model, build_model, tier_objectives
from optimizer.assignment.relaxation import certify, minute_prices
from optimizer.assignment.search import Incumbent, complete
from optimizer.assignment.unlisted import Unlisted
from optimizer.control import Control
from optimizer.roster import Floats

ROUNDS = 5
CLOSE = 1e-4
"""Share of the bound by which listed columns may fall short of all columns."""

LEFT = 30
"""Columns of an engagement that stay listed from one round to the next."""


def list_model(unlisted: Unlisted, asks: Asks, control: Control, tell: Callable[[Model, Incumbent], None]) -> Model:
    """Return a model of the columns that matter, with prices to begin with and a first plan to begin from.

    Parameters
    ----------
    tell
        Told about the first plan, at once.
    """
    prices = _random_prices(unlisted)
    columns: Columns | None = None
    known = -np.inf
    for number in range(ROUNDS):
        _, columns = unlisted.list_best(prices, also=columns)
        model = replace(build_model(unlisted.fit, asks, columns), unlisted=unlisted)
        objective = tier_objectives(model)[0]
        if number == 0:
            plan = complete(model, objective, construct(model, objective, -objective.on_columns), control)
            if plan is not None:
                known = plan.objective
                tell(model, plan)
        duals = ascend(model, objective, control, known=known, start=_on_capacity(model, prices))
        bound, _ = certify(model, objective, duals)
        of_listed, slack = certify(replace(model, unlisted=None), objective, duals)
        control.report(bound=bound)
        model = replace(model, duals=duals)
        last = number == ROUNDS - 1 or control.stopped_by() is not None
        if last or bound - of_listed <= CLOSE * abs(bound):
            return model
        prices, columns = minute_prices(model, duals), _thin_out(model, slack)
    raise AssertionError("the last round returns")


def _random_prices(unlisted: Unlisted) -> Floats:
    """Return prices drawn between 0 and twice the mean worth of a minute."""
    menu, policy = unlisted.menu, unlisted.fit.roster.problem.policy
    rate = (menu.service + menu.match_weight) * float(menu.worth.sum() / max(menu.minutes.sum(), 1e-9))
    random = np.random.default_rng([policy.seed, len(menu.worth)])
    return 2.0 * rate * random.random(menu.capacity.shape)


def _on_capacity(model: Model, prices: Floats) -> Floats:
    """Return duals of all rows that are the prices of minutes in the rows of capacity, else 0."""
    capacity = np.array([agent.capacity for agent in model.problem.agents], dtype=float).ravel()
    duals = np.zeros(len(model.upper))
    duals[model.families["capacity"]] = prices.ravel()[capacity > 0]
    return duals


def _thin_out(model: Model, slack: Floats) -> Columns:
    """Return the columns of least slack of each engagement, and all of those that are listed in any case."""
    columns = model.columns
    order = np.lexsort((np.arange(len(columns)), slack, columns.engagement))
    engagement = columns.engagement[order]
    rank = np.arange(len(order)) - np.searchsorted(engagement, engagement)
    always = np.isin(engagement, [] if model.unlisted is None else model.unlisted.listed)
    return columns.select(np.sort(order[(rank < LEFT) | always]))
