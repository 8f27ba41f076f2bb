"""
Live routing: who is present, which contacts wait or are served, who was reserved for whom, and each decision.

Routing is its own append-only record: none of these tables but the settings is audited row by row, because a decision
for each contact would put every other change behind it in the one chain of the trail.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, PrimaryKey, Versioned
from webapp.models.organisation import Person, Site
from webapp.models.work import EngagementType


class RoutingMode(enum.StrEnum):
    """What a site does with decisions: none are made, they are recorded and compared, or they are reserved."""

    OFF = "off"
    SHADOW = "shadow"
    LIVE = "live"


class RoutingSetting(Versioned, Base):
    """
    How a site routes, as a person set it.

    A reservation that nobody answers within ``reservation_seconds`` moves on; after ``unanswered_limit`` of them in a
    row the agent is set away. ``after_work_seconds`` ends after-work by itself, 0 leaves that to the telephone system.
    Prices are solved anew every ``refresh_minutes``.
    """

    __tablename__ = "routing_setting"
    __table_args__ = (
        CheckConstraint("reservation_seconds BETWEEN 5 AND 300", name="reservation_seconds"),
        CheckConstraint("unanswered_limit BETWEEN 1 AND 10", name="unanswered_limit"),
        CheckConstraint("after_work_seconds BETWEEN 0 AND 3600", name="after_work_seconds"),
        CheckConstraint("refresh_minutes BETWEEN 15 AND 480", name="refresh_minutes"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), unique=True)
    mode: Mapped[RoutingMode] = mapped_column(default=RoutingMode.OFF)
    reservation_seconds: Mapped[int] = mapped_column(default=20)
    unanswered_limit: Mapped[int] = mapped_column(default=2)
    after_work_seconds: Mapped[int] = mapped_column(default=0)
    refresh_minutes: Mapped[int] = mapped_column(default=30)
    changed_at: Mapped[dt.datetime]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    site: Mapped[Site] = relationship()
    changed_by: Mapped[Person | None] = relationship()


class RoutingDesk(Base):
    """
    What decisions read beside who is free: who may take which class, what it is worth, what minutes cost.

    Immutable: each refresh adds one, so that a decision can be made again from what it was made from. ``content`` is
    the desk of the optimizer as arrays; prices count until ``ends_at``. ``priced`` is false where there was no plan.
    """

    __tablename__ = "routing_desk"
    audited: ClassVar[bool] = False
    __table_args__ = (Index("ix_routing_desk_site_built", "site_id", "built_at"),)

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"), index=True)
    built_at: Mapped[dt.datetime]
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime]
    priced: Mapped[bool]
    resolved: Mapped[bool] = mapped_column(default=False)
    digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)


class RoutingFloor(Base):
    """
    The row under whose lock a site decides.

    ``changes`` numbers every change of a presence, so that a process reads what changed since it looked last; ``epoch``
    is drawn once, so that it never takes these numbers for those of another beginning.
    """

    __tablename__ = "routing_floor"
    audited: ClassVar[bool] = False

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), unique=True)
    epoch: Mapped[str] = mapped_column(String(36))
    changes: Mapped[int] = mapped_column(default=0)
    desk_id: Mapped[int | None] = mapped_column(ForeignKey("routing_desk.id"), index=True)


class PresenceState(enum.StrEnum):
    """Whether somebody can be given contacts; who is busy may still take another of several at once."""

    AVAILABLE = "available"
    BUSY = "busy"
    AFTER_WORK = "after_work"
    AWAY = "away"


class AgentPresence(Versioned, Base):
    """
    Where an agent stands in live routing.

    ``contacts`` names the channel of each slot that is taken; ``load`` is the share of them that it takes.
    ``idle_since`` counts from this presence on, never from an earlier one. ``change`` is the site's number of the
    latest change.
    """

    __tablename__ = "agent_presence"
    audited: ClassVar[bool] = False
    __table_args__ = (
        Index("ix_agent_presence_site_change", "site_id", "change"),
        Index(
            "ix_agent_presence_until",
            "site_id",
            "until",
            sqlite_where=text("until IS NOT NULL"),
            postgresql_where=text("until IS NOT NULL"),
        ),
        CheckConstraint("load >= 0 AND load < 1.001", name="load"),
    )

    id: Mapped[PrimaryKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    state: Mapped[PresenceState] = mapped_column(default=PresenceState.AWAY)
    load: Mapped[float] = mapped_column(default=0.0)
    contacts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    since: Mapped[dt.datetime]
    idle_since: Mapped[dt.datetime]
    given_at: Mapped[dt.datetime | None]
    until: Mapped[dt.datetime | None]
    unanswered: Mapped[int] = mapped_column(default=0)
    change: Mapped[int] = mapped_column(default=0)

    person: Mapped[Person] = relationship()


class RoutingContactState(enum.StrEnum):
    """Where a live contact stands; the last two are ends."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACTIVE = "active"
    ENDED = "ended"
    ABANDONED = "abandoned"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the contact."""
        return self in {RoutingContactState.ENDED, RoutingContactState.ABANDONED}


class RoutingContact(Base):
    """
    A customer who wants to be served now, from their arrival to the end.

    ``customer_key`` is a key of the customer system, never a name; ``known_ids`` are agents whom the customer knows.
    ``person_id`` is whom Mainstay gave it to, ``actual_id`` who really took it where the telephone system decided.
    """

    __tablename__ = "routing_contact"
    audited: ClassVar[bool] = False
    __table_args__ = (
        UniqueConstraint("site_id", "external_id"),
        Index(
            "ix_routing_contact_waiting",
            "site_id",
            "engagement_type_id",
            "id",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index(
            "ix_routing_contact_open",
            "site_id",
            "id",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_routing_contact_arrived", "site_id", "arrived_at"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    external_id: Mapped[Code]
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    customer_key: Mapped[str] = mapped_column(String(80), default="", index=True)
    known_ids: Mapped[list[Any]] = mapped_column(default=list)
    worth: Mapped[float | None]
    state: Mapped[RoutingContactState] = mapped_column(default=RoutingContactState.WAITING)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    actual_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    arrived_at: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None] = mapped_column(index=True)

    site: Mapped[Site] = relationship()
    engagement_type: Mapped[EngagementType] = relationship()
    person: Mapped[Person | None] = relationship(foreign_keys=[person_id])
    actual: Mapped[Person | None] = relationship(foreign_keys=[actual_id])


class ReservationState(enum.StrEnum):
    """What became of an agent's slot that was kept for a contact; the first two hold the slot."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


_HOLDS = "state IN ('open', 'accepted')"


class RoutingReservation(Base):
    """
    One slot of an agent that is kept for a contact, from the offer to the contact's end.

    Slots of an agent count from 0. A slot, and a contact, is held once at a time: the database refuses a second.
    """

    __tablename__ = "routing_reservation"
    audited: ClassVar[bool] = False
    __table_args__ = (
        Index(
            "ix_routing_reservation_slot",
            "person_id",
            "slot",
            unique=True,
            sqlite_where=text(_HOLDS),
            postgresql_where=text(_HOLDS),
        ),
        Index(
            "ix_routing_reservation_held",
            "contact_id",
            unique=True,
            sqlite_where=text(_HOLDS),
            postgresql_where=text(_HOLDS),
        ),
        Index(
            "ix_routing_reservation_expires",
            "site_id",
            "expires_at",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_routing_reservation_contact", "contact_id"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    contact_id: Mapped[int] = mapped_column(ForeignKey("routing_contact.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    slot: Mapped[int]
    share: Mapped[float]
    state: Mapped[ReservationState] = mapped_column(default=ReservationState.OPEN)
    made_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    answered_at: Mapped[dt.datetime | None]

    contact: Mapped[RoutingContact] = relationship()
    person: Mapped[Person] = relationship()


class DecisionTrigger(enum.StrEnum):
    """What asked for a decision: a contact arrived, an agent became free, or a contact moved on from somebody."""

    ARRIVAL = "arrival"
    FREE = "free"
    MOVED_ON = "moved_on"


class RoutingDecision(Base):
    """
    One decision, with what it read: a person can be told why, and it can be made again.

    ``person_id`` is None where nobody was free. ``candidates`` counts who, or what, could be chosen; ``snapshot`` holds
    them as the choice saw them. ``parts`` and ``runner_up_parts`` are points. ``fallback`` says why the longest idle
    was chosen instead, and is empty where prices decided.
    """

    __tablename__ = "routing_decision"
    audited: ClassVar[bool] = False
    __table_args__ = (
        UniqueConstraint("site_id", "event_key"),
        Index("ix_routing_decision_site_at", "site_id", "at"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    event_key: Mapped[str | None] = mapped_column(String(120))
    at: Mapped[dt.datetime] = mapped_column(index=True)
    mode: Mapped[RoutingMode]
    trigger: Mapped[DecisionTrigger]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("routing_contact.id", ondelete="CASCADE"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    reservation_id: Mapped[int | None] = mapped_column(
        ForeignKey("routing_reservation.id", ondelete="CASCADE"), index=True
    )
    desk_id: Mapped[int] = mapped_column(ForeignKey("routing_desk.id"), index=True)
    interval: Mapped[int]
    rule: Mapped[dict[str, Any]]
    fallback: Mapped[str] = mapped_column(String(40), default="")
    candidates: Mapped[int]
    score: Mapped[float | None]
    parts: Mapped[dict[str, Any] | None]
    runner_up_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    runner_up_contact_id: Mapped[int | None]
    runner_up_score: Mapped[float | None]
    runner_up_parts: Mapped[dict[str, Any] | None]
    snapshot: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    microseconds: Mapped[int] = mapped_column(default=0)

    site: Mapped[Site] = relationship()
    desk: Mapped[RoutingDesk] = relationship()
    contact: Mapped[RoutingContact | None] = relationship()
    reservation: Mapped[RoutingReservation | None] = relationship()
    person: Mapped[Person | None] = relationship(foreign_keys=[person_id])
    runner_up: Mapped[Person | None] = relationship(foreign_keys=[runner_up_id])


class StoredDecisionError(RuntimeError):
    """Something tried to change a stored decision or desk: a bug, refused before it reaches the database."""


@event.listens_for(RoutingDecision, "before_update")
@event.listens_for(RoutingDesk, "before_update")
def _keep_as_stored(_mapper: object, _connection: object, target: RoutingDecision | RoutingDesk) -> None:
    raise StoredDecisionError(f"{type(target).__name__} {target.id} is kept as it was stored.")
