"""How skill records came to be: the log of a record, the records as of any date, and levels over time."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Person, Skill, SkillEvent, SkillEventKind
from webapp.services.fading import STANDARD_RULE, SkillRule
from webapp.services.projection import LoggedEvent, Projection, project, standing_events
from webapp.services.records import batches, load_logs, load_rules
from webapp.services.skill_past import SkillPast, load_past
from webapp.services.zones import day_bounds

_LOGGED = tuple(field.name for field in fields(LoggedEvent))
_PEOPLE_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """
    One event of a log, and whether it still stands or was taken back.

    ``days`` and ``contacts`` are above 0 where the line stands for the use of a whole month; ``event`` is its latest.
    """

    event: SkillEvent
    standing: bool
    days: int = 0
    contacts: int = 0


def condense(lines: Iterable[HistoryLine], zone: str) -> list[HistoryLine]:
    """Return a history in which a month's use of a skill is one line, so that evidence is not buried under days."""
    months: dict[tuple[int, int, int], int] = {}
    condensed: list[HistoryLine] = []
    for line in lines:
        event = line.event
        if not line.standing or event.kind is not SkillEventKind.USE:
            condensed.append(line)
            continue
        day = event.at.astimezone(ZoneInfo(zone)).date()
        place = months.setdefault((event.skill_id, day.year, day.month), len(condensed))
        if place == len(condensed):
            condensed.append(replace(line, days=1, contacts=event.count or 0))
        else:
            found = condensed[place]
            condensed[place] = replace(found, days=found.days + 1, contacts=found.contacts + (event.count or 0))
    return condensed


def history(session: Session, person_id: int, *, skill_id: int | None = None) -> list[HistoryLine]:
    """Return the events of a person, newest first; those of one skill if it is given."""
    query = (
        select(SkillEvent)
        .where(SkillEvent.person_id == person_id)
        .options(joinedload(SkillEvent.author), joinedload(SkillEvent.skill))
        .order_by(SkillEvent.at.desc(), SkillEvent.id.desc())
    )
    if skill_id is not None:
        parts = select(Skill.id).where(or_(Skill.id == skill_id, Skill.merged_into_id == skill_id))
        query = query.where(SkillEvent.skill_id.in_(parts))
    events = session.scalars(query).all()
    standing = {event.id for event in standing_events(_logged(event) for event in events)}
    return [HistoryLine(event, event.id in standing) for event in events]


def _logged(event: SkillEvent) -> LoggedEvent:
    return LoggedEvent(**{name: getattr(event, name) for name in _LOGGED})


def as_of(session: Session, person: Person, on: dt.date) -> dict[int, Projection]:
    """Return a person's records at the end of a day at their site, by what was known then: skill → projection."""
    return records_as_of(session, [person], on)[person.id]


def records_as_of(
    session: Session, people: Iterable[Person], on: dt.date, *, past: SkillPast | None = None
) -> dict[int, dict[int, Projection]]:
    """
    Return records at the end of a day at each person's site, by what was known then: person → skill → projection.

    Skills that were merged later stand for themselves, those that had been merged by then are part of another.
    """
    past = past or load_past(session)
    ends = {person.id: day_bounds(on, person.site.time_zone)[1] for person in people}
    logs: dict[tuple[int, int], list[LoggedEvent]] = defaultdict(list)
    for (person_id, skill_id), log in load_own_logs(session, ends).items():
        end = ends[person_id]
        known = [event for event in log if event.at < end]
        if known:
            logs[person_id, past.root_before(skill_id, end)] += known
    rules = load_rules(session, {skill_id for _, skill_id in logs})
    found: dict[int, dict[int, Projection]] = {person_id: {} for person_id in ends}
    for (person_id, skill_id), log in logs.items():
        found[person_id][skill_id] = project(log, on, rules[skill_id])
    return found


def load_own_logs(session: Session, person_ids: Iterable[int]) -> dict[tuple[int, int], list[LoggedEvent]]:
    """Return what was said of people by the skill that it was said of, whatever was merged since."""
    columns = [getattr(SkillEvent, name) for name in _LOGGED]
    logs: dict[tuple[int, int], list[LoggedEvent]] = defaultdict(list)
    for some in batches(sorted(person_ids), _PEOPLE_AT_ONCE):
        query = select(SkillEvent.skill_id, *columns).where(SkillEvent.person_id.in_(some))
        for skill_id, *values in session.execute(query):
            event = LoggedEvent(*values)
            logs[event.person_id, skill_id].append(event)
    return logs


def load_person_logs(session: Session, person_id: int) -> dict[int, list[LoggedEvent]]:
    """Return the log of each skill that a person has events in."""
    skill_ids = session.scalars(
        select(func.coalesce(Skill.merged_into_id, Skill.id))
        .join(SkillEvent, SkillEvent.skill_id == Skill.id)
        .where(SkillEvent.person_id == person_id)
        .distinct()
    )
    logs = load_logs(session, {(person_id, skill_id) for skill_id in skill_ids})
    return {skill_id: log for (_, skill_id), log in logs.items()}


@dataclass(frozen=True, slots=True)
class LevelPoint:
    """The levels of one record from a day on, until the next point."""

    on: dt.date
    claimed: int | None
    effective: int


# What never changes a claimed or a validated level.
_KEEPING_KINDS = frozenset({SkillEventKind.USE, SkillEventKind.CONFIRM, SkillEventKind.INTEREST})

Belongs = Callable[[LoggedEvent, dt.date], bool]


def level_points(
    log: Sequence[LoggedEvent],
    zone: str,
    until: dt.date,
    rule: SkillRule = STANDARD_RULE,
    *,
    belongs: Belongs | None = None,
    turns: Iterable[dt.date] = (),
) -> list[LevelPoint]:
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
    rule
        How levels of the skill hold.
    belongs
        Says which events belong to the record on a day; all if None.
    turns
        The days on which that changes.
    """
    happened = {event.id: event.at.astimezone(ZoneInfo(zone)).date() for event in log}
    first = min(happened.values(), default=until)
    telling = {happened[event.id] for event in log if event.kind not in _KEEPING_KINDS}
    telling |= {day for day in turns if day > first}
    days = sorted({*happened.values(), *telling})
    points: list[LevelPoint] = []
    day = days[0] if days else until + dt.timedelta(days=1)
    while day <= until:
        known = [e for e in log if happened[e.id] <= day and (belongs is None or belongs(e, day))]
        found = project(known, day, rule)
        if not points or (points[-1].claimed, points[-1].effective) != (found.claimed_level, found.effective_level):
            points.append(LevelPoint(day, found.claimed_level, found.effective_level))
        # Use lifts a level that has faded, and puts off the fading of one that has not: no need to look that day.
        steps = telling if found.effective_level == found.validated_level else days
        later = [later for later in (*steps, found.changes_on) if later is not None and later > day]
        day = min(later, default=until + dt.timedelta(days=1))
    return points


@dataclass(frozen=True, slots=True)
class LevelCount:
    """How many skills a person holds at each level from 1 to 5 from a day on."""

    on: dt.date
    counts: tuple[int, int, int, int, int]


def level_counts(
    logs: Mapping[int, Sequence[LoggedEvent]], zone: str, until: dt.date, rules: Mapping[int, SkillRule]
) -> list[LevelCount]:
    """
    Return how many skills stood at each effective level from each day on that changed it, oldest first.

    ``logs`` and ``rules`` have the keys of the skills.
    """
    return _count_levels(
        {skill_id: level_points(log, zone, until, rules.get(skill_id, STANDARD_RULE)) for skill_id, log in logs.items()}
    )


def _count_levels(points: Mapping[int, Sequence[LevelPoint]]) -> list[LevelCount]:
    changes: dict[dt.date, list[tuple[int, int]]] = {}
    for skill_id, found in points.items():
        for point in found:
            changes.setdefault(point.on, []).append((skill_id, point.effective))
    levels: dict[int, int] = {}
    counts: list[LevelCount] = []
    for day in sorted(changes):
        levels.update(changes[day])
        tally = Counter(levels.values())
        now = LevelCount(day, (tally[1], tally[2], tally[3], tally[4], tally[5]))
        if not counts or counts[-1].counts != now.counts:
            counts.append(now)
    return counts


def list_level_points(session: Session, person: Person, skill_id: int, until: dt.date) -> list[LevelPoint]:
    """Return the days up to one on which the levels of a person in a skill changed, oldest first."""
    return _replay(session, person, until, skill_ids=[skill_id])[skill_id]


def list_level_counts(session: Session, person: Person, until: dt.date) -> list[LevelCount]:
    """Return how many skills of a person stood at each level from each day on that changed it, oldest first."""
    return _count_levels(_replay(session, person, until))


def _replay(
    session: Session, person: Person, until: dt.date, *, skill_ids: Collection[int] | None = None
) -> dict[int, list[LevelPoint]]:
    """Return the levels of a person over time, with each skill part of another for as long as it was."""
    past, zone = load_past(session), person.site.time_zone
    logs = {skill_id: log for (_, skill_id), log in load_own_logs(session, [person.id]).items()}
    said_of = {event.id: skill_id for skill_id, log in logs.items() for event in log}
    wanted = past.wholes_ever(logs) if skill_ids is None else set(skill_ids)
    rules = load_rules(session, wanted)
    found: dict[int, list[LevelPoint]] = {}
    for skill_id in sorted(wanted):
        parts = past.parts_ever(skill_id) | {skill_id}
        log = [event for part in parts for event in logs.get(part, ())]
        moved = past.turns(past.wholes_ever(parts))

        def belongs(event: LoggedEvent, day: dt.date, whole: int = skill_id) -> bool:
            return past.root_before(said_of[event.id], day_bounds(day, zone)[1]) == whole

        found[skill_id] = level_points(
            log,
            zone,
            until,
            rules.get(skill_id, STANDARD_RULE),
            belongs=belongs if moved else None,
            turns=[at.astimezone(ZoneInfo(zone)).date() for at in moved if at.year > 1],
        )
    return found
