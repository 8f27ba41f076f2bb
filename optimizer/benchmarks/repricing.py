"""Prices that are solved anew in the course of a day, from what has come so far."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from optimizer.problem import Problem
from optimizer.roster import Floats
from optimizer.routing import Desk
from optimizer.simulate import Call, Repricing
from optimizer.solve import solve

PRIOR_CONTACTS = 20.0
"""Contacts by which the forecast is trusted: so many must have come before half of what they say is believed."""


def reprice_by_arrivals(problem: Problem, desk: Desk, calls: Sequence[Call], *, every_seconds: float) -> Repricing:
    """Return prices of the rest of the day, solved again every so many seconds.

    What is forecast of each class is multiplied by (contacts that have come + K) ÷ (contacts that were expected + K),
    the mean of a rate whose prior is a gamma distribution worth K contacts. Contacts that have not come yet are not
    looked at. A price does not depend on the rule, so that all rules on the same calls share the same solves.

    Parameters
    ----------
    problem, desk
        The day, with the prices of its beginning.
    every_seconds
        Above 0.
    """
    solved: dict[float, Desk] = {}

    def desk_at(now: float) -> Desk:
        if now not in solved:
            solved[now] = _solve_again(problem, desk, calls, now)
        return solved[now]

    return Repricing(every_seconds, desk_at)


def _solve_again(problem: Problem, desk: Desk, calls: Sequence[Call], now: float) -> Desk:
    interval = desk.interval(now)
    ratio = _ratios(desk, calls, now)
    gone = (0.0,) * interval
    forecast = tuple(
        replace(demand, minutes=gone + tuple(round(minutes * times, 3) for minutes in demand.minutes[interval:]))
        for demand, times in zip(problem.forecast, ratio.tolist(), strict=True)
    )
    agents = tuple(replace(agent, capacity=gone + agent.capacity[interval:]) for agent in problem.agents)
    prices = solve(replace(problem, agents=agents, forecast=forecast)).prices
    none = (0.0,) * problem.intervals
    price = np.array([prices.agent.get(agent, none) for agent in desk.agents], dtype=float).reshape(desk.price.shape)
    return replace(desk, price=price, rate=desk.rate * ratio[:, None])


def _ratios(desk: Desk, calls: Sequence[Call], now: float) -> Floats:
    """Return by how much more, or less, of each class came than was expected up to a moment."""
    seconds = np.clip(now - desk.interval_seconds * np.arange(desk.rate.shape[1]), 0.0, desk.interval_seconds)
    expected = desk.rate @ seconds / 60.0
    seen = np.zeros(len(desk.classes))
    for call in calls:
        if call.contact.arrived_at < now:
            seen[desk.row[call.contact.class_]] += 1
    ratios: Floats = (seen + PRIOR_CONTACTS) / (expected + PRIOR_CONTACTS)
    return ratios
