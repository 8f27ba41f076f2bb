"""What a router knows before the day begins: who may take which class, what it is worth, and what minutes cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from optimizer.fit import Fit
from optimizer.plan import Prices
from optimizer.problem import Problem
from optimizer.roster import Flags, Floats, Roster


@dataclass(frozen=True)
class Desk:
    """Classes and agents of a problem as arrays.

    Attributes
    ----------
    classes, agents
        Names, in the order of rows and columns.
    able
        Whether each agent may take each class, classes × agents.
    match
        Weighted level fit in [0, 1], classes × agents.
    minutes
        Mean handle minutes of each class. They are a property of the class, never of a person.
    worth
        Points of one contact of each class, before the policy's weights.
    service, match_weight, continuity
        The policy's weights: of the contact, of a full match, and of an agent whom the customer knows.
    price
        Points for a minute of each agent, agents × intervals.
    rate
        Contacts that are expected to arrive in a minute, classes × intervals.
    interval_seconds
        Length of an interval.
    slot
        Share of each agent that one contact of each class takes: 1 ÷ concurrency on its channel, classes × agents.
    """

    classes: tuple[str, ...]
    agents: tuple[str, ...]
    able: Flags
    match: Floats
    minutes: Floats
    worth: Floats
    service: float
    match_weight: float
    continuity: float
    price: Floats
    rate: Floats
    interval_seconds: float
    slot: Floats

    @classmethod
    def of(
        cls,
        problem: Problem,
        prices: Prices,
        handle_minutes: Mapping[str, float],
        *,
        expected: Mapping[str, tuple[float, ...]] | None = None,
    ) -> Self:
        """Return the desk of a problem's forecast classes.

        A contact is worth ``value_per_minute`` × mean handle minutes; service, match and continuity weigh as in the
        plan.

        Parameters
        ----------
        prices
            `Plan.prices`. An agent without prices costs nothing: then no plan was found in time to price them.
        handle_minutes
            Mean handle minutes of each class, above 0.
        expected
            Contact minutes that are expected in each interval, where the forecast's own are raised to a service level.

        Raises
        ------
        ValueError
            If a class has no handle minutes, or none above 0.
        """
        fit = Fit(Roster.of(problem))
        classes = tuple(demand.class_ for demand in problem.forecast)
        shape = (len(classes), len(problem.agents))
        for name in classes:
            minutes = handle_minutes.get(name, 0.0)
            if not (math.isfinite(minutes) and minutes > 0):
                raise ValueError(f"handle minutes of class {name!r} must be above 0, not {minutes}")
        handled = np.array([handle_minutes[name] for name in classes], dtype=float)
        value = np.array([demand.value_per_minute for demand in problem.forecast], dtype=float)
        coming = [(expected or {}).get(demand.class_, demand.minutes) for demand in problem.forecast]
        none = (0.0,) * problem.intervals
        weight = problem.policy.weight
        return cls(
            classes=classes,
            agents=fit.roster.ids,
            able=np.array([fit.of(demand).possible for demand in problem.forecast], dtype=bool).reshape(shape),
            match=np.array([fit.of(demand).match for demand in problem.forecast], dtype=float).reshape(shape),
            minutes=handled,
            worth=value * handled,
            service=weight("service"),
            match_weight=weight("match"),
            continuity=weight("continuity"),
            price=np.array([prices.agent.get(agent.id, none) for agent in problem.agents], dtype=float).reshape(
                len(problem.agents), problem.intervals
            ),
            rate=np.array(coming, dtype=float).reshape(len(classes), problem.intervals)
            / (handled[:, None] * problem.interval_minutes),
            interval_seconds=60.0 * problem.interval_minutes,
            slot=np.array(
                [1.0 / fit.roster.concurrency(demand.channel) for demand in problem.forecast], dtype=float
            ).reshape(shape),
        )

    @cached_property
    def share(self) -> Floats:
        """Points of a contact of each class with each agent for each point of its worth, a known agent left out."""
        return self.service + self.match_weight * self.match

    @cached_property
    def row(self) -> dict[str, int]:
        """Row of each class."""
        return {name: position for position, name in enumerate(self.classes)}

    @cached_property
    def column(self) -> dict[str, int]:
        """Column of each agent."""
        return {name: position for position, name in enumerate(self.agents)}

    def interval(self, now: float) -> int:
        """Return the interval of a time, the first before the horizon and the last after it."""
        return min(max(int(now // self.interval_seconds), 0), len(self.price.T) - 1)
