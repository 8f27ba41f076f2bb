"""Engagement types with what they ask for, and rules of check-ins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.models import Channel, CheckInRule, CheckInTrigger, EngagementType, Stance, TypeRequirement
from webapp.services import check_ins, engagement_types
from webapp.services.check_ins import RuleDraft
from webapp.services.configuration.document import Entry, located
from webapp.services.configuration.section import (
    Change,
    Section,
    Work,
    code_field,
    find_id,
    get_site,
    name_field,
    skill_ids,
    type_ids,
)
from webapp.services.engagement_types import RequirementDraft, TypeDraft


class _RequirementSchema(Schema):
    skill = code_field()
    level = fields.Integer(strict=True, required=True)
    weight = fields.Float(load_default=1.0)
    preferred = fields.Boolean(load_default=False)


class _TypeSchema(Schema):
    code = code_field()
    name = name_field()
    channel = fields.Enum(Channel, by_value=True, required=True)
    stance = fields.Enum(Stance, by_value=True, load_default=Stance.REACTIVE)
    handle_minutes = fields.Float(required=True)
    median_handle_minutes = fields.Float(load_default=None, allow_none=True)
    concurrency = fields.Integer(strict=True, load_default=1)
    value = fields.Float(load_default=10.0)
    active = fields.Boolean(load_default=True)
    requirements = fields.List(fields.Nested(_RequirementSchema), load_default=list)


class EngagementTypes(Section):
    """The kinds of work."""

    name: ClassVar[str] = "engagement_types"
    schema: ClassVar[Schema] = _TypeSchema()

    def read(self, session: Session) -> list[Entry]:
        """Return all types, those out of use too."""
        lines = selectinload(EngagementType.requirements).joinedload(TypeRequirement.skill)
        return sorted(map(_type_entry, session.scalars(select(EngagementType).options(lines))), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with plain values, its requirements by skill."""
        return {
            **entry,
            "channel": Channel(entry["channel"]).value,
            "stance": Stance(entry["stance"]).value,
            "requirements": sorted(entry["requirements"], key=lambda line: line["skill"]),
        }

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add and edit types; one that is out of use in the file is taken out of use."""
        known = skill_ids(work.session)
        for change in changes:
            with located(change.path):
                self._write(work, change, known)

    def _write(self, work: Work, change: Change, known: dict[str, int]) -> None:
        session, draft = work.session, _type_draft(change.after, known)
        if change.before is None:
            kind = engagement_types.create_type(session, draft=draft, by=work.by)
        else:
            kind = session.scalars(select(EngagementType).where(EngagementType.code == draft.code)).one()
            if set(change.fields) - {"active"}:
                engagement_types.update_type(session, kind, draft=draft, version=kind.version, seen={}, by=work.by)
        if kind.active and not change.after["active"]:
            engagement_types.retire_type(session, kind, by=work.by)
        elif not kind.active and change.after["active"]:
            engagement_types.restore_type(session, kind, by=work.by)


def _type_entry(kind: EngagementType) -> Entry:
    lines = [
        {"skill": line.skill.code, "level": line.level, "weight": line.weight, "preferred": line.preferred}
        for line in kind.requirements
    ]
    return {**engagement_types.plain_values(kind), "requirements": sorted(lines, key=lambda line: line["skill"])}


def _type_draft(entry: Entry, known: dict[str, int]) -> TypeDraft:
    return TypeDraft(
        code=entry["code"],
        name=entry["name"],
        channel=Channel(entry["channel"]),
        stance=Stance(entry["stance"]),
        handle_minutes=entry["handle_minutes"],
        median_handle_minutes=entry["median_handle_minutes"],
        concurrency=entry["concurrency"],
        value=entry["value"],
        requirements=tuple(
            RequirementDraft(
                find_id(known, line["skill"], what="skill", name="requirements"),
                line["level"],
                line["weight"],
                line["preferred"],
            )
            for line in entry["requirements"]
        ),
    )


class _RuleSchema(Schema):
    site = code_field()
    name = name_field()
    engagement_type = code_field()
    trigger = fields.Enum(CheckInTrigger, by_value=True, required=True)
    days = fields.Integer(strict=True, required=True)
    after_type = fields.String(load_default=None, allow_none=True)
    from_hour = fields.Integer(strict=True, load_default=9)
    until_hour = fields.Integer(strict=True, load_default=17)
    priority = fields.Integer(strict=True, load_default=2)
    active = fields.Boolean(load_default=True)


class CheckInRules(Section):
    """The rules by which customers are called on, of each site."""

    name: ClassVar[str] = "check_in_rules"
    schema: ClassVar[Schema] = _RuleSchema()

    def key(self, entry: Entry) -> str:
        """Return site and name."""
        return f"{entry['site']}/{entry['name']}"

    def read(self, session: Session) -> list[Entry]:
        """Return the rules of all sites."""
        query = select(CheckInRule).options(
            joinedload(CheckInRule.site), joinedload(CheckInRule.engagement_type), joinedload(CheckInRule.after_type)
        )
        return sorted(map(_rule_entry, session.scalars(query)), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with plain values; only one trigger has a type that it comes after."""
        trigger = CheckInTrigger(entry["trigger"])
        after = entry["after_type"] if trigger is CheckInTrigger.AFTER_TYPE else None
        return {**entry, "trigger": trigger.value, "after_type": after}

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add and edit rules."""
        known = type_ids(work.session)
        for change in changes:
            with located(change.path):
                self._write(work, change, known)

    def _write(self, work: Work, change: Change, known: dict[str, int]) -> None:
        session, entry = work.session, change.after
        site, draft = get_site(session, entry["site"]), _rule_draft(entry, known)
        if change.before is None:
            check_ins.create_rule(session, site, draft=draft, by=work.by)
            return
        query = select(CheckInRule).where(CheckInRule.site_id == site.id, CheckInRule.name == entry["name"])
        rule = session.scalars(query).one()
        check_ins.update_rule(session, rule, draft=draft, version=rule.version, seen={}, by=work.by)


def _rule_entry(rule: CheckInRule) -> Entry:
    return {
        "site": rule.site.code,
        "name": rule.name,
        "engagement_type": rule.engagement_type.code,
        "trigger": rule.trigger.value,
        "days": rule.days,
        "after_type": rule.after_type.code if rule.after_type else None,
        "from_hour": rule.from_hour,
        "until_hour": rule.until_hour,
        "priority": rule.priority,
        "active": rule.active,
    }


def _rule_draft(entry: Entry, known: dict[str, int]) -> RuleDraft:
    after = entry["after_type"]
    return RuleDraft(
        name=entry["name"],
        engagement_type_id=find_id(known, entry["engagement_type"], what="type", name="engagement_type"),
        trigger=CheckInTrigger(entry["trigger"]),
        days=entry["days"],
        after_type_id=find_id(known, after, what="type", name="after_type") if after is not None else None,
        from_hour=entry["from_hour"],
        until_hour=entry["until_hour"],
        priority=entry["priority"],
        active=entry["active"],
    )
