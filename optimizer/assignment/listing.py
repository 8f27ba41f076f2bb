"""
The model of a problem that is too large to list all its columns: the best ones, found by prices in rounds.

**Column generation by dual ascent** (cf. Barahona, Jensen 1998): price all columns, list the best of each engagement,
ascend to prices on those, and again, until the bound over all columns is as good as that over the listed ones. The
first prices are drawn at random: with equal ones all engagements of a kind would list the same few agents.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer.assignment.annealing import construct
from optimizer.assignment.ascent import ascend
from optimizer.assignment.asks import Asks
from optimizer.assignment.columns import Columns
from optimizer.assignment.earlier import Earlier
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


def list_model(
    unlisted: Unlisted,
    asks: Asks,
    control: Control,
    tell: Callable[[Model, Incumbent], None],
    earlier: Earlier | None = None,
) -> Model:
    """Return a model of the columns that matter, with prices to begin with.

    Parameters
    ----------
    earlier
        What an earlier plan teaches: its columns are listed, its prices are the first.
    tell
        Told about the first plan, at once.
    """
    prices = _random_prices(unlisted)
    columns: Columns | None = None
    if earlier is not None:
        columns = earlier.describe(unlisted.fit, also=unlisted.listed)
        prices = prices if earlier.prices is None else earlier.prices
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
        duals = ascend(model, objective, control, known=known, start=model.duals_at(prices))
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


def _thin_out(model: Model, slack: Floats) -> Columns:
    """Return the columns of least slack of each engagement, and all of those that are listed in any case."""
    columns = model.columns
    order = np.lexsort((np.arange(len(columns)), slack, columns.engagement))
    engagement = columns.engagement[order]
    rank = np.arange(len(order)) - np.searchsorted(engagement, engagement)
    always = np.isin(engagement, [] if model.unlisted is None else model.unlisted.listed)
    return columns.select(np.sort(order[(rank < LEFT) | always]))
