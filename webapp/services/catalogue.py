"""The skill catalogue: groups, and skills with their level descriptions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import (
    EngagementType,
    Person,
    Skill,
    SkillGroup,
    SkillKind,
    SkillLevelDescription,
    SkillLink,
    SkillRecord,
    TypeRequirement,
)
from webapp.services import audit, records
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.projection import Projection
from webapp.services.versions import require_version

CODE_PATTERN = re.compile(r"[a-z0-9]+(?:[-._][a-z0-9]+)*")
DESCRIBED_LEVELS = range(1, 6)
_CODE_LENGTH, _NAME_LENGTH, _TEXT_LENGTH = 80, 200, 2000


@dataclass(frozen=True, slots=True)
class SkillEntry:
    """What an editor says about a skill; ``levels`` maps levels 1–5 to descriptions, empty ones are left out."""

    code: str
    name: str
    kind: SkillKind
    group: str = ""
    description: str = ""
    levels: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CatalogueFilter:
    """Which skills are listed."""

    text: str = ""
    group_id: int | None = None
    kind: SkillKind | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True)
class ListedSkill:
    """A skill of the list, and how many of the people whom the viewer may see hold it."""

    skill: Skill
    holders: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A person within the viewer's scope who has a record in a skill."""

    person: Person
    projection: Projection


def list_groups(session: Session) -> Sequence[SkillGroup]:
    """Return all groups by name."""
    return session.scalars(select(SkillGroup).order_by(SkillGroup.name)).all()


def list_skills(session: Session, chosen: CatalogueFilter, *, viewer: Viewer) -> list[ListedSkill]:
    """Return the skills of the catalogue by group and name, with the number of holders in the viewer's scope."""
    holders = (
        select(SkillRecord.skill_id, func.count().label("holders"))
        .join(SkillRecord.person)
        .where(viewer.sees(Permission.VIEW_RECORDS), Person.active, SkillRecord.effective_level > 0)
        .group_by(SkillRecord.skill_id)
        .subquery()
    )
    query = (
        select(Skill, func.coalesce(holders.c.holders, 0))
        .outerjoin(holders, holders.c.skill_id == Skill.id)
        .outerjoin(Skill.group)
        .options(joinedload(Skill.group))
        .order_by(SkillGroup.name.is_(None), SkillGroup.name, Skill.name)
    )
    if not chosen.retired:
        query = query.where(Skill.retired_at.is_(None))
    if chosen.group_id is not None:
        query = query.where(Skill.group_id == chosen.group_id)
    if chosen.kind is not None:
        query = query.where(Skill.kind == chosen.kind)
    if chosen.text:
        columns = (Skill.name, Skill.code, Skill.description)
        query = query.where(or_(*(column.icontains(chosen.text, autoescape=True) for column in columns)))
    return [ListedSkill(skill, count) for skill, count in session.execute(query)]


def list_current_skills(session: Session) -> Sequence[Skill]:
    """Return all skills that are not retired, by name."""
    return session.scalars(select(Skill).where(Skill.retired_at.is_(None)).order_by(Skill.name)).all()


def get_skill(session: Session, skill_id: int) -> Skill:
    """
    Return a skill with its group, level descriptions and links.

    Raises
    ------
    NotFoundError
        If there is no such skill.
    """
    skill = session.scalar(
        select(Skill)
        .where(Skill.id == skill_id)
        .options(
            joinedload(Skill.group),
            selectinload(Skill.level_descriptions),
            selectinload(Skill.links).joinedload(SkillLink.other),
        )
    )
    if skill is None:
        raise NotFoundError("There is no such skill.")
    return skill


def list_holders(session: Session, skill: Skill, on: dt.date, *, viewer: Viewer) -> list[Holder]:
    """Return the people in the viewer's scope who have a record in a skill, the best first."""
    people = session.scalars(
        select(Person)
        .join(SkillRecord, SkillRecord.person_id == Person.id)
        .where(SkillRecord.skill_id == skill.id, viewer.sees(Permission.VIEW_RECORDS), Person.active)
        .options(joinedload(Person.team))
    ).all()
    projections = records.projections_on(session, [person.id for person in people], on, skill_ids=[skill.id])
    holders = [Holder(person, projections[person.id][skill.id]) for person in people]
    return sorted(holders, key=lambda holder: (-holder.projection.effective_level, holder.person.name))


def list_uses(session: Session, skill: Skill) -> Sequence[TypeRequirement]:
    """Return the requirements of active engagement types for a skill, by the type's name."""
    return session.scalars(
        select(TypeRequirement)
        .join(TypeRequirement.engagement_type)
        .where(TypeRequirement.skill_id == skill.id, EngagementType.active)
        .options(joinedload(TypeRequirement.engagement_type))
        .order_by(EngagementType.name)
    ).all()


def create_skill(session: Session, entry: SkillEntry, *, by: Actor) -> Skill:
    """
    Add a skill to the catalogue; a group that is not there yet is added with it.

    Raises
    ------
    InvalidInputError
        If a field is empty, too long or taken.
    """
    skill = Skill()
    _apply(session, skill, entry)
    session.add(skill)
    audit.record(session, "create_skill", skill, by=by, detail=_detail(skill))
    return skill


def edit_skill(
    session: Session, skill: Skill, entry: SkillEntry, *, version: int, seen: Mapping[str, str], by: Actor
) -> Skill:
    """
    Change a skill.

    Parameters
    ----------
    session
        A session.
    skill
        The skill.
    entry
        What it shall be.
    version, seen
        The version that the editor began with, and its :func:`words` then.
    by
        Who changes it.

    Raises
    ------
    ConflictError
        If somebody else changed it meanwhile, with what changed.
    InvalidInputError
        If a field is empty, too long or taken.
    """
    require_version(skill, version, seen=seen, present=words(skill))
    before = _detail(skill)
    _apply(session, skill, entry)
    # Level descriptions are rows of their own: without this, two editors of them would not notice each other.
    skill.version = version + 1
    audit.record(session, "edit_skill", skill, by=by, detail={"before": before, "after": _detail(skill)})
    return skill


def describe(skill: Skill) -> SkillEntry:
    """Return what the catalogue says about a skill, as an editor would say it."""
    return SkillEntry(
        code=skill.code,
        name=skill.name,
        kind=skill.kind,
        group=skill.group.name if skill.group else "",
        description=skill.description,
        levels={description.level: description.text for description in skill.level_descriptions},
    )


def words(skill: Skill) -> dict[str, str]:
    """Return what an editor of a skill sees: label → value."""
    entry = describe(skill)
    levels = {f"Level {level}": entry.levels.get(level, "") for level in DESCRIBED_LEVELS}
    return {
        "Code": entry.code,
        "Name": entry.name,
        "Kind": entry.kind.value,
        "Group": entry.group,
        "Description": entry.description,
        **levels,
    }


def _detail(skill: Skill) -> dict[str, object]:
    return {
        "code": skill.code,
        "name": skill.name,
        "kind": skill.kind.value,
        "group": skill.group.code if skill.group else None,
        "levels": [description.level for description in skill.level_descriptions],
    }


def _apply(session: Session, skill: Skill, entry: SkillEntry) -> None:
    code = entry.code.strip().lower()
    if not CODE_PATTERN.fullmatch(code) or len(code) > _CODE_LENGTH:
        raise InvalidInputError(
            f"Use small letters, digits and single hyphens, at most {_CODE_LENGTH}, such as refunds-eu.", field="code"
        )
    taken = session.scalar(select(Skill).where(Skill.code == code, Skill.id.is_distinct_from(skill.id)))
    if taken is not None:
        raise InvalidInputError(f"{taken.name} has this code already.", field="code")
    name = _text(entry.name, "name", _NAME_LENGTH)
    if not name:
        raise InvalidInputError("A skill needs a name.", field="name")
    description = _text(entry.description, "description", _TEXT_LENGTH)
    levels = {level: _text(text, f"level_{level}", _TEXT_LENGTH) for level, text in entry.levels.items()}
    skill.code, skill.name, skill.kind, skill.description = code, name, entry.kind, description
    skill.group = _find_or_add_group(session, entry.group.strip())
    _describe_levels(skill, {level: text for level, text in levels.items() if text})


def _text(value: str, name: str, length: int) -> str:
    value = value.strip()
    if len(value) > length:
        raise InvalidInputError(f"Keep this under {length} characters; it has {len(value)}.", field=name)
    return value


def _find_or_add_group(session: Session, name: str) -> SkillGroup | None:
    if not name:
        return None
    if len(name) > _NAME_LENGTH:
        raise InvalidInputError(f"Keep the group's name under {_NAME_LENGTH} characters.", field="group")
    group = session.scalar(select(SkillGroup).where(func.lower(SkillGroup.name) == name.lower()))
    if group is None:
        code = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_CODE_LENGTH] or "group"
        if session.scalar(select(SkillGroup.id).where(SkillGroup.code == code)) is not None:
            raise InvalidInputError(f"Another group has a name too much like “{name}”.", field="group")
        group = SkillGroup(code=code, name=name)
        session.add(group)
    return group


def _describe_levels(skill: Skill, texts: Mapping[int, str]) -> None:
    there = {description.level: description for description in skill.level_descriptions}
    for level, description in there.items():
        if level not in texts:
            skill.level_descriptions.remove(description)
    for level, text in sorted(texts.items()):
        if level in there:
            there[level].text = text
        else:
            skill.level_descriptions.append(SkillLevelDescription(level=level, text=text))


def retire_skill(session: Session, skill: Skill, *, by: Actor) -> Skill:
    """
    Take a skill out of use: its records and history stay, nobody claims it any more.

    Raises
    ------
    ConflictError
        If it is retired already.
    DependencyError
        If active engagement types still ask for it; its rows are their names.
    """
    if skill.retired_at is not None:
        raise ConflictError(f"{skill.name} is retired already.")
    uses = [requirement.engagement_type.name for requirement in list_uses(session, skill)]
    if uses:
        raise DependencyError(
            f"{skill.name} cannot retire while active engagement types ask for it: {', '.join(uses)}.", rows=uses
        )
    skill.retired_at = by.at
    audit.record(session, "retire_skill", skill, by=by, detail={"code": skill.code})
    return skill


def restore_skill(session: Session, skill: Skill, *, by: Actor) -> Skill:
    """
    Take a retired skill into use again.

    Raises
    ------
    ConflictError
        If it is not retired.
    """
    if skill.retired_at is None:
        raise ConflictError(f"{skill.name} is not retired.")
    skill.retired_at = None
    audit.record(session, "restore_skill", skill, by=by, detail={"code": skill.code})
    return skill
