"""How skill records came to be: the log of a record, the records as of any date, and levels over time."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Person, SkillEvent
from webapp.services.projection import LoggedEvent, Projection, project, standing_events
from webapp.services.records import load_logs
from webapp.services.zones import day_bounds


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event of a log, and whether it still stands or was taken back."""

    event: SkillEvent
    standing: bool


def history(
    session: Session, person_id: int, *, skill_id: int | None = None, limit: int | None = None
) -> list[HistoryLine]:
    """Return the events of a person, newest first; those of one skill if it is given."""
    query = (
        select(SkillEvent)
        .where(SkillEvent.person_id == person_id)
        .options(joinedload(SkillEvent.author), joinedload(SkillEvent.skill))
        .order_by(SkillEvent.at.desc(), SkillEvent.id.desc())
    )
    if skill_id is not None:
        query = query.where(SkillEvent.skill_id == skill_id)
    events = session.scalars(query).all()
    standing = {event.id for event in standing_events(_logged(event) for event in events)}
    return [HistoryLine(event, event.id in standing) for event in events[:limit]]


def _logged(event: SkillEvent) -> LoggedEvent:
    return LoggedEvent(
        id=event.id,
        person_id=event.person_id,
        kind=event.kind,
        at=event.at,
        author_id=event.author_id,
        level=event.level,
        interest=event.interest,
        expires_on=event.expires_on,
        retracts_id=event.retracts_id,
    )


def as_of(session: Session, person: Person, on: dt.date) -> dict[int, Projection]:
    """Return a person's records at the end of a day at their site, by what was known then: skill → projection."""
    _, end = day_bounds(on, person.site.time_zone)
    return {
        skill_id: project([event for event in log if event.at < end], on)
        for skill_id, log in load_person_logs(session, person.id).items()
        if any(event.at < end for event in log)
    }


def load_person_logs(session: Session, person_id: int) -> dict[int, list[LoggedEvent]]:
    """Return the log of each skill that a person has events in."""
    skill_ids = session.scalars(select(SkillEvent.skill_id).where(SkillEvent.person_id == person_id).distinct())
    logs = load_logs(session, {(person_id, skill_id) for skill_id in skill_ids})
    return {skill_id: log for (_, skill_id), log in logs.items()}


@dataclass(frozen=True, slots=True)
class LevelPoint:
    """The levels of one record from a day on, until the next point."""

    on: dt.date
    claimed: int | None
    effective: int


def level_points(log: Sequence[LoggedEvent], zone: str, until: dt.date) -> list[LevelPoint]:
    """
    Return the days on which the levels of a record changed, by what was known on each day, oldest first.

    Parameters
    ----------
    log
        The events of one record.
    zone
        The site's time zone, which says on which day an event happened.
    until
        The last day that matters.
    """
    points: list[LevelPoint] = []
    for day in _turning_days(log, zone, until):
        found = _known(log, zone, day)
        if not points or (points[-1].claimed, points[-1].effective) != (found.claimed_level, found.effective_level):
            points.append(LevelPoint(day, found.claimed_level, found.effective_level))
    return points


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many skills a person holds at each level from 1 to 5 from a day on."""

    on: dt.date
    counts: tuple[int, int, int, int, int]


def level_counts(logs: Iterable[Sequence[LoggedEvent]], zone: str, until: dt.date) -> list[LevelCount]:
    """Return how many skills stood at each effective level from each day on that changed it, oldest first."""
    changes: dict[dt.date, list[tuple[int, int]]] = {}
    for record, log in enumerate(logs):
        for point in level_points(log, zone, until):
            changes.setdefault(point.on, []).append((record, point.effective))
    levels: dict[int, int] = {}
    counts: list[LevelCount] = []
    for day in sorted(changes):
        levels.update(changes[day])
        tally = Counter(levels.values())
        now = LevelCount(day, (tally[1], tally[2], tally[3], tally[4], tally[5]))
        if not counts or counts[-1].counts != now.counts:
            counts.append(now)
    return counts


def _turning_days(log: Sequence[LoggedEvent], zone: str, until: dt.date) -> list[dt.date]:
    days = {_day_of(event, zone) for event in log}
    # Evidence may be dated back, so that it had expired before anybody wrote it down.
    days.update(event.expires_on for event in log if event.expires_on is not None and event.expires_on > min(days))
    return sorted(day for day in days if day <= until)


def _day_of(event: LoggedEvent, zone: str) -> dt.date:
    return event.at.astimezone(ZoneInfo(zone)).date()


def _known(log: Sequence[LoggedEvent], zone: str, day: dt.date) -> Projection:
    return project([event for event in log if _day_of(event, zone) <= day], day)
