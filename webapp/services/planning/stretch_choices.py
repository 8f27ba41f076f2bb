"""
Choosing stretch slots: agents choose and withdraw them, schedulers refuse them with a reason that the agent reads.

The rules are those of :mod:`webapp.services.planning.stretch_slots`.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError
from webapp.models import Person, SlotState, StretchSlot
from webapp.services import audit, notices, zones
from webapp.services.audit import Actor
from webapp.services.planning import stretch_slots
from webapp.services.planning.stretch_slots import SlotDraft

MAX_REASON = 300


def choose_slot(session: Session, person: Person, *, draft: SlotDraft, by: Actor) -> StretchSlot:
    """
    Let an agent choose a stretch slot; who chooses the same one again gets the one that they have.

    Raises
    ------
    ForbiddenError
        If somebody else chooses for them.
    InvalidInputError
        If a rule stands against it; ``field`` is ``starts_at``, ``ends_at`` or ``skill_id``.
    """
    _require_self(person, by)
    _lock(session, person)
    same = session.scalar(
        stretch_slots.slots_query().where(
            StretchSlot.person_id == person.id,
            StretchSlot.state == SlotState.CHOSEN,
            StretchSlot.starts_at == draft.starts_at,
            StretchSlot.ends_at == draft.ends_at,
            StretchSlot.skill_id == draft.skill_id,
        )
    )
    if same is not None:
        return same
    stretch_slots.check_draft(session, person, draft, at=by.at)
    slot = StretchSlot(
        person_id=person.id,
        skill_id=draft.skill_id,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        state=SlotState.CHOSEN,
        chosen_at=by.at,
    )
    session.add(slot)
    _record(session, "choose_stretch_slot", slot, by=by)
    return slot


def withdraw_slot(session: Session, slot: StretchSlot, *, by: Actor) -> StretchSlot:
    """
    Let an agent take their choice back; what was withdrawn already stays so.

    Raises
    ------
    ForbiddenError
        If somebody else withdraws it.
    ConflictError
        If it was refused, or has begun or begins at once.
    """
    _require_self(slot.person, by)
    if slot.state is SlotState.WITHDRAWN:
        return slot
    if slot.state is SlotState.REFUSED:
        raise ConflictError("Your scheduler refused this slot; there is nothing to withdraw.")
    _require_open(session, slot, at=by.at)
    slot.state = SlotState.WITHDRAWN
    _record(session, "withdraw_stretch_slot", slot, by=by)
    return slot


def restore_slot(session: Session, slot: StretchSlot, *, by: Actor) -> StretchSlot:
    """
    Let an agent choose a slot again that they withdrew.

    Raises
    ------
    ForbiddenError
        If somebody else chooses it.
    ConflictError
        If it was refused.
    InvalidInputError
        If a rule stands against it by now.
    """
    _require_self(slot.person, by)
    _lock(session, slot.person)
    if slot.state is SlotState.CHOSEN:
        return slot
    if slot.state is SlotState.REFUSED:
        raise ConflictError("Your scheduler refused this slot.")
    stretch_slots.check_draft(session, slot.person, SlotDraft(slot.starts_at, slot.ends_at, slot.skill_id), at=by.at)
    slot.state = SlotState.CHOSEN
    _record(session, "restore_stretch_slot", slot, by=by)
    return slot


def refuse_slot(session: Session, slot: StretchSlot, *, reason: str, by: Actor) -> StretchSlot:
    """
    Let a scheduler refuse a slot, and tell the agent why.

    Raises
    ------
    InvalidInputError
        If the reason is missing or too long.
    ConflictError
        If it is not chosen any more, or has begun.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInputError("Say why: the agent reads it.", field="reason")
    if len(reason) > MAX_REASON:
        raise InvalidInputError(f"Keep the reason under {MAX_REASON} characters.", field="reason")
    if slot.state is not SlotState.CHOSEN:
        raise ConflictError(f"This slot is {slot.state.value} already.")
    if slot.starts_at <= by.at:
        raise ConflictError("This slot has begun. What was done in it stands.")
    slot.state, slot.reason, slot.decided_by_id, slot.decided_at = SlotState.REFUSED, reason, by.person_id, by.at
    _record(session, "refuse_stretch_slot", slot, by=by)
    _tell(session, slot, f"Your stretch slot {_written(slot)} is refused: {reason}", by=by)
    return slot


def allow_slot(session: Session, slot: StretchSlot, *, by: Actor) -> StretchSlot:
    """
    Let a scheduler take a refusal back, and tell the agent.

    Raises
    ------
    ConflictError
        If it is not refused, or the agent's day has meanwhile no place for it.
    """
    if slot.state is SlotState.CHOSEN:
        return slot
    if slot.state is not SlotState.REFUSED:
        raise ConflictError("The agent withdrew this slot.")
    _lock(session, slot.person)
    try:
        stretch_slots.check_draft(
            session, slot.person, SlotDraft(slot.starts_at, slot.ends_at, slot.skill_id), at=by.at
        )
    except InvalidInputError as error:
        raise ConflictError(f"It has no place any more. {error}") from error
    slot.state, slot.reason, slot.decided_by_id, slot.decided_at = SlotState.CHOSEN, "", by.person_id, by.at
    _record(session, "allow_stretch_slot", slot, by=by)
    _tell(session, slot, f"Your stretch slot {_written(slot)} stands again.", by=by)
    return slot


def _require_self(person: Person, by: Actor) -> None:
    if by.person_id != person.id:
        raise ForbiddenError("Only the agent chooses their stretch slots.")


def _require_open(session: Session, slot: StretchSlot, *, at: dt.datetime) -> None:
    zone = slot.person.site.time_zone
    rules = stretch_slots.rules_of(session, slot.person.site, zones.to_local(slot.starts_at, zone).date())
    if slot.starts_at <= stretch_slots.settled_until(at, rules):
        raise ConflictError("This slot has begun or begins at once. What stands now stays.")


def _lock(session: Session, person: Person) -> None:
    # Two requests of one agent wait for each other, so that their slots cannot overlap or pass the limit together.
    session.execute(select(Person.id).where(Person.id == person.id).with_for_update(key_share=True))


def _written(slot: StretchSlot) -> str:
    zone = slot.person.site.time_zone
    start, end = zones.to_local(slot.starts_at, zone), zones.to_local(slot.ends_at, zone)
    return f"in {slot.skill.name} on {start:%-d %b}, {start:%H:%M}–{end:%H:%M},"


def _tell(session: Session, slot: StretchSlot, text: str, *, by: Actor) -> None:
    day = zones.to_local(slot.starts_at, slot.person.site.time_zone).date()
    notices.notify(session, slot.person_id, kind="stretch_slot", text=text, link=f"/week?day={day.isoformat()}", by=by)


def _record(session: Session, action: str, slot: StretchSlot, *, by: Actor) -> None:
    session.flush()
    audit.record(
        session,
        action,
        slot,
        by=by,
        person_id=slot.person_id,
        detail={
            "skill_id": slot.skill_id,
            "starts_at": slot.starts_at.isoformat(),
            "ends_at": slot.ends_at.isoformat(),
        },
    )
