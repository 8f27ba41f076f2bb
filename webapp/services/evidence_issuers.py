"""Issuers of badges whom HR trusts, their public keys, and which skill and level each of their badges shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, BadgeIssuer, BadgeMapping, EvidenceSubmission, Skill, SubmissionState
from webapp.services import audit, evidence, records, versions
from webapp.services.audit import Actor
from webapp.services.badges.judging import TrustedIssuer
from webapp.services.badges.keys import DID_KEY, did_key, load_key, read_keys

MOST_IDENTIFIERS = 20
MOST_REVOKED = 2_000
KEY_LENGTH = 400


@dataclass(frozen=True, slots=True)
class IssuerValues:
    """
    What HR notes of an issuer.

    ``identifiers`` and ``revoked`` have one to a line; ``keys`` is what the issuer publishes, empty to keep the noted.
    """

    name: str
    identifiers: str
    keys: str = ""
    revoked: str = ""
    active: bool = True


def list_issuers(session: Session) -> Sequence[BadgeIssuer]:
    """Return all issuers by name, with what their badges show."""
    query = select(BadgeIssuer).order_by(BadgeIssuer.name).options(selectinload(BadgeIssuer.mappings))
    return session.scalars(query).all()


def get_issuer(session: Session, issuer_id: int) -> BadgeIssuer:
    """
    Return an issuer with what its badges show.

    Raises
    ------
    NotFoundError
        If there is no such issuer.
    """
    issuer = session.get(
        BadgeIssuer, issuer_id, options=[selectinload(BadgeIssuer.mappings).joinedload(BadgeMapping.skill)]
    )
    if issuer is None:
        raise NotFoundError("There is no such issuer.")
    return issuer


def load_trusted(session: Session) -> list[TrustedIssuer]:
    """Return the issuers whose signature counts."""
    return [
        TrustedIssuer(
            id=issuer.id,
            name=issuer.name,
            keys_of_profile=frozenset(issuer.identifiers),
            keys=tuple(load_key(values) for values in issuer.keys),
            revoked=frozenset(issuer.revoked),
        )
        for issuer in session.scalars(select(BadgeIssuer).where(BadgeIssuer.active).order_by(BadgeIssuer.id))
    ]


def list_keepers(session: Session, issuer_id: int) -> set[int]:
    """Return who ever noted an issuer's keys or what its badges show: for them it vouches by itself for nothing."""
    query = select(AuditEvent.actor_id).where(
        AuditEvent.subject_kind == BadgeIssuer.__tablename__, AuditEvent.subject_id == issuer_id
    )
    return {actor_id for actor_id in session.scalars(query.distinct()) if actor_id is not None}


def create_issuer(session: Session, values: IssuerValues, *, by: Actor) -> BadgeIssuer:
    """
    Trust an issuer from now on.

    Raises
    ------
    InvalidInputError
        If the name is taken, an identifier is none, or there is no key that can be used.
    """
    issuer = BadgeIssuer(name="", identifiers=[], keys=[], revoked=[], active=values.active)
    _fill(session, issuer, values)
    session.add(issuer)
    audit.record(session, "trust_badge_issuer", issuer, by=by, detail=_logged(issuer))
    return issuer


def update_issuer(
    session: Session,
    issuer: BadgeIssuer,
    values: IssuerValues,
    *,
    version: int,
    seen: Mapping[str, str],
    by: Actor,
) -> BadgeIssuer:
    """
    Note an issuer anew; evidence of badges that it took back counts no more.

    Raises
    ------
    InvalidInputError
        If the name is taken, an identifier is none, or there is no key that can be used.
    ConflictError
        If somebody changed it meanwhile.
    """
    versions.require_version(issuer, version, seen=seen, present=describe(issuer))
    _fill(session, issuer, values)
    count = _revoke(session, issuer, by=by)
    audit.record(session, "edit_badge_issuer", issuer, by=by, detail={**_logged(issuer), "taken_back": count})
    return issuer


def describe(issuer: BadgeIssuer) -> dict[str, str]:
    """Return an issuer in words: label → value."""
    return {
        "Name": issuer.name,
        "Identifiers": "\n".join(issuer.identifiers),
        "Keys": "\n".join(key_names(issuer)),
        "Revoked badges": "\n".join(issuer.revoked),
        "Trusted": "yes" if issuer.active else "no",
    }


def key_names(issuer: BadgeIssuer) -> list[str]:
    """Return the noted keys as an issuer may read them out: kind, thumbprint (RFC 7638) and name."""
    keys = [load_key(values) for values in issuer.keys]
    return [f"{key.key.key_type} {key.key.thumbprint()} {key.name}".strip() for key in keys]


def _logged(issuer: BadgeIssuer) -> dict[str, object]:
    return {
        "name": issuer.name,
        "identifiers": issuer.identifiers,
        "keys": key_names(issuer),
        "active": issuer.active,
    }


def _fill(session: Session, issuer: BadgeIssuer, values: IssuerValues) -> None:
    name = values.name.strip()
    if not name or len(name) > evidence.NAME_LENGTH:
        raise InvalidInputError(f"Give the issuer a name of up to {evidence.NAME_LENGTH} characters.", field="name")
    others = select(BadgeIssuer.id).where(BadgeIssuer.name == name)
    if any(key != issuer.id for key in session.scalars(others)):
        raise InvalidInputError("There is an issuer of this name already.", field="name")
    identifiers = _lines(values.identifiers, field="identifiers", most=MOST_IDENTIFIERS)
    for identifier in identifiers:
        if not identifier.startswith(("https://", "http://", "did:")):
            raise InvalidInputError(
                f"“{identifier[:80]}” is no identifier of an issuer: an address or a did.", field="identifiers"
            )
        if identifier.startswith(DID_KEY):
            _readable_did(identifier)
    if not identifiers:
        raise InvalidInputError("Note at least one identifier under which the issuer issues.", field="identifiers")
    keys = [key.as_dict() for key in read_keys(values.keys)] if values.keys.strip() else list(issuer.keys)
    if not keys and not any(identifier.startswith(DID_KEY) for identifier in identifiers):
        raise InvalidInputError("Paste the issuer's public key: without it nothing can be checked.", field="keys")
    issuer.name, issuer.identifiers, issuer.keys, issuer.active = name, identifiers, keys, values.active
    issuer.revoked = _lines(values.revoked, field="revoked", most=MOST_REVOKED)


def _readable_did(identifier: str) -> None:
    try:
        did_key(identifier)
    except InvalidInputError as error:
        raise InvalidInputError(str(error), field="identifiers") from error


def _lines(text: str, *, field: str, most: int) -> list[str]:
    lines = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(lines) > most or any(len(line) > KEY_LENGTH for line in lines):
        raise InvalidInputError(f"Keep to {most} lines of up to {KEY_LENGTH} characters.", field=field)
    return lines


def _revoke(session: Session, issuer: BadgeIssuer, *, by: Actor) -> int:
    """Take back what badges of an issuer became that it has revoked; return how many there were."""
    query = select(EvidenceSubmission).where(
        EvidenceSubmission.badge_key.in_(issuer.revoked),
        EvidenceSubmission.issuer == issuer.name,
        EvidenceSubmission.state.in_([SubmissionState.ACCEPTED, SubmissionState.WAITING]),
    )
    found = session.scalars(query.options(joinedload(EvidenceSubmission.skill))).all()
    for submission in found:
        evidence.retract(session, submission, by=by)
        submission.state, submission.reason = SubmissionState.REJECTED, f"{issuer.name} has taken this badge back."
        submission.decided_at, submission.decided_by_id = by.at, by.person_id
    return len(found)


def add_mapping(
    session: Session, issuer: BadgeIssuer, *, achievement_key: str, skill_id: int, level: int, by: Actor
) -> BadgeMapping:
    """
    Say which skill and level a badge of an issuer shows; badges that come from now on count so.

    Raises
    ------
    NotFoundError
        If there is no such skill.
    InvalidInputError
        If the badge's identifier or the level is none, or the skill is retired.
    ConflictError
        If that was said already.
    """
    achievement_key = achievement_key.strip()
    if not achievement_key or len(achievement_key) > KEY_LENGTH:
        raise InvalidInputError(
            f"Paste the badge's identifier, up to {KEY_LENGTH} characters.", field="achievement_key"
        )
    if records.check_level(level) == 0:
        raise InvalidInputError("A badge shows a level from 1 to 5.", field="level")
    skill = records.get_claimable_skill(session, skill_id)
    if any(one.achievement_key == achievement_key and one.skill_id == skill.id for one in issuer.mappings):
        raise ConflictError(f"What this badge shows of {skill.name} is said already; remove that first.")
    mapping = BadgeMapping(achievement_key=achievement_key, skill_id=skill.id, level=level)
    issuer.mappings.append(mapping)
    detail = {"badge": achievement_key, "skill": skill.code, "level": level}
    audit.record(session, "map_badge", issuer, by=by, detail=detail)
    return mapping


def remove_mapping(session: Session, issuer: BadgeIssuer, mapping_id: int, *, by: Actor) -> None:
    """
    Say no longer what a badge shows; what counted already stays.

    Raises
    ------
    NotFoundError
        If the issuer has no such line.
    """
    mapping = next((one for one in issuer.mappings if one.id == mapping_id), None)
    if mapping is None:
        raise NotFoundError("There is no such line.")
    detail = {"badge": mapping.achievement_key, "skill": mapping.skill.code, "level": mapping.level}
    issuer.mappings.remove(mapping)
    audit.record(session, "unmap_badge", issuer, by=by, detail=detail)


def whole_skill(session: Session, skill: Skill) -> Skill:
    """Return the skill that took a merged one's place, else the skill itself."""
    return skill if skill.merged_into_id is None else session.get_one(Skill, skill.merged_into_id)


def list_meanings(session: Session, issuer_id: int, achievement_key: str) -> list[tuple[Skill, int]]:
    """Return which skills and levels a badge shows; a merged skill stands for the one that took its place."""
    query = (
        select(BadgeMapping)
        .where(BadgeMapping.issuer_id == issuer_id, BadgeMapping.achievement_key == achievement_key)
        .options(joinedload(BadgeMapping.skill))
        .order_by(BadgeMapping.id)
    )
    meanings: dict[int, tuple[Skill, int]] = {}
    for mapping in session.scalars(query):
        skill = whole_skill(session, mapping.skill)
        if skill.retired_at is None:
            known = meanings.get(skill.id)
            meanings[skill.id] = (skill, max(mapping.level, known[1] if known else 0))
    return list(meanings.values())
