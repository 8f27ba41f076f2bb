"""What telephone systems tell live routing, and what they are told."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    A contact that arrived.

    Parameters
    ----------
    external_id
        By which the telephone system knows it.
    type_code
        Code of its engagement type.
    customer_key
        Key of the customer system, empty if unknown.
    priority
        1 to 5; None takes the worth of its class.
    known
        Codes of agents whom the customer knows, beside those whom Mainstay finds.
    actual
        Code of the agent who took it, where the telephone system has decided already.
    """

    external_id: str
    type_code: str
    arrived_at: dt.datetime
    customer_key: str = ""
    priority: int | None = None
    known: tuple[str, ...] = ()
    actual: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A contact that was given to an agent; without a reservation it is advice, in shadow."""

    decision_id: int
    contact_id: int
    person_id: int
    reservation_id: int | None = None
    expires_at: dt.datetime | None = None


@dataclass(slots=True)
class Outcome:
    """
    What came of an event.

    Parameters
    ----------
    decision_id
        The decision that was asked for, if one was made.
    contact_id
        The contact that it was about.
    offers
        Contacts that were given to agents, the one asked for first.
    withdrawn
        Reservations that hold no longer, because of their time or of the event.
    fallback
        Why the telephone system should use its own rule; empty if it should not.
    """

    decision_id: int | None = None
    contact_id: int | None = None
    offers: list[Offer] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    fallback: str = ""
