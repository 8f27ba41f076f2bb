"""Absences: adding, changing and removing them, and the one step for somebody who calls in sick."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Absence, AbsenceKind, Person
from webapp.services import audit, roster, roster_changes, zones
from webapp.services.audit import Actor
from webapp.services.roster_changes import Presence, RosterEdit
from webapp.services.versions import require_version

MAX_ABSENCE = dt.timedelta(days=366)


@dataclass(frozen=True, slots=True)
class AbsenceDraft:
    """What somebody wants an absence to be: half-open times in UTC, and why, as far as planning needs it."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    kind: AbsenceKind


def add_absence(session: Session, person: Person, *, draft: AbsenceDraft, by: Actor) -> Absence:
    """
    Note that a person is away.

    Raises
    ------
    InvalidInputError
        If its times break a rule, or an absence of the same kind overlaps it, which is named.
    """
    _check(session, person, draft, present=None)
    absence = Absence(person_id=person.id, starts_at=draft.starts_at, ends_at=draft.ends_at, kind=draft.kind)
    session.add(absence)
    audit.record(session, "add_absence", absence, by=by, person_id=person.id, detail=_facts(absence))
    roster_changes.note(session, [RosterEdit(person.id, None, Presence.of_absence(absence))], by=by)
    return absence


def report_sick(session: Session, person: Person, *, by: Actor) -> Absence:
    """
    Note that a person is sick from now to the end of today, or of the shift that reaches into tomorrow.

    Raises
    ------
    ConflictError
        If they are noted sick for this time already.
    """
    day_on = zones.to_local(by.at, person.site.time_zone).date()
    _, day_ends_at = zones.day_bounds(day_on, person.site.time_zone)
    shifts = roster.shifts_between(session, [person.id], by.at, day_ends_at)
    ends_at = max([day_ends_at, *(shift.ends_at for shift in shifts)])
    try:
        return add_absence(session, person, draft=AbsenceDraft(by.at, ends_at, AbsenceKind.SICK), by=by)
    except InvalidInputError as error:
        raise ConflictError(str(error)) from error


def update_absence(
    session: Session, absence: Absence, *, draft: AbsenceDraft, version: int, seen: Mapping[str, str], by: Actor
) -> Absence:
    """
    Change an absence.

    Raises
    ------
    ConflictError
        If somebody changed the absence since ``version``.
    InvalidInputError
        If its times break a rule, or an absence of the same kind overlaps it, which is named.
    """
    require_version(absence, version, seen=seen, present=describe_absence(absence, absence.person.site.time_zone))
    _check(session, absence.person, draft, present=absence)
    before, kind, stood = _facts(absence), absence.kind, Presence.of_absence(absence)
    absence.starts_at, absence.ends_at, absence.kind = draft.starts_at, draft.ends_at, draft.kind
    changed: dict[str, Any] = {
        key: [before[key], value] for key, value in _facts(absence).items() if before[key] != value
    }
    if kind is not draft.kind:
        changed["kind"] = True
    if changed:
        audit.record(session, "edit_absence", absence, by=by, person_id=absence.person_id, detail=changed)
        roster_changes.note(session, [RosterEdit(absence.person_id, stood, Presence.of_absence(absence))], by=by)
    return absence


def remove_absence(session: Session, absence: Absence, *, by: Actor) -> AbsenceDraft:
    """Take an absence out of the roster, and return what is needed to add it again."""
    draft = AbsenceDraft(absence.starts_at, absence.ends_at, absence.kind)
    audit.record(session, "remove_absence", absence, by=by, person_id=absence.person_id, detail=_facts(absence))
    edit = RosterEdit(absence.person_id, Presence.of_absence(absence), None)
    session.delete(absence)
    roster_changes.note(session, [edit], by=by)
    return draft


def describe_absence(absence: Absence, zone: str) -> dict[str, str]:
    """Return what an absence holds in words at a zone, label → value, for people who edit it at the same time."""
    return {
        "Begins": f"{zones.to_local(absence.starts_at, zone):%-d %b %Y, %H:%M}",
        "Ends": f"{zones.to_local(absence.ends_at, zone):%-d %b %Y, %H:%M}",
        "Kind": absence.kind.value,
    }


def _facts(absence: Absence) -> dict[str, Any]:
    # The trail is kept for good, so it does not say who was sick: the kind stands in the row, which can be erased.
    return {"starts_at": absence.starts_at.isoformat(), "ends_at": absence.ends_at.isoformat()}


def _check(session: Session, person: Person, draft: AbsenceDraft, *, present: Absence | None) -> None:
    if draft.ends_at <= draft.starts_at:
        raise InvalidInputError("An absence ends after it begins.", field="ends_at")
    if draft.ends_at - draft.starts_at > MAX_ABSENCE:
        raise InvalidInputError(f"An absence lasts {MAX_ABSENCE.days} days at most.", field="ends_at")
    # Absences of two kinds may overlap: who falls sick on a training day is both, and counts once.
    others = session.scalars(
        select(Absence)
        .where(
            Absence.person_id == person.id,
            Absence.kind == draft.kind,
            Absence.starts_at < draft.ends_at,
            Absence.ends_at > draft.starts_at,
        )
        .order_by(Absence.starts_at)
    )
    other = next((each for each in others if each is not present), None)
    if other is not None:
        words = describe_absence(other, person.site.time_zone)
        raise InvalidInputError(
            f"{person.name} is noted as away ({words['Kind']}) from {words['Begins']} to {words['Ends']} already.",
            field="starts_at",
        )
