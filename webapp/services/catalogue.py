"""The skill catalogue: groups, and skills with their level descriptions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select
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
    SkillSynonym,
    TypeRequirement,
)
from webapp.services import audit, record_renewal, records, skill_search
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.fading import SkillRule, next_fade
from webapp.services.projection import Projection
from webapp.services.versions import require_version
from webapp.services.word_index import fold

CODE_PATTERN = re.compile(r"[a-z0-9]+(?:[-._][a-z0-9]+)*")
DESCRIBED_LEVELS = range(1, 6)
_CODE_LENGTH, _NAME_LENGTH, _TEXT_LENGTH = 80, 200, 2000
_MOST_SYNONYMS = 100
LONGEST_HALF_LIFE_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class SkillEntry:
    """
    What an editor says about a skill.

    ``levels`` maps levels 1–5 to descriptions, empty ones are left out; ``synonyms`` are other words for the skill.
    ``half_life_days`` is None where a level does not fade.
    """

    code: str
    name: str
    kind: SkillKind
    group: str = ""
    description: str = ""
    levels: Mapping[int, str] = field(default_factory=dict)
    synonyms: tuple[str, ...] = ()
    half_life_days: int | None = None
    certificate_required: bool = False


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
    """
    Return the skills of the catalogue, with the number of holders in the viewer's scope.

    They come by group and name; where a text is looked for, the best match first.
    """
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
    if not chosen.text:
        return [ListedSkill(skill, count) for skill, count in session.execute(query)]
    hits = skill_search.search_skills(session, chosen.text, retired=chosen.retired, mentioned=True)
    found = session.execute(query.where(Skill.id.in_([hit.key for hit in hits])))
    return skill_search.in_order(hits, {skill.id: ListedSkill(skill, count) for skill, count in found})


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
            selectinload(Skill.synonyms),
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
    before, rule = _detail(skill), _rule(skill)
    _apply(session, skill, entry)
    _keep_old_words(skill, before)
    # Level descriptions are rows of their own: without this, two editors of them would not notice each other.
    skill.version = version + 1
    if _rule(skill) != rule:
        session.flush()
        record_renewal.mark_skill(session, skill.id, by.at.date())
        record_renewal.renew(session, [skill.id], by=by)
    audit.record(session, "edit_skill", skill, by=by, detail={"before": before, "after": _detail(skill)})
    return skill


def _rule(skill: Skill) -> SkillRule:
    return SkillRule(skill.half_life_days, skill.certificate_required)


def _keep_old_words(skill: Skill, before: Mapping[str, object]) -> None:
    """Keep a name and a code that a skill had as synonyms, so that people and files still find it."""
    known = {fold(skill.name), fold(skill.code), *(fold(synonym.text) for synonym in skill.synonyms)}
    for text in (str(before["name"]), str(before["code"])):
        if fold(text) not in known:
            known.add(fold(text))
            skill.synonyms.append(SkillSynonym(text=text))


def rename_back(session: Session, skill: Skill, *, name: str, code: str, version: int, by: Actor) -> Skill:
    """
    Give a skill the name and code back that it had before a rename, as the undo of one.

    Raises
    ------
    ConflictError
        If the skill was changed since.
    InvalidInputError
        If another skill has the code by now.
    """
    present = words(skill)
    require_version(skill, version, seen=present, present=present)
    before = _detail(skill)
    kept = tuple(synonym.text for synonym in skill.synonyms if fold(synonym.text) not in {fold(name), fold(code)})
    _apply(session, skill, replace(describe(skill), name=name, code=code, synonyms=kept))
    skill.version = version + 1
    audit.record(session, "rename_skill_back", skill, by=by, detail={"before": before, "after": _detail(skill)})
    return skill


@dataclass(frozen=True, slots=True)
class FormerName:
    """A name or code that a skill had until somebody changed it."""

    name: str
    code: str
    until: dt.datetime
    by: str


def list_former_names(session: Session, skill: Skill) -> list[FormerName]:
    """Return the names and codes that a skill had before, the latest first, from the audit trail."""
    found = []
    for event in audit.history(session, skill, limit=1_000):
        before, after = event.detail.get("before"), event.detail.get("after")
        if event.action not in _RENAMING or not isinstance(before, dict) or not isinstance(after, dict):
            continue
        if (before["name"], before["code"]) != (after["name"], after["code"]):
            by = event.actor.name if event.actor else "Mainstay"
            found.append(FormerName(before["name"], before["code"], event.at, by))
    return found


_RENAMING = {"edit_skill", "rename_skill_back"}


def fall_table(half_lives: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return for each half-life the days without use after which level 5 counts as 4, 3, 2 and 1."""
    start = dt.date(2000, 1, 1)
    table = []
    for half_life in half_lives:
        days: list[int] = []
        day = start
        while (later := next_fade(5, start, day, half_life)) is not None:
            days.append((later - start).days)
            day = later
        table.append((half_life, days))
    return table


def describe(skill: Skill) -> SkillEntry:
    """Return what the catalogue says about a skill, as an editor would say it."""
    return SkillEntry(
        code=skill.code,
        name=skill.name,
        kind=skill.kind,
        group=skill.group.name if skill.group else "",
        description=skill.description,
        levels={description.level: description.text for description in skill.level_descriptions},
        synonyms=tuple(synonym.text for synonym in skill.synonyms),
        half_life_days=skill.half_life_days,
        certificate_required=bool(skill.certificate_required),
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
        "Synonyms": "\n".join(entry.synonyms),
        "Half-life in days": "" if entry.half_life_days is None else str(entry.half_life_days),
        "Certificate required": "yes" if entry.certificate_required else "no",
        **levels,
    }


def _detail(skill: Skill) -> dict[str, object]:
    return {
        "code": skill.code,
        "name": skill.name,
        "kind": skill.kind.value,
        "group": skill.group.code if skill.group else None,
        "levels": [description.level for description in skill.level_descriptions],
        "synonyms": [synonym.text for synonym in skill.synonyms],
        "half_life_days": skill.half_life_days,
        "certificate_required": bool(skill.certificate_required),
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
    synonyms = _synonyms(name, entry.synonyms)
    if entry.half_life_days is not None and not 1 <= entry.half_life_days <= LONGEST_HALF_LIFE_DAYS:
        raise InvalidInputError(
            f"Give whole days from 1 to {LONGEST_HALF_LIFE_DAYS:,}, or leave it empty for never.",
            field="half_life_days",
        )
    skill.half_life_days, skill.certificate_required = entry.half_life_days, entry.certificate_required
    skill.code, skill.name, skill.kind, skill.description = code, name, entry.kind, description
    skill.group = _find_or_add_group(session, entry.group.strip())
    _describe_levels(skill, {level: text for level, text in levels.items() if text})
    _set_synonyms(skill, synonyms)


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


def _synonyms(name: str, texts: Sequence[str]) -> list[str]:
    """Return the words that are new to somebody who knows the skill's name, each once."""
    seen, kept = {fold(name)}, []
    for text in texts:
        synonym = _text(text, "synonyms", _NAME_LENGTH)
        if fold(synonym) not in {"", *seen}:
            seen.add(fold(synonym))
            kept.append(synonym)
    if len(kept) > _MOST_SYNONYMS:
        raise InvalidInputError(f"Keep at most {_MOST_SYNONYMS} synonyms; these are {len(kept)}.", field="synonyms")
    return kept


def _set_synonyms(skill: Skill, texts: Sequence[str]) -> None:
    """Make some texts the synonyms of a skill; rows that stay are left alone, so that no text is there twice."""
    for synonym in list(skill.synonyms):
        if synonym.text not in texts:
            skill.synonyms.remove(synonym)
    there = {synonym.text for synonym in skill.synonyms}
    skill.synonyms.extend(SkillSynonym(text=text) for text in texts if text not in there)


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
            f"{skill.name} cannot retire while active engagement types ask for it: {', '.join(uses)}. "
            "Merge it into the skill that replaces it, and they will ask for that one.",
            rows=uses,
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
        If it is not retired, or part of another skill.
    """
    if skill.merged_into is not None:
        raise ConflictError(f"{skill.name} is part of {skill.merged_into.name} now. Undo that merge instead.")
    if skill.retired_at is None:
        raise ConflictError(f"{skill.name} is not retired.")
    skill.retired_at = None
    audit.record(session, "restore_skill", skill, by=by, detail={"code": skill.code})
    return skill
