"""
What is about to slip: engagements that nobody will have begun in time unless somebody acts now.

Four causes, the most pressing first:

- *uncovered*: a live plan gives it to an agent whose shift changed since, and a part of its time is no working time
  of theirs any more;
- *away*: the agent is absent, off shift or has left when it should begin;
- *due*: its due time, or its latest start once that has passed, comes within the site's ``slip_minutes``, and no plan
  begins it in time: work whose agent is there and whose planned start is still to come is left out;
- *untouched*: it arrived or came back, and nothing has happened to it for the site's ``untouched_minutes``.

Each comes with the one action that mends it: give it to who is free and has the skills, give it more time, or end it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, load_only
from sqlalchemy.sql.base import ExecutableOption

from webapp.models import (
    Absence,
    Assignment,
    Engagement,
    EngagementEvent,
    EngagementState,
    EngagementType,
    Person,
    Pin,
    Plan,
    PlanState,
    Shift,
    Site,
    SkillRecord,
)
from webapp.services import access, lifecycle, ownership, roster_marks
from webapp.services.access import Permission, Viewer

LOOK_AHEAD = dt.timedelta(hours=24)
MOST = 200
START_GRACE = dt.timedelta(minutes=15)
_OPEN = lifecycle.OPEN - {EngagementState.IN_PROGRESS}
_UNTOUCHED = frozenset({EngagementState.RECEIVED, EngagementState.RETURNED})
Span = tuple[dt.datetime, dt.datetime]


class Cause(enum.StrEnum):
    """Why an engagement is about to slip."""

    AWAY = "away"
    UNCOVERED = "uncovered"
    DUE = "due"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class Slip:
    """
    An engagement that is about to slip.

    ``until`` is the moment that counts and ``minutes_left`` what is left of it, below 0 once it has passed. ``agent``
    is whom a live plan gave it to, ``pinned`` whom somebody has fixed it to since, ``free`` who could begin it at
    ``starts_at``.
    """

    engagement: Engagement
    cause: Cause
    until: dt.datetime
    minutes_left: int
    owner: Person | None
    agent: Person | None
    pinned: Person | None
    free: Person | None
    starts_at: dt.datetime | None


def count_slipping(session: Session, site: Site, at: dt.datetime) -> int:
    """Return how many engagements of a site are about to slip, :data:`MOST` at most."""
    return len(_causes(session, site, at, _TIMES))


def list_slipping(
    session: Session, *, viewer: Viewer, at: dt.datetime, site_id: int | None = None, mine: bool = False
) -> list[Slip]:
    """Return what is about to slip at the viewer's sites, the least time left first."""
    slips: list[Slip] = []
    for site in access.list_sites(session, viewer=viewer, permission=Permission.VIEW_WORK):
        if site_id in {None, site.id}:
            slips += _slips(session, site, at)
    if mine:
        slips = [each for each in slips if each.owner is not None and each.owner.id == viewer.person_id]
    return sorted(slips, key=lambda each: (each.until, -each.engagement.priority, each.engagement.id))


def _slips(session: Session, site: Site, at: dt.datetime) -> list[Slip]:
    causes = _causes(session, site, at, _WORK)
    if not causes:
        return []
    engagements = [engagement for engagement, _, _ in causes]
    owners = ownership.owners_of(session, engagements)
    pinned = _pinned(session, [each.id for each in engagements])
    given = {agent for _, _, agent in causes if agent is not None}
    agents = {each.id: each for each in session.scalars(select(Person).where(Person.id.in_(given)))}
    bench = _Bench(session, site, at)
    slips = []
    for engagement, cause, agent in causes:
        until = engagement.due_at if engagement.due_at > at else engagement.latest_at
        free, starts_at = (None, None) if engagement.id in pinned else bench.find(engagement)
        slips.append(
            Slip(
                engagement=engagement,
                cause=cause,
                until=until,
                minutes_left=int((until - at).total_seconds() // 60),
                owner=owners.get(engagement.id),
                agent=agents[agent] if agent is not None else None,
                pinned=pinned.get(engagement.id),
                free=free,
                starts_at=starts_at,
            )
        )
    return slips


@dataclass(frozen=True, slots=True)
class _Placed:
    """What a live plan says of an engagement: who begins it, and when."""

    assignment_id: int
    plan_id: int
    run_id: int
    person_id: int
    starts_at: dt.datetime
    active: bool


# What tells whether something is about to slip, and what is shown of it besides.
_TIMES = (load_only(Engagement.state, Engagement.earliest_at, Engagement.due_at, Engagement.latest_at),)
_WORK = (
    joinedload(Engagement.engagement_type).selectinload(EngagementType.requirements),
    joinedload(Engagement.site),
)


def _causes(
    session: Session, site: Site, at: dt.datetime, loading: Sequence[ExecutableOption]
) -> list[tuple[Engagement, Cause, int | None]]:
    """Return what is about to slip, why, and whom a live plan gave it to, with as much of it as is loaded."""
    settings = ownership.settings_of(session, site.id)
    horizon = at + dt.timedelta(minutes=settings.slip_minutes)
    live = _live(session, site, at)
    away, absent = _away(session, live)
    outside = roster_marks.find_uncovered_of(session, {each.plan_id: each.run_id for each in live.values()})
    uncovered = {key for key, each in live.items() if each.assignment_id in outside} - absent
    query = (
        select(Engagement)
        .join(Engagement.engagement_type)
        .where(
            Engagement.site_id == site.id,
            Engagement.state.in_(_OPEN),
            or_(
                Engagement.due_at <= horizon,
                Engagement.state.in_(_UNTOUCHED),
                Engagement.id.in_(away | uncovered),
            ),
        )
        .options(*loading)
        .order_by(Engagement.due_at, Engagement.id)
        .limit(MOST)
    )
    found = session.scalars(query).unique().all()
    touched = _touched(session, [each.id for each in found if each.state in _UNTOUCHED])
    stale = at - dt.timedelta(minutes=settings.untouched_minutes)
    causes = []
    for engagement in found:
        placed = live.get(engagement.id) if engagement.state in lifecycle.UNSTARTED else None
        agent = placed.person_id if placed is not None else None
        if placed is not None and engagement.id in uncovered:
            causes.append((engagement, Cause.UNCOVERED, agent))
        elif placed is not None and engagement.id in away:
            causes.append((engagement, Cause.AWAY, agent))
        elif engagement.due_at <= horizon and not _in_time(engagement, placed, at):
            causes.append((engagement, Cause.DUE, agent))
        elif engagement.state in _UNTOUCHED and touched.get(engagement.id, engagement.earliest_at) <= stale:
            causes.append((engagement, Cause.UNTOUCHED, agent))
    return causes


def _in_time(engagement: Engagement, placed: _Placed | None, at: dt.datetime) -> bool:
    return placed is not None and at <= placed.starts_at + START_GRACE and placed.starts_at <= engagement.latest_at


def _live(session: Session, site: Site, at: dt.datetime) -> dict[int, _Placed]:
    """Return the live assignments of a site from yesterday to a day ahead, by engagement."""
    columns = (
        *(Assignment.engagement_id, Assignment.id, Assignment.plan_id, Plan.run_id),
        *(Assignment.person_id, Assignment.starts_at, Person.active),
    )
    rows = session.execute(
        select(*columns)
        .select_from(Assignment)
        .join(Assignment.plan)
        .join(Assignment.engagement)
        .join(Assignment.person)
        .where(
            Plan.site_id == site.id,
            Plan.state == PlanState.PUBLISHED,
            Assignment.starts_at >= at - LOOK_AHEAD,
            Assignment.starts_at < at + LOOK_AHEAD,
            Engagement.state.in_(lifecycle.UNSTARTED),
        )
        .order_by(Assignment.starts_at)
    )
    return {
        engagement_id: _Placed(assignment_id, plan_id, run_id, person_id, starts_at, active)
        for engagement_id, assignment_id, plan_id, run_id, person_id, starts_at, active in rows
    }


def _away(session: Session, live: Mapping[int, _Placed]) -> tuple[set[int], set[int]]:
    """Return the engagements whose agent is not there when they should begin, and those whose agent is absent."""
    if not live:
        return set(), set()
    people = {each.person_id for each in live.values()}
    first = min(each.starts_at for each in live.values())
    last = max(each.starts_at for each in live.values())
    shifts = _spans(session, Shift, people, first, last)
    absences = _spans(session, Absence, people, first, last)
    absent = {key for key, each in live.items() if _covers(absences[each.person_id], each.starts_at)}
    off = {key for key, each in live.items() if not _covers(shifts[each.person_id], each.starts_at)}
    gone = {key for key, each in live.items() if not each.active}
    return absent | off | gone, absent


def _spans(
    session: Session,
    model: type[Shift | Absence],
    people: Collection[int],
    first: dt.datetime,
    last: dt.datetime,
) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = defaultdict(list)
    rows = session.execute(
        select(model.person_id, model.starts_at, model.ends_at).where(
            model.person_id.in_(people), model.starts_at <= last, model.ends_at > first
        )
    )
    for person_id, starts_at, ends_at in rows:
        found[person_id].append((starts_at, ends_at))
    return found


def _covers(spans: Sequence[Span], moment: dt.datetime) -> bool:
    return any(start <= moment < end for start, end in spans)


def _touched(session: Session, engagement_ids: Sequence[int]) -> dict[int, dt.datetime]:
    rows = session.execute(
        select(EngagementEvent.engagement_id, func.max(EngagementEvent.at))
        .where(EngagementEvent.engagement_id.in_(engagement_ids))
        .group_by(EngagementEvent.engagement_id)
    )
    return dict(rows.all())


def _pinned(session: Session, engagement_ids: Sequence[int]) -> dict[int, Person]:
    pins = session.scalars(
        select(Pin)
        .where(Pin.engagement_id.in_(engagement_ids), Pin.removed_at.is_(None))
        .options(joinedload(Pin.person))
    )
    return {pin.engagement_id: pin.person for pin in pins}


class _Bench:
    """The agents of a site who are there now or soon, what they can do, and what they have to do already."""

    def __init__(self, session: Session, site: Site, at: dt.datetime) -> None:
        self._at, self._ends = at, at + LOOK_AHEAD
        people = session.scalars(
            select(Person)
            .where(Person.site_id == site.id, Person.active, Person.is_agent)
            .order_by(Person.name, Person.id)
        ).all()
        ids = {person.id for person in people}
        self._shifts = _spans(session, Shift, ids, at, self._ends)
        self._absences = _spans(session, Absence, ids, at, self._ends)
        self._people = [person for person in people if self._shifts[person.id]]
        self._levels = {
            (person_id, skill_id): level
            for person_id, skill_id, level in session.execute(
                select(SkillRecord.person_id, SkillRecord.skill_id, SkillRecord.effective_level).where(
                    SkillRecord.person_id.in_([person.id for person in self._people])
                )
            )
        }
        self._busy: dict[int, list[Span]] = defaultdict(list)
        work = session.execute(
            select(Assignment.person_id, Assignment.starts_at, Assignment.minutes)
            .join(Assignment.plan)
            .join(Assignment.engagement)
            .where(
                Plan.site_id == site.id,
                Plan.state == PlanState.PUBLISHED,
                Assignment.starts_at >= at - LOOK_AHEAD,
                Assignment.starts_at < self._ends,
                Engagement.state.in_(lifecycle.IN_PLAN),
            )
        )
        for person_id, starts_at, minutes in work:
            self._busy[person_id].append((starts_at, starts_at + dt.timedelta(minutes=minutes)))
        pins = session.execute(
            select(Pin.person_id, Pin.starts_at).where(
                and_(Pin.removed_at.is_(None), Pin.starts_at >= at, Pin.starts_at < self._ends)
            )
        )
        for person_id, starts_at in pins:
            self._busy[person_id].append((starts_at, starts_at + dt.timedelta(minutes=15)))

    def find(self, engagement: Engagement) -> tuple[Person | None, dt.datetime | None]:
        """Return who can begin an engagement soonest, its case owner before others, and when; None if nobody can."""
        if engagement.state is EngagementState.RECEIVED or engagement.latest_at < self._at:
            return None, None
        needs = [line for line in engagement.engagement_type.requirements if not line.preferred]
        length = dt.timedelta(minutes=engagement.handle_minutes)
        best: tuple[bool, dt.datetime, int, Person] | None = None
        for person in self._people:
            if any(self._levels.get((person.id, line.skill_id), 0) < line.level for line in needs):
                continue
            starts_at = self._free_from(person.id, max(self._at, engagement.earliest_at), length)
            if starts_at is None or starts_at > engagement.latest_at:
                continue
            rank = (person.id != engagement.owner_id, starts_at, person.id, person)
            if best is None or rank[:3] < best[:3]:
                best = rank
        return (best[3], best[1]) if best is not None else (None, None)

    def _free_from(self, person_id: int, earliest: dt.datetime, length: dt.timedelta) -> dt.datetime | None:
        """Return from when on a person has time for work of some length, within one of their shifts."""
        blocked = sorted(self._busy[person_id] + self._absences[person_id])
        for shift_start, shift_end in sorted(self._shifts[person_id]):
            moment = max(earliest, shift_start)
            for start, end in blocked:
                if start < moment + length and end > moment:
                    moment = end
            if moment + length <= shift_end:
                return moment
        return None
