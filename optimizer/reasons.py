"""
Explanations as data: why, why not, what would change it, and what the weights of a policy cost.

`optimizer.sentences` turns them into words.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from optimizer.plan import Assignment


class ObstacleCode(StrEnum):
    """A rule that keeps an agent from an engagement."""

    SKILL = "skill"
    EXCLUDED = "excluded"
    NOT_LISTED = "not_listed"
    CHANNEL = "channel"
    LANGUAGE = "language"
    SITE = "site"
    WINDOW = "window"
    OFF_SHIFT = "off_shift"
    LIMIT = "limit"
    FROZEN = "frozen"
    PINNED = "pinned"
    CAPACITY = "capacity"
    CHANGES = "changes"
    AUTHORITY = "authority"
    OWNER = "owner"
    SHADOW = "shadow"
    PAIR = "pair"
    SLOT = "slot"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One rule that keeps an agent from an engagement, with what it concerns."""

    code: ObstacleCode
    skill: str | None = None
    level: int | None = None
    has: int | None = None
    name: str | None = None
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What an engagement would bring with an agent, and what the minutes are worth elsewhere, in points."""

    agent: str
    start: int
    value: float
    price: float

    @property
    def net(self) -> float:
        """Value minus price."""
        return self.value - self.price


@dataclass(frozen=True, slots=True)
class Why:
    """Why an engagement is with its agent.

    Attributes
    ----------
    price
        What the agent's minutes are worth elsewhere.
    levels
        Skill, the agent's level and the required level, for every requirement.
    alternatives
        The next best agents, best first.
    able
        How many agents could take it at all.
    in_own_slot
        Whether it is stretch work in a slot that the agent chose for it.
    """

    assignment: Assignment
    price: float
    levels: tuple[tuple[str, int, int], ...]
    knows_customer: bool
    is_late: bool
    is_pinned: bool
    alternatives: tuple[Offer, ...] = ()
    able: int = 1
    in_own_slot: bool = False


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why an engagement is not with an agent.

    Attributes
    ----------
    obstacles
        Rules against it; empty if the agent could take it.
    offer, chosen
        The agent's best offer, and that of the agent who has it; None if there is none.
    in_the_way
        What the agent does instead in that window.
    """

    engagement: str
    agent: str
    obstacles: tuple[Obstacle, ...] = ()
    offer: Offer | None = None
    chosen: Offer | None = None
    in_the_way: tuple[str, ...] = ()


Levels = Mapping[str, int]
"""Skill → level."""


@dataclass(frozen=True, slots=True)
class WhatWouldChange:
    """The smallest changes with which an engagement would have gone to an agent.

    Attributes
    ----------
    levels_needed
        Levels without which the agent cannot take it at all; the values below are those at these levels.
    value_more
        Points more that the pair would have to be worth for a plan that gives it to the agent to be the best one. 0
        where that is so already; None if the agent cannot take it, whatever it is worth.
    value_more_least
        With fewer points more than that the agent is not chosen for certain; equal to `value_more` where every solve
        was exact.
    by_price
        About how many points are missing at the prices of the plan; None where the engagement has no agent, or this one
        cannot take it as they are.
    levels
        Levels with which the agent would have been chosen without any other value; empty where no level changes that.
    obstacles
        What stands against it beside skills, where nothing would change it.
    """

    engagement: str
    agent: str
    levels_needed: Levels = field(default_factory=dict)
    value_more: float | None = None
    value_more_least: float = 0.0
    by_price: float | None = None
    levels: Levels = field(default_factory=dict)
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightCost:
    """What one weight of a policy changes.

    Attributes
    ----------
    changes
        Term → points that the plan without the weight has more of it (less where negative), measured with the weights
        of the policy. What the weight costs stands there with a plus, what it buys with a minus.
    uncertain
        Points by which the first tier may be off, because a solve ended with a gap. Smaller changes mean nothing.
    """

    changes: Mapping[str, float]
    uncertain: float


@dataclass(frozen=True, slots=True)
class WeightCosts:
    """What each weight of a policy changes: the plan as it is, beside plans in which one weight is 0.

    Attributes
    ----------
    terms
        Points of the plan as it is, by term.
    without
        Weighted term, or ``growth_epsilon`` → its cost. A weight for which no plan was found in time is not there.
    """

    terms: Mapping[str, float]
    without: Mapping[str, WeightCost]

    def to_json(self) -> dict[str, Any]:
        """Return the costs as JSON data."""
        return asdict(self)
