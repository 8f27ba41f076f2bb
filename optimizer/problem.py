"""
What is asked of the optimizer: one horizon, its agents, engagements, forecast demand and policy.

File format version 1. Every class is frozen and validated on construction; `Problem.from_json` lists all errors of a
file at once, each with its JSON path. Time is cut into `intervals` of `interval_minutes` from `start` on; all
interval indices count from 0.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from optimizer.policy import Policy
from optimizer.reading import (
    Findings,
    ProblemError,
    Reader,
    calendar_date,
    flag,
    integer,
    list_of,
    map_of,
    moment,
    number,
    optional,
    text,
)

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
]

FORMAT_VERSION = 1
HIGHEST_LEVEL = 5
STANCES = ("reactive", "proactive", "community", "praise")

T = TypeVar("T")
Fields = dict[str, tuple[Callable[[Any, Findings], Any], bool]]
"""Fields of a class: how each is converted, and whether it is required."""


def _read(cls: type[T], fields: Fields, value: object, where: Findings) -> T | None:
    """Read one object of the format, or note what is wrong with it and return None."""
    reader = Reader(value, where)
    taken = {
        name: reader.take(name, convert)
        for name, (convert, required) in fields.items()
        if required or name in reader.fields
    }
    if reader.finish():
        with where.below():
            return cls(**taken)
    return None


def _written(value: Any) -> Any:
    """Return a field's value as JSON data."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _written(element) for key, element in value.items()}
    if isinstance(value, tuple):
        return [_written(element) for element in value]
    return value.to_json() if hasattr(value, "to_json") else value


def _to_json(record: Any) -> dict[str, Any]:
    """Return a record as JSON data without the optional fields that are None."""
    fields = ((name, getattr(record, name)) for name in record.__slots__)
    return {name: _written(value) for name, value in fields if value is not None}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A skill at a minimum level, required or preferred.

    Attributes
    ----------
    level
        Minimum effective level, 0 to 5; level 0 is met by everyone.
    weight
        Weight of this requirement in the match term, at least 0.
    preferred
        True if it only adds to the match; False if work cannot be done without it.
    """

    skill: str
    level: int
    weight: float = 1.0
    preferred: bool = False

    def __post_init__(self) -> None:
        findings = Findings()
        findings.at("level").require(0 <= self.level <= HIGHEST_LEVEL, f"must be between 0 and {HIGHEST_LEVEL}")
        findings.at("weight").require(self.weight >= 0, "must not be negative")
        findings.raise_if_any()

    @classmethod
    def read(cls, value: object, where: Findings) -> "Requirement | None":
        """Read a requirement from JSON."""
        fields: Fields = {
            "skill": (text, True),
            "level": (integer, True),
            "weight": (number, False),
            "preferred": (flag, False),
        }
        return _read(cls, fields, value, where)

    to_json = _to_json


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one agent in each shift; None is no limit.

    Attributes
    ----------
    heavy_minutes
        Most minutes of emotionally heavy engagements.
    contacts
        Most engagements of a channel.
    """

    heavy_minutes: float | None = None
    contacts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        findings = Findings()
        findings.at("heavy_minutes").require(
            self.heavy_minutes is None or self.heavy_minutes >= 0, "must not be negative"
        )
        for channel, most in self.contacts.items():
            findings.at("contacts", channel).require(most >= 0, "must not be negative")
        findings.raise_if_any()

    @classmethod
    def read(cls, value: object, where: Findings) -> "Limits | None":
        """Read limits from JSON."""
        return _read(
            cls, {"heavy_minutes": (optional(number), False), "contacts": (map_of(integer), False)}, value, where
        )

    to_json = _to_json


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who handles engagements, with what they can do and when.

    Attributes
    ----------
    skills
        Effective level of each skill, 0 to 5; a skill that is not named has level 0.
    capacity
        Productive minutes in each interval.
    concurrency
        Simultaneous contacts by channel, at least 1; 1 where not named. It divides the load and grants no channel.
    cost_per_minute
        The site's rate in money. Never a person's pay.
    wants
        Skills that the agent wants to grow in.
    max_stretch_minutes
        Most minutes of stretch work in each shift.
    mentor_for
        Skills in which the agent covers the stretch work of others while on shift.
    site, languages, channels
        Where the agent works, what they speak, and which channels they take. `channels` None is every channel;
        an engagement with a language needs an agent who lists it, one with a site needs an agent of that site.
    lapses_on
        Date on which a skill lapses unless it is practised.
    limits
        Limits in each shift.
    shifts
        Shifts as half-open ranges of intervals; empty means that the horizon is one shift.
    overtime
        Overtime minutes that may be bought in each interval by the ladder step ``overtime``; empty is none.
    """

    id: str
    skills: Mapping[str, int]
    capacity: tuple[float, ...]
    concurrency: Mapping[str, float] = field(default_factory=dict)
    cost_per_minute: float = 0.0
    wants: tuple[str, ...] = ()
    max_stretch_minutes: float = 0.0
    mentor_for: tuple[str, ...] = ()
    site: str | None = None
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None
    lapses_on: Mapping[str, date] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    shifts: tuple[tuple[int, int], ...] = ()
    overtime: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        findings = Findings()
        for skill, level in self.skills.items():
            findings.at("skills", skill).require(
                0 <= level <= HIGHEST_LEVEL, f"must be between 0 and {HIGHEST_LEVEL}, not {level}"
            )
        for channel, contacts in self.concurrency.items():
            findings.at("concurrency", channel).require(contacts >= 1, "must be at least 1")
        for name in ("capacity", "overtime"):
            for index, minutes in enumerate(getattr(self, name)):
                findings.at(name, index).require(minutes >= 0, "must not be negative")
        for name in ("cost_per_minute", "max_stretch_minutes"):
            findings.at(name).require(getattr(self, name) >= 0, "must not be negative")
        self._check_shifts(findings.at("shifts"))
        findings.raise_if_any()

    def _check_shifts(self, where: Findings) -> None:
        end = 0
        for index, (first, after) in enumerate(self.shifts):
            where.at(index).require(end <= first < after, "must be a range after the shift before it")
            end = after
        outside = [
            t
            for t, minutes in enumerate(self.capacity)
            if minutes > 0 and self.shifts and not any(first <= t < after for first, after in self.shifts)
        ]
        where.require(not outside, f"leave out interval {outside[:1]}, in which there is capacity")

    @classmethod
    def read(cls, value: object, where: Findings) -> "Agent | None":
        """Read an agent from JSON."""
        fields: Fields = {
            "id": (text, True),
            "skills": (map_of(integer), True),
            "capacity": (list_of(number), True),
            "concurrency": (map_of(number), False),
            "cost_per_minute": (number, False),
            "wants": (list_of(text), False),
            "max_stretch_minutes": (number, False),
            "mentor_for": (list_of(text), False),
            "site": (optional(text), False),
            "languages": (list_of(text), False),
            "channels": (optional(list_of(text)), False),
            "lapses_on": (map_of(calendar_date), False),
            "limits": (Limits.read, False),
            "shifts": (list_of(_interval_range), False),
            "overtime": (list_of(number), False),
        }
        return _read(cls, fields, value, where)

    to_json = _to_json


def _interval_range(value: Any, where: Findings) -> tuple[int, int]:
    bounds = list_of(integer)(value, where)
    if len(bounds) != 2:
        where.add("must be a pair [first interval, interval after the last]")
        return (0, 1)
    return bounds[0], bounds[1]


def _check_requirements(requires: tuple[Requirement, ...], where: Findings) -> None:
    seen: set[tuple[str, bool]] = set()
    for index, requirement in enumerate(requires):
        key = (requirement.skill, requirement.preferred)
        where.at(index).require(key not in seen, f"names skill {requirement.skill!r} twice")
        seen.add(key)


@dataclass(frozen=True, slots=True)
class Engagement:
    """One deferrable piece of customer work.

    Attributes
    ----------
    minutes
        Handle minutes, above 0, before concurrency.
    earliest, due, latest
        First allowed start, last start that is not late, last allowed start.
    priority
        1 to 5, 5 highest; the service value is value × priority.
    value
        Points at priority 1, at least 0.
    known_agents
        Agents whom the customer knows.
    excluded_agents, eligible_agents
        Agents who must not take it; the only agents who may (None is no restriction, empty is nobody).
    values
        Value of the pair by agent, in place of the sum of all per-pair terms; may be negative.
    minutes_by_agent
        Handle minutes of the pair by agent, in place of `minutes`.
    must_assign
        True if it may not stay unassigned.
    heavy
        True if it is emotionally heavy.
    shadow
        True if a second agent learns beside the one who leads.
    """

    id: str
    minutes: float
    channel: str
    earliest: int
    due: int
    latest: int
    priority: int
    value: float
    requires: tuple[Requirement, ...]
    customer: str | None = None
    known_agents: tuple[str, ...] = ()
    excluded_agents: tuple[str, ...] = ()
    eligible_agents: tuple[str, ...] | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    minutes_by_agent: Mapping[str, float] = field(default_factory=dict)
    must_assign: bool = False
    stance: str = "reactive"
    site: str | None = None
    language: str | None = None
    heavy: bool = False
    shadow: bool = False

    def __post_init__(self) -> None:
        findings = Findings()
        findings.at("minutes").require(self.minutes > 0, "must be above 0")
        for agent, minutes in self.minutes_by_agent.items():
            findings.at("minutes_by_agent", agent).require(minutes > 0, "must be above 0")
        findings.at("earliest").require(self.earliest >= 0, "must not be negative")
        findings.at("latest").require(
            self.latest >= self.earliest, f"is before earliest ({self.earliest}): the window is empty"
        )
        findings.at("priority").require(1 <= self.priority <= 5, "must be between 1 and 5")
        findings.at("value").require(self.value >= 0, "must not be negative")
        findings.at("stance").require(self.stance in STANCES, f"must be one of {', '.join(STANCES)}")
        _check_requirements(self.requires, findings.at("requires"))
        findings.raise_if_any()

    @property
    def worth(self) -> float:
        """Value × priority: the points of serving it in time."""
        return self.value * self.priority

    def minutes_with(self, agent_id: str) -> float:
        """Return the handle minutes with this agent."""
        return self.minutes_by_agent.get(agent_id, self.minutes)

    @classmethod
    def read(cls, value: object, where: Findings) -> "Engagement | None":
        """Read an engagement from JSON."""
        fields: Fields = {
            "id": (text, True),
            "minutes": (number, True),
            "channel": (text, True),
            "earliest": (integer, True),
            "due": (integer, True),
            "latest": (integer, True),
            "priority": (integer, True),
            "value": (number, True),
            "requires": (_requirements, True),
            "customer": (optional(text), False),
            "known_agents": (list_of(text), False),
            "excluded_agents": (list_of(text), False),
            "eligible_agents": (optional(list_of(text)), False),
            "values": (map_of(number), False),
            "minutes_by_agent": (map_of(number), False),
            "must_assign": (flag, False),
            "stance": (text, False),
            "site": (optional(text), False),
            "language": (optional(text), False),
            "heavy": (flag, False),
            "shadow": (flag, False),
        }
        return _read(cls, fields, value, where)

    to_json = _to_json


def _requirements(value: Any, where: Findings) -> tuple[Requirement, ...]:
    return tuple(read for read in list_of(Requirement.read)(value, where) if read is not None)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Real-time contacts of one class that have not arrived yet.

    Attributes
    ----------
    class_
        Name of the class; ``class`` in the file.
    minutes
        Contact minutes in each interval, already staffed for the service level.
    value_per_minute
        Points of one contact minute that is covered, weighed as `service`.
    """

    class_: str
    channel: str
    requires: tuple[Requirement, ...]
    minutes: tuple[float, ...]
    value_per_minute: float = 1.0
    site: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        findings = Findings()
        for index, minutes in enumerate(self.minutes):
            findings.at("minutes", index).require(minutes >= 0, "must not be negative")
        findings.at("value_per_minute").require(self.value_per_minute >= 0, "must not be negative")
        _check_requirements(self.requires, findings.at("requires"))
        findings.raise_if_any()

    @classmethod
    def read(cls, value: object, where: Findings) -> "Forecast | None":
        """Read a forecast class from JSON."""
        fields: Fields = {
            "class": (text, True),
            "channel": (text, True),
            "requires": (_requirements, True),
            "minutes": (list_of(number), True),
            "value_per_minute": (number, False),
            "site": (optional(text), False),
            "language": (optional(text), False),
        }

        def build(**taken: Any) -> Forecast:
            return cls(class_=taken.pop("class"), **taken)

        return _read(build, fields, value, where)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return the class as JSON data."""
        written = _to_json(self)
        return {"class": written.pop("class_"), **written}


@dataclass(frozen=True, slots=True)
class Placement:
    """An engagement at an agent from a start interval on, as it stood in an earlier plan."""

    engagement: str
    agent: str
    start: int

    @classmethod
    def read(cls, value: object, where: Findings) -> "Placement | None":
        """Read a placement from JSON."""
        return _read(cls, {"engagement": (text, True), "agent": (text, True), "start": (integer, True)}, value, where)

    to_json = _to_json


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
        return _read(cls, fields, value, where)

    to_json = _to_json


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
        Number of intervals, at least 1.
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
        findings.at("intervals").require(self.intervals >= 1, "must be at least 1")
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
        problem = _read(cls, fields, value, findings)
        findings.raise_if_any()
        if problem is None:
            raise ProblemError("$", "could not be read")
        return problem

    def to_json(self) -> dict[str, Any]:
        """Return the problem as JSON data that `from_json` reads back to an equal problem."""
        return _to_json(self)

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON text, which names the inputs of a plan."""
        canonical = json.dumps(_canonical(self.to_json()), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """Return JSON data in which equal numbers are written alike, be they 6 or 6.0."""
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
