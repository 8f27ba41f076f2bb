"""
What-if: changes that are applied to the problem of a day while it is built; the live data are never touched.

Each change does to the problem what the same fact would do, were it in the database: an absence takes the same minutes,
a surge scales the same rows before they are cut into tranches.  A scenario without changes asks the live problem.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any, ClassVar, Union

from optimizer import problem as asked
from webapp.errors import InvalidInputError
from webapp.models import Channel, EngagementType, ForecastInterval
from webapp.services import spans
from webapp.services.planning.horizon import Horizon
from webapp.services.spans import Span

MOST_PERCENT = 500.0
MOST_MINUTES = 10_000.0
MOST_CHANGES = 20
HIGHEST_LEVEL = 5


@dataclass(frozen=True, slots=True)
class Away:
    """A person is away from one moment to another."""

    kind: ClassVar[str] = "away"
    person_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Surge:
    """
    More or fewer live contacts of a type in a window: ``percent`` of what is forecast there, and ``minutes`` on top.

    Intervals of the forecast that begin in the window change, in minutes and in contacts alike.
    """

    kind: ClassVar[str] = "surge"
    type_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    percent: float = 0.0
    minutes: float = 0.0


@dataclass(frozen=True, slots=True)
class NewLevel:
    """A person has a skill at a level on that day."""

    kind: ClassVar[str] = "level"
    person_id: int
    skill_id: int
    level: int


@dataclass(frozen=True, slots=True)
class Extra:
    """One more agent from one moment to another, who can do what ``like_id`` can: a colleague lent, or a double."""

    kind: ClassVar[str] = "extra"
    like_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """A channel is closed from a moment on, to the end of the day."""

    kind: ClassVar[str] = "closed"
    channel: str
    starts_at: dt.datetime


Change = Union[Away, Surge, NewLevel, Extra, Closed]  # noqa: UP007 - read at run time below
KINDS: Mapping[str, type[Any]] = {each.kind: each for each in (Away, Surge, NewLevel, Extra, Closed)}


def fields_of(kind: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the fields that a change of a kind needs, and of all that it has."""
    known = fields(KINDS[kind])
    return frozenset(each.name for each in known if each.default is MISSING), frozenset(each.name for each in known)


@dataclass(frozen=True, slots=True)
class DemandRow:
    """An interval of the forecast as it might be; it has what :class:`ForecastInterval` tells of demand."""

    engagement_type_id: int
    engagement_type: EngagementType
    starts_at: dt.datetime
    length_minutes: int
    volume: float
    minutes: float


AnyRow = ForecastInterval | DemandRow


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Changes of a day, by kind; without any it changes nothing."""

    changes: tuple[Change, ...] = ()

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the changes of one kind, in the order in which they were made."""
        return [change for change in self.changes if isinstance(change, kind)]

    def absences(self) -> dict[int, list[Span]]:
        """Return when each person is away in addition."""
        found: dict[int, list[Span]] = {}
        for away in self.of(Away):
            found.setdefault(away.person_id, []).append((away.starts_at, away.ends_at))
        return found

    def demand(self, rows: Sequence[ForecastInterval]) -> list[AnyRow]:
        """Return the rows of the forecast with surges, and without those of closed channels."""
        changed: list[AnyRow] = list(rows)
        for surge in self.of(Surge):
            inside = [row for row in changed if row.engagement_type_id == surge.type_id and _begins_in(row, surge)]
            total = sum(row.length_minutes for row in inside)
            changed = [_surged(row, surge, total) if row in inside else row for row in changed]
        for closed in self.of(Closed):
            changed = [
                row
                for row in changed
                if row.engagement_type.channel.value != closed.channel or row.starts_at < closed.starts_at
            ]
        return changed

    def agents(self, agents: Sequence[asked.Agent], *, skill_ids: set[int], mentor_level: int) -> list[asked.Agent]:
        """Return the agents with their new levels."""
        found = {agent.id: agent for agent in agents}
        for new in self.of(NewLevel):
            agent = found.get(str(new.person_id))
            if agent is None or new.skill_id not in skill_ids:
                continue
            skills = {**agent.skills, str(new.skill_id): new.level}
            skills = {skill: level for skill, level in skills.items() if level}
            found[agent.id] = replace(
                agent,
                skills=skills,
                mentor_for=tuple(skill for skill in sorted(skills, key=int) if skills[skill] >= mentor_level),
                lapses_on={skill: on for skill, on in agent.lapses_on.items() if skill in skills},
            )
        return list(found.values())

    def engagements(
        self, engagements: Sequence[asked.Engagement], horizon: Horizon, *, standing: set[str]
    ) -> list[asked.Engagement]:
        """Return the work that may still begin before its channel closes; what is ``standing`` has begun already."""
        kept = list(engagements)
        for closed in self.of(Closed):
            last = horizon.index_from(closed.starts_at) - 1
            kept = [
                each
                if each.channel != closed.channel or each.id in standing
                else replace(each, latest=min(each.latest, last))
                for each in kept
                if each.channel != closed.channel or each.id in standing or each.earliest <= last
            ]
        return kept

    def pins(self, pins: Sequence[asked.Pin], engagements: Sequence[asked.Engagement]) -> tuple[asked.Pin, ...]:
        """Return the pins that a closed channel leaves possible."""
        if not self.of(Closed):
            return tuple(pins)
        latest = {each.id: each.latest for each in engagements}
        return tuple(pin for pin in pins if pin.start is None or pin.start <= latest[pin.engagement])


NOTHING = WhatIf()


def _begins_in(row: AnyRow, surge: Surge) -> bool:
    return surge.starts_at <= row.starts_at < surge.ends_at


def _surged(row: AnyRow, surge: Surge, total: int) -> DemandRow:
    extra = surge.minutes * row.length_minutes / total
    factor = 1.0 + surge.percent / 100.0
    return DemandRow(
        engagement_type_id=row.engagement_type_id,
        engagement_type=row.engagement_type,
        starts_at=row.starts_at,
        length_minutes=row.length_minutes,
        volume=row.volume * factor + extra / row.engagement_type.handle_minutes,
        minutes=row.minutes * factor + extra,
    )


def extra_agent(like: asked.Agent, extra: Extra, number: int, horizon: Horizon, *, productive: float) -> asked.Agent:
    """Return one more agent with the levels of another; their ids are negative, which no person's is."""
    minutes = spans.minutes_per_interval(
        spans.clip([(extra.starts_at, extra.ends_at)], horizon.starts_at, horizon.ends_at),
        starts_at=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
    )
    first = max(0, horizon.index_of(extra.starts_at))
    after = min(horizon.intervals, horizon.index_from(extra.ends_at))
    return replace(
        like,
        id=str(-number),
        capacity=tuple(round(each * productive, 4) for each in minutes),
        shifts=((first, after),) if first < after else (),
        # Who comes to help comes for the work, and does not learn or lose a skill by it.
        wants=(),
        max_stretch_minutes=0.0,
        stretch_slots=(),
        lapses_on={},
    )


def to_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return changes as plain JSON, as a scenario keeps them."""
    return [
        {"kind": change.kind}
        | {
            key: value.astimezone(dt.UTC).isoformat() if isinstance(value, dt.datetime) else value
            for key, value in asdict(change).items()
        }
        for change in changes
    ]


def from_json(stored: Sequence[Mapping[str, Any]]) -> WhatIf:
    """Return the changes that a scenario keeps."""
    changes = []
    for each in stored:
        values = {key: value for key, value in each.items() if key != "kind"}
        for key in ("starts_at", "ends_at"):
            if key in values:
                values[key] = dt.datetime.fromisoformat(values[key])
        changes.append(KINDS[each["kind"]](**values))
    return WhatIf(tuple(changes))


def check(change: Change) -> None:
    """
    Check a change by itself.

    Raises
    ------
    InvalidInputError
        If a time, a share or a level is out of range; its field is named.
    """
    if not isinstance(change, NewLevel | Closed) and change.ends_at <= change.starts_at:
        raise InvalidInputError("It ends after it begins.", field="ends_at")
    if isinstance(change, Surge):
        if not -100.0 <= change.percent <= MOST_PERCENT:
            raise InvalidInputError(f"Between −100 and {MOST_PERCENT:.0f} percent.", field="percent")
        if not 0 <= change.minutes <= MOST_MINUTES:
            raise InvalidInputError(f"Between 0 and {MOST_MINUTES:.0f} minutes.", field="minutes")
        if not change.percent and not change.minutes:
            raise InvalidInputError("Say by how many percent, or how many minutes more.", field="percent")
    if isinstance(change, NewLevel) and not 0 <= change.level <= HIGHEST_LEVEL:
        raise InvalidInputError(f"A level lies between 0 and {HIGHEST_LEVEL}.", field="level")
    if isinstance(change, Closed) and change.channel not in {channel.value for channel in Channel}:
        raise InvalidInputError("There is no such channel.", field="channel")
