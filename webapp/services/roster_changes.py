"""
Working time that changes after a day was planned: noted for each run of the day, in the transaction of the change.

Whatever changes shifts or absences hands its edits to :func:`note`: pages, the API, imports and their undo alike. A
row stays only while somebody's working time differs from what the run planned with, so that a change and its way back
leave no mark. A new run has no rows; one that repeats another takes over its rows (:func:`copy_notes`), and one that
read the roster while it changed keeps what came after (:func:`settle_notes`).

A run that a transaction asks for at the very moment at which another one changes the roster may miss its mark;
publishing compares everything anew (:mod:`webapp.services.planning.staleness`) and tells it then.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from webapp.models import OPEN_STATES, Absence, Job, Person, Plan, PlanRun, RosterChange, Shift, ShiftBreak, Site
from webapp.services import spans, zones
from webapp.services.audit import Actor
from webapp.services.spans import Span

_IDS_PER_QUERY = 900
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Presence:
    """A shift with its breaks in order, or an absence if ``away``: half-open, in UTC."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    breaks: tuple[Span, ...] = ()
    away: bool = False

    @classmethod
    def of_shift(cls, shift: Shift) -> Presence:
        """Return a shift as it stands."""
        breaks = sorted((each.starts_at, each.ends_at) for each in shift.breaks)
        return cls(shift.starts_at, shift.ends_at, tuple(breaks))

    @classmethod
    def of_absence(cls, absence: Absence) -> Presence:
        """Return an absence as it stands."""
        return cls(absence.starts_at, absence.ends_at, away=True)


@dataclass(frozen=True, slots=True)
class RosterEdit:
    """One change of the roster; None before is an addition, None after a removal."""

    person_id: int
    before: Presence | None
    after: Presence | None

    def __iter__(self) -> Iterator[Presence]:
        """Yield what is there of before and after."""
        return (each for each in (self.before, self.after) if each is not None)


@dataclass(frozen=True, slots=True)
class Effect:
    """What edits do to somebody's working time in the day of a run: spans in order, before and after."""

    run_id: int
    person_id: int
    was: tuple[Span, ...]
    now: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """A planned day: its run, and its first and last moment."""

    run_id: int
    site_id: int
    starts_at: dt.datetime
    ends_at: dt.datetime


def find_effects(session: Session, edits: Sequence[RosterEdit], *, applied: bool, at: dt.datetime) -> list[Effect]:
    """
    Return what edits do to the runs of today and later, of which there is a plan or that are under way.

    Parameters
    ----------
    session
        A session.
    edits
        The edits.
    applied
        Whether the database holds them already.
    at
        The present moment.
    """
    days = _planned_days(session, edits, at=at)
    return list(_effects(session, days, edits, applied=applied))


def note(
    session: Session, edits: Sequence[RosterEdit], *, import_batch_id: int | None = None, by: Actor
) -> list[Effect]:
    """
    Note what edits, which the database holds already, did to planned days, and return it.

    Parameters
    ----------
    session
        Session of the change.
    edits
        What changed.
    import_batch_id
        The import that changed it, if one did.
    by
        Who did it, and when.
    """
    session.flush()
    days = _planned_days(session, edits, at=by.at)
    if not days:
        return []
    ids = sorted(day.run_id for day in days)
    # Two who change one day wait for each other: the second one finds the first one's note.
    session.execute(select(PlanRun.id).where(PlanRun.id.in_(ids)).order_by(PlanRun.id).with_for_update())
    effects = list(_effects(session, days, edits, applied=True))
    known = {
        (row.run_id, row.person_id): row
        for row in session.scalars(select(RosterChange).where(RosterChange.run_id.in_(ids)))
    }
    for effect in effects:
        row = known.get((effect.run_id, effect.person_id))
        if row is None:
            row = RosterChange(run_id=effect.run_id, person_id=effect.person_id, was=to_json(effect.was))
            session.add(row)
        row.now, row.changed_at, row.import_batch_id = to_json(effect.now), by.at, import_batch_id
        if row.was == row.now:
            session.delete(row)
    session.flush()
    return effects


def read_seen(session: Session, run_id: int) -> dict[int, list[Any]]:
    """
    Return what a run that builds its problem finds noted of itself: person → working time as the problem has it.

    Asked before the problem is built: what changes in between is rather told once too often.
    """
    query = select(RosterChange.person_id, RosterChange.now).where(RosterChange.run_id == run_id)
    return dict(session.execute(query).all())


def settle_notes(session: Session, run_id: int, seen: Mapping[int, list[Any]]) -> None:
    """Take what a run had seen when it built its problem off its notes; what changed since stays."""
    for row in session.scalars(select(RosterChange).where(RosterChange.run_id == run_id)):
        if row.person_id in seen:
            row.was = seen[row.person_id]
            if row.was == row.now:
                session.delete(row)
    session.flush()


def copy_notes(session: Session, of_run_id: int, to_run_id: int) -> None:
    """Give a run that repeats another's problem the same notes."""
    for row in session.scalars(select(RosterChange).where(RosterChange.run_id == of_run_id)):
        session.add(
            RosterChange(
                run_id=to_run_id,
                person_id=row.person_id,
                was=row.was,
                now=row.now,
                changed_at=row.changed_at,
                import_batch_id=row.import_batch_id,
            )
        )
    session.flush()


def to_json(found: Iterable[Span]) -> list[Any]:
    """Return spans as a row keeps them."""
    return [[start.astimezone(dt.UTC).isoformat(), end.astimezone(dt.UTC).isoformat()] for start, end in found]


def from_json(kept: Iterable[Any]) -> list[Span]:
    """Return the spans that a row keeps."""
    return [(dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)) for start, end in kept]


def _planned_days(session: Session, edits: Sequence[RosterEdit], *, at: dt.datetime) -> list[_Day]:
    """Return the days of runs that edits may concern, those of the past left out: nobody works by their plans."""
    touched = [each for edit in edits for each in edit]
    if not touched:
        return []
    sites = set(_sites_of(session, {edit.person_id for edit in edits}).values())
    query = (
        select(PlanRun.id, PlanRun.site_id, PlanRun.day_on, Site.time_zone)
        .join(PlanRun.site)
        .outerjoin(Plan, Plan.run_id == PlanRun.id)
        .outerjoin(Job, Job.id == PlanRun.job_id)
        .where(
            PlanRun.site_id.in_(sites),
            # Days of sites begin up to a day before or after those of UTC.
            PlanRun.day_on >= max(min(each.starts_at for each in touched), at).date() - _DAY,
            PlanRun.day_on <= max(each.ends_at for each in touched).date() + _DAY,
            or_(Plan.id.is_not(None), Job.state.in_(OPEN_STATES)),
        )
    )
    return [
        _Day(run_id, site_id, *zones.day_bounds(day_on, zone))
        for run_id, site_id, day_on, zone in session.execute(query)
        if day_on >= zones.to_local(at, zone).date()
    ]


def _sites_of(session: Session, person_ids: Collection[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in _chunks(person_ids):
        found.update(session.execute(select(Person.id, Person.site_id).where(Person.id.in_(some))).all())
    return found


def _effects(session: Session, days: Sequence[_Day], edits: Sequence[RosterEdit], *, applied: bool) -> Iterator[Effect]:
    if not days:
        return
    window = (min(day.starts_at for day in days), max(day.ends_at for day in days))
    of_person: dict[int, list[RosterEdit]] = defaultdict(list)
    for edit in edits:
        if any(_meets(each, window) for each in edit):
            of_person[edit.person_id].append(edit)
    sites = _sites_of(session, of_person)
    stored = _presences(session, of_person, window)
    for day in days:
        bounds = (day.starts_at, day.ends_at)
        for person_id, own in of_person.items():
            here = [edit for edit in own if any(_meets(each, bounds) for each in edit)]
            if sites.get(person_id) != day.site_id or not here:
                continue
            present = [each for each in stored[person_id] if _meets(each, bounds)]
            other = _edited(present, here, back=applied)
            was, now = _working(other if applied else present, bounds), _working(present if applied else other, bounds)
            if was != now:
                yield Effect(day.run_id, person_id, tuple(was), tuple(now))


def _edited(present: Sequence[Presence], edits: Sequence[RosterEdit], *, back: bool) -> list[Presence]:
    """Return the roster after some edits, or as it was before them."""
    found = list(present)
    for edit in edits:
        gone, come = (edit.after, edit.before) if back else (edit.before, edit.after)
        if gone in found:
            found.remove(gone)
        if come is not None:
            found.append(come)
    return found


def _meets(presence: Presence, bounds: Span) -> bool:
    return spans.overlaps((presence.starts_at, presence.ends_at), bounds)


def _working(presences: Iterable[Presence], bounds: Span) -> list[Span]:
    shifts: list[Span] = []
    holes: list[Span] = []
    for each in presences:
        (holes if each.away else shifts).append((each.starts_at, each.ends_at))
        holes.extend(each.breaks)
    return spans.clip(spans.subtract(shifts, holes), *bounds)


def _presences(session: Session, person_ids: Collection[int], window: Span) -> dict[int, list[Presence]]:
    """Return what the roster holds of people in a time, read as plain columns: an import may concern thousands."""
    found: dict[int, list[Presence]] = defaultdict(list)
    for some in _chunks(person_ids):
        within = (Shift.person_id.in_(some), Shift.starts_at < window[1], Shift.ends_at > window[0])
        breaks: dict[int, list[Span]] = defaultdict(list)
        query = select(ShiftBreak.shift_id, ShiftBreak.starts_at, ShiftBreak.ends_at).join(ShiftBreak.shift)
        for shift_id, start, end in session.execute(query.where(*within)):
            breaks[shift_id].append((start, end))
        rows = session.execute(select(Shift.id, Shift.person_id, Shift.starts_at, Shift.ends_at).where(*within))
        for shift_id, person_id, start, end in rows:
            found[person_id].append(Presence(start, end, tuple(sorted(breaks[shift_id]))))
        away = select(Absence.person_id, Absence.starts_at, Absence.ends_at).where(
            Absence.person_id.in_(some), Absence.starts_at < window[1], Absence.ends_at > window[0]
        )
        for person_id, start, end in session.execute(away):
            found[person_id].append(Presence(start, end, away=True))
    return found


def _chunks(ids: Collection[int]) -> Iterator[Sequence[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_PER_QUERY):
        yield ordered[start : start + _IDS_PER_QUERY]
