"""
Writing to other systems: only what differs, noted after each request, so that dying in between doubles nothing.

What is sent says how something should be, never what to add to it: sending it twice has the effect of sending it once.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Connection, ConnectionPreset, ConnectionWrite, WriteState
from webapp.services import outgoing, retrying
from webapp.services.connections.presets import PRESETS, Access, Change, Request, Result
from webapp.services.connections.wanting import wake
from webapp.services.outgoing import Answer, Gate, OutgoingError
from webapp.services.secrets import SecretBox, SecretKeyError

CLAIM = dt.timedelta(minutes=5)
_DIED = f"The job that sends it died {retrying.MAX_ATTEMPTS} times. What it died of stands under Jobs and in the log."


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes that were taken for one connection."""

    preset: ConnectionPreset
    access: Access
    changes: Sequence[Change]
    attempts: Mapping[int, int]


def access_of(connection: Connection, box: SecretBox) -> Access:
    """Return where a system is and what opens it."""
    given = json.loads(box.decrypt(connection.credentials)) if connection.credentials else {}
    return Access(connection.base_url, connection.account, given)


def claim(session: Session, connection_id: int, *, box: SecretBox, at: dt.datetime) -> Batch | None:
    """Take writes of a connection that are due, or return None if there are none that may be sent."""
    connection = session.get(Connection, connection_id)
    if connection is None or not connection.active or connection.shadow or not PRESETS[connection.preset].networked:
        return None
    query = (
        select(ConnectionWrite)
        .where(
            ConnectionWrite.connection_id == connection_id,
            ConnectionWrite.state == WriteState.WAITING,
            ConnectionWrite.next_at <= at,
        )
        .order_by(ConnectionWrite.id)
        .limit(PRESETS[connection.preset].batch_size)
        .with_for_update(skip_locked=True)
    )
    _give_up(session, connection_id, at=at)
    rows = session.scalars(query).all()
    if not rows:
        return None
    for row in rows:
        row.attempts, row.next_at = row.attempts + 1, at + CLAIM
    session.flush()
    try:
        access = access_of(connection, box)
    except SecretKeyError as error:
        # Nothing can be sent until somebody enters the credentials anew: whatever else is due would fail alike.
        others = session.scalars(query.limit(None)).all()
        for row in others:
            row.attempts += 1
        for row in (*rows, *others):
            _note_failure(row, Result(None, str(error), passing=True), chance=0.5, at=at)
        session.flush()
        return None
    changes = [Change(row.id, row.kind, row.target, dict(row.wanted)) for row in rows]
    return Batch(connection.preset, access, changes, {row.id: row.attempts for row in rows})


def _give_up(session: Session, connection_id: int, *, at: dt.datetime) -> None:
    """Give up writes whose attempts are used up and of which none was noted: the job died while they were sent."""
    session.execute(
        update(ConnectionWrite)
        .where(
            ConnectionWrite.connection_id == connection_id,
            ConnectionWrite.state == WriteState.WAITING,
            ConnectionWrite.next_at <= at,
            ConnectionWrite.attempts >= retrying.MAX_ATTEMPTS,
        )
        .values(state=WriteState.DEAD, error=_DIED)
    )


def send(batch: Batch, *, gate: Gate) -> dict[int, Result]:
    """Send writes, outside any transaction; once the other system asks to wait or shuts us out, the rest wait too."""

    def call(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return outgoing.send(method, url, gate=gate, headers=headers, body=body)

    connector, results, halt = PRESETS[batch.preset], dict[int, Result](), None
    for request in connector.plan_changes(batch.changes, batch.access):
        if halt is None:
            try:
                said = connector.perform(request, batch.access, call)
            except (OutgoingError, InvalidInputError) as error:
                said = {change.write_id: Result(None, str(error), passing=True) for change in request.changes}
            halt = next((each for each in said.values() if each.status in {None, 401, 403, 429} and each.error), None)
        else:
            said = {change.write_id: halt for change in request.changes}
        for write_id, result in said.items():
            # A user's skills may take several requests: all of them have to succeed.
            if write_id not in results or results[write_id].ok:
                results[write_id] = result
    return results


def note(session: Session, batch: Batch, results: Mapping[int, Result], *, chance: float, at: dt.datetime) -> int:
    """Note what became of writes, and return how many the other system took."""
    written = 0
    for change in batch.changes:
        result = results.get(change.write_id)
        row = session.get(ConnectionWrite, change.write_id, with_for_update=True)
        if row is None or result is None:
            continue
        if result.ok:
            written += 1
            row.written, row.written_at = dict(change.content), at
        if row.wanted != change.content:
            # Something else is wanted by now; it is due at once.
            row.next_at = at
        elif result.ok:
            row.state, row.error = WriteState.WRITTEN, ""
            row.status = result.status
        elif row.attempts == batch.attempts[change.write_id]:
            _note_failure(row, result, chance=chance, at=at)
    session.flush()
    return written


def _note_failure(row: ConnectionWrite, result: Result, *, chance: float, at: dt.datetime) -> None:
    row.status, row.error = result.status, result.error[:300]
    if not result.passing:
        row.state = WriteState.REFUSED
    elif row.attempts >= retrying.MAX_ATTEMPTS:
        row.state = WriteState.DEAD
    else:
        asked = dt.timedelta(seconds=result.retry_after) if result.retry_after else None
        row.next_at = at + retrying.pause_after(row.attempts, chance=chance, retry_after=asked)


def retry(session: Session, connection: Connection, *, at: dt.datetime, write_id: int | None = None) -> int:
    """Try again what was refused or given up, one write or all of them; return how many."""
    query = select(ConnectionWrite).where(
        ConnectionWrite.connection_id == connection.id,
        ConnectionWrite.state.in_((WriteState.REFUSED, WriteState.DEAD)),
    )
    if write_id is not None:
        query = query.where(ConnectionWrite.id == write_id)
    rows = session.scalars(query).all()
    for row in rows:
        row.state = WriteState.RECORDED if connection.shadow else WriteState.WAITING
        row.attempts, row.next_at = 0, at
    session.flush()
    if rows:
        wake(session, connection, at=at)
    return len(rows)


def try_out(session: Session, connection: Connection, *, limit: int = 200) -> Sequence[Request]:
    """Return the requests that would be sent now, without credentials and without sending any."""
    query = (
        select(ConnectionWrite)
        .where(
            ConnectionWrite.connection_id == connection.id,
            ConnectionWrite.state.in_((WriteState.WAITING, WriteState.RECORDED)),
        )
        .order_by(ConnectionWrite.id)
        .limit(limit)
    )
    changes = [Change(row.id, row.kind, row.target, dict(row.wanted)) for row in session.scalars(query)]
    access = Access(connection.base_url, connection.account, {})
    return PRESETS[connection.preset].plan_changes(changes, access)
