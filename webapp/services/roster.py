"""The roster as others read it: who is on shift when, and how many minutes of whom there are to plan."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.errors import NotFoundError
from webapp.models import Absence, Person, Shift, ShiftBreak, Site, Team
from webapp.services import access, spans
from webapp.services.access import Permission, Viewer
from webapp.services.spans import Span

# SQLite takes 32,766 values in one statement, older builds 999.
IDS_PER_QUERY = 900


def capacity(
    session: Session,
    person_ids: Collection[int],
    starts_at: dt.datetime,
    interval_minutes: float,
    intervals: int,
    *,
    also_away: Mapping[int, Sequence[Span]] | None = None,
) -> dict[int, list[float]]:
    """
    Return the minutes that each person is on shift and neither on a break nor absent, by interval.

    Shrinkage is not taken off: it belongs to the policy.  Intervals are steps of real time from ``starts_at`` on,
    whatever the clocks show, so a 22:00–06:00 night lasts 9 h when they are put back and 7 h when they are put forward.

    Parameters
    ----------
    session
        A session.
    person_ids
        Whom to count; those without a shift get zeros.
    starts_at
        Begin of the first interval.
    interval_minutes
        Length of an interval, above 0.
    intervals
        How many intervals.
    also_away
        When people are away in addition, by person: what is asked as a what-if.

    Returns
    -------
    dict
        Person id → minutes, one number per interval, each in [0, ``interval_minutes``].
    """
    ends_at = starts_at.astimezone(dt.UTC) + dt.timedelta(minutes=interval_minutes * intervals)
    working = working_spans(session, person_ids, starts_at, ends_at)
    if also_away:
        working = {key: spans.subtract(found, also_away.get(key, ())) for key, found in working.items()}
    return {
        person_id: spans.minutes_per_interval(
            working[person_id], starts_at=starts_at, interval_minutes=interval_minutes, intervals=intervals
        )
        for person_id in person_ids
    }


def working_spans(
    session: Session, person_ids: Collection[int], starts_at: dt.datetime, ends_at: dt.datetime
) -> dict[int, list[Span]]:
    """Return when each person works in [``starts_at``, ``ends_at``): shifts without breaks and absences, in order."""
    shifts: dict[int, list[Span]] = defaultdict(list)
    holes: dict[int, list[Span]] = defaultdict(list)
    for person_id, *span in shift_times(session, person_ids, starts_at, ends_at):
        shifts[person_id].append((span[0], span[1]))
    breaks = (
        select(Shift.person_id, ShiftBreak.starts_at, ShiftBreak.ends_at)
        .join(ShiftBreak.shift)
        .where(Shift.starts_at < ends_at, Shift.ends_at > starts_at)
    )
    for ids in _chunks(person_ids):
        for person_id, begins, ends in session.execute(breaks.where(Shift.person_id.in_(ids))):
            holes[person_id].append((begins, ends))
    for absence in absences_between(session, person_ids, starts_at, ends_at):
        holes[absence.person_id].append((absence.starts_at, absence.ends_at))
    return {
        person_id: spans.clip(spans.subtract(shifts[person_id], holes[person_id]), starts_at, ends_at)
        for person_id in person_ids
    }


def shift_times(
    session: Session, person_ids: Collection[int], starts_at: dt.datetime, ends_at: dt.datetime
) -> list[tuple[int, dt.datetime, dt.datetime]]:
    """Return person, begin and end of the shifts that share time with [``starts_at``, ``ends_at``), in any order."""
    query = select(Shift.person_id, Shift.starts_at, Shift.ends_at).where(
        Shift.starts_at < ends_at, Shift.ends_at > starts_at
    )
    found: list[tuple[int, dt.datetime, dt.datetime]] = []
    for ids in _chunks(person_ids):
        found.extend(session.execute(query.where(Shift.person_id.in_(ids))))
    return found


def shifts_between(
    session: Session, person_ids: Collection[int], starts_at: dt.datetime, ends_at: dt.datetime
) -> list[Shift]:
    """Return the shifts that share time with [``starts_at``, ``ends_at``), with their breaks, by start."""
    query = (
        select(Shift).where(Shift.starts_at < ends_at, Shift.ends_at > starts_at).options(selectinload(Shift.breaks))
    )
    found: list[Shift] = []
    for ids in _chunks(person_ids):
        found.extend(session.scalars(query.where(Shift.person_id.in_(ids))))
    return sorted(found, key=lambda shift: (shift.starts_at, shift.person_id))


def absences_between(
    session: Session, person_ids: Collection[int], starts_at: dt.datetime, ends_at: dt.datetime
) -> list[Absence]:
    """Return the absences that share time with [``starts_at``, ``ends_at``), by start."""
    query = select(Absence).where(Absence.starts_at < ends_at, Absence.ends_at > starts_at)
    found: list[Absence] = []
    for ids in _chunks(person_ids):
        found.extend(session.scalars(query.where(Absence.person_id.in_(ids))))
    return sorted(found, key=lambda absence: (absence.starts_at, absence.person_id))


def _chunks(ids: Collection[int]) -> Iterator[Sequence[int]]:
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), IDS_PER_QUERY):
        yield ordered[start : start + IDS_PER_QUERY]


@dataclass(frozen=True, slots=True)
class PersonRoster:
    """One person's shifts and absences that share time with a period, by start."""

    person: Person
    shifts: Sequence[Shift]
    absences: Sequence[Absence]

    def within(self, starts_at: dt.datetime, ends_at: dt.datetime) -> PersonRoster:
        """Return the part of it that shares time with a shorter period."""
        period = (starts_at, ends_at)
        return PersonRoster(
            person=self.person,
            shifts=[shift for shift in self.shifts if spans.overlaps((shift.starts_at, shift.ends_at), period)],
            absences=[away for away in self.absences if spans.overlaps((away.starts_at, away.ends_at), period)],
        )

    def working_minutes(self, starts_at: dt.datetime, ends_at: dt.datetime) -> float:
        """Return the minutes on shift without breaks and absences in a period."""
        holes = [(pause.starts_at, pause.ends_at) for shift in self.shifts for pause in shift.breaks]
        holes += [(away.starts_at, away.ends_at) for away in self.absences]
        working = spans.subtract([(shift.starts_at, shift.ends_at) for shift in self.shifts], holes)
        return sum(spans.minutes_of(span) for span in spans.clip(working, starts_at, ends_at))


def roster_query(viewer: Viewer, *, site: Site, team_id: int | None = None, text: str = "") -> Select[Person]:
    """Return a query of the active agents of a site whose roster the viewer may see, by name."""
    query = (
        select(Person)
        .where(viewer.sees(Permission.VIEW_ROSTER), Person.site_id == site.id, Person.active, Person.is_agent)
        .order_by(Person.name, Person.id)
    )
    if team_id is not None:
        query = query.where(Person.team_id == team_id)
    if text:
        query = query.where(Person.name.icontains(text, autoescape=True))
    return query


def count_people(session: Session, *, viewer: Viewer, site: Site, team_id: int | None = None, text: str = "") -> int:
    """Return how many people :func:`list_roster` has."""
    query = roster_query(viewer, site=site, team_id=team_id, text=text).order_by(None)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def list_roster(
    session: Session,
    *,
    viewer: Viewer,
    site: Site,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    team_id: int | None = None,
    text: str = "",
    offset: int = 0,
    limit: int | None = None,
) -> list[PersonRoster]:
    """Return the shifts and absences in a period of the people whose roster the viewer may see, by name."""
    query = roster_query(viewer, site=site, team_id=team_id, text=text).options(joinedload(Person.team))
    people = session.scalars(query.offset(offset).limit(limit)).all()
    ids = [person.id for person in people]
    shifts: dict[int, list[Shift]] = defaultdict(list)
    absences: dict[int, list[Absence]] = defaultdict(list)
    for shift in shifts_between(session, ids, starts_at, ends_at):
        shifts[shift.person_id].append(shift)
    for absence in absences_between(session, ids, starts_at, ends_at):
        absences[absence.person_id].append(absence)
    return [PersonRoster(person, shifts[person.id], absences[person.id]) for person in people]


def list_roster_sites(session: Session, *, viewer: Viewer) -> list[Site]:
    """Return the sites in which the viewer sees anybody's roster, by name: a lead sees the sites of their teams."""
    scope = viewer.scope(Permission.VIEW_ROSTER)
    of_teams = select(Team.site_id).where(Team.id.in_(scope.team_ids))
    query = select(Site).where(or_(viewer.sees_site(Permission.VIEW_ROSTER), Site.id.in_(of_teams)))
    return list(session.scalars(query.order_by(Site.name)))


def get_shift(session: Session, shift_id: int, *, viewer: Viewer, permission: Permission) -> Shift:
    """
    Return a shift of somebody on whom the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is no such shift, or its person lies outside the viewer's scope.
    """
    query = (
        select(Shift)
        .join(Shift.person)
        .where(Shift.id == shift_id, viewer.sees(permission))
        .options(selectinload(Shift.breaks), joinedload(Shift.person).joinedload(Person.site))
    )
    shift = session.scalar(query)
    if shift is None:
        raise NotFoundError("There is no such shift.")
    return shift


def get_absence(session: Session, absence_id: int, *, viewer: Viewer, permission: Permission) -> Absence:
    """
    Return an absence of somebody on whom the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is no such absence, or its person lies outside the viewer's scope.
    """
    query = (
        select(Absence)
        .join(Absence.person)
        .where(Absence.id == absence_id, viewer.sees(permission))
        .options(joinedload(Absence.person).joinedload(Person.site))
    )
    absence = session.scalar(query)
    if absence is None:
        raise NotFoundError("There is no such absence.")
    return absence


def list_plannable_people(session: Session, *, viewer: Viewer, site: Site) -> list[Person]:
    """Return the active agents of a site whose shifts and absences the viewer may edit, by name."""
    return list(
        session.scalars(
            access.people_query(viewer, Permission.EDIT_ROSTER)
            .where(Person.site_id == site.id, Person.active, Person.is_agent)
            .order_by(Person.name, Person.id)
        )
    )
