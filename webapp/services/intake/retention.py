"""Customers' words go: each payload after its days, and what no key leads to when a customer is erased."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as MappingOf
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.models import IntakeEvent, IntakeExample, IntakeItem, IntakeSource
from webapp.services.audit import Actor

AT_ONCE = 500
_WORDS = frozenset({"text", "subject"})
EXAMPLE_DAYS = 366
"""How long the words of a decision are learnt from."""


def expire(session: Session, site_id: int, *, by: Actor, limit: int = AT_ONCE) -> int:
    """
    Take out the payloads of a site whose days are over, some at a time, and return how many rows were changed.

    The keys of events stay, so that a late copy is still known as one.
    """
    ours = select(IntakeSource.id).where(IntakeSource.site_id == site_id)
    events = session.scalars(
        select(IntakeEvent)
        .where(IntakeEvent.source_id.in_(ours), IntakeEvent.body.is_not(None), IntakeEvent.expires_at <= by.at)
        .order_by(IntakeEvent.id)
        .limit(limit)
    ).all()
    for event in events:
        event.body, event.customer_key = None, ""
    items = session.scalars(
        select(IntakeItem)
        .where(IntakeItem.source_id.in_(ours), IntakeItem.expires_at <= by.at)
        .order_by(IntakeItem.id)
        .limit(limit)
    ).all()
    for item in items:
        item.facts, item.expires_at = _without(item.facts, _WORDS), None
    old = (
        select(IntakeExample.id)
        .where(IntakeExample.source_id.in_(ours), IntakeExample.at < by.at - dt.timedelta(days=EXAMPLE_DAYS))
        .limit(limit)
    )
    examples = session.scalars(old).all()
    if examples:
        session.execute(delete(IntakeExample).where(IntakeExample.id.in_(examples)))
    session.flush()
    return len(events) + len(items) + len(examples)


def _without(facts: MappingOf[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return facts with some emptied; their places in the order stay, so that an old copy cannot bring them back."""
    return {name: [order, "" if name in names else value] for name, (order, value) in facts.items()}
