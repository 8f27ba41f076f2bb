"""
What happens on the floor, event by event: contacts arrive, are offered, answered, ended; agents come, go and fall idle.

Each function is one transaction's work under the site's lock, and may be repeated: an event that was taken in already
changes nothing and is answered as before. What follows from an event, such as the next offer to an agent whose contact
ended, is part of its answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp.errors import BusyError, ConflictError
from webapp.models import (
    DecisionTrigger,
    PresenceState,
    ReservationState,
    RoutingContactState,
    RoutingDecision,
)
from webapp.services.routing.answers import Arrival, Offer, Outcome
from webapp.services.routing.floors import open_floor
from webapp.services.routing.giving import Giving
from webapp.services.routing.rows import SWEPT_AT_ONCE
from webapp.services.routing.storing import hold

__all__ = ["Arrival", "Events", "Offer", "Outcome", "take_in"]

_decision = cast(Table, RoutingDecision.__table__)


def take_in(
    session: Session, site_id: int, event: Callable[[Events], Outcome], *, at: dt.datetime, locked: bool = False
) -> Outcome:
    """
    Take in an event at a site, under its lock.

    Parameters
    ----------
    session
        A writing session; its transaction should hold nothing else, because others wait for the site.
    site_id
        The site.
    event
        What happened, such as ``lambda events: events.end(7)``.
    at
        When.
    locked
        Whether the transaction holds the site's lock already.

    Raises
    ------
    BusyError
        If the database does not answer in time; nothing was taken in, and the telephone system decides by itself.
    """
    try:
        site = open_floor(session, site_id, at=at, locked=locked)
        if site is None:
            return Outcome(fallback="off")
        outcome = event(Events(site))
        site.close()
    except OperationalError as error:
        raise BusyError("Routing does not answer in time.") from error
    return outcome


@dataclass(slots=True)
class Events(Giving):
    """The events of one transaction at one site."""

    def arrive(self, arrival: Arrival) -> Outcome:
        """Take in a contact that arrived, and say who serves it."""
        before, overdue, known = self._look_up(arrival)
        if before is not None:
            return self._said_before(before)
        class_ = self.site.stored.codes.get(arrival.type_code)
        if class_ is None:
            self.outcome.fallback = "unknown_type"
            return self.outcome
        if overdue or self.site.setting.after_work_seconds:
            self.sweep(most=SWEPT_AT_ONCE)
        row = self.site.stored.desk.row[class_]
        worth = None if arrival.priority is None else self.site.stored.values[row] * arrival.priority
        contact = self._new_contact(arrival, int(class_), known=known, worth=worth)
        asked = self._asked(row, worth, known, arrival.arrived_at)
        made = self._give(contact, asked, DecisionTrigger.ARRIVAL, key=arrival.external_id)
        self.outcome.decision_id, contact_id = made.decision_id, made.contact_id
        self.outcome.contact_id = contact_id
        # What was asked for stands first, before what moved on meanwhile.
        self.outcome.offers.sort(key=lambda offer: offer.contact_id != contact_id)
        if arrival.actual is not None:
            self._start(contact_id, arrival.actual)
        return self.outcome

    def start(self, contact_id: int, agent: str) -> Outcome:
        """Take in that an agent serves a contact because the telephone system decided so."""
        self._start(contact_id, agent)
        return self.outcome

    def end(self, contact_id: int, *, after_work: bool = False) -> Outcome:
        """Take in that a contact ended; its agent is free, or has after-work."""
        contact = self._get_contact(contact_id)
        if not contact.state.ended:
            self._finish(contact_id, RoutingContactState.ENDED, after_work=after_work)
        return self.outcome

    def abandon(self, contact_id: int) -> Outcome:
        """Take in that a customer gave up, or hung up."""
        contact = self._get_contact(contact_id)
        if not contact.state.ended:
            served = contact.state is RoutingContactState.ACTIVE
            self._finish(contact_id, RoutingContactState.ENDED if served else RoutingContactState.ABANDONED)
        return self.outcome

    def accept(self, reservation_id: int) -> Outcome:
        """
        Take in that an agent took an offered contact.

        Raises
        ------
        ConflictError
            If it has moved on.
        """
        held = self._get_reservation(reservation_id)
        if held.state is ReservationState.OPEN:
            self._close_reservation(reservation_id, ReservationState.ACCEPTED)
            self._set_contact(held.contact_id, state=RoutingContactState.ACTIVE, started_at=self._at)
            presence = self.site.find(held.person_id)
            if presence.unanswered:
                presence.unanswered = 0
                self.site.write(presence)
        elif held.state is not ReservationState.ACCEPTED:
            raise ConflictError(f"This reservation is {held.state.value.replace('_', ' ')}; the contact has moved on.")
        return self.outcome

    def decline(self, reservation_id: int) -> Outcome:
        """
        Take in that an agent does not take an offered contact; it moves on to the next.

        Raises
        ------
        ConflictError
            If it was accepted before.
        """
        held = self._get_reservation(reservation_id)
        if held.state in {ReservationState.ACCEPTED, ReservationState.ENDED}:
            raise ConflictError("This contact was accepted; end it instead.")
        if held.state is ReservationState.OPEN:
            self._move_on(held, ReservationState.DECLINED)
            self._fill(held.person_id)
        return self.outcome

    def free(self, agent: str, *, key: str | None = None) -> Outcome:
        """Take in that an agent is free: present from now on, and done with after-work."""
        if key is not None:
            event_key = f"{DecisionTrigger.FREE.value}/{key}"
            before = self._rows.execute(
                select(_decision.c.id).where(
                    _decision.c.site_id == self.site.site_id, _decision.c.event_key == event_key
                )
            ).scalar()
            if before is not None:
                return self._say_again(before)
        self.sweep(most=SWEPT_AT_ONCE)
        person_id = self._person(agent)
        self.come(person_id, key=key)
        return self.outcome

    def come(self, person_id: int, *, key: str | None = None) -> Outcome:
        """Make somebody present, and give them of those who wait."""
        presence = self.site.find(person_id)
        state = PresenceState.BUSY if presence.contacts else PresenceState.AVAILABLE
        if presence.state is not state:
            if presence.state is PresenceState.AWAY:
                presence.unanswered = 0
            # Idle time counts from here on: nobody is owed what came while they were away.
            self._enter(presence, state)
            presence.idle_since = self._at
            self.site.write(presence)
        self.outcome.decision_id = self._fill(person_id, key=key)
        return self.outcome

    def leave(self, person_id: int, *, state: PresenceState = PresenceState.AWAY) -> Outcome:
        """Give somebody nothing more; what was offered moves on, what they serve they end."""
        presence = self.site.find(person_id)
        if presence.state is not state or not presence.version:
            self._enter(presence, state)
            self.site.write(presence)
        if state is PresenceState.AWAY:
            for held in self._offered_to(person_id):
                self._move_on(held, ReservationState.WITHDRAWN)
        return self.outcome

    def sweep(self, *, most: int | None = None) -> Outcome:
        """Move on what nobody answered in time, and end after-work whose time is over."""
        expired = self._expired()
        for held in expired[:most]:
            self._move_on(held, ReservationState.TIMED_OUT)
        if self.site.setting.after_work_seconds:
            for presence in list(self._rested()):
                self.come(presence.person_id)
        return self.outcome

    def retry(self) -> Outcome:
        """Offer whoever still waits, first come first, to those who are free: some may be asked again by now."""
        if not self._live:
            return self.outcome
        for row in range(len(self.site.stored.desk.classes)):
            for contact in self._first(row) if self.site.floor.free[row] else ():
                asked = self._asked(row, contact.worth, contact.known_ids, contact.arrived_at)
                self._try_to_give(contact.id, asked, DecisionTrigger.MOVED_ON, quietly=True)
        return self.outcome

    def tick(self) -> Outcome:
        """Do what time alone brings about: move on, end after-work, and ask again."""
        self.sweep()
        return self.retry()

    def set_presence(self, person_id: int, state: PresenceState) -> Outcome:
        """Take in what somebody says they are; busy follows from their contacts."""
        if state is PresenceState.AVAILABLE:
            return self.come(person_id)
        return self.leave(person_id, state=state)

    def _start(self, contact_id: int, agent: str) -> None:
        contact, person_id = self._get_contact(contact_id), self._person(agent)
        if contact.state.ended or (contact.state is RoutingContactState.ACTIVE and contact.person_id == person_id):
            return
        held = self._held(contact_id)
        if held is not None and held.person_id == person_id:
            self.accept(held.id)
            self._set_contact(contact_id, actual_id=person_id)
            return
        if held is not None:
            self._close_reservation(held.id, ReservationState.WITHDRAWN)
            self.outcome.withdrawn.append(held.id)
            self.site.write(self._free_slot(held))
        row = self.site.stored.desk.row.get(str(contact.engagement_type_id), 0)
        column = self.site.stored.column_of[person_id]
        share = float(self.site.stored.desk.slot[row, column])
        taken = self._take_slot(
            person_id,
            row,
            share=share,
            state=ReservationState.ACCEPTED,
            expires_at=self._at,
            contact={
                "state": RoutingContactState.ACTIVE,
                "person_id": person_id,
                "actual_id": person_id,
                "started_at": self._at,
            },
        )
        hold(self.site, contact_id, taken)
        if held is not None:
            self._fill(held.person_id)

    def _finish(self, contact_id: int, state: RoutingContactState, *, after_work: bool = False) -> None:
        held = self._held(contact_id)
        ended = state is RoutingContactState.ENDED
        self._set_contact(contact_id, state=state, ended_at=self._at)
        if held is None:
            return
        self._close_reservation(held.id, ReservationState.ENDED if ended else ReservationState.WITHDRAWN)
        if not ended:
            self.outcome.withdrawn.append(held.id)
        presence = self._free_slot(
            held, after_work=ended and (after_work or bool(self.site.setting.after_work_seconds))
        )
        self.site.write(presence)
        self._fill(held.person_id)
