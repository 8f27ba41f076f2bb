"""
Who can: people with given skills at given levels, free at a given time, the best fit first.

Levels are those of the day that is asked about.  Fit is judged by, in this order: fewest missing levels, fewest levels
that no reviewer has seen, fewest skills that the person would rather not use, most skills that they want to grow in,
highest levels.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError
from webapp.models import Interest, Person, Shift, Skill, SkillRecord
from webapp.services import records, roster, spans, zones
from webapp.services.access import Permission, Viewer
from webapp.services.freshness import is_fresh
from webapp.services.projection import Projection, is_awaiting_review, is_provisional
from webapp.services.unprojected import list_unprojected, people_unprojected

NEAR_LEVELS = 1
"""Levels that somebody may miss, over all skills together, and still be shown as near."""

HOLDER_LEVEL = 3
"""Level from which a person counts as a holder of a skill: competent, so that they do it alone."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A skill at a minimum level, 1 to 5."""

    skill_id: int
    level: int


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one day on the clocks of each person's site; an end at or before the start lies on the next day."""

    starts: dt.time
    ends: dt.time


@dataclass(frozen=True, slots=True)
class Search:
    """
    What is asked.

    Parameters
    ----------
    wanted
        Skills that all have to be there.
    on
        The day whose levels and shifts count.
    window
        When the person has to be on shift and not absent; None does not ask.
    site_id, team_id
        Where to look; None looks everywhere in the viewer's scope.
    reviewed
        Whether imported levels that nobody has reviewed are left out.
    fresh
        Whether levels without a recent sign of life (:mod:`webapp.services.freshness`) are left out.
    near
        Whether people who miss up to :data:`NEAR_LEVELS` levels are shown, too.
    """

    wanted: tuple[Wanted, ...]
    on: dt.date
    window: Window | None = None
    site_id: int | None = None
    team_id: int | None = None
    reviewed: bool = False
    fresh: bool = False
    near: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has in one of the skills that are asked for."""

    skill: Skill
    asked: int
    level: int
    provisional: bool
    interest: Interest
    valid_until: dt.date | None
    fresh: bool

    @property
    def missing(self) -> int:
        """Levels below what is asked."""
        return max(0, self.asked - self.level)


@dataclass(frozen=True, slots=True)
class Match:
    """A person who fits, with what they have in each skill and, if a time was asked for, the shift that covers it."""

    person: Person
    standings: tuple[Standing, ...]
    shift: Shift | None = None

    @property
    def missing(self) -> int:
        """Levels that are missing over all skills."""
        return sum(standing.missing for standing in self.standings)

    @property
    def order(self) -> tuple[int, int, int, int, int, str]:
        """Key that sorts the best fit first."""
        return (
            self.missing,
            sum(standing.provisional for standing in self.standings),
            sum(standing.interest is Interest.RATHER_NOT for standing in self.standings),
            -sum(standing.interest is Interest.GROW for standing in self.standings),
            -sum(standing.level for standing in self.standings),
            self.person.name,
        )


def find_who_can(session: Session, search: Search, *, viewer: Viewer) -> list[Match]:
    """
    Return the people in the viewer's scope who can, the best fit first; nobody if no skill is asked for.

    Raises
    ------
    InvalidInputError
        If a skill does not exist, is asked for twice, or a level is not from 1 to 5.
    """
    if not search.wanted:
        return []
    skills = _skills(session, search.wanted)
    people = session.scalars(_people(search, viewer).where(_may_match(session, search))).all()
    held = records.projections_on(session, [person.id for person in people], search.on, skill_ids=list(skills))
    matches = []
    for person in people:
        standings = tuple(_standing(skills[line.skill_id], line, held[person.id], search) for line in search.wanted)
        if sum(standing.missing for standing in standings) <= (NEAR_LEVELS if search.near else 0):
            matches.append(Match(person=person, standings=standings))
    if search.window is not None:
        matches = _free(session, matches, search.on, search.window)
    return sorted(matches, key=lambda match: match.order)


def _skills(session: Session, wanted: Sequence[Wanted]) -> dict[int, Skill]:
    ids = [line.skill_id for line in wanted]
    if len(ids) != len(set(ids)):
        raise InvalidInputError("A skill is asked for twice. Keep one line for each.")
    if not all(1 <= line.level <= 5 for line in wanted):
        raise InvalidInputError("Ask for a level from 1 to 5.")
    skills = {skill.id: skill for skill in session.scalars(select(Skill).where(Skill.id.in_(ids)))}
    if len(skills) != len(ids):
        raise InvalidInputError("One of these skills does not exist.")
    return skills


def _people(search: Search, viewer: Viewer) -> Select[Person]:
    query = (
        select(Person)
        .where(Person.active, viewer.sees(Permission.SEARCH_SKILLS))
        .options(joinedload(Person.site), joinedload(Person.team))
    )
    if search.site_id is not None:
        query = query.where(Person.site_id == search.site_id)
    if search.team_id is not None:
        query = query.where(Person.team_id == search.team_id)
    return query


def _may_match(session: Session, search: Search) -> ColumnElement[bool]:
    """
    Return a condition on people that leaves out those whose records cannot match, and is sure of nobody else.

    Records that are wrong for the day, or not projected since an import, are judged by the log afterwards.
    """
    spare = NEAR_LEVELS if search.near else 0
    levels = [
        Person.id.in_(
            select(SkillRecord.person_id).where(
                SkillRecord.skill_id == line.skill_id,
                or_(
                    SkillRecord.effective_level >= line.level - spare,
                    SkillRecord.changes_on <= search.on,
                    SkillRecord.holds_from > search.on,
                ),
            )
        )
        for line in search.wanted
        if line.level > spare
    ]
    imports = list_unprojected(session)
    if not imports:
        return and_(true(), *levels)
    return or_(and_(true(), *levels), Person.id.in_(people_unprojected(imports)))


def _standing(skill: Skill, wanted: Wanted, held: Mapping[int, Projection], search: Search) -> Standing:
    found = held.get(skill.id, Projection())
    fresh = is_fresh(found, skill.half_life_days, search.on)
    seen = not (search.reviewed and found.provisional) and (fresh or not search.fresh)
    counts = found.effective_level > 0 and seen
    return Standing(
        skill=skill,
        asked=wanted.level,
        level=found.effective_level if counts else 0,
        provisional=counts and found.provisional,
        interest=found.interest,
        valid_until=found.falls_on if counts else None,
        fresh=fresh,
    )


def _free(session: Session, matches: Sequence[Match], on: dt.date, window: Window) -> list[Match]:
    """Return the matches whose person has one shift over the whole window and no absence in it."""
    times = {zone: _bounds(on, window, zone) for zone in {match.person.site.time_zone for match in matches}}
    if not times:
        return []
    first, last = min(start for start, _ in times.values()), max(end for _, end in times.values())
    ids = [match.person.id for match in matches]
    shifts: dict[int, list[Shift]] = defaultdict(list)
    for shift in roster.shifts_between(session, ids, first, last):
        shifts[shift.person_id].append(shift)
    away: dict[int, list[spans.Span]] = defaultdict(list)
    for absence in roster.absences_between(session, ids, first, last):
        away[absence.person_id].append((absence.starts_at, absence.ends_at))
    free = []
    for match in matches:
        start, end = times[match.person.site.time_zone]
        covering = [shift for shift in shifts[match.person.id] if shift.starts_at <= start and end <= shift.ends_at]
        if covering and not any(spans.overlaps(span, (start, end)) for span in away[match.person.id]):
            free.append(Match(person=match.person, standings=match.standings, shift=covering[0]))
    return free


def _bounds(on: dt.date, window: Window, zone: str) -> spans.Span:
    ends_on = on if window.ends > window.starts else on + dt.timedelta(days=1)
    first = zones.Occurrence.FIRST
    return (
        zones.to_utc(dt.datetime.combine(on, window.starts), zone, occurrence=first, field="starts"),
        zones.to_utc(dt.datetime.combine(ends_on, window.ends), zone, occurrence=first, field="ends"),
    )


@dataclass(frozen=True, slots=True)
class SoleHolder:
    """A skill that only one person has at :data:`HOLDER_LEVEL` or above."""

    skill: Skill
    person: Person


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures over HR's home, for the viewer's scope."""

    people: int
    agents: int
    open_reviews: int
    provisional_records: int
    sole_holders: tuple[SoleHolder, ...]


def get_headline(session: Session, *, viewer: Viewer, on: dt.date) -> Headline:
    """
    Return the figures for HR's home.

    Records whose evidence ran out by ``on`` count again once they are projected anew.
    """
    inside = (Person.active, viewer.sees(Permission.SEARCH_SKILLS))
    count_people = select(func.count()).select_from(Person).where(*inside)
    count_records = select(func.count()).select_from(SkillRecord).join(SkillRecord.person).where(*inside)
    return Headline(
        people=session.scalar(count_people) or 0,
        agents=session.scalar(count_people.where(Person.is_agent)) or 0,
        open_reviews=session.scalar(count_records.where(is_awaiting_review())) or 0,
        provisional_records=session.scalar(count_records.where(is_provisional(), SkillRecord.effective_level > 0)) or 0,
        sole_holders=_sole_holders(session, viewer, on),
    )


def _sole_holders(session: Session, viewer: Viewer, on: dt.date) -> tuple[SoleHolder, ...]:
    holders = (
        select(SkillRecord.skill_id, func.min(SkillRecord.person_id).label("person_id"))
        .join(SkillRecord.person)
        .where(Person.active, viewer.sees(Permission.SEARCH_SKILLS), SkillRecord.effective_level >= HOLDER_LEVEL)
        .where(or_(SkillRecord.changes_on.is_(None), SkillRecord.changes_on > on))
        .group_by(SkillRecord.skill_id)
        .having(func.count() == 1)
        .subquery()
    )
    query = (
        select(Skill, Person)
        .join(holders, holders.c.skill_id == Skill.id)
        .join(Person, Person.id == holders.c.person_id)
        .where(Skill.retired_at.is_(None))
        .order_by(Skill.name)
    )
    return tuple(SoleHolder(skill=skill, person=person) for skill, person in session.execute(query))
