"""Rows of contacts and reservations, as the events of a transaction read and write them."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Table,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    select,
    true,
    union,
    update,
)

from webapp.errors import NotFoundError
from webapp.models import (
    AgentPresence,
    Contact,
    DecisionTrigger,
    ReservationState,
    RoutingContact,
    RoutingContactState,
    RoutingDecision,
    RoutingMode,
    RoutingReservation,
)
from webapp.services.routing.answers import Arrival, Offer, Outcome
from webapp.services.routing.floors import Presence, SiteFloor

ASK_AGAIN_SECONDS = 60
"""After so long somebody who did not take a contact may be offered it again, if it still waits."""

KNOWN_DAYS = 90
MOST_KNOWN = 20
RETRIED_AT_ONCE = 20
SWEPT_AT_ONCE = 20
"""Reservations that one event moves on besides its own work; a sweep goes on until none is left."""

_contact = cast(Table, RoutingContact.__table__)
_reservation = cast(Table, RoutingReservation.__table__)
_decision = cast(Table, RoutingDecision.__table__)
# Written out, because a database finds a partial index only by the words of its condition.
_WAITS = _contact.c.state == literal_column("'waiting'")
_OPEN = _reservation.c.state == literal_column("'open'")
_HELD: ColumnElement[bool] = literal_column("state IN ('open', 'accepted')")
_NOT_TAKEN = (ReservationState.DECLINED, ReservationState.TIMED_OUT)
# Statements are made once: making and recognizing them takes longer than the database takes to answer.
ADD_CONTACT = insert(_contact)
SET_CONTACT = update(_contact).where(_contact.c.id == bindparam("of_contact"))
_CLOSE = update(_reservation).where(_reservation.c.id == bindparam("of_reservation"))
_CONTACT = select(
    _contact.c.id,
    _contact.c.engagement_type_id,
    _contact.c.state,
    _contact.c.person_id,
    _contact.c.known_ids,
    _contact.c.worth,
    _contact.c.arrived_at,
).where(_contact.c.id == bindparam("contact_id"), _contact.c.site_id == bindparam("site_id"))
_RESERVATION = select(_reservation).where(
    _reservation.c.id == bindparam("reservation_id"), _reservation.c.site_id == bindparam("site_id")
)
_HELD_FOR = select(_reservation).where(_reservation.c.contact_id == bindparam("contact_id"), _HELD)
_EXPIRED = (
    select(_reservation)
    .where(
        _reservation.c.site_id == bindparam("site_id"),
        _OPEN,
        _reservation.c.expires_at <= bindparam("at", type_=_reservation.c.expires_at.type),
    )
    .order_by(_reservation.c.id)
)
_BEFORE = select(_contact.c.id).where(
    _contact.c.site_id == bindparam("site_id"), _contact.c.external_id == bindparam("external_id")
)
_FIRST = (
    _BEFORE.scalar_subquery().label("before"),
    exists(_EXPIRED.with_only_columns(_reservation.c.id).order_by(None)).label("overdue"),
)
_SERVED = union(
    *(
        select(table.c.person_id).where(
            table.c.customer_key == bindparam("customer_key"),
            table.c.arrived_at >= bindparam("since", type_=table.c.arrived_at.type),
            table.c.person_id.is_not(None),
        )
        for table in (_contact, cast(Table, Contact.__table__))
    )
).limit(MOST_KNOWN)
_ARRIVAL = select(*_FIRST)
_served = _SERVED.subquery()
# One row for each agent who served the customer, or one without.
_ARRIVAL_OF_CUSTOMER = select(*_FIRST, _served.c.person_id).select_from(
    select(literal_column("1").label("one")).subquery().outerjoin(_served, true())
)
_RESTED = select(AgentPresence.person_id).where(
    AgentPresence.site_id == bindparam("site_id"),
    AgentPresence.until.is_not(None),
    AgentPresence.until <= bindparam("at", type_=AgentPresence.until.type),
)

NewContact = dict[str, Any]
"""The values of a contact that is not stored yet."""


def new_key(done: CursorResult[*tuple[Any, ...]]) -> int:
    """Return the key of the row that an insert added."""
    return int(done.inserted_primary_key[0])  # type: ignore[index]


@dataclass(slots=True)
class FloorRows:
    """
    What the events of one transaction at one site read and write.

    Parameters
    ----------
    site
        The site under its lock.
    """

    site: SiteFloor
    outcome: Outcome = field(default_factory=Outcome)
    _began: int = field(default_factory=time.perf_counter_ns)

    @property
    def _rows(self) -> Connection:
        return self.site.connection

    @property
    def _at(self) -> dt.datetime:
        return self.site.at

    @property
    def _live(self) -> bool:
        return self.site.mode is RoutingMode.LIVE

    def _look_up(self, arrival: Arrival) -> tuple[int | None, bool, list[int]]:
        """
        Return what an arrival has to know of the rows, in one statement.

        Returns
        -------
        before
            The contact of its id that was taken in already, or None.
        overdue
            Whether a reservation's time is over.
        known
            The agents whom the customer knows: those who were named, and who served them of late.
        """
        named = {"site_id": self.site.site_id, "external_id": arrival.external_id, "at": self._at}
        known = {person_id for code in arrival.known if (person_id := self.site.stored.people.get(code)) is not None}
        if not arrival.customer_key or not self.site.stored.desk.continuity:
            before, overdue = self._rows.execute(_ARRIVAL, named).one()
            return before, bool(overdue), sorted(known)
        of_customer = {"customer_key": arrival.customer_key, "since": self._at - dt.timedelta(days=KNOWN_DAYS)}
        found = self._rows.execute(_ARRIVAL_OF_CUSTOMER, named | of_customer).all()
        known.update(row.person_id for row in found if row.person_id is not None)
        return found[0].before, bool(found[0].overdue), sorted(known)

    def _new_contact(self, arrival: Arrival, type_id: int, *, known: list[int], worth: float | None) -> NewContact:
        return {
            "site_id": self.site.site_id,
            "external_id": arrival.external_id,
            "engagement_type_id": type_id,
            "customer_key": arrival.customer_key,
            "known_ids": known,
            "worth": worth,
            "state": RoutingContactState.WAITING,
            "person_id": None,
            "arrived_at": arrival.arrived_at,
        }

    def _get_contact(self, contact_id: int) -> Any:
        named = {"contact_id": contact_id, "site_id": self.site.site_id}
        found = self._rows.execute(_CONTACT, named).one_or_none()
        if found is None:
            raise NotFoundError("There is no such contact.")
        return found

    def _set_contact(self, contact_id: int, **values: Any) -> None:
        self._rows.execute(SET_CONTACT, values | {"of_contact": contact_id})

    def _get_reservation(self, reservation_id: int) -> Any:
        named = {"reservation_id": reservation_id, "site_id": self.site.site_id}
        found = self._rows.execute(_RESERVATION, named).one_or_none()
        if found is None:
            raise NotFoundError("There is no such reservation.")
        return found

    def _held(self, contact_id: int) -> Any:
        return self._rows.execute(_HELD_FOR, {"contact_id": contact_id}).one_or_none()

    def _offered_to(self, person_id: int) -> list[Any]:
        query = select(_reservation).where(_reservation.c.person_id == person_id, _OPEN)
        return list(self._rows.execute(query.order_by(_reservation.c.id)))

    def _expired(self) -> list[Any]:
        return list(self._rows.execute(_EXPIRED, {"site_id": self.site.site_id, "at": self._at}))

    def _close_reservation(self, reservation_id: int, state: ReservationState) -> None:
        said = {"state": state, "answered_at": self._at, "of_reservation": reservation_id}
        self._rows.execute(_CLOSE, said)

    def _columns_asked(self, contact_id: int) -> list[int]:
        """Return the columns of agents who were offered a contact just now and did not take it."""
        query = select(_reservation.c.person_id).where(
            _reservation.c.contact_id == contact_id,
            _reservation.c.answered_at > self._at - dt.timedelta(seconds=ASK_AGAIN_SECONDS),
            _reservation.c.state.in_(_NOT_TAKEN),
        )
        column_of = self.site.stored.column_of
        return [column_of[person_id] for (person_id,) in self._rows.execute(query) if person_id in column_of]

    def _heads(self, person_id: int, column: int) -> list[Any]:
        """Return the first contact of each class that an agent may serve and was not asked about just now."""
        site = self.site
        rows = site.floor.open[:, column].nonzero()[0].tolist()
        types = [int(site.stored.desk.classes[row]) for row in rows]
        asked = exists().where(
            and_(
                _reservation.c.contact_id == _contact.c.id,
                _reservation.c.person_id == person_id,
                _reservation.c.answered_at > self._at - dt.timedelta(seconds=ASK_AGAIN_SECONDS),
                _reservation.c.state.in_(_NOT_TAKEN),
            )
        )
        first = (
            select(func.min(_contact.c.id))
            .where(self._waits(), _contact.c.engagement_type_id.in_(types), ~asked)
            .group_by(_contact.c.engagement_type_id)
        )
        return list(self._rows.execute(select(_contact).where(_contact.c.id.in_(first)).order_by(_contact.c.id)))

    def _first(self, row: int) -> list[Any]:
        """Return the contacts of a class that have waited longest, a few."""
        type_id = int(self.site.stored.desk.classes[row])
        query = select(_contact).where(self._waits(), _contact.c.engagement_type_id == type_id)
        return list(self._rows.execute(query.order_by(_contact.c.id).limit(RETRIED_AT_ONCE)))

    def _waits(self) -> Any:
        return and_(_contact.c.site_id == self.site.site_id, _WAITS)

    def _rested(self) -> list[Presence]:
        found = self._rows.execute(_RESTED, {"site_id": self.site.site_id, "at": self._at})
        return [self.site.find(person_id) for (person_id,) in found]

    def _said_before(self, contact_id: int) -> Outcome:
        decision_id = self._rows.execute(
            select(func.min(_decision.c.id)).where(
                _decision.c.contact_id == contact_id, _decision.c.trigger == DecisionTrigger.ARRIVAL
            )
        ).scalar()
        self.outcome.contact_id = contact_id
        return self.outcome if decision_id is None else self._say_again(decision_id)

    def _say_again(self, decision_id: int) -> Outcome:
        """Answer as before: the decision, and its reservation as it was made."""
        made = self._rows.execute(
            select(
                _decision.c.contact_id,
                _decision.c.person_id,
                _reservation.c.id.label("reservation_id"),
                _reservation.c.expires_at,
            )
            .outerjoin(_reservation, _reservation.c.id == _decision.c.reservation_id)
            .where(_decision.c.id == decision_id)
        ).one()
        self.outcome.decision_id, self.outcome.contact_id = decision_id, made.contact_id
        if made.person_id is not None:
            self.outcome.offers.append(
                Offer(decision_id, made.contact_id, made.person_id, made.reservation_id, made.expires_at)
            )
        return self.outcome
