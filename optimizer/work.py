"""Work that a problem asks for: engagements that can wait, and forecast contacts that can not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from optimizer.reading import Findings, flag, integer, list_of, map_of, number, optional, text
from optimizer.record import Fields, read_record, to_json

HIGHEST_LEVEL = 5
STANCES = ("reactive", "proactive", "community", "praise")


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
        return read_record(cls, fields, value, where)

    to_json = to_json


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
        True if a second agent learns beside the one who leads: a pair serves it or, unless the ladder lists
        ``drop_shadow``, nobody.
    authority
        What it takes to decide alone; the agent who leads has all of it among their `authorities`.
    owner
        The agent to whom the case belongs: nobody else leads it, unless the ladder lists ``hand_over``.
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
    authority: tuple[str, ...] = ()
    owner: str | None = None

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
        self._check_owner(findings.at("owner"))
        findings.raise_if_any()

    def _check_owner(self, where: Findings) -> None:
        if self.owner is not None:
            where.require(self.owner not in self.excluded_agents, f"{self.owner!r} is among the excluded agents")
            listed = self.eligible_agents is None or self.owner in self.eligible_agents
            where.require(listed, f"{self.owner!r} is not among the eligible agents")

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
            "authority": (list_of(text), False),
            "owner": (optional(text), False),
        }
        return read_record(cls, fields, value, where)

    to_json = to_json


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
    authority
        What it takes to decide alone; whoever is reserved has all of it among their `authorities`.
    """

    class_: str
    channel: str
    requires: tuple[Requirement, ...]
    minutes: tuple[float, ...]
    value_per_minute: float = 1.0
    site: str | None = None
    language: str | None = None
    authority: tuple[str, ...] = ()

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
            "authority": (list_of(text), False),
        }

        def build(**taken: Any) -> Forecast:
            return cls(class_=taken.pop("class"), **taken)

        return read_record(build, fields, value, where)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """Return the class as JSON data."""
        written = to_json(self)
        return {"class": written.pop("class_"), **written}
