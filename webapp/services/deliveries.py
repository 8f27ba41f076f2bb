"""
Deliveries of events: made from the outbox, taken, sent by the job and noted; at least once, and once in effect.

A delivery is taken in a transaction that counts the attempt and moves ``next_at`` beyond it; then it is sent; then its
result is noted.  If the worker dies in between, the delivery is due again after :data:`CLAIM`: the receiver may get it
twice and knows it by its event id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import (
    Connection,
    DeliveryState,
    Job,
    JobState,
    OutgoingEvent,
    Role,
    RoleGrant,
    WebhookDelivery,
    WebhookSubscription,
)
from webapp.services import audit, notices, outbox, outgoing, retrying, webhooks
from webapp.services.audit import Actor
from webapp.services.connections import wanting
from webapp.services.outgoing import Gate, OutgoingError
from webapp.services.secrets import SecretBox, SecretKeyError

CLAIM = dt.timedelta(minutes=2)
AT_ONCE = int(CLAIM.total_seconds() // outgoing.TOTAL_SECONDS) - 1
"""As many as can be sent one after the other before another worker takes the last, however slow their receivers are."""

PAUSE_AFTER_DEAD = 10
KEEP = dt.timedelta(days=30)
FORGOTTEN_AFTER = dt.timedelta(minutes=5)
"""What is due for so long, and nobody is at it, was left by a job that died."""

_EVENTS_AT_ONCE = 500
_GONE = 410


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that was taken, ready to be sent."""

    delivery_id: int
    attempt: int
    url: str
    body: bytes
    key: str
    kind: str
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt; ``status`` is None where nobody answered."""

    status: int | None = None
    error: str = ""
    retry_after: dt.timedelta | None = None

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


def fan_out(session: Session, *, at: dt.datetime) -> int:
    """Make deliveries of events that have none yet, and have connections look at what changed; return the events."""
    query = select(OutgoingEvent).where(OutgoingEvent.fanned_out_at.is_(None)).order_by(OutgoingEvent.id)
    events = session.scalars(query.limit(_EVENTS_AT_ONCE).with_for_update(skip_locked=True)).all()
    if not events:
        return 0
    subscriptions = session.scalars(select(WebhookSubscription).where(WebhookSubscription.active)).all()
    rows = [
        {
            "subscription_id": each.id,
            "event_id": event.id,
            "state": DeliveryState.WAITING,
            "attempts": 0,
            "next_at": at,
            "error": "",
            "created_at": at,
        }
        for event in events
        for each in subscriptions
        if _follows(each, event)
    ]
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(WebhookDelivery).on_conflict_do_nothing(), rows)
    for connection in session.scalars(select(Connection).where(Connection.active).order_by(Connection.id)):
        wanting.look_at(session, connection, events, at=at)
    for event in events:
        event.fanned_out_at = at
    session.flush()
    return len(events)


def _follows(subscription: WebhookSubscription, event: OutgoingEvent) -> bool:
    return event.kind.value in subscription.kinds and subscription.site_id in {None, event.site_id}


def claim(session: Session, *, box: SecretBox, at: dt.datetime, limit: int = AT_ONCE) -> list[Claimed]:
    """Take deliveries that are due, the oldest events first."""
    query = (
        select(WebhookDelivery)
        .join(WebhookDelivery.subscription)
        .where(
            WebhookDelivery.state == DeliveryState.WAITING,
            WebhookDelivery.next_at <= at,
            WebhookSubscription.active,
        )
        .order_by(WebhookDelivery.event_id, WebhookDelivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=WebhookDelivery)
    )
    claimed = []
    for delivery in session.scalars(query).all():
        subscription = delivery.subscription
        delivery.attempts, delivery.next_at = delivery.attempts + 1, at + CLAIM
        session.flush()
        try:
            keys = webhooks.keys_of(subscription, box, at=at)
        except SecretKeyError as error:
            note(session, delivery.id, delivery.attempts, Outcome(error=str(error)), chance=0.5, at=at)
            continue
        event = delivery.event
        claimed.append(
            Claimed(
                delivery.id,
                delivery.attempts,
                subscription.url,
                webhooks.body_of(event),
                event.key,
                event.kind.value,
                tuple(keys),
            )
        )
    return claimed


Send = Callable[..., outgoing.Answer]


def send(claimed: Claimed, *, gate: Gate, at: dt.datetime, call: Send = outgoing.send) -> Outcome:
    """Send one delivery; outside any transaction, because the receiver may take its time."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Mainstay",
        "Mainstay-Event-Id": claimed.key,
        "Mainstay-Event-Kind": claimed.kind,
        webhooks.SIGNATURE_HEADER: webhooks.sign(claimed.body, claimed.secrets, at=at),
    }
    try:
        answer = call("POST", claimed.url, gate=gate, headers=headers, body=claimed.body, max_bytes=1024)
    except (OutgoingError, InvalidInputError) as error:
        return Outcome(error=str(error))
    if answer.ok:
        return Outcome(answer.status)
    asked = retry_after(answer.headers.get("retry-after", ""))
    return Outcome(answer.status, f"The receiver answered {answer.status}.", asked)


def retry_after(text: str) -> dt.timedelta | None:
    """Return the seconds of a ``Retry-After`` header (RFC 9110, section 10.2.3); a date counts as none."""
    return dt.timedelta(seconds=min(int(text), 86_400)) if text.isdecimal() and len(text) < 9 else None


def note(
    session: Session, delivery_id: int, attempt: int, outcome: Outcome, *, chance: float, at: dt.datetime
) -> DeliveryState | None:
    """
    Note what became of an attempt, and return the delivery's state; None if somebody else took it meanwhile.

    What the receiver took stays taken, whoever took the delivery since.
    """
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.state is DeliveryState.DELIVERED:
        return None
    if not outcome.ok and delivery.attempts != attempt:
        return None
    delivery.status, delivery.error = outcome.status, outcome.error[:300]
    if outcome.ok:
        delivery.state, delivery.ended_at = DeliveryState.DELIVERED, at
    elif attempt >= retrying.MAX_ATTEMPTS or outcome.status == _GONE:
        delivery.state, delivery.ended_at = DeliveryState.DEAD, at
        session.flush()
        _pause_if_dead(session, delivery.subscription, at=at)
    else:
        delivery.next_at = at + retrying.pause_after(attempt, chance=chance, retry_after=outcome.retry_after)
    session.flush()
    return delivery.state


def _pause_if_dead(session: Session, subscription: WebhookSubscription, *, at: dt.datetime) -> None:
    """Switch a subscription off whose last deliveries all died, and tell the admins."""
    last = session.scalars(
        select(WebhookDelivery.state)
        .where(
            WebhookDelivery.subscription_id == subscription.id,
            WebhookDelivery.ended_at.is_not(None),
            WebhookDelivery.ended_at >= subscription.active_since,
        )
        .order_by(WebhookDelivery.ended_at.desc(), WebhookDelivery.id.desc())
        .limit(PAUSE_AFTER_DEAD)
    ).all()
    if not subscription.active or len(last) < PAUSE_AFTER_DEAD or set(last) != {DeliveryState.DEAD}:
        return
    by = Actor(person_id=None, at=at, channel="job")
    subscription.active, subscription.paused_at = False, at
    audit.record(session, "pause_webhook", subscription, by=by, detail={"dead": PAUSE_AFTER_DEAD})
    admins = session.scalars(select(RoleGrant.person_id).where(RoleGrant.role == Role.ADMIN).distinct())
    for person_id in sorted(admins):
        notices.notify(
            session,
            person_id,
            kind="webhook_paused",
            text=f"Webhook {subscription.id} was switched off: its last {PAUSE_AFTER_DEAD} deliveries all failed.",
            link=f"/webhooks/{subscription.id}",
            by=by,
        )


def next_due(session: Session) -> dt.datetime | None:
    """Return when the next delivery is due, or None if none waits."""
    return session.scalar(
        select(func.min(WebhookDelivery.next_at))
        .join(WebhookDelivery.subscription)
        .where(WebhookDelivery.state == DeliveryState.WAITING, WebhookSubscription.active)
    )


def wake_forgotten(session: Session, *, at: dt.datetime) -> bool:
    """Queue a job for what a dead one left behind, and return whether there was any: no event waits for the next."""
    if not is_forgotten(session, at=at):
        return False
    outbox.wake(session, at=at)
    return True


def is_forgotten(session: Session, *, at: dt.datetime) -> bool:
    """Return whether something has been due for long, and no job is at it or about to be."""
    due = next_due(session)
    oldest = session.scalar(select(func.min(OutgoingEvent.at)).where(OutgoingEvent.fanned_out_at.is_(None)))
    waiting = [moment for moment in (due, oldest) if moment is not None]
    if not waiting or min(waiting) > at - FORGOTTEN_AFTER:
        return False
    at_work = select(Job.id).where(
        Job.kind == outbox.DELIVER_JOB,
        or_(
            Job.state == JobState.RUNNING,
            and_(Job.state == JobState.QUEUED, or_(Job.not_before.is_(None), Job.not_before <= at)),
        ),
    )
    return session.scalar(at_work.limit(1)) is None


def prune(session: Session, *, at: dt.datetime) -> int:
    """Delete events that are long past, with what was delivered of them; dead letters stay until somebody looked."""
    kept = select(WebhookDelivery.event_id).where(WebhookDelivery.state != DeliveryState.DELIVERED)
    old = select(OutgoingEvent.id).where(
        OutgoingEvent.at < at - KEEP, OutgoingEvent.fanned_out_at.is_not(None), OutgoingEvent.id.not_in(kept)
    )
    ids = session.scalars(old.order_by(OutgoingEvent.id).limit(_EVENTS_AT_ONCE)).all()
    if ids:
        session.execute(delete(OutgoingEvent).where(OutgoingEvent.id.in_(ids)))
    return len(ids)
