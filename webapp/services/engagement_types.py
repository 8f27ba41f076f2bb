"""Engagement types: the kinds of work, what each asks for, how long it takes and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import flag_modified

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    Channel,
    Engagement,
    EngagementType,
    Skill,
    Stance,
    TypeRequirement,
)
from webapp.services import audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.lifecycle import WAITING
from webapp.services.versions import require_version

MAX_HANDLE_MINUTES = 24 * 60.0
MAX_CONCURRENCY = 20
MAX_VALUE = 1_000_000.0
MAX_WEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class RequirementDraft:
    """One line of what a type asks for: skill, minimum level 1–5, weight above 0, required or only preferred."""

    skill_id: int
    level: int
    weight: float = 1.0
    preferred: bool = False


@dataclass(frozen=True, slots=True)
class TypeDraft:
    """
    What somebody wants an engagement type to be.

    Parameters
    ----------
    code, name
        Its identity in other systems, and for people.
    channel, stance
        How the customer is met, and why the work is done.
    handle_minutes
        Mean handle time of one contact, minutes, in (0, 1440].
    median_handle_minutes
        Median handle time, minutes, where it is known.
    concurrency
        How many such contacts one agent handles at once, 1–20.
    value
        Points that serving one is worth, not negative.
    requirements
        The skills that it asks for, each once.
    """

    code: str
    name: str
    channel: Channel
    stance: Stance
    handle_minutes: float
    concurrency: int = 1
    value: float = 10.0
    median_handle_minutes: float | None = None
    requirements: tuple[RequirementDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeFilter:
    """Which engagement types to list; an empty part does not narrow."""

    text: str = ""
    channel: Channel | None = None
    stance: Stance | None = None
    skill_id: int | None = None
    retired: bool = False


_SORTS: Mapping[str, Any] = {
    "name": EngagementType.name,
    "code": EngagementType.code,
    "channel": EngagementType.channel,
    "stance": EngagementType.stance,
    "minutes": EngagementType.handle_minutes,
    "value": EngagementType.value,
}


def list_types(
    session: Session, *, wanted: TypeFilter | None = None, sort: str = "name", offset: int = 0, limit: int | None = None
) -> list[EngagementType]:
    """Return engagement types with their requirements; ``sort`` is a column's name, with ``-`` before it downwards."""
    column = _SORTS.get(sort.removeprefix("-"), EngagementType.name)
    order = column.desc() if sort.startswith("-") else column.asc()
    query = _query(wanted or TypeFilter()).order_by(order, EngagementType.id).offset(offset).limit(limit)
    query = query.options(selectinload(EngagementType.requirements).joinedload(TypeRequirement.skill))
    return list(session.scalars(query))


def count_types(session: Session, *, wanted: TypeFilter) -> int:
    """Return how many types :func:`list_types` has."""
    return session.scalar(select(func.count()).select_from(_query(wanted).subquery())) or 0


def _query(wanted: TypeFilter) -> Select[EngagementType]:
    conditions: list[ColumnElement[bool]] = [EngagementType.active.is_(not wanted.retired)]
    if wanted.text:
        conditions.append(
            or_(
                EngagementType.name.icontains(wanted.text, autoescape=True),
                EngagementType.code.icontains(wanted.text, autoescape=True),
            )
        )
    if wanted.channel is not None:
        conditions.append(EngagementType.channel == wanted.channel)
    if wanted.stance is not None:
        conditions.append(EngagementType.stance == wanted.stance)
    if wanted.skill_id is not None:
        conditions.append(
            exists().where(
                TypeRequirement.engagement_type_id == EngagementType.id, TypeRequirement.skill_id == wanted.skill_id
            )
        )
    return select(EngagementType).where(*conditions)


def get_type(session: Session, type_id: int) -> EngagementType:
    """
    Return an engagement type with its requirements.

    Raises
    ------
    NotFoundError
        If there is none of this id.
    """
    engagement_type = session.get(
        EngagementType,
        type_id,
        options=[selectinload(EngagementType.requirements).joinedload(TypeRequirement.skill)],
    )
    if engagement_type is None:
        raise NotFoundError("There is no such engagement type.")
    return engagement_type


def list_skill_choices(session: Session, *, keep: Sequence[int] = ()) -> list[Skill]:
    """Return the skills that a requirement may name, by name: those in use, and retired ones only of ``keep``."""
    return list(
        session.scalars(select(Skill).where(or_(Skill.retired_at.is_(None), Skill.id.in_(keep))).order_by(Skill.name))
    )


def count_waiting(session: Session, type_ids: Sequence[int], *, viewer: Viewer) -> dict[int, int]:
    """Return how many engagements of each type wait to be planned at the sites that the viewer sees."""
    rows = session.execute(
        select(Engagement.engagement_type_id, func.count())
        .join(Engagement.site)
        .where(
            Engagement.engagement_type_id.in_(type_ids),
            Engagement.state.in_(WAITING),
            viewer.sees_site(Permission.VIEW_WORK),
        )
        .group_by(Engagement.engagement_type_id)
    )
    return dict(rows.all())


def create_type(session: Session, *, draft: TypeDraft, by: Actor) -> EngagementType:
    """
    Add an engagement type.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule; ``field`` names the part.
    """
    _check(session, draft, present=None)
    engagement_type = EngagementType(
        code=draft.code.strip(),
        name=draft.name.strip(),
        channel=draft.channel,
        stance=draft.stance,
        handle_minutes=draft.handle_minutes,
        median_handle_minutes=draft.median_handle_minutes,
        concurrency=draft.concurrency,
        value=draft.value,
        active=True,
    )
    session.add(engagement_type)
    _set_requirements(engagement_type, draft.requirements)
    audit.record(session, "add_engagement_type", engagement_type, by=by, detail=_facts(engagement_type))
    return engagement_type


def update_type(
    session: Session,
    engagement_type: EngagementType,
    *,
    draft: TypeDraft,
    version: int,
    seen: Mapping[str, str],
    by: Actor,
) -> EngagementType:
    """
    Change an engagement type; the audit trail keeps each value before and after.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule; ``field`` names the part.
    ConflictError
        If somebody changed the type since ``version``.
    """
    require_version(engagement_type, version, seen=seen, present=describe_type(engagement_type))
    _check(session, draft, present=engagement_type)
    before = _facts(engagement_type)
    engagement_type.code, engagement_type.name = draft.code.strip(), draft.name.strip()
    engagement_type.channel, engagement_type.stance = draft.channel, draft.stance
    engagement_type.handle_minutes = draft.handle_minutes
    engagement_type.median_handle_minutes = draft.median_handle_minutes
    engagement_type.concurrency, engagement_type.value = draft.concurrency, draft.value
    _set_requirements(engagement_type, draft.requirements)
    session.flush()
    after = _facts(engagement_type)
    changed = {key: [before[key], value] for key, value in after.items() if before[key] != value}
    if changed:
        # A changed requirement alone would leave the type's own row, and so its version, as it was.
        flag_modified(engagement_type, "name")
        audit.record(session, "edit_engagement_type", engagement_type, by=by, detail=changed)
    return engagement_type


def retire_type(session: Session, engagement_type: EngagementType, *, by: Actor) -> None:
    """
    Take a type out of use: no new engagement may have it, those that there are stay.

    Raises
    ------
    ConflictError
        If it is retired already.
    """
    if not engagement_type.active:
        raise ConflictError(f"{engagement_type.name} is retired already.")
    engagement_type.active = False
    audit.record(session, "retire_engagement_type", engagement_type, by=by)


def restore_type(session: Session, engagement_type: EngagementType, *, by: Actor) -> None:
    """
    Take a retired type into use again.

    Raises
    ------
    ConflictError
        If it is in use.
    """
    if engagement_type.active:
        raise ConflictError(f"{engagement_type.name} is in use already.")
    engagement_type.active = True
    audit.record(session, "restore_engagement_type", engagement_type, by=by)


def _set_requirements(engagement_type: EngagementType, drafts: Sequence[RequirementDraft]) -> None:
    present = {line.skill_id: line for line in engagement_type.requirements}
    wanted = {draft.skill_id for draft in drafts}
    for skill_id, line in present.items():
        if skill_id not in wanted:
            engagement_type.requirements.remove(line)
    for draft in drafts:
        # Lines are changed in place: to delete and insert the same skill in one flush would meet the unique key.
        kept = present.get(draft.skill_id)
        if kept is None:
            kept = TypeRequirement(skill_id=draft.skill_id)
            engagement_type.requirements.append(kept)
        kept.level, kept.weight, kept.preferred = draft.level, draft.weight, draft.preferred


def describe_type(engagement_type: EngagementType) -> dict[str, str]:
    """Return what a type holds in words, label → value, for people who edit it at the same time."""
    median = engagement_type.median_handle_minutes
    return {
        "Code": engagement_type.code,
        "Name": engagement_type.name,
        "Channel": engagement_type.channel.value,
        "Stance": engagement_type.stance.value,
        "Handle minutes": f"{engagement_type.handle_minutes:g}",
        "Median handle minutes": "" if median is None else f"{median:g}",
        "Concurrency": str(engagement_type.concurrency),
        "Value": f"{engagement_type.value:g}",
        "Requirements": ", ".join(
            f"{line.skill.name} {line.level}{' (preferred)' if line.preferred else ''} × {line.weight:g}"
            for line in engagement_type.requirements
        ),
    }


def _facts(engagement_type: EngagementType) -> dict[str, Any]:
    return {
        "code": engagement_type.code,
        "name": engagement_type.name,
        "channel": engagement_type.channel.value,
        "stance": engagement_type.stance.value,
        "handle_minutes": engagement_type.handle_minutes,
        "median_handle_minutes": engagement_type.median_handle_minutes,
        "concurrency": engagement_type.concurrency,
        "value": engagement_type.value,
        "requirements": [
            [line.skill_id, line.level, line.weight, line.preferred]
            for line in sorted(engagement_type.requirements, key=lambda line: line.skill_id)
        ],
    }


def _check(session: Session, draft: TypeDraft, *, present: EngagementType | None) -> None:
    code, name = draft.code.strip(), draft.name.strip()
    if not code or len(code) > 80:
        raise InvalidInputError("Give a code of 1 to 80 characters.", field="code")
    if not name or len(name) > 200:
        raise InvalidInputError("Give a name of 1 to 200 characters.", field="name")
    other = session.scalar(select(EngagementType).where(EngagementType.code == code))
    if other is not None and other is not present:
        raise InvalidInputError(f"{other.name} has the code {code!r} already.", field="code")
    for field, minutes in (
        ("handle_minutes", draft.handle_minutes),
        ("median_handle_minutes", draft.median_handle_minutes),
    ):
        if minutes is not None and not 0 < minutes <= MAX_HANDLE_MINUTES:
            raise InvalidInputError(f"Give minutes above 0 and up to {MAX_HANDLE_MINUTES:.0f}.", field=field)
    if not 1 <= draft.concurrency <= MAX_CONCURRENCY:
        raise InvalidInputError(f"Give a number from 1 to {MAX_CONCURRENCY}.", field="concurrency")
    if draft.channel in {Channel.VOICE, Channel.CALLBACK} and draft.concurrency != 1:
        raise InvalidInputError(
            "Nobody talks to two customers at once: spoken work has a concurrency of 1.", field="concurrency"
        )
    if not (math.isfinite(draft.value) and 0 <= draft.value <= MAX_VALUE):
        raise InvalidInputError(f"Give a value from 0 to {MAX_VALUE:,.0f} points.", field="value")
    _check_requirements(session, draft.requirements, present=present)


def _check_requirements(
    session: Session, drafts: Sequence[RequirementDraft], *, present: EngagementType | None
) -> None:
    kept = {line.skill_id for line in present.requirements} if present is not None else set()
    skills = {
        skill.id: skill
        for skill in session.scalars(select(Skill).where(Skill.id.in_([line.skill_id for line in drafts])))
    }
    seen: set[int] = set()
    for draft in drafts:
        skill = skills.get(draft.skill_id)
        if skill is None:
            raise InvalidInputError("Choose a skill of the catalogue.", field="requirements")
        if skill.retired_at is not None and skill.id not in kept:
            raise InvalidInputError(f"{skill.name} is retired; choose another skill.", field="requirements")
        if skill.id in seen:
            raise InvalidInputError(f"{skill.name} is listed twice; keep one line.", field="requirements")
        seen.add(skill.id)
        if not 1 <= draft.level <= 5:
            raise InvalidInputError(f"{skill.name}: choose a level from 1 to 5.", field="requirements")
        if not 0 < draft.weight <= MAX_WEIGHT:
            raise InvalidInputError(
                f"{skill.name}: give a weight above 0 and up to {MAX_WEIGHT:.0f}.", field="requirements"
            )


def plain_values(kind: Any) -> dict[str, Any]:
    """Return what files say of a type, or of a row of its columns, without what it asks for: name → plain value."""
    return {
        "code": kind.code,
        "name": kind.name,
        "channel": kind.channel.value,
        "stance": kind.stance.value,
        "handle_minutes": kind.handle_minutes,
        "median_handle_minutes": kind.median_handle_minutes,
        "concurrency": kind.concurrency,
        "value": kind.value,
        "active": kind.active,
    }
