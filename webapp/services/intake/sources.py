"""Sources: the systems that work comes from, their secrets, and the versions of how their messages are read."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import EngagementType, IntakeEvent, IntakeKind, IntakeMapping, IntakeSource, IntakeState, Site
from webapp.services import access, audit, versions
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.intake import mapping, receiving
from webapp.services.intake.mapping import Mapping
from webapp.services.intake.presets import PRESETS
from webapp.services.intake.signatures import STYLES
from webapp.services.secrets import SecretBox

SHORTEST_SECRET = 16
OVERLAP = dt.timedelta(hours=24)
"""How long the former secret stays good after a change."""

_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class SourceValues:
    """
    What somebody wants a source to be.

    ``threshold`` is the confidence from which on a type counts without asking, in [0, 1]; ``retention_days`` how long
    payloads are kept, 1–366; ``default_type_id`` the type of what nobody has sorted yet.
    """

    name: str
    default_type_id: int
    signature: str
    threshold: float = 0.5
    retention_days: int = 30
    active: bool = True


def list_sources(session: Session, *, viewer: Viewer) -> Sequence[IntakeSource]:
    """Return the sources of the viewer's sites, by name."""
    return session.scalars(
        select(IntakeSource)
        .join(IntakeSource.site)
        .where(viewer.sees_site(Permission.MANAGE_INTAKE))
        .options(joinedload(IntakeSource.site), joinedload(IntakeSource.default_type))
        .order_by(IntakeSource.name, IntakeSource.id)
    ).all()


def get_source(session: Session, source_id: int, *, viewer: Viewer) -> IntakeSource:
    """
    Return a source of the viewer's sites.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    source = session.scalar(
        select(IntakeSource)
        .join(IntakeSource.site)
        .where(IntakeSource.id == source_id, viewer.sees_site(Permission.MANAGE_INTAKE))
        .options(joinedload(IntakeSource.site), joinedload(IntakeSource.default_type))
    )
    if source is None:
        raise NotFoundError("There is no such source.")
    return source


def may_read_payloads(source: IntakeSource, viewer: Viewer) -> bool:
    """Return whether the viewer may read customers' words that a source sent."""
    scope = viewer.scope(Permission.VIEW_PAYLOADS)
    return scope.everywhere or source.site_id in scope.site_ids


def create_source(
    session: Session,
    *,
    site: Site,
    preset: str,
    values: SourceValues,
    secret: str = "",
    box: SecretBox,
    by: Actor,
) -> tuple[IntakeSource, str]:
    """
    Connect a system, and return it with its secret, which is shown once.

    Parameters
    ----------
    session, site
        Where.
    preset
        Key of :data:`~webapp.services.intake.presets.PRESETS`: the mapping to begin with.
    values
        The rest.
    secret
        The secret that the sender made up; one is made up here if it made none.
    box
        Encrypts it.
    by
        Who connects it.

    Raises
    ------
    InvalidInputError
        If a value breaks a rule; ``field`` names it.
    """
    if preset not in PRESETS:
        raise InvalidInputError("There is no such preset.", field="preset")
    secret = _checked_secret(secret) or f"whsec_{secrets.token_urlsafe(32)}"
    source = IntakeSource(
        public_id=secrets.token_hex(12),
        name="",
        site_id=site.id,
        kind=PRESETS[preset].kind,
        preset=preset,
        signature="",
        secret=box.encrypt(secret),
        default_type_id=0,
        created_at=by.at,
    )
    _fill(session, source, values)
    session.add(source)
    session.flush()
    _keep_mapping(session, source, mapping.to_json(PRESETS[preset].mapping), note=PRESETS[preset].title, by=by)
    audit.record(session, "connect_source", source, by=by, detail={**_logged(source), "preset": preset})
    return source, secret


def update_source(
    session: Session,
    source: IntakeSource,
    values: SourceValues,
    *,
    version: int,
    seen: MappingOf[str, str],
    by: Actor,
) -> IntakeSource:
    """
    Change a source.

    Raises
    ------
    InvalidInputError
        If a value breaks a rule; ``field`` names it.
    ConflictError
        If somebody changed it meanwhile.
    """
    versions.require_version(source, version, seen=seen, present=describe(source))
    _fill(session, source, values)
    session.flush()
    session.refresh(source, ["default_type"])
    audit.record(session, "edit_source", source, by=by, detail=_logged(source))
    return source


def change_secret(
    session: Session, source: IntakeSource, *, secret: str = "", at_once: bool = False, box: SecretBox, by: Actor
) -> str:
    """
    Give a source another secret and return it, to be shown once; the former stays good for :data:`OVERLAP`.

    ``at_once`` ends the former now, as when it has become known to others.

    Raises
    ------
    InvalidInputError
        If the given secret is too short.
    """
    secret = _checked_secret(secret) or f"whsec_{secrets.token_urlsafe(32)}"
    source.former_secret, source.former_until = (None, None) if at_once else (source.secret, by.at + OVERLAP)
    source.secret = box.encrypt(secret)
    audit.record(session, "change_source_secret", source, by=by, detail={"at_once": at_once})
    return secret


def verify_token(secret: str) -> str:
    """Return the word by which Meta's set-up asks whether an address expects it; it gives no secret away."""
    return hmac.new(secret.encode(), b"mainstay webhook verification", hashlib.sha256).hexdigest()[:32]


def _checked_secret(secret: str) -> str:
    secret = secret.strip()
    if secret and not SHORTEST_SECRET <= len(secret) <= 200:
        raise InvalidInputError(f"A secret has {SHORTEST_SECRET} to 200 characters.", field="secret")
    return secret


def _fill(session: Session, source: IntakeSource, values: SourceValues) -> None:
    name = values.name.strip()
    if not 0 < len(name) <= _NAME_LENGTH:
        raise InvalidInputError(f"Give the source a name of up to {_NAME_LENGTH} characters.", field="name")
    if values.signature not in STYLES:
        raise InvalidInputError("There is no such signature.", field="signature")
    if not 0 <= values.threshold <= 1:
        raise InvalidInputError("The confidence lies between 0 and 1.", field="threshold")
    if not 1 <= values.retention_days <= 366:
        raise InvalidInputError("Keep payloads for 1 to 366 days.", field="retention_days")
    kind = session.get(EngagementType, values.default_type_id)
    if kind is None or not kind.active:
        raise InvalidInputError("Choose a type that is in use.", field="default_type_id")
    if kind.channel.live and source.kind is not IntakeKind.ACD:
        raise InvalidInputError(
            "Choose a type whose work can wait; calls and chats are forecast.", field="default_type_id"
        )
    source.name, source.signature, source.default_type_id = name, values.signature, kind.id
    source.threshold, source.retention_days, source.active = values.threshold, values.retention_days, values.active


def describe(source: IntakeSource) -> dict[str, str]:
    """Return a source in words: label → value."""
    return {
        "Name": source.name,
        "Signature": STYLES[source.signature].title,
        "Type while unsorted": source.default_type.name,
        "Confidence": f"{source.threshold:g}",
        "Days that payloads are kept": str(source.retention_days),
        "Receives": "yes" if source.active else "no",
    }


def _logged(source: IntakeSource) -> dict[str, Any]:
    return {
        "name": source.name,
        "signature": source.signature,
        "default_type_id": source.default_type_id,
        "threshold": source.threshold,
        "retention_days": source.retention_days,
        "active": source.active,
    }


def get_mapping(session: Session, source: IntakeSource, number: int | None = None) -> IntakeMapping:
    """
    Return a version of a source's mapping, the one that counts if no number is given.

    Raises
    ------
    NotFoundError
        If there is no such version.
    """
    found = session.scalar(
        select(IntakeMapping)
        .where(IntakeMapping.source_id == source.id, IntakeMapping.number == (number or source.mapping_number))
        .options(joinedload(IntakeMapping.created_by))
    )
    if found is None:
        raise NotFoundError("There is no such version.")
    return found


def list_mappings(session: Session, source: IntakeSource) -> Sequence[IntakeMapping]:
    """Return the versions of a source's mapping, newest first."""
    return session.scalars(
        select(IntakeMapping)
        .where(IntakeMapping.source_id == source.id)
        .options(joinedload(IntakeMapping.created_by))
        .order_by(IntakeMapping.number.desc())
    ).all()


def save_mapping(
    session: Session, source: IntakeSource, rules: Mapping, *, based_on: int, note: str = "", by: Actor
) -> IntakeMapping:
    """
    Keep a new version of a source's mapping; messages from now on are read by it.

    Raises
    ------
    InvalidInputError
        If it cannot work; ``field`` names the part.
    ConflictError
        If somebody saved another version since ``based_on``.
    """
    versions.lock(session, source)
    if based_on != source.mapping_number:
        raise ConflictError(f"Somebody saved version {source.mapping_number} while you were editing {based_on}.")
    mapping.from_json(mapping.to_json(rules))
    source.mapping_number += 1
    kept = _keep_mapping(session, source, mapping.to_json(rules), note=note, by=by)
    audit.record(session, "save_mapping", source, by=by, detail={"number": kept.number, "rules": len(rules.rules)})
    return kept


def _keep_mapping(
    session: Session, source: IntakeSource, rules: dict[str, Any], *, note: str, by: Actor
) -> IntakeMapping:
    kept = IntakeMapping(
        source_id=source.id,
        number=source.mapping_number or 1,
        rules=rules,
        note=note.strip()[:200],
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(kept)
    session.flush()
    return kept


def list_events(
    session: Session, source: IntakeSource, *, state: IntakeState | None = None, offset: int = 0, limit: int = 50
) -> Sequence[IntakeEvent]:
    """Return a source's events, newest first."""
    query = select(IntakeEvent).where(*_events_of(source, state)).options(joinedload(IntakeEvent.item))
    return session.scalars(query.order_by(IntakeEvent.id.desc()).offset(offset).limit(limit)).all()


def count_events(session: Session, source: IntakeSource, *, state: IntakeState | None = None) -> int:
    """Return how many events :func:`list_events` has."""
    return session.scalar(select(func.count(IntakeEvent.id)).where(*_events_of(source, state))) or 0


def count_states(session: Session, source: IntakeSource) -> dict[IntakeState, int]:
    """Return how many events are in each state."""
    query = select(IntakeEvent.state, func.count()).where(IntakeEvent.source_id == source.id)
    found = dict(session.execute(query.group_by(IntakeEvent.state)).all())
    return {state: found.get(state, 0) for state in IntakeState}


def _events_of(source: IntakeSource, state: IntakeState | None) -> list[Any]:
    ours = [IntakeEvent.source_id == source.id]
    return ours if state is None else [*ours, IntakeEvent.state == state]


def get_event(session: Session, source: IntakeSource, event_id: int) -> IntakeEvent:
    """
    Return an event of a source.

    Raises
    ------
    NotFoundError
        If the source has none of this id.
    """
    event = session.get(IntakeEvent, event_id, options=[joinedload(IntakeEvent.item)])
    if event is None or event.source_id != source.id:
        raise NotFoundError("There is no such event.")
    return event


def count_by_hour(
    session: Session, source: IntakeSource, *, until: dt.datetime, hours: int = 48
) -> list[tuple[dt.datetime, IntakeState, int]]:
    """Return how many events came in each of the last hours, by state; hours without any are left out."""
    first = until.replace(minute=0, second=0, microsecond=0) - dt.timedelta(hours=hours - 1)
    rows = session.execute(
        select(IntakeEvent.received_at, IntakeEvent.state).where(
            IntakeEvent.source_id == source.id, IntakeEvent.received_at >= first
        )
    )
    counts: dict[tuple[dt.datetime, IntakeState], int] = {}
    for received_at, state in rows:
        key = received_at.replace(minute=0, second=0, microsecond=0), state
        counts[key] = counts.get(key, 0) + 1
    return [(hour, state, count) for (hour, state), count in sorted(counts.items())]


def list_payloads(session: Session, source: IntakeSource, *, limit: int = 8) -> list[tuple[int | None, Any]]:
    """Return id and body of the newest events that still have one; the preset's invented sample if there is none."""
    rows = session.execute(
        select(IntakeEvent.id, IntakeEvent.body)
        .where(IntakeEvent.source_id == source.id, IntakeEvent.body.is_not(None))
        .order_by(IntakeEvent.id.desc())
        .limit(limit)
    ).all()
    if rows:
        return [(event_id, body) for event_id, body in rows]
    preset = PRESETS.get(source.preset)
    return [(None, each) for each in mapping.split(preset.mapping, preset.sample)] if preset is not None else []


def current_rules(session: Session, source: IntakeSource) -> Mapping:
    """Return the mapping that counts now."""
    return receiving.current_mapping(session, source)


def find_site(session: Session, site_id: int, *, viewer: Viewer) -> Site:
    """
    Return a site at which the viewer may connect systems.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    return access.get_site(session, site_id, viewer=viewer, permission=Permission.MANAGE_INTAKE)
