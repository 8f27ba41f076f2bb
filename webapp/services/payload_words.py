"""What payloads of other systems hold of a customer where no column says so."""

from __future__ import annotations

import json

from sqlalchemy import String, cast, or_, select
from sqlalchemy.orm import Session

from webapp.models import IntakeEvent, IntakeItem, IntakeRerun


def forget_elsewhere(session: Session, customer_key: str) -> int:
    """
    Take out what of a customer stands where no key says so, and return how many rows were changed.

    Rows under the key itself are cleared by :mod:`webapp.services.customers`, which calls this first: payloads that
    name the key somewhere although no mapping says that it is a customer's, and what reruns would restore.
    """
    body = cast(IntakeEvent.body, String)
    # A payload holds the key as JSON writes it.
    written = json.dumps(customer_key)
    needles = [f": {written}", f"[{written}", f", {written}"]
    if customer_key.isdecimal():
        needles += [f": {customer_key}{end}" for end in (",", "}", "]")]
    events = session.scalars(
        select(IntakeEvent).where(
            IntakeEvent.body.is_not(None), or_(*(body.contains(needle, autoescape=True) for needle in needles))
        )
    ).all()
    for event in events:
        event.body, event.expires_at = None, None
    ours = set(session.scalars(select(IntakeItem.id).where(IntakeItem.customer_key == customer_key)))
    count = len(events) + _forget_reruns(session, ours)
    session.flush()
    return count


def _forget_reruns(session: Session, item_ids: set[int]) -> int:
    """Take a customer's words out of what reruns would restore."""
    count = 0
    for rerun in session.scalars(select(IntakeRerun)) if item_ids else ():
        if any(change.get("item_id") in item_ids and change.get("facts") for change in rerun.changes):
            rerun.changes = [
                {**change, "facts": None} if change.get("item_id") in item_ids else change for change in rerun.changes
            ]
            count += 1
    return count
