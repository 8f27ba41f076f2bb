"""Somebody calls in sick: one command from a line of words, or from the agent's own day, and what it breaks."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Absence, AbsenceKind, Assignment, Engagement, Person, Plan, Reservation, Role, RoleGrant, Site
from webapp.services import absences, lifecycle, notices, roster, roster_marks, zones
from webapp.services.absences import AbsenceDraft
from webapp.services.access import Viewer
from webapp.services.audit import Actor
from webapp.services.planning.day import find_live_plan

MOST_NAMED = 5
_TIME = r"(?P<{name}>\d{{1,2}}(?::\d{{2}})?)"
_UNTIL = re.compile(rf"\b(?:until|till|to)\s+{_TIME.format(name='until')}\s*$", re.IGNORECASE)
_FROM = re.compile(rf"\bfrom\s+{_TIME.format(name='since')}\s*$|\bfrom\s+now\s*$", re.IGNORECASE)
_SICK = re.compile(r"\b(?:(?:is|calls in|called in|calling in)\s+)?(?:sick|ill)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SickCall:
    """Who is sick, and between which times of today's clock; None is now, or the end of their shift."""

    name: str
    since: dt.time | None = None
    until: dt.time | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """
    What an absence breaks in the published plan of its day.

    Parameters
    ----------
    absence
        The absence.
    plan
        The plan, or None if none is published.
    assignments
        Work that has not begun and that the person cannot finish.
    under_way
        Work that they had begun.
    live_minutes
        Minutes kept for live contacts that fall into the absence.
    uncovered
        Those of all this work that are planned at times at which the person works no more, as the plan's mark counts
        them (:mod:`webapp.services.roster_marks`); the rest was planned earlier, and the person did not come to it.
    """

    absence: Absence
    plan: Plan | None
    assignments: tuple[Assignment, ...] = ()
    under_way: tuple[Assignment, ...] = ()
    live_minutes: float = 0.0
    uncovered: tuple[Assignment, ...] = ()

    @property
    def earlier(self) -> int:
        """How much of the work that has not begun was planned before they went."""
        return len(set(self.assignments) - set(self.uncovered))


def read_call(words: str) -> SickCall:
    """
    Read a line such as ``Ana Lima``, ``ana sick from 10:40`` or ``Lima until 15``.

    Raises
    ------
    InvalidInputError
        If it names nobody, or a time that there is not.
    """
    rest, times = words.strip(), {}
    for pattern, part in ((_UNTIL, "until"), (_FROM, "since")):
        found = pattern.search(rest)
        if found is not None:
            times[part] = _read_time(found[part]) if found[part] is not None else None
            rest = rest[: found.start()].strip()
    name = _SICK.sub("", rest).strip(" ,.")
    if not name:
        raise InvalidInputError("Say who is sick: a name, or a part of it.", field="who")
    return SickCall(name, **times)


def _read_time(text: str) -> dt.time:
    hour, _, minute = text.partition(":")
    try:
        return dt.time(int(hour), int(minute or 0))
    except ValueError as error:
        raise InvalidInputError(f"There is no {text} on the clock.", field="who") from error


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def find_person(session: Session, site: Site, name: str, *, viewer: Viewer) -> Person:
    """
    Return the one agent of a site who is called so, by a whole name, its beginning or a part of it.

    Raises
    ------
    InvalidInputError
        If nobody is, or several are, who are named.
    """
    people = roster.list_plannable_people(session, viewer=viewer, site=site)
    wanted = _plain(name)
    tests = (
        lambda plain, person: plain == wanted or person.external_id == name,
        lambda plain, _: plain.startswith(wanted),
        lambda plain, _: any(word.startswith(wanted) for word in plain.split()),
        lambda plain, _: wanted in plain,
    )
    for test in tests:
        found = [person for person in people if test(_plain(person.name), person)]
        if len(found) == 1:
            return found[0]
        if found:
            named = ", ".join(person.name for person in found[:MOST_NAMED])
            more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            raise InvalidInputError(f"Several agents fit: {named}{more}. Type more of the name.", field="who")
    raise InvalidInputError(f"No agent of {site.name} is called {name!r}.", field="who")


def report_call(session: Session, site: Site, words: str, *, viewer: Viewer, by: Actor) -> Absence:
    """
    Note from one line that somebody is sick today, and tell their lead.

    Raises
    ------
    InvalidInputError
        If the line, the name or the times cannot be understood.
    ConflictError
        If they are noted sick for this time already.
    """
    call = read_call(words)
    person = find_person(session, site, call.name, viewer=viewer)
    if call.since is None and call.until is None:
        absence = absences.report_sick(session, person, by=by)
    else:
        absence = _add(session, person, call, by=by)
    _tell(session, person, by=by)
    return absence


def report_self(session: Session, person: Person, *, by: Actor) -> Absence:
    """
    Let an agent say that they are ill from now on, and tell their lead and the scheduler.

    Raises
    ------
    ConflictError
        If they are noted sick for this time already.
    """
    return report_person(session, person, by=by)


def report_person(session: Session, person: Person, *, by: Actor) -> Absence:
    """
    Note that a person is sick from now to the end of their day, and tell their lead and the scheduler.

    Raises
    ------
    ConflictError
        If they are noted sick for this time already.
    """
    absence = absences.report_sick(session, person, by=by)
    _tell(session, person, by=by)
    return absence


def _add(session: Session, person: Person, call: SickCall, *, by: Actor) -> Absence:
    zone = person.site.time_zone
    day_on = zones.to_local(by.at, zone).date()
    first = zones.Occurrence.FIRST

    def _moment(time: dt.time) -> dt.datetime:
        return zones.to_utc(dt.datetime.combine(day_on, time), zone, occurrence=first, field="who")

    starts_at = by.at if call.since is None else _moment(call.since)
    if call.until is not None:
        ends_at = _moment(call.until)
    else:
        _, day_ends_at = zones.day_bounds(day_on, zone)
        shifts = roster.shifts_between(session, [person.id], starts_at, day_ends_at)
        ends_at = max([day_ends_at, *(shift.ends_at for shift in shifts)])
    try:
        return absences.add_absence(session, person, draft=AbsenceDraft(starts_at, ends_at, AbsenceKind.SICK), by=by)
    except InvalidInputError as error:
        if error.field == "ends_at":
            raise InvalidInputError("The absence would end before it begins.", field="who") from error
        raise ConflictError(str(error)) from error


def _tell(session: Session, person: Person, *, by: Actor) -> None:
    """Leave a notice for the person's leads, and for the schedulers of their site, except whoever noted it."""
    holders = select(RoleGrant.person_id).where(
        ((RoleGrant.role == Role.LEAD) & (RoleGrant.team_id == person.team_id) & (RoleGrant.team_id.is_not(None)))
        | ((RoleGrant.role == Role.SCHEDULER) & (RoleGrant.site_id == person.site_id))
    )
    people = select(Person.id).where(Person.id.in_(holders), Person.active).order_by(Person.id)
    for person_id in session.scalars(people):
        if person_id not in {by.person_id, person.id}:
            notices.notify(
                session, person_id, kind="absence", text=f"{person.name} is away from now on.", link="/board", by=by
            )


def find_broken(session: Session, absence: Absence) -> Broken:
    """Return what an absence breaks in the published plan of the day in which it begins."""
    person = absence.person
    day_on = zones.to_local(absence.starts_at, person.site.time_zone).date()
    plan = find_live_plan(session, person.site_id, day_on)
    if plan is None:
        return Broken(absence, None)
    rows = session.scalars(
        select(Assignment)
        .join(Assignment.engagement)
        .where(
            Assignment.plan_id == plan.id,
            Assignment.person_id == person.id,
            Assignment.starts_at < absence.ends_at,
            Engagement.state.in_(lifecycle.IN_PLAN),
        )
        .options(joinedload(Assignment.engagement).joinedload(Engagement.engagement_type))
        .order_by(Assignment.starts_at)
    ).all()
    # What was planned before the absence and has not begun is left undone as well.
    begun = tuple(row for row in rows if row.engagement.state not in lifecycle.UNSTARTED)
    uncovered = roster_marks.find_uncovered(session, plan)
    return Broken(
        absence,
        plan,
        assignments=tuple(row for row in rows if row not in begun),
        under_way=begun,
        live_minutes=_live_minutes(session, plan, absence),
        uncovered=tuple(row for row in rows if row.id in uncovered),
    )


def _live_minutes(session: Session, plan: Plan, absence: Absence) -> float:
    length = dt.timedelta(minutes=plan.run.interval_minutes)
    rows = session.execute(
        select(Reservation.starts_at, Reservation.minutes).where(
            Reservation.plan_id == plan.id,
            Reservation.person_id == absence.person_id,
            Reservation.starts_at < absence.ends_at,
            Reservation.starts_at > absence.starts_at - length,
        )
    )
    return sum(
        minutes * ((min(starts_at + length, absence.ends_at) - max(starts_at, absence.starts_at)) / length)
        for starts_at, minutes in rows
    )
