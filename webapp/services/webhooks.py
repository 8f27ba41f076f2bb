"""Subscriptions to events: who is told of what, at which address, signed with which secret."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import secrets as randomness
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import DeliveryState, EventKind, OutgoingEvent, Site, WebhookDelivery, WebhookSubscription
from webapp.services import audit, outbox, outgoing
from webapp.services.audit import Actor
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, so that scanners of leaked ones know them
CHANGE_OVER = dt.timedelta(hours=24)
SIGNATURE_HEADER = "Mainstay-Signature"
NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class SubscriptionDraft:
    """What a subscription is to be."""

    name: str
    url: str
    kinds: Sequence[EventKind]
    site_id: int | None = None
    active: bool = True


def sign(body: bytes, keys: Sequence[str], *, at: dt.datetime) -> str:
    """
    Return the signature of a body: ``t=<seconds>,v1=<hex>``, with one ``v1`` for each key that is valid.

    ``v1`` is HMAC-SHA256 (RFC 2104) of ``<seconds>.<body>``: a receiver refuses what is older than some minutes, so
    that what somebody recorded cannot be played again later.
    """
    seconds = str(int(at.timestamp()))
    message = seconds.encode() + b"." + body
    marks = [f"v1={hmac.new(key.encode(), message, hashlib.sha256).hexdigest()}" for key in keys]
    return ",".join([f"t={seconds}", *marks])


def body_of(event: OutgoingEvent) -> bytes:
    """Return what is sent of an event; the same bytes at each attempt."""
    said = {
        "id": event.key,
        "sequence": event.id,
        "kind": event.kind.value,
        "at": event.at.isoformat(),
        "site_id": event.site_id,
        "subject": {"kind": event.subject_kind, "id": event.subject_id},
        "data": event.payload,
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def keys_of(subscription: WebhookSubscription, box: SecretBox, *, at: dt.datetime) -> list[str]:
    """Return the secrets that sign now: the present one and, while a receiver changes over, the one before."""
    encrypted = [subscription.secret]
    if subscription.previous_secret and subscription.previous_until and at < subscription.previous_until:
        encrypted.append(subscription.previous_secret)
    return [box.decrypt(each) for each in encrypted]


def create_subscription(
    session: Session, draft: SubscriptionDraft, *, gate: Gate, box: SecretBox, by: Actor
) -> tuple[WebhookSubscription, str]:
    """
    Add a subscription, and return it with its secret, which nobody can read here again.

    Raises
    ------
    InvalidInputError
        If it has no name or no kinds, or its address may not be called.
    """
    secret = SECRET_PREFIX + randomness.token_urlsafe(32)
    subscription = WebhookSubscription(
        secret=box.encrypt(secret), active_since=by.at, created_by_id=by.person_id, created_at=by.at
    )
    _apply(session, subscription, draft, gate=gate, at=by.at)
    session.add(subscription)
    audit.record(session, "add_webhook", subscription, by=by, detail=_logged(subscription))
    return subscription, secret


def update_subscription(
    session: Session, subscription: WebhookSubscription, draft: SubscriptionDraft, *, gate: Gate, by: Actor
) -> WebhookSubscription:
    """
    Change a subscription; one that was paused goes on when it is made active.

    Raises
    ------
    InvalidInputError
        As for :func:`create_subscription`.
    """
    before = _logged(subscription)
    _apply(session, subscription, draft, gate=gate, at=by.at)
    after = _logged(subscription)
    if after != before:
        audit.record(session, "edit_webhook", subscription, by=by, detail={"before": before, "after": after})
    if subscription.active:
        outbox.wake(session, at=by.at)
    return subscription


def _apply(
    session: Session, subscription: WebhookSubscription, draft: SubscriptionDraft, *, gate: Gate, at: dt.datetime
) -> None:
    name, kinds = draft.name.strip(), list(dict.fromkeys(draft.kinds))
    if not name or len(name) > NAME_LENGTH:
        raise InvalidInputError(f"Give it a name of at most {NAME_LENGTH} characters.", field="name")
    if not kinds or set(kinds) - set(outbox.FOLLOWABLE):
        raise InvalidInputError("Choose at least one kind of event.", field="kinds")
    if draft.site_id is not None and session.get(Site, draft.site_id) is None:
        raise InvalidInputError("There is no such site.", field="site_id")
    subscription.url = outgoing.check_url(draft.url, gate)
    subscription.name, subscription.site_id = name, draft.site_id
    subscription.kinds = [kind.value for kind in kinds]
    if draft.active and not subscription.active:
        subscription.active_since, subscription.paused_at = at, None
    subscription.active = draft.active


def rotate_secret(session: Session, subscription: WebhookSubscription, *, box: SecretBox, by: Actor) -> str:
    """Give a subscription a new secret and return it; the one before signs beside it for a day."""
    secret = SECRET_PREFIX + randomness.token_urlsafe(32)
    subscription.previous_secret, subscription.previous_until = subscription.secret, by.at + CHANGE_OVER
    subscription.secret = box.encrypt(secret)
    audit.record(session, "rotate_webhook_secret", subscription, by=by)
    return secret


def delete_subscription(session: Session, subscription: WebhookSubscription, *, by: Actor) -> None:
    """Remove a subscription with its deliveries."""
    audit.record(session, "delete_webhook", subscription, by=by, detail=_logged(subscription))
    session.delete(subscription)
    session.flush()


def send_test(session: Session, subscription: WebhookSubscription, *, by: Actor) -> WebhookDelivery:
    """
    Send an event that means nothing, to this subscription alone.

    Raises
    ------
    ConflictError
        If the subscription is off.
    """
    if not subscription.active:
        raise ConflictError("This webhook is off. Switch it on to send it a test event.")
    event = OutgoingEvent(
        key=randomness.token_hex(16),
        kind=EventKind.TEST,
        at=by.at,
        site_id=subscription.site_id,
        subject_kind="webhook_subscription",
        subject_id=subscription.id,
        payload={},
        fanned_out_at=by.at,
    )
    delivery = WebhookDelivery(subscription_id=subscription.id, event=event, next_at=by.at, created_at=by.at)
    session.add(delivery)
    audit.record(session, "test_webhook", subscription, by=by)
    outbox.wake(session, at=by.at)
    return delivery


def resend(session: Session, delivery: WebhookDelivery, *, by: Actor) -> None:
    """
    Send a delivery again, from its first attempt on; receivers know it by its event id.

    Raises
    ------
    ConflictError
        If it waits anyway, or the subscription is off.
    """
    if delivery.state is DeliveryState.WAITING:
        raise ConflictError("This delivery waits for its next attempt already.")
    if not delivery.subscription.active:
        raise ConflictError("This webhook is off. Switch it on first.")
    delivery.state, delivery.attempts, delivery.next_at = DeliveryState.WAITING, 0, by.at
    delivery.ended_at = None
    detail = {"delivery_id": delivery.id, "event": delivery.event.key}
    audit.record(session, "resend_webhook", delivery.subscription, by=by, detail=detail)
    outbox.wake(session, at=by.at)


def list_subscriptions(session: Session) -> Sequence[WebhookSubscription]:
    """Return all subscriptions, by name."""
    return session.scalars(
        select(WebhookSubscription).options(joinedload(WebhookSubscription.site)).order_by(WebhookSubscription.name)
    ).all()


def count_deliveries(
    session: Session, subscription_ids: Collection[int] | None = None
) -> dict[int, dict[DeliveryState, int]]:
    """Return how many deliveries each subscription has in each state."""
    query = select(WebhookDelivery.subscription_id, WebhookDelivery.state, func.count()).group_by(
        WebhookDelivery.subscription_id, WebhookDelivery.state
    )
    if subscription_ids is not None:
        query = query.where(WebhookDelivery.subscription_id.in_(subscription_ids))
    counts: dict[int, dict[DeliveryState, int]] = {}
    for subscription_id, state, count in session.execute(query):
        counts.setdefault(subscription_id, {})[state] = count
    return counts


def get_subscription(session: Session, subscription_id: int) -> WebhookSubscription:
    """
    Return a subscription.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = session.get(WebhookSubscription, subscription_id)
    if found is None:
        raise NotFoundError("There is no such webhook.")
    return found


def get_delivery(session: Session, delivery_id: int) -> WebhookDelivery:
    """
    Return a delivery.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = session.get(WebhookDelivery, delivery_id)
    if found is None:
        raise NotFoundError("There is no such delivery.")
    return found


def list_deliveries(
    session: Session, subscription_id: int, *, state: str = "", kind: str = "", limit: int = 50, offset: int = 0
) -> Sequence[WebhookDelivery]:
    """Return deliveries of a subscription, newest first, all or those in a state and of a kind."""
    query = _narrowed(select(WebhookDelivery), subscription_id, state, kind)
    query = query.options(joinedload(WebhookDelivery.event)).order_by(WebhookDelivery.id.desc())
    return session.scalars(query.limit(limit).offset(offset)).all()


def count_listed(session: Session, subscription_id: int, *, state: str = "", kind: str = "") -> int:
    """Return how many deliveries there are to list."""
    return session.scalar(_narrowed(select(func.count(WebhookDelivery.id)), subscription_id, state, kind)) or 0


def _narrowed(query: Any, subscription_id: int, state: str, kind: str) -> Any:
    query = query.where(WebhookDelivery.subscription_id == subscription_id)
    if state:
        query = query.where(WebhookDelivery.state == state)
    if kind:
        query = query.join(OutgoingEvent, OutgoingEvent.id == WebhookDelivery.event_id).where(
            OutgoingEvent.kind == kind
        )
    return query


def _logged(subscription: WebhookSubscription) -> dict[str, Any]:
    # The address may carry a key of the receiver's: the trail says that it changed, by its digest.
    return {
        "url_digest": hashlib.sha256(subscription.url.encode()).hexdigest()[:16],
        "kinds": sorted(subscription.kinds),
        "site_id": subscription.site_id,
        "active": subscription.active,
    }


def describe_subscription(session: Session, subscription: WebhookSubscription) -> dict[str, str]:
    """Return what a subscription says in words, label → value, for people who edit it at the same time."""
    site = session.get(Site, subscription.site_id) if subscription.site_id is not None else None
    return {
        "Name": subscription.name,
        "Address": subscription.url,
        "Events": ", ".join(sorted(subscription.kinds)),
        "Site": site.name if site is not None else "all sites",
        "Active": "yes" if subscription.active else "no",
    }
