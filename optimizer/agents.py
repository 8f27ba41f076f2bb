"""The people of a problem: what they can do, when, and within which limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from optimizer.reading import Findings, calendar_date, integer, list_of, map_of, number, optional, text
from optimizer.record import Fields, read_record, to_json
from optimizer.work import HIGHEST_LEVEL


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
        return read_record(
            cls, {"heavy_minutes": (optional(number), False), "contacts": (map_of(integer), False)}, value, where
        )

    to_json = to_json


@dataclass(frozen=True, slots=True)
class StretchSlot:
    """A half-open range of intervals that an agent chose for growing in one skill; an empty one has no room."""

    start: int
    end: int
    skill: str

    def __post_init__(self) -> None:
        findings = Findings()
        findings.at("start").require(self.start >= 0, "must not be negative")
        findings.at("end").require(self.end >= self.start, "must not be before the start")
        findings.raise_if_any()

    @classmethod
    def read(cls, value: object, where: Findings) -> "StretchSlot | None":
        """Read a slot from JSON."""
        return read_record(cls, {"start": (integer, True), "end": (integer, True), "skill": (text, True)}, value, where)

    to_json = to_json


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
    authorities
        What the agent may decide alone, such as ``refund`` or ``write-off``.
    lapses_on
        Date on which a skill lapses unless it is practised.
    limits
        Limits in each shift.
    shifts
        Shifts as half-open ranges of intervals; empty means that the horizon is one shift.
    overtime
        Overtime minutes that may be bought in each interval by the ladder step ``overtime``; empty is none.
    growth_due_minutes
        Growth minutes that fall due within the horizon: this horizon's part of what the agent is promised for the
        month, and what earlier days have left undone. At least 0.
    stretch_slots
        When, and in which skill, the agent chose to grow, in order of time. In a shift that holds the start of a slot
        they grow in such slots alone; in a shift without any they may grow at any time.
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
    authorities: tuple[str, ...] = ()
    growth_due_minutes: float = 0.0
    stretch_slots: tuple[StretchSlot, ...] = ()

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
        for name in ("cost_per_minute", "max_stretch_minutes", "growth_due_minutes"):
            findings.at(name).require(getattr(self, name) >= 0, "must not be negative")
        self._check_shifts(findings.at("shifts"))
        self._check_slots(findings.at("stretch_slots"))
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

    def _check_slots(self, where: Findings) -> None:
        end = 0
        for index, slot in enumerate(self.stretch_slots):
            where.at(index).require(end <= slot.start, "must begin after the slot before it has ended")
            end = slot.end

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
            "authorities": (list_of(text), False),
            "growth_due_minutes": (number, False),
            "stretch_slots": (list_of(StretchSlot.read), False),
        }
        return read_record(cls, fields, value, where)

    to_json = to_json


def _interval_range(value: Any, where: Findings) -> tuple[int, int]:
    bounds = list_of(integer)(value, where)
    if len(bounds) != 2:
        where.add("must be a pair [first interval, interval after the last]")
        return (0, 1)
    return bounds[0], bounds[1]
