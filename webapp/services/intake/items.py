"""
What is known of one thing of a source, and bringing its engagement or contact up to date with it.

For each field the newest value counts, by the source's own order of events; so the same events give the same in
whatever order they come, and however often.  What an engagement is, is a function of these facts alone, as long as no
person and no plan has had a hand in it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import (
    Contact,
    ContactOutcome,
    Engagement,
    EngagementState,
    EngagementType,
    IntakeEvent,
    IntakeItem,
    IntakeKind,
    IntakeSource,
    IntakeState,
    Person,
)
from webapp.services import audit, engagements, lifecycle, versions
from webapp.services.audit import Actor
from webapp.services.intake.classifying import Verdict, classify
from webapp.services.intake.mapping import Mapping

_FIRST = frozenset({"opened_at", "began_at"})
"""Fields of which the earliest value counts: a thing begins once."""

_NO_FACTS = frozenset({"external_id", "sequence", "at"})
_TIMES_FROM, _TIMES_TO = 946_684_800.0, 4_102_444_800.0
"""The years 2000 to 2100 in seconds since 1970."""

_RANKS = {"done": 1, "cancelled": 2}
_ENDS = {"done": EngagementState.DONE, "cancelled": EngagementState.CANCELLED}
_RETYPED = frozenset({EngagementState.RECEIVED, EngagementState.CLASSIFIED, EngagementState.RETURNED}) | lifecycle.ENDED
"""States in which a newer word of the source may still change the type: nobody was given the work."""

DEFAULT_PRIORITY = 3


@dataclass(frozen=True, slots=True)
class Order:
    """
    The place of an event among those of its thing: the source's own number or time, then what it says, then its key.

    Two events of one moment are put in order by what they say of the status (an end comes after work on it), and by
    their key, so that the order is the same for everybody.
    """

    number: float
    rank: int
    key: str

    def as_json(self) -> list[Any]:
        """Return it as JSON types, which compare alike."""
        return [self.number, self.rank, self.key]


def order_of(values: MappingOf[str, Any], *, event_key: str, received_at: dt.datetime) -> Order:
    """Return the place of an event; one without an order or a time of its own counts by when it came."""
    number = values.get("sequence")
    if number is None:
        at = values.get("at")
        number = dt.datetime.fromisoformat(at).timestamp() if at else received_at.timestamp()
    # A digest of the key: keys of some sources are made of what customers wrote, and orders outlive that.
    mark = hashlib.sha256(event_key.encode()).hexdigest()[:16]
    return Order(float(number), _RANKS.get(str(values.get("status")), 0), mark)


def facts_of(values: MappingOf[str, Any], *, received_at: dt.datetime) -> dict[str, Any]:
    """Return what of a reading is a fact about its thing; ``began_at`` is the best guess of when it was there."""
    at = values.get("at")
    sequence = float(values.get("sequence", 0.0))
    if at is None and _TIMES_FROM <= sequence < _TIMES_TO:
        # An order that is a time tells when the event was, a running number does not.
        at = dt.datetime.fromtimestamp(sequence, dt.UTC).isoformat()
    facts = {name: value for name, value in values.items() if name not in _NO_FACTS}
    return {**facts, "began_at": at or received_at.isoformat()}


def merge(facts: MappingOf[str, Any], values: MappingOf[str, Any], order: Order) -> dict[str, Any]:
    """
    Return facts together with what an event says; commutative, associative and idempotent.

    Parameters
    ----------
    facts
        Field → ``[order, value]``.
    values
        Field → value.
    order
        The event's place.
    """
    merged = dict(facts)
    for name, value in values.items():
        known = merged.get(name)
        if known is None:
            merged[name] = [order.as_json(), value]
        elif name in _FIRST:
            # An instant written in UTC compares as text; the order only says where it came from.
            merged[name] = min(known, [order.as_json(), value], key=lambda each: (_instant(each[1]), each[0]))
        elif order.as_json() > list(known[0]):
            merged[name] = [order.as_json(), value]
    return merged


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def known(item: IntakeItem) -> dict[str, Any]:
    """Return what is known of a thing now: field → value."""
    return {name: value for name, (_, value) in item.facts.items()}


def bring_up_to_date(
    session: Session,
    item: IntakeItem,
    source: IntakeSource,
    mapping: Mapping,
    *,
    status_before: str,
    by: Actor,
) -> None:
    """
    Make the engagement, or the contact of an ACD, what the facts say.

    Parameters
    ----------
    session, item, source, mapping
        The thing, where it comes from, and how that is read.
    status_before
        What the source's status was before this event; empty if unknown. An engagement that a person ended stays ended
        while the source only repeats that it is open.
    by
        Who acts.

    Raises
    ------
    InvalidInputError
        If the facts make no sense together, or name what is not there.
    ConflictError
        If the reference belongs to something else here.
    """
    values = known(item)
    item.customer_key = str(values.get("customer_key", ""))
    if source.kind is IntakeKind.ACD:
        _write_contact(session, item, source, mapping, values, by=by)
    else:
        _write_engagement(session, item, source, mapping, values, status_before=status_before, by=by)
    session.flush()


def judge(session: Session, source: IntakeSource, mapping: Mapping, values: MappingOf[str, Any]) -> Judgement:
    """Return which type facts speak for: the one that the source names, else what the rules say."""
    codes = {rule.type_code for rule in mapping.rules} | {str(values.get("type", ""))}
    types = {
        each.code: each
        for each in session.scalars(
            select(EngagementType).where(EngagementType.code.in_(codes), EngagementType.active).order_by(None)
        )
        if source.kind is IntakeKind.ACD or not each.channel.live
    }
    named = types.get(str(values.get("type", "")))
    if named is not None:
        return Judgement(named, Verdict(((named.code, 1.0),), (), 1.0), sure=True)
    verdict = classify([rule for rule in mapping.rules if rule.type_code in types], values)
    sure = verdict.sure(source.threshold)
    return Judgement(types[verdict.type_code] if sure else source.default_type, verdict, sure=sure)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A type, what spoke for it, and whether it may be taken without asking anybody."""

    engagement_type: EngagementType
    verdict: Verdict
    sure: bool

    def as_json(self) -> dict[str, Any]:
        """Return it as an item keeps it; words are those of the rules, not the customer's."""
        return {
            "scores": [[code, score] for code, score in self.verdict.scores[:9]],
            "confidence": self.verdict.confidence,
            "why": self.verdict.why()[:20],
            "sure": self.sure,
        }


def _write_engagement(
    session: Session,
    item: IntakeItem,
    source: IntakeSource,
    mapping: Mapping,
    values: MappingOf[str, Any],
    *,
    status_before: str,
    by: Actor,
) -> None:
    engagement = _engagement_of(session, item, source)
    judgement = judge(session, source, mapping, values)
    named_before = item.verdict.get("owner_id")
    person_id = _find_person(session, source, values)
    item.verdict = {**judgement.as_json(), "owner_id": person_id}
    kind = judgement.engagement_type
    if engagement is not None and (item.typed or engagement.state not in _RETYPED):
        kind = engagement.engagement_type
    wanted = _wanted(mapping, values, kind)
    # A case owner whom somebody named here stays, whatever the source says.
    if engagement is None or engagement.owner_id in {None, named_before}:
        wanted["owner_id"] = person_id
    if engagement is None:
        engagement = Engagement(external_id=item.external_key, site_id=source.site_id, **wanted)
        state = EngagementState.CLASSIFIED if judgement.sure else EngagementState.RECEIVED
        detail = {"source_id": source.id, "type": kind.code, "priority": wanted["priority"]}
        lifecycle.begin(session, engagement, state=state, action="receive_engagement", detail=detail, by=by)
        item.engagement_id, item.engagement = engagement.id, engagement
    else:
        _change(session, engagement, wanted, source=source, by=by)
    _follow(session, engagement, str(values.get("status", "open")), status_before=status_before, by=by)
    _sort_out(session, item, engagement, sure=judgement.sure or item.typed, by=by)


def _engagement_of(session: Session, item: IntakeItem, source: IntakeSource) -> Engagement | None:
    """Return the item's engagement, locked; or one that came by another way under the same reference."""
    if item.engagement is not None:
        versions.lock(session, item.engagement)
        return item.engagement
    found = session.scalar(select(Engagement).where(Engagement.external_id == item.external_key).with_for_update())
    if found is None:
        return None
    other = session.scalar(select(IntakeItem.id).where(IntakeItem.engagement_id == found.id))
    if found.site_id != source.site_id or other is not None:
        raise ConflictError("The reference belongs to another engagement here; give this source a prefix of its own.")
    item.engagement_id, item.engagement = found.id, found
    # Who wrote it in by another way said what it is.
    item.typed = found.state is not EngagementState.RECEIVED
    return found


def window_of(
    mapping: Mapping, values: MappingOf[str, Any], kind: EngagementType
) -> tuple[dt.datetime, dt.datetime, dt.datetime]:
    """Return when work may start, is due, and may start at the latest."""
    opened_at = _instant(str(values.get("opened_at") or values["began_at"]))
    priority = int(values.get("priority", DEFAULT_PRIORITY))
    due_at = opened_at + mapping.window.due_after(priority=priority, type_code=kind.code)
    if values.get("due_at"):
        due_at = max(opened_at, _instant(str(values["due_at"])))
    end = opened_at + engagements.MAX_WINDOW
    due_at = min(due_at, end)
    return opened_at, due_at, min(due_at + dt.timedelta(minutes=mapping.window.grace), end)


def _wanted(mapping: Mapping, values: MappingOf[str, Any], kind: EngagementType) -> dict[str, Any]:
    earliest_at, due_at, latest_at = window_of(mapping, values, kind)
    return {
        "engagement_type_id": kind.id,
        "customer_key": str(values.get("customer_key", "")),
        "subject": str(values.get("subject", "")),
        "earliest_at": earliest_at,
        "due_at": due_at,
        "latest_at": latest_at,
        "priority": int(values.get("priority", DEFAULT_PRIORITY)),
    }


def _find_person(session: Session, source: IntakeSource, values: MappingOf[str, Any]) -> int | None:
    """Return the agent of the source's own site whom it names by their external id, or None."""
    if not values.get("person"):
        return None
    return session.scalar(
        select(Person.id).where(
            Person.external_id == str(values["person"]),
            Person.site_id == source.site_id,
            Person.active,
            Person.is_agent,
        )
    )


def _change(
    session: Session, engagement: Engagement, wanted: MappingOf[str, Any], *, source: IntakeSource, by: Actor
) -> None:
    changed = sorted(name for name, value in wanted.items() if getattr(engagement, name) != value)
    if not changed:
        return
    for name in changed:
        setattr(engagement, name, wanted[name])
    session.flush()
    session.refresh(engagement, ["engagement_type", "owner"])
    # The names of the fields only: what stands in them may be a customer's words.
    audit.record(session, "update_from_source", engagement, by=by, detail={"source_id": source.id, "fields": changed})


def _follow(session: Session, engagement: Engagement, status: str, *, status_before: str, by: Actor) -> None:
    """End or reopen an engagement as its source did."""
    end = _ENDS.get(status)
    if end is None:
        if status_before in _ENDS and engagement.state in lifecycle.ENDED:
            engagements.reopen_engagement(session, engagement, by=by)
        return
    if engagement.state is end:
        return
    if engagement.state in lifecycle.ENDED:
        if status_before == status:
            return
        if end not in lifecycle.TRANSITIONS[engagement.state]:
            engagements.reopen_engagement(session, engagement, by=by)
    if end is EngagementState.DONE:
        engagements.complete_engagement(session, engagement, by=by)
    else:
        engagements.cancel_engagement(session, engagement, by=by)


def _sort_out(session: Session, item: IntakeItem, engagement: Engagement, *, sure: bool, by: Actor) -> None:
    """Let sure work be planned, and unsure work wait for somebody."""
    if sure and engagement.state is EngagementState.RECEIVED:
        lifecycle.move(session, engagement, EngagementState.CLASSIFIED, action="classify_engagement", by=by)
        note_standing(session, item, waits=False)
    elif not sure and engagement.state is EngagementState.CLASSIFIED:
        lifecycle.move(session, engagement, EngagementState.RECEIVED, action="doubt_type", by=by)
        note_standing(session, item, waits=True)


def note_standing(session: Session, item: IntakeItem, *, waits: bool) -> None:
    """Let the events of an item say whether its engagement waits for somebody to say what it is."""
    before, after = IntakeState.ACCEPTED, IntakeState.REVIEW
    if not waits:
        before, after = after, before
    session.execute(
        update(IntakeEvent).where(IntakeEvent.item_id == item.id, IntakeEvent.state == before).values(state=after)
    )


def _write_contact(
    session: Session,
    item: IntakeItem,
    source: IntakeSource,
    mapping: Mapping,
    values: MappingOf[str, Any],
    *,
    by: Actor,
) -> None:
    """Write a contact once it is over: before that it is live, and nothing that has happened."""
    judgement = judge(session, source, mapping, values)
    item.verdict = judgement.as_json()
    if not values.get("ended_at"):
        return
    arrived_at = _instant(str(values.get("opened_at") or values["began_at"]))
    ended_at = _instant(str(values["ended_at"]))
    served_at = _instant(str(values["served_at"])) if values.get("served_at") else None
    if ended_at < arrived_at or (served_at is not None and not arrived_at <= served_at <= ended_at):
        raise InvalidInputError("The contact's times are not in order: opened, served, ended.")
    contact = item.contact
    if contact is None:
        taken = session.scalar(select(Contact.id).where(Contact.external_id == item.external_key))
        if taken is not None:
            raise ConflictError("The reference belongs to a contact that was imported; give this source a prefix.")
        contact = Contact(external_id=item.external_key, site_id=source.site_id)
    wanted = {
        "engagement_type_id": judgement.engagement_type.id,
        "person_id": _find_person(session, source, values),
        "customer_key": str(values.get("customer_key", "")),
        "arrived_at": arrived_at,
        "served_at": served_at,
        "ended_at": ended_at,
        "wait_seconds": int(((served_at or ended_at) - arrived_at).total_seconds()),
        "outcome": ContactOutcome.SERVED if served_at is not None else ContactOutcome.ABANDONED,
    }
    changed = sorted(name for name, value in wanted.items() if getattr(contact, name) != value)
    for name in changed:
        setattr(contact, name, wanted[name])
    if changed:
        session.add(contact)
        audit.record(session, "note_contact", contact, by=by, detail={"source_id": source.id, "fields": changed})
    item.contact_id, item.contact = contact.id, contact
