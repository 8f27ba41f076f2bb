"""
Storing what was decided: the contact, the agent's slot that is kept for it, and the decision with its reasons.

PostgreSQL is told all of it in one statement, because each statement is a journey to the server and back; SQLite, which
knows no such statement and is no journey away, row by row. The values are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, bindparam, func, insert, select, update

from webapp.models import AgentPresence, RoutingContact, RoutingDecision, RoutingFloor, RoutingReservation
from webapp.services.routing.floors import CHANGE_PRESENCE, SiteFloor
from webapp.services.routing.rows import ADD_CONTACT, SET_CONTACT, NewContact, new_key

_contact, _presence, _reservation, _decision, _floor = (
    cast(Table, model.__table__)
    for model in (RoutingContact, AgentPresence, RoutingReservation, RoutingDecision, RoutingFloor)
)
_ADD_RESERVATION = insert(_reservation)
_ADD_DECISION = insert(_decision)


@dataclass(frozen=True, slots=True)
class Slot:
    """
    A slot of an agent that is kept for a contact.

    Parameters
    ----------
    presence
        What is to be written of the agent, as :meth:`SiteFloor.take_down` returns it.
    reservation
        The reservation, but for its contact.
    contact
        What changes of the contact.
    """

    presence: dict[str, Any]
    reservation: dict[str, Any]
    contact: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """The keys of a decision that was stored, and of what it is about."""

    decision_id: int
    contact_id: int
    reservation_id: int | None = None


def store(site: SiteFloor, contact: int | NewContact, slot: Slot | None, decision: dict[str, Any]) -> Stored:
    """
    Store a decision with its contact, which may be new, and with the slot that is kept, if any.

    Raises
    ------
    BusyError
        If somebody changed the agent's presence although this transaction holds the site's lock.
    """
    if slot is not None and "of_person" in slot.presence and site.connection.dialect.name == "postgresql":
        return _store_at_once(site, contact, slot, decision)
    reservation_id = None
    if isinstance(contact, int):
        contact_id = contact
        if slot is not None:
            reservation_id = hold(site, contact_id, slot)
    else:
        # A new contact is stored as it stands after the decision.
        contact_id = new_key(site.connection.execute(ADD_CONTACT, contact | (slot.contact if slot is not None else {})))
        if slot is not None:
            reservation_id = _add_reservation(site, contact_id, slot)
    about = {"contact_id": contact_id, "reservation_id": reservation_id}
    return Stored(new_key(site.connection.execute(_ADD_DECISION, decision | about)), contact_id, reservation_id)


def hold(site: SiteFloor, contact_id: int, slot: Slot) -> int:
    """Store a slot that is kept for a contact, and what changes of the contact; return the reservation."""
    site.connection.execute(SET_CONTACT, slot.contact | {"of_contact": contact_id})
    return _add_reservation(site, contact_id, slot)


def _add_reservation(site: SiteFloor, contact_id: int, slot: Slot) -> int:
    site.write_down(slot.presence)
    return new_key(site.connection.execute(_ADD_RESERVATION, slot.reservation | {"contact_id": contact_id}))


def _store_at_once(site: SiteFloor, contact: int | NewContact, slot: Slot, decision: dict[str, Any]) -> Stored:
    new = not isinstance(contact, int)
    told = contact | slot.contact if isinstance(contact, dict) else slot.contact | {"id": contact}
    parts = {
        "contact": told,
        "presence": {name: value for name, value in slot.presence.items() if not name.startswith("of_")},
        "reservation": slot.reservation,
        "decision": decision,
    }
    statement = _at_once(new, *(tuple(values) for values in parts.values()))
    named = {f"{part}_{name}": value for part, values in parts.items() for name, value in values.items()}
    named |= {name: slot.presence[name] for name in ("of_person", "of_version")} | site.count()
    done = site.connection.execute(statement, named).one()
    site.expect_one(done.presences)
    return Stored(done.decision_id, done.contact_id, done.reservation_id)


@cache
def _at_once(
    new: bool,  # noqa: FBT001 - a part of the key by which the statement is kept
    contact: tuple[str, ...],
    presence: tuple[str, ...],
    reservation: tuple[str, ...],
    decision: tuple[str, ...],
) -> Select[Any]:
    """Return one statement that stores everything; foreign keys are checked at its end."""

    def values(table: Table, part: str, names: tuple[str, ...]) -> dict[str, ColumnElement[Any]]:
        return {name: bindparam(f"{part}_{name}", type_=table.c[name].type) for name in names}

    told = values(_contact, "contact", contact)
    if new:
        kept = insert(_contact).values(told).returning(_contact.c.id).cte("kept_contact")
    else:
        key = told.pop("id")
        kept = update(_contact).where(_contact.c.id == key).values(told).returning(_contact.c.id).cte("kept_contact")
    contact_id = select(kept.c.id).scalar_subquery()
    held = (
        insert(_reservation)
        .values(values(_reservation, "reservation", reservation) | {"contact_id": contact_id})
        .returning(_reservation.c.id)
        .cte("held_slot")
    )
    reservation_id = select(held.c.id).scalar_subquery()
    made = (
        insert(_decision)
        .values(values(_decision, "decision", decision) | {"contact_id": contact_id, "reservation_id": reservation_id})
        .returning(_decision.c.id)
        .cte("made_decision")
    )
    changed = (
        CHANGE_PRESENCE.values(values(_presence, "presence", presence))
        .returning(_presence.c.id)
        .cte("changed_presence")
    )
    counted = (
        update(_floor)
        .where(_floor.c.site_id == bindparam("of_site"))
        .values(changes=bindparam("changes"))
        .returning(_floor.c.id)
        .cte("counted_changes")
    )
    return select(
        contact_id.label("contact_id"),
        reservation_id.label("reservation_id"),
        select(made.c.id).scalar_subquery().label("decision_id"),
        select(func.count()).select_from(changed).scalar_subquery().label("presences"),
    ).add_cte(counted)
