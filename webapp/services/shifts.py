"""Shifts: adding, changing and removing them, with their breaks."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from webapp.errors import InvalidInputError
from webapp.models import Person, Shift, ShiftBreak
from webapp.services import audit, roster_changes, spans, zones
from webapp.services.audit import Actor
from webapp.services.roster_changes import Presence, RosterEdit
from webapp.services.spans import Span
from webapp.services.versions import require_version

MAX_SHIFT = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ShiftDraft:
    """What somebody wants a shift to be: half-open times in UTC, its breaks inside it."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    breaks: tuple[Span, ...] = ()


def add_shift(session: Session, person: Person, *, draft: ShiftDraft, external_id: str = "", by: Actor) -> Shift:
    """
    Give a person a shift; ``external_id`` is its key in the system that it comes from, made up if there is none.

    Raises
    ------
    InvalidInputError
        If its times or breaks break a rule, it overlaps another shift, which is named, or its key is taken.
    """
    _check(session, person, draft, present=None)
    if external_id and session.scalar(select(Shift.id).where(Shift.external_id == external_id)) is not None:
        raise InvalidInputError(f"There is a shift {external_id!r} already.", field="external_id")
    shift = Shift(
        external_id=external_id or f"hand-{uuid.uuid4().hex[:16]}",
        person_id=person.id,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        inferred=False,
        breaks=[ShiftBreak(starts_at=start, ends_at=end) for start, end in draft.breaks],
    )
    session.add(shift)
    audit.record(session, "add_shift", shift, by=by, person_id=person.id, detail=_facts(shift))
    roster_changes.note(session, [RosterEdit(person.id, None, Presence.of_shift(shift))], by=by)
    return shift


def update_shift(
    session: Session, shift: Shift, *, draft: ShiftDraft, version: int, seen: Mapping[str, str], by: Actor
) -> Shift:
    """
    Change a shift and its breaks; what was inferred from a call log is then no longer called so.

    Raises
    ------
    ConflictError
        If somebody changed the shift since ``version``.
    InvalidInputError
        If its times or breaks break a rule, or it overlaps another shift, which is named.
    """
    require_version(shift, version, seen=seen, present=describe_shift(shift, shift.person.site.time_zone))
    _check(session, shift.person, draft, present=shift)
    before, stood = _facts(shift), Presence.of_shift(shift)
    shift.starts_at, shift.ends_at = draft.starts_at, draft.ends_at
    _set_breaks(shift, draft.breaks)
    after = _facts(shift)
    changed = {key: [before[key], value] for key, value in after.items() if before[key] != value}
    if changed:
        shift.inferred = False
        # A changed break alone would leave the shift's own row, and so its version, as it was.
        flag_modified(shift, "starts_at")
        audit.record(session, "edit_shift", shift, by=by, person_id=shift.person_id, detail=changed)
        roster_changes.note(session, [RosterEdit(shift.person_id, stood, Presence.of_shift(shift))], by=by)
    return shift


def remove_shift(session: Session, shift: Shift, *, by: Actor) -> ShiftDraft:
    """Take a shift out of the roster, and return what is needed to add it again."""
    draft = ShiftDraft(shift.starts_at, shift.ends_at, tuple((each.starts_at, each.ends_at) for each in shift.breaks))
    audit.record(session, "remove_shift", shift, by=by, person_id=shift.person_id, detail=_facts(shift))
    edit = RosterEdit(shift.person_id, Presence.of_shift(shift), None)
    session.delete(shift)
    roster_changes.note(session, [edit], by=by)
    return draft


def describe_shift(shift: Shift, zone: str) -> dict[str, str]:
    """Return what a shift holds in words at a zone, label → value, for people who edit it at the same time."""
    return {
        "Begins": _written(shift.starts_at, zone),
        "Ends": _written(shift.ends_at, zone),
        "Breaks": ", ".join(
            f"{zones.to_local(each.starts_at, zone):%H:%M}–{zones.to_local(each.ends_at, zone):%H:%M}"
            for each in shift.breaks
        ),
    }


def _written(moment: dt.datetime, zone: str) -> str:
    return f"{zones.to_local(moment, zone):%-d %b %Y, %H:%M}"


def _set_breaks(shift: Shift, wanted: Sequence[Span]) -> None:
    kept = []
    for row in list(shift.breaks):
        if (row.starts_at, row.ends_at) in wanted:
            kept.append((row.starts_at, row.ends_at))
        else:
            shift.breaks.remove(row)
    shift.breaks.extend(ShiftBreak(starts_at=start, ends_at=end) for start, end in wanted if (start, end) not in kept)


def _facts(shift: Shift) -> dict[str, Any]:
    return {
        "starts_at": shift.starts_at.isoformat(),
        "ends_at": shift.ends_at.isoformat(),
        "breaks": sorted([each.starts_at.isoformat(), each.ends_at.isoformat()] for each in shift.breaks),
    }


def _check(session: Session, person: Person, draft: ShiftDraft, *, present: Shift | None) -> None:
    zone = person.site.time_zone
    if draft.ends_at <= draft.starts_at:
        raise InvalidInputError("A shift ends after it begins.", field="ends_at")
    if draft.ends_at - draft.starts_at > MAX_SHIFT:
        raise InvalidInputError("A shift lasts 24 hours at most.", field="ends_at")
    _check_breaks(draft, zone=zone)
    others = session.scalars(
        select(Shift)
        .where(Shift.person_id == person.id, Shift.starts_at < draft.ends_at, Shift.ends_at > draft.starts_at)
        .order_by(Shift.starts_at)
    )
    other = next((each for each in others if each is not present), None)
    if other is not None:
        raise InvalidInputError(
            f"{person.name} has a shift already: {_written(other.starts_at, zone)} to {_written(other.ends_at, zone)}.",
            field="starts_at",
        )


def _check_breaks(draft: ShiftDraft, *, zone: str) -> None:
    before: Span | None = None
    for start, end in sorted(draft.breaks):
        written = f"The break {zones.to_local(start, zone):%H:%M}–{zones.to_local(end, zone):%H:%M}"
        if end <= start:
            raise InvalidInputError(f"{written} ends before it begins.", field="breaks")
        if start < draft.starts_at or end > draft.ends_at:
            raise InvalidInputError(f"{written} lies outside the shift.", field="breaks")
        if before is not None and spans.overlaps(before, (start, end)):
            raise InvalidInputError(f"{written} overlaps the one before it.", field="breaks")
        before = (start, end)
