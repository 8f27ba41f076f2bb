"""Skill groups and skills, with their levels, synonyms and links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import LinkKind, Skill, SkillGroup, SkillKind, SkillLink
from webapp.services import audit, catalogue, skill_links
from webapp.services.catalogue import SkillEntry
from webapp.services.configuration.document import Entry, located
from webapp.services.configuration.section import (
    Change,
    Section,
    Work,
    code_field,
    find_id,
    name_field,
    skill_ids,
    words_field,
)
from webapp.services.skill_merging.merging import merge_skill


class _GroupSchema(Schema):
    code = code_field()
    name = name_field()


class SkillGroups(Section):
    """The headings of the catalogue."""

    name: ClassVar[str] = "skill_groups"
    schema: ClassVar[Schema] = _GroupSchema()

    def read(self, session: Session) -> list[Entry]:
        """Return all groups."""
        groups = session.scalars(select(SkillGroup))
        return sorted(({"code": group.code, "name": group.name} for group in groups), key=self.key)

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add and rename groups."""
        for change in changes:
            with located(change.path):
                self._write(work, change)

    def _write(self, work: Work, change: Change) -> None:
        code, name = change.after["code"], change.after["name"]
        same = select(SkillGroup.code).where(SkillGroup.name == name, SkillGroup.code != code)
        if (other := work.session.scalar(same)) is not None:
            raise InvalidInputError(f"The group {other} has this name already.", field="name")
        group = work.session.scalar(select(SkillGroup).where(SkillGroup.code == code))
        if group is None:
            group = SkillGroup(code=code)
            work.session.add(group)
        group.name = name
        action = "add_skill_group" if change.before is None else "edit_skill_group"
        audit.record(work.session, action, group, by=work.by, detail={"before": change.before, "after": change.after})


class _LinkSchema(Schema):
    kind = fields.Enum(LinkKind, by_value=True, required=True)
    other = code_field()
    weight = fields.Float(load_default=1.0)


class _SkillSchema(Schema):
    code = code_field()
    name = name_field()
    kind = fields.Enum(SkillKind, by_value=True, required=True)
    group = fields.String(load_default=None, allow_none=True)
    description = words_field()
    levels = fields.Dict(
        keys=fields.String(validate=validate.OneOf([str(level) for level in catalogue.DESCRIBED_LEVELS])),
        values=fields.String(),
        load_default=dict,
    )
    synonyms = fields.List(fields.String(), load_default=list)
    half_life_days = fields.Integer(strict=True, load_default=None, allow_none=True)
    certificate_required = fields.Boolean(load_default=False)
    retired = fields.Boolean(load_default=False)
    merged_into = fields.String(load_default=None, allow_none=True)
    links = fields.List(fields.Nested(_LinkSchema), load_default=list)


class Skills(Section):
    """The skills; retired and merged ones too, since history and files name them."""

    name: ClassVar[str] = "skills"
    schema: ClassVar[Schema] = _SkillSchema()

    def read(self, session: Session) -> list[Entry]:
        """Return all skills."""
        query = select(Skill).options(
            joinedload(Skill.group),
            joinedload(Skill.merged_into),
            selectinload(Skill.level_descriptions),
            selectinload(Skill.synonyms),
            selectinload(Skill.links).joinedload(SkillLink.other),
        )
        return sorted(map(_entry, session.scalars(query)), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with plain values, its lists in order."""
        links = [
            {"kind": LinkKind(each["kind"]).value, "other": each["other"], "weight": each["weight"]}
            for each in entry["links"]
        ]
        return {
            **entry,
            "kind": SkillKind(entry["kind"]).value,
            "levels": {level: text for level, text in sorted(entry["levels"].items()) if text.strip()},
            "synonyms": sorted(entry["synonyms"]),
            "links": sorted(links, key=_link_key),
        }

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add and edit skills, then link them: a link may name any skill of the file."""
        groups = {group.code: group.name for group in work.session.scalars(select(SkillGroup))}
        for change in changes:
            with located(change.path):
                self._write(work, change, groups)
        known = skill_ids(work.session)
        # All that go are gone before any comes, or a circle could be seen that the file does not hold.
        for change in changes:
            self._unlink(work, change)
        for change in changes:
            with located(change.path):
                self._link(work, change, known)

    def _write(self, work: Work, change: Change, groups: dict[str, str]) -> None:
        entry, before = change.after, change.before or {}
        if change.before is not None and entry["merged_into"] != before["merged_into"]:
            raise ConflictError(
                "A merge moves people's records: merge, or undo it, on the skill's page, which says whose."
            )
        if entry["group"] is not None and entry["group"] not in groups:
            raise InvalidInputError(f"There is no group {entry['group']!r} here, nor in the file.", field="group")
        values = _values(entry, groups)
        if change.before is None:
            catalogue.create_skill(work.session, values, by=work.by)
            return
        skill = _get(work.session, entry["code"])
        if skill.retired_at is not None and not entry["retired"]:
            catalogue.restore_skill(work.session, skill, by=work.by)
        if any(name not in {"links", "retired"} for name in change.fields):
            self._edit(work, skill, values)

    def _edit(self, work: Work, skill: Skill, values: SkillEntry) -> None:
        # A renamed skill keeps its old name as a synonym; the file says which synonyms there are, so that it is taken
        # out by a second edit, which renames nothing.
        for _ in range(2):
            work.session.flush()
            if _values_differ(skill, values):
                catalogue.edit_skill(work.session, skill, values, version=skill.version, seen={}, by=work.by)

    def _unlink(self, work: Work, change: Change) -> None:
        skill, wanted = _get(work.session, change.after["code"]), {_link_key(each) for each in change.after["links"]}
        for link in list(skill.links):
            if (link.kind.value, link.other.code) not in wanted:
                skill_links.remove_link(work.session, skill, link.id, by=work.by)
        work.session.flush()

    def _link(self, work: Work, change: Change, known: dict[str, int]) -> None:
        skill = _get(work.session, change.after["code"])
        there = {(link.kind.value, link.other.code): link for link in skill.links}
        for index, wanted in enumerate(change.after["links"]):
            link, weight = there.get(_link_key(wanted)), wanted["weight"]
            if link is None:
                other_id = find_id(known, wanted["other"], what="skill", name=f"links[{index}].other")
                kind = LinkKind(wanted["kind"])
                skill_links.add_link(work.session, skill, other_id=other_id, kind=kind, weight=weight, by=work.by)
            elif link.weight != weight:
                skill_links.change_weight(work.session, skill, link.id, weight=weight, by=work.by)

    def finish(self, work: Work, changes: Sequence[Change]) -> None:
        """Merge new skills and retire skills, once no type of the file asks for them any more."""
        for change in changes:
            with located(change.path):
                skill, into = _get(work.session, change.after["code"]), change.after["merged_into"]
                if into is not None and skill.merged_into_id is None:
                    target = work.session.scalar(select(Skill).where(Skill.code == into))
                    if target is None:
                        raise InvalidInputError(f"There is no skill {into!r} here.", field="merged_into")
                    merge_skill(work.session, skill, target, by=work.by)
                elif change.after["retired"] and skill.retired_at is None:
                    catalogue.retire_skill(work.session, skill, by=work.by)


def _get(session: Session, code: str) -> Skill:
    return session.scalars(select(Skill).where(Skill.code == code)).one()


def _entry(skill: Skill) -> Entry:
    links = [{"kind": link.kind.value, "other": link.other.code, "weight": link.weight} for link in skill.links]
    return {
        "code": skill.code,
        "name": skill.name,
        "kind": skill.kind.value,
        "group": skill.group.code if skill.group else None,
        "description": skill.description,
        "levels": {str(each.level): each.text for each in skill.level_descriptions},
        "synonyms": sorted(synonym.text for synonym in skill.synonyms),
        "half_life_days": skill.half_life_days,
        "certificate_required": skill.certificate_required,
        "retired": skill.retired_at is not None,
        "merged_into": skill.merged_into.code if skill.merged_into else None,
        "links": sorted(links, key=_link_key),
    }


def _values(entry: Entry, groups: dict[str, str]) -> SkillEntry:
    return SkillEntry(
        code=entry["code"],
        name=entry["name"],
        kind=SkillKind(entry["kind"]),
        group=groups[entry["group"]] if entry["group"] is not None else "",
        description=entry["description"],
        levels={int(level): text for level, text in entry["levels"].items()},
        synonyms=tuple(entry["synonyms"]),
        half_life_days=entry["half_life_days"],
        certificate_required=entry["certificate_required"],
    )


def _values_differ(skill: Skill, values: SkillEntry) -> bool:
    present = catalogue.describe(skill)
    return sorted(present.synonyms) != sorted(values.synonyms) or any(
        getattr(present, name) != getattr(values, name)
        for name in ("name", "kind", "group", "description", "levels", "half_life_days", "certificate_required")
    )


def _link_key(link: Entry) -> tuple[str, str]:
    return link["kind"], link["other"]
