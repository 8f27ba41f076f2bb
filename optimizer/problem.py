"""
What is asked of the optimizer: one horizon, its agents, engagements, forecast demand and policy.

File format version 1. Every class is frozen and validated on construction; `Problem.from_json` lists all errors of a
file at once, each with its JSON path. Time is cut into `intervals` of `interval_minutes` from `start` on; all
interval indices count from 0.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from optimizer.agents import Agent, Limits, StretchSlot
from optimizer.policy import Policy
from optimizer.reading import Findings, ProblemError, integer, list_of, moment, number, optional, text
from optimizer.record import Fields, read_record, to_json
from optimizer.work import STANCES, Engagement, Forecast, Requirement

__all__ = [
    "FORMAT_VERSION",
    "STANCES",
    "Agent",
    "Engagement",
    "Forecast",
    "Limits",
    "Pin",
    "Placement",
    "Policy",
    "Problem",
    "ProblemError",
    "Requirement",
    "StretchSlot",
]

FORMAT_VERSION = 1

MOST_INTERVALS = 100_000
"""Longest horizon, a week of six seconds each: a few bytes of a file must not ask for arrays without end."""


@dataclass(frozen=True, slots=True)
class Placement:
    """An engagement at an agent from a start interval on, as it stood in an earlier plan."""

    engagement: str
    agent: str
    start: int

    @classmethod
    def read(cls, value: object, where: Findings) -> "Placement | None":
        """Read a placement from JSON."""
        return read_record(
            cls, {"engagement": (text, True), "agent": (text, True), "start": (integer, True)}, value, where
        )

    to_json = to_json


@dataclass(frozen=True, slots=True)
class Pin:
    """An assignment that a person fixed; without a start only the agent is fixed. Skill rules still hold."""

    engagement: str
    agent: str
    start: int | None = None
    reason: str = ""

    @classmethod
    def read(cls, value: object, where: Findings) -> "Pin | None":
        """Read a pin from JSON."""
        fields: Fields = {
            "engagement": (text, True),
            "agent": (text, True),
            "start": (optional(integer), False),
            "reason": (_free_text, False),
        }
        return read_record(cls, fields, value, where)

    to_json = to_json


def _free_text(value: Any, where: Findings) -> str:
    return value if value == "" else text(value, where)


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that one run of the optimizer is asked.

    Attributes
    ----------
    start
        Start of interval 0, with its offset from UTC.
    interval_minutes
        Length of an interval in minutes, above 0.
    intervals
        Number of intervals, 1 to `MOST_INTERVALS`.
    max_carry
        Most minutes of begun work that an agent may carry from one interval into the next.
    pins, previous
        Assignments that people fixed; assignments of the plan that this one would replace.
    frozen_before
        Intervals before this one are frozen: previous assignments that start there stand, nothing else starts there.
    max_changes
        Most previous assignments that may be left (another agent, another start, or unassigned); None is no limit.
    """

    start: datetime
    interval_minutes: float
    intervals: int
    agents: tuple[Agent, ...] = ()
    engagements: tuple[Engagement, ...] = ()
    forecast: tuple[Forecast, ...] = ()
    pins: tuple[Pin, ...] = ()
    previous: tuple[Placement, ...] = ()
    policy: Policy = field(default_factory=Policy)
    max_carry: float = 0.0
    frozen_before: int = 0
    max_changes: int | None = None
    version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        findings = Findings()
        findings.at("version").require(self.version == FORMAT_VERSION, f"must be {FORMAT_VERSION}")
        findings.at("start").require(self.start.tzinfo is not None, "must carry an offset from UTC, such as +01:00")
        findings.at("interval_minutes").require(self.interval_minutes > 0, "must be above 0")
        findings.at("intervals").require(
            1 <= self.intervals <= MOST_INTERVALS, f"must be between 1 and {MOST_INTERVALS}"
        )
        findings.at("max_carry").require(self.max_carry >= 0, "must not be negative")
        findings.at("frozen_before").require(
            0 <= self.frozen_before <= self.intervals, f"must be between 0 and {self.intervals}"
        )
        findings.at("max_changes").require(self.max_changes is None or self.max_changes >= 0, "must not be negative")
        self._check_agents(findings)
        self._check_engagements(findings)
        self._check_forecast(findings)
        self._check_placements(findings)
        findings.raise_if_any()

    def _check_agents(self, findings: Findings) -> None:
        _check_unique((agent.id for agent in self.agents), findings.at("agents"), "id")
        for index, agent in enumerate(self.agents):
            where = findings.at("agents", index)
            _check_length(agent.capacity, self.intervals, where.at("capacity"))
            if agent.overtime:
                _check_length(agent.overtime, self.intervals, where.at("overtime"))
            last = agent.shifts[-1][1] if agent.shifts else 0
            where.at("shifts").require(last <= self.intervals, f"end after the horizon of {self.intervals} intervals")
            for position, slot in enumerate(agent.stretch_slots):
                where.at("stretch_slots", position).require(
                    slot.start < self.intervals and slot.end <= self.intervals,
                    f"is outside the horizon of {self.intervals} intervals",
                )

    def _check_engagements(self, findings: Findings) -> None:
        _check_unique((engagement.id for engagement in self.engagements), findings.at("engagements"), "id")
        known = {agent.id for agent in self.agents}
        for index, engagement in enumerate(self.engagements):
            where = findings.at("engagements", index)
            where.at("latest").require(
                engagement.latest < self.intervals, f"is outside the horizon of {self.intervals} intervals"
            )
            for name in ("known_agents", "excluded_agents", "eligible_agents"):
                for position, agent in enumerate(getattr(engagement, name) or ()):
                    where.at(name, position).require(agent in known, f"names the unknown agent {agent!r}")
            where.at("owner").require(
                engagement.owner is None or engagement.owner in known, f"names the unknown agent {engagement.owner!r}"
            )
            for name in ("values", "minutes_by_agent"):
                for agent in getattr(engagement, name):
                    where.at(name, agent).require(agent in known, f"names the unknown agent {agent!r}")

    def _check_forecast(self, findings: Findings) -> None:
        _check_unique((demand.class_ for demand in self.forecast), findings.at("forecast"), "class")
        for index, demand in enumerate(self.forecast):
            _check_length(demand.minutes, self.intervals, findings.at("forecast", index, "minutes"))

    def _check_placements(self, findings: Findings) -> None:
        agents = {agent.id for agent in self.agents}
        engagements = {engagement.id for engagement in self.engagements}
        lists: tuple[tuple[str, Sequence[Pin | Placement]], ...] = (("pins", self.pins), ("previous", self.previous))
        for name, placements in lists:
            for index, placement in enumerate(placements):
                where = findings.at(name, index)
                where.at("engagement").require(
                    placement.engagement in engagements, f"names the unknown engagement {placement.engagement!r}"
                )
                where.at("agent").require(placement.agent in agents, f"names the unknown agent {placement.agent!r}")
                where.at("start").require(
                    placement.start is None or 0 <= placement.start < self.intervals,
                    f"is outside the horizon of {self.intervals} intervals",
                )
        _check_unique((placement.engagement for placement in self.previous), findings.at("previous"), "engagement")

    @property
    def shadowed(self) -> tuple[int, ...]:
        """Positions of the engagements that a lead and a learner serve together."""
        return tuple(index for index, engagement in enumerate(self.engagements) if engagement.shadow)

    @classmethod
    def from_json(cls, value: object) -> "Problem":
        """Read a problem from JSON data.

        Raises
        ------
        ProblemError
            With the path of every error: unknown field, wrong type, NaN, duplicate id, empty window, unknown agent.
        """
        findings = Findings()
        fields: Fields = {
            "version": (integer, True),
            "start": (moment, True),
            "interval_minutes": (number, True),
            "intervals": (integer, True),
            "agents": (list_of(Agent.read), False),
            "engagements": (list_of(Engagement.read), False),
            "forecast": (list_of(Forecast.read), False),
            "pins": (list_of(Pin.read), False),
            "previous": (list_of(Placement.read), False),
            "policy": (Policy.read, False),
            "max_carry": (number, False),
            "frozen_before": (integer, False),
            "max_changes": (optional(integer), False),
        }
        problem = read_record(cls, fields, value, findings)
        findings.raise_if_any()
        if problem is None:
            raise ProblemError("$", "could not be read")
        return problem

    def to_json(self) -> dict[str, Any]:
        """Return the problem as JSON data that `from_json` reads back to an equal problem."""
        return to_json(self)

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON text, which names the inputs of a plan."""
        canonical = json.dumps(_canonical(self.to_json()), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Return JSON data in which equal numbers are written alike, be they 6 or 6.0."""
    if type(value) is float or type(value) is str:
        return value
    if isinstance(value, dict):
        return {key: _canonical(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_canonical(element) for element in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_unique(names: Iterable[str], where: Findings, what: str) -> None:
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name in seen:
            where.at(index, what).add(f"{name!r} stands already at index {seen[name]}")
        seen.setdefault(name, index)


def _check_length(values: tuple[Any, ...], intervals: int, where: Findings) -> None:
    where.require(len(values) == intervals, f"must have {intervals} numbers, one for each interval, not {len(values)}")
