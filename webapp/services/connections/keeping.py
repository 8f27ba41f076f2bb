"""Connections themselves: entering them, changing them, and what stands at each."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    Connection,
    ConnectionPreset,
    ConnectionWrite,
    PersonKey,
    Site,
    WriteKind,
    WriteState,
)
from webapp.services import audit, outgoing
from webapp.services.audit import Actor
from webapp.services.connections import exchange, wanting
from webapp.services.connections.presets import PRESETS
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox

NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class ConnectionDraft:
    """What a connection is to be; secrets that are left empty stay as they are."""

    name: str
    preset: ConnectionPreset
    site_id: int
    base_url: str = ""
    account: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    people_by: PersonKey = PersonKey.EXTERNAL_ID
    person_ids: str = ""
    skill_ids: str = ""
    writes_assignees: bool = False
    writes_levels: bool = False
    shadow: bool = True
    active: bool = True


def read_pairs(text: str, *, field: str) -> dict[str, str]:
    """
    Return lines of ``ours = theirs`` as a mapping.

    Raises
    ------
    InvalidInputError
        If a line has no sign of equality, or names something of ours twice.
    """
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        ours, sign, theirs = (part.strip() for part in line.partition("="))
        if not sign or not ours or not theirs or len(theirs) > 80:
            raise InvalidInputError(f"Line {number}: write “our code = their id”.", field=field)
        if ours in pairs:
            raise InvalidInputError(f"Line {number}: {ours} is there twice.", field=field)
        pairs[ours] = theirs
    return pairs


def write_pairs(pairs: Mapping[str, Any]) -> str:
    """Return a mapping as lines of ``ours = theirs``."""
    return "\n".join(f"{ours} = {theirs}" for ours, theirs in sorted(pairs.items()))


def create_connection(session: Session, draft: ConnectionDraft, *, gate: Gate, box: SecretBox, by: Actor) -> Connection:
    """
    Add a connection; it begins in shadow unless the draft says otherwise.

    Raises
    ------
    InvalidInputError
        If something is missing or cannot be called.
    """
    connection = Connection(preset=draft.preset, credentials="", created_by_id=by.person_id, created_at=by.at)
    _apply(session, connection, draft, gate=gate, box=box)
    session.add(connection)
    audit.record(session, "add_connection", connection, by=by, detail=_logged(connection))
    return connection


def update_connection(
    session: Session, connection: Connection, draft: ConnectionDraft, *, gate: Gate, box: SecretBox, by: Actor
) -> Connection:
    """
    Change a connection; where it leaves the shadow, what was recorded waits to be written.

    Raises
    ------
    InvalidInputError
        As for :func:`create_connection`.
    """
    before, in_shadow, hosts = _logged(connection), connection.shadow, _hosts(connection)
    _apply(session, connection, draft, gate=gate, box=box)
    _require_secrets(connection, draft, hosts)
    after = _logged(connection)
    given = sorted(name for name, value in draft.secrets.items() if value)
    detail = {"before": before, "after": after, "secrets": given}
    audit.record(session, "edit_connection", connection, by=by, detail=detail)
    if in_shadow != connection.shadow:
        _move(session, connection, at=by.at)
    wanting.wake(session, connection, at=by.at)
    return connection


def _move(session: Session, connection: Connection, *, at: dt.datetime) -> None:
    here, there = WriteState.RECORDED, WriteState.WAITING
    if connection.shadow:
        here, there = there, here
    rows = session.scalars(
        select(ConnectionWrite).where(ConnectionWrite.connection_id == connection.id, ConnectionWrite.state == here)
    )
    for row in rows:
        row.state, row.next_at, row.attempts = there, at, 0
    session.flush()


def _apply(session: Session, connection: Connection, draft: ConnectionDraft, *, gate: Gate, box: SecretBox) -> None:
    preset, name = PRESETS[connection.preset], draft.name.strip()
    if not name or len(name) > NAME_LENGTH:
        raise InvalidInputError(f"Give it a name of at most {NAME_LENGTH} characters.", field="name")
    if session.get(Site, draft.site_id) is None:
        raise InvalidInputError("There is no such site.", field="site_id")
    wanted = {kind for kind, on in _flags(draft).items() if on}
    if not wanted or wanted - preset.writes:
        can = " and ".join(sorted(kind.value for kind in preset.writes))
        raise InvalidInputError(f"{preset.title} can be told {can}: choose that.", field="writes_assignees")
    connection.name, connection.site_id, connection.people_by = name, draft.site_id, draft.people_by
    connection.base_url = _check_url(draft.base_url, gate, "base_url") if preset.networked else ""
    connection.account = draft.account.strip()
    if preset.account_label and not connection.account:
        raise InvalidInputError(
            f"Enter the {preset.account_label[:1].lower()}{preset.account_label[1:]}.", field="account"
        )
    if connection.preset is ConnectionPreset.GENESYS:
        connection.account = _check_url(connection.account, gate, "account")
    connection.person_ids = read_pairs(draft.person_ids, field="person_ids")
    connection.skill_ids = read_pairs(draft.skill_ids, field="skill_ids")
    connection.writes_assignees, connection.writes_levels = draft.writes_assignees, draft.writes_levels
    connection.shadow, connection.active = draft.shadow, draft.active
    _keep_secrets(connection, draft, box=box)


def _require_secrets(connection: Connection, draft: ConnectionDraft, known: set[tuple[str, str, int]]) -> None:
    """Refuse to send to other hosts what opens a system: nobody reads it here, nor may have it sent to themselves."""
    preset = PRESETS[connection.preset]
    missing = [name for name in preset.secrets if not draft.secrets.get(name, "").strip()]
    if missing and _hosts(connection) - known:
        raise InvalidInputError(
            f"The address leads to another system. Enter again: {preset.secrets[missing[0]]}.", field=missing[0]
        )


def _hosts(connection: Connection) -> set[tuple[str, str, int]]:
    """Return scheme, host and port of each address that is sent the credentials."""
    urls = [connection.base_url] if PRESETS[connection.preset].networked else []
    if connection.preset is ConnectionPreset.GENESYS:
        urls.append(connection.account)
    targets = [outgoing.parse_url(url) for url in urls]
    return {(target.scheme, target.host, target.port) for target in targets}


def _flags(draft: ConnectionDraft) -> dict[WriteKind, bool]:
    return {WriteKind.ASSIGNEE: draft.writes_assignees, WriteKind.LEVELS: draft.writes_levels}


def _check_url(url: str, gate: Gate, field_name: str) -> str:
    try:
        return outgoing.check_url(url, gate).rstrip("/")
    except InvalidInputError as error:
        raise InvalidInputError(str(error), field=field_name) from error


def _keep_secrets(connection: Connection, draft: ConnectionDraft, *, box: SecretBox) -> None:
    known = json.loads(box.decrypt(connection.credentials)) if connection.credentials else {}
    for name, label in PRESETS[connection.preset].secrets.items():
        given = draft.secrets.get(name, "").strip()
        if given:
            known[name] = given
        elif name not in known:
            raise InvalidInputError(f"Enter: {label}.", field=name)
    if known:
        connection.credentials = box.encrypt(json.dumps(known, sort_keys=True))


def delete_connection(session: Session, connection: Connection, *, by: Actor) -> None:
    """Remove a connection with what it was to write; the other system stays as it is."""
    audit.record(session, "delete_connection", connection, by=by, detail=_logged(connection))
    session.delete(connection)
    session.flush()


def compare(session: Session, connection: Connection, *, today: dt.date, by: Actor) -> int:
    """
    Compare everything with what the other system was made to say, and return how many writes changed.

    Raises
    ------
    ConflictError
        If the connection is off.
    """
    if not connection.active:
        raise ConflictError("This connection is off. Switch it on first.")
    changed = wanting.want_everything(session, connection, today=today, at=by.at)
    audit.record(session, "compare_connection", connection, by=by, detail={"changed": changed})
    return changed


def try_again(session: Session, connection: Connection, *, write_id: int | None = None, by: Actor) -> int:
    """Try again what was refused or given up, one write or all; return how many."""
    count = exchange.retry(session, connection, at=by.at, write_id=write_id)
    audit.record(session, "retry_connection", connection, by=by, detail={"write_id": write_id, "count": count})
    return count


def take_over(session: Session, connection: Connection, write_ids: Sequence[int], *, by: Actor) -> int:
    """
    Note that somebody read a file of writes in over there; only for a connection by file.

    Raises
    ------
    ConflictError
        If the connection writes by itself.
    """
    if PRESETS[connection.preset].networked:
        raise ConflictError("This connection writes by itself.")
    rows = session.scalars(
        select(ConnectionWrite).where(
            ConnectionWrite.connection_id == connection.id,
            ConnectionWrite.id.in_(write_ids),
            ConnectionWrite.state.in_((WriteState.WAITING, WriteState.RECORDED)),
        )
    ).all()
    for row in rows:
        row.written, row.written_at, row.state = dict(row.wanted), by.at, WriteState.WRITTEN
    audit.record(session, "take_over_writes", connection, by=by, detail={"count": len(rows)})
    return len(rows)


def get_connection(session: Session, connection_id: int) -> Connection:
    """
    Return a connection.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = session.get(Connection, connection_id, options=[joinedload(Connection.site)])
    if found is None:
        raise NotFoundError("There is no such connection.")
    return found


def list_connections(session: Session) -> Sequence[Connection]:
    """Return all connections, by name."""
    query = select(Connection).options(joinedload(Connection.site)).order_by(Connection.name)
    return session.scalars(query).all()


def count_writes(session: Session) -> dict[int, dict[WriteState, int]]:
    """Return how many writes each connection has in each state."""
    query = select(ConnectionWrite.connection_id, ConnectionWrite.state, func.count())
    counts: dict[int, dict[WriteState, int]] = {}
    for connection_id, state, count in session.execute(
        query.group_by(ConnectionWrite.connection_id, ConnectionWrite.state)
    ):
        counts.setdefault(connection_id, {})[state] = count
    return counts


def list_writes(
    session: Session, connection_id: int, *, state: str = "", limit: int = 50, offset: int = 0
) -> Sequence[ConnectionWrite]:
    """Return writes of a connection, the latest changed first, all or those in a state."""
    query = select(ConnectionWrite).where(ConnectionWrite.connection_id == connection_id)
    if state:
        query = query.where(ConnectionWrite.state == state)
    query = query.order_by(ConnectionWrite.changed_at.desc(), ConnectionWrite.id.desc())
    return session.scalars(query.limit(limit).offset(offset)).all()


def _logged(connection: Connection) -> dict[str, Any]:
    return {
        "preset": connection.preset.value,
        "site_id": connection.site_id,
        "people_by": connection.people_by.value,
        "writes_assignees": connection.writes_assignees,
        "writes_levels": connection.writes_levels,
        "shadow": connection.shadow,
        "active": connection.active,
        "person_ids": len(connection.person_ids),
        "skill_ids": len(connection.skill_ids),
    }


def describe_connection(session: Session, connection: Connection) -> dict[str, str]:
    """Return what a connection says in words, label → value, for people who edit it at the same time."""
    site = session.get(Site, connection.site_id)
    yes = {True: "yes", False: "no"}
    return {
        "Name": connection.name,
        "Address": connection.base_url,
        "Account": connection.account,
        "Site": site.name if site is not None else "",
        "Agents by": connection.people_by.value.replace("_", " "),
        "Ids of agents": write_pairs(connection.person_ids),
        "Ids of skills": write_pairs(connection.skill_ids),
        "Writes assignees": yes[connection.writes_assignees],
        "Writes levels": yes[connection.writes_levels],
        "Shadow": yes[connection.shadow],
        "Active": yes[connection.active],
    }
