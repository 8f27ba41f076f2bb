"""
Messages in: each event counts once, in the transaction of its effect.

The event's key is unique in the database.  Whoever writes it first does what it says; a copy finds it there and changes
nothing, whether it comes a second or a year later.  An event that cannot be understood is kept as failed, with what is
wrong, so that somebody can mend the mapping and have it read again; its sender could not mend anything by repeating it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError, MainstayError, NotFoundError
from webapp.models import EngagementState, IntakeEvent, IntakeItem, IntakeMapping, IntakeSource, IntakeState
from webapp.services.audit import Actor
from webapp.services.intake import items, mapping, signatures
from webapp.services.intake.mapping import Mapping, Reading
from webapp.services.intake.signatures import Headers
from webapp.services.secrets import SecretBox

MAX_BODY_BYTES = 256 * 1024
_KEY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event of a message."""

    event_id: int
    state: IntakeState
    duplicate: bool


def find_source(session: Session, public_id: str) -> IntakeSource:
    """
    Return the source that an address names.

    Raises
    ------
    NotFoundError
        If there is none, or it is switched off: both answer alike.
    """
    source = session.scalar(select(IntakeSource).where(IntakeSource.public_id == public_id))
    if source is None or not source.active:
        raise NotFoundError("There is no such source.")
    return source


def good_secrets(source: IntakeSource, *, box: SecretBox, at: dt.datetime) -> list[str]:
    """Return the secrets that a message may be signed with now: one, or two while a new one takes over."""
    secrets = [box.decrypt(source.secret)]
    if source.former_secret is not None and source.former_until is not None and at < source.former_until:
        secrets.append(box.decrypt(source.former_secret))
    return secrets


def require_genuine(source: IntakeSource, *, headers: Headers, body: bytes, box: SecretBox, at: dt.datetime) -> None:
    """
    Refuse a message that is not from its source.

    Raises
    ------
    SignatureError
        If no good secret signed it, or not now.
    SecretKeyError
        If the stored secret cannot be read.
    """
    signatures.require_signature(
        source.signature, headers=headers, body=body, secrets=good_secrets(source, box=box, at=at), at=at
    )


def parse(body: bytes) -> Any:
    """
    Return the JSON of a body.

    Raises
    ------
    InvalidInputError
        If it is none, as by the standard: without NaN and infinities.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidInputError(f"A message has up to {MAX_BODY_BYTES // 1024} KiB.")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("The body is no JSON.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")


def current_mapping(session: Session, source: IntakeSource) -> Mapping:
    """Return the mapping that counts for a source now."""
    rules = session.scalars(
        select(IntakeMapping.rules).where(
            IntakeMapping.source_id == source.id, IntakeMapping.number == source.mapping_number
        )
    ).one()
    return mapping.from_json(rules)


def receive(session: Session, source: IntakeSource, message: Any, *, by: Actor) -> list[Outcome]:
    """
    Take what a genuine message says, each of its events once.

    Raises
    ------
    InvalidInputError
        If it holds too many events; nothing of it is kept then.
    """
    rules = current_mapping(session, source)
    return [_receive_event(session, source, rules, document, by=by) for document in mapping.split(rules, message)]


def _receive_event(session: Session, source: IntakeSource, rules: Mapping, document: Any, *, by: Actor) -> Outcome:
    reading = mapping.read(rules, document)
    digest = signatures.digest_of(json.dumps(document, sort_keys=True).encode())
    event_key = reading.event_key if 0 < len(reading.event_key) <= _KEY_LENGTH else digest
    event_id = _claim(session, source, event_key, digest, document, reading, at=by.at)
    if event_id is None:
        return _note_copy(session, source, event_key)
    event = session.get_one(IntakeEvent, event_id)
    apply(session, source, rules, event, reading, by=by)
    return Outcome(event.id, event.state, duplicate=False)


def _claim(
    session: Session,
    source: IntakeSource,
    event_key: str,
    digest: str,
    document: Any,
    reading: Reading,
    *,
    at: dt.datetime,
) -> int | None:
    """Write an event under its key and return its id, or None if it was there: the database decides who is first."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(IntakeEvent)
        .values(
            source_id=source.id,
            external_id=event_key,
            received_at=at,
            body=document if isinstance(document, MappingOf) else {"": document},
            body_digest=digest,
            customer_key=str(reading.values.get("customer_key", "")),
            state=IntakeState.FAILED,
            mapping_number=source.mapping_number,
            expires_at=at + dt.timedelta(days=source.retention_days),
        )
        .on_conflict_do_nothing(index_elements=["source_id", "external_id"])
        .returning(IntakeEvent.id)
    )
    event_id: int | None = session.scalar(statement)
    return event_id


def _note_copy(session: Session, source: IntakeSource, event_key: str) -> Outcome:
    ours = (IntakeEvent.source_id == source.id, IntakeEvent.external_id == event_key)
    event_id, state = session.execute(select(IntakeEvent.id, IntakeEvent.state).where(*ours)).one()
    session.execute(
        update(IntakeEvent)
        .where(IntakeEvent.id == event_id)
        .values(copies=IntakeEvent.copies + 1)
        .execution_options(synchronize_session=False)
    )
    return Outcome(event_id, state, duplicate=True)


def apply(
    session: Session, source: IntakeSource, rules: Mapping, event: IntakeEvent, reading: Reading, *, by: Actor
) -> None:
    """Do what an event says, or note why it cannot be done; nothing of a failed one is left but that."""
    event.mapping_number, event.error = source.mapping_number, ""
    event.customer_key = str(reading.values.get("customer_key", event.customer_key))
    if reading.ignored:
        event.state, event.error = IntakeState.IGNORED, f"It does not count: {reading.ignored}."[:1000]
        return
    if "external_id" not in reading.values:
        event.state, event.error = IntakeState.FAILED, " ".join(reading.problems)[:1000]
        return
    savepoint = session.begin_nested()
    try:
        item = _take_in(session, source, rules, event, reading, by=by)
        session.flush()
    except (MainstayError, IntegrityError, DataError) as error:
        savepoint.rollback()
        session.refresh(event)
        event.mapping_number, event.state = source.mapping_number, IntakeState.FAILED
        event.error = str(error) if isinstance(error, MainstayError) else "Its values cannot be stored."
        return
    savepoint.commit()
    # What could not be read is told even where the rest was enough.
    event.item_id, event.error = item.id, " ".join(reading.problems)[:1000]
    waits = item.engagement is not None and item.engagement.state is EngagementState.RECEIVED
    event.state = IntakeState.REVIEW if waits else IntakeState.ACCEPTED
    session.flush()


def _take_in(
    session: Session, source: IntakeSource, rules: Mapping, event: IntakeEvent, reading: Reading, *, by: Actor
) -> IntakeItem:
    item = _lock_item(session, source, str(reading.values["external_id"]), at=event.received_at)
    status_before = str(items.known(item).get("status", ""))
    order = items.order_of(reading.values, event_key=event.external_id, received_at=event.received_at)
    facts = items.merge(item.facts, items.facts_of(reading.values, received_at=event.received_at), order)
    if facts == item.facts and (item.engagement_id is not None or item.contact_id is not None):
        return item
    item.facts = facts
    item.expires_at = max(item.expires_at or event.received_at, event.expires_at or event.received_at)
    items.bring_up_to_date(session, item, source, rules, status_before=status_before, by=by)
    return item


def _lock_item(session: Session, source: IntakeSource, external_key: str, *, at: dt.datetime) -> IntakeItem:
    """Return the thing that an event is about, held to the end of the transaction; a new one if it is the first."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(IntakeItem)
        .values(source_id=source.id, external_key=external_key, created_at=at, version=1)
        .on_conflict_do_nothing(index_elements=["source_id", "external_key"])
    )
    query = (
        select(IntakeItem)
        .where(IntakeItem.source_id == source.id, IntakeItem.external_key == external_key)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one()
