"""
The model of a problem that is too large to list all its columns: the best ones, found by prices in rounds.

**Column generation by dual ascent** (cf. Barahona, Jensen 1998), kept steady by in-out separation (Ben-Ameur, Neto
2007): price all columns, list the best of each engagement, ascend to prices on those, and again with prices between
these and the best so far, until the bound over all columns is as good as that over the listed ones. The first prices
are those of a sample of the engagements that bids for the same share of everybody's minutes.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer.assignment.annealing import construct
from optimizer.assignment.ascent import ascend
from optimizer.assignment.asks import Asks
from optimizer.assignment.column_set import number_triples
from optimizer.assignment.columns import Columns, enumerate_columns
from optimizer.assignment.earlier import Earlier
from optimizer.assignment.model import Model, build_model, tier_objectives
from optimizer.assignment.relaxation import certify, minute_prices
from optimizer.assignment.search import Incumbent, complete
from optimizer.assignment.unlisted import Unlisted
from optimizer.control import Control
from optimizer.roster import Floats, Integers

ROUNDS = 6
CLOSE = 1e-4
"""Share of the bound by which listed columns may fall short of all columns."""

STEPS = 200
"""Steps of the ascent in one round."""

INWARD = 0.3
"""Weight of the prices of the lowest bound against those of the listed columns."""

SAMPLED = 300_000
"""Columns of the sample that finds the first prices."""

LEFT = 20
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
    fit = unlisted.fit
    columns = enumerate_columns(fit, unlisted.listed.tolist())
    begun = np.zeros(0, dtype=np.int64)
    if earlier is not None:
        columns = earlier.describe(fit, also=unlisted.listed)
        begun = number_triples(fit.roster.problem, earlier.engagement, earlier.agent, earlier.start)
    known_prices = None if earlier is None else earlier.prices
    prices = _sample_prices(unlisted, asks, control) if known_prices is None else known_prices
    _, columns = unlisted.list_best(prices, columns)
    known, lowest, centre = -np.inf, np.inf, prices
    model = replace(build_model(fit, asks, columns), unlisted=unlisted)
    for number in range(ROUNDS):
        objective = tier_objectives(model)[0]
        if number == 0:
            plan = complete(model, objective, construct(model, objective, -objective.on_columns), control)
            if plan is not None:
                known = plan.objective
                tell(model, plan)
        duals = ascend(model, objective, control, known=known, start=model.duals_at(centre), steps=STEPS)
        of_listed, slack = certify(replace(model, unlisted=None), objective, duals)
        prices = INWARD * centre + (1.0 - INWARD) * minute_prices(model, duals)
        best, columns = unlisted.list_best(prices, _thin_out(model, slack, begun))
        bound, _ = certify(model, objective, model.duals_at(prices), of_unlisted=best)
        if bound < lowest:
            lowest, centre = bound, prices
        control.report(bound=lowest)
        model = replace(build_model(fit, asks, columns), unlisted=unlisted)
        if lowest - of_listed <= CLOSE * abs(lowest) or control.stopped_by() is not None:
            break
    columns = unlisted.list_practising(centre, model.columns)
    if len(columns) > len(model.columns):
        model = replace(build_model(fit, asks, columns), unlisted=unlisted)
    return replace(model, duals=model.duals_at(centre))


def _sample_prices(unlisted: Unlisted, asks: Asks, control: Control) -> Floats:
    """Return prices of minutes that a sample of the engagements pays for the same share of everybody's minutes."""
    problem = unlisted.fit.roster.problem
    share = min(1.0, SAMPLED / unlisted.size)
    random = np.random.default_rng([problem.policy.seed, len(problem.engagements)])
    drawn = np.flatnonzero(random.random(len(problem.engagements)) < share)
    model = build_model(unlisted.fit, asks, enumerate_columns(unlisted.fit, drawn.tolist()))
    upper = model.upper.copy()
    upper[model.families["capacity"]] *= share
    model = replace(model, upper=upper, must=np.zeros_like(model.must))
    duals = ascend(model, tier_objectives(model)[0], control, known=-np.inf, steps=STEPS)
    return minute_prices(model, duals)


def _thin_out(model: Model, slack: Floats, begun: Integers) -> Columns:
    """Return the columns of least slack of each engagement, and all of those that are listed in any case.

    Parameters
    ----------
    begun
        Numbers of the columns of an earlier plan (`number_triples`): they stay, or the search could not begin from it.
    """
    columns = model.columns
    order = np.lexsort((np.arange(len(columns)), slack, columns.engagement))
    engagement = columns.engagement[order]
    rank = np.arange(len(order)) - np.searchsorted(engagement, engagement)
    always = np.isin(engagement, [] if model.unlisted is None else model.unlisted.listed)
    always |= np.isin(number_triples(model.problem, engagement, columns.agent[order], columns.start[order]), begun)
    return columns.select(np.sort(order[(rank < LEFT) | always]))
