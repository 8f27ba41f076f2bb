"""Service roles with what they ask for and pay, and the steps between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from marshmallow import Schema, fields
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import ServiceRole, StepKind
from webapp.services import careers
from webapp.services.careers import RequirementValues, RoleValues
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


class _RequirementSchema(Schema):
    skill = code_field()
    level = fields.Integer(strict=True, required=True)
    weight = fields.Float(load_default=1.0)
    gate = fields.Boolean(load_default=False)


class _StepSchema(Schema):
    to = code_field()
    kind = fields.Enum(StepKind, by_value=True, load_default=StepKind.UP)


class _RoleSchema(Schema):
    code = code_field()
    name = name_field()
    description = words_field()
    authority = words_field()
    rung = fields.Integer(strict=True, required=True)
    pay_from = fields.Integer(strict=True, required=True)
    pay_to = fields.Integer(strict=True, required=True)
    currency = fields.String(load_default="EUR")
    outside = fields.Boolean(load_default=False)
    requirements = fields.List(fields.Nested(_RequirementSchema), load_default=list)
    steps = fields.List(fields.Nested(_StepSchema), load_default=list)


class ServiceRoles(Section):
    """The jobs inside customer service and around it."""

    name: ClassVar[str] = "service_roles"
    schema: ClassVar[Schema] = _RoleSchema()

    def read(self, session: Session) -> list[Entry]:
        """Return all roles."""
        roles = careers.list_service_roles(session)
        codes = {role.id: role.code for role in roles}
        return sorted((_entry(role, codes) for role in roles), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with plain values, requirements by skill and steps by role."""
        steps = [{"to": step["to"], "kind": StepKind(step["kind"]).value} for step in entry["steps"]]
        return {
            **entry,
            "requirements": sorted(entry["requirements"], key=lambda line: line["skill"]),
            "steps": sorted(steps, key=lambda step: step["to"]),
        }

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add and edit roles, then their steps: a step may lead to any role of the file."""
        known = skill_ids(work.session)
        for change in changes:
            with located(change.path):
                self._write(work, change, known)
        roles = dict(work.session.execute(select(ServiceRole.code, ServiceRole.id)).all())
        # Steps that go are gone before any comes, or a circle could be seen that the file does not hold.
        for change in changes:
            self._remove_steps(work, change, roles)
        for change in changes:
            with located(change.path):
                self._add_steps(work, change, roles)

    def _write(self, work: Work, change: Change, known: dict[str, int]) -> None:
        session, entry = work.session, change.after
        values = _values(entry, known)
        if change.before is None:
            careers.create_service_role(session, code=entry["code"], values=values, by=work.by)
        elif set(change.fields) - {"steps"}:
            role = _get(session, entry["code"])
            careers.update_service_role(session, role, values=values, version=role.version, seen={}, by=work.by)

    def _remove_steps(self, work: Work, change: Change, roles: dict[str, int]) -> None:
        role = _get(work.session, change.after["code"])
        wanted = {(roles.get(step["to"]), step["kind"]) for step in change.after["steps"]}
        for step in list(role.steps):
            if (step.to_role_id, step.kind.value) not in wanted:
                careers.remove_step(work.session, role, step.id, by=work.by)

    def _add_steps(self, work: Work, change: Change, roles: dict[str, int]) -> None:
        role = _get(work.session, change.after["code"])
        there = {step.to_role_id for step in role.steps}
        for index, step in enumerate(change.after["steps"]):
            to_role_id = find_id(roles, step["to"], what="role", name=f"steps[{index}].to")
            if to_role_id not in there:
                there.add(to_role_id)
                careers.add_step(work.session, role, to_role_id=to_role_id, kind=StepKind(step["kind"]), by=work.by)


def _get(session: Session, code: str) -> ServiceRole:
    return session.scalars(select(ServiceRole).where(ServiceRole.code == code)).one()


def _entry(role: ServiceRole, codes: dict[int, str]) -> Entry:
    lines = [
        {"skill": line.skill.code, "level": line.level, "weight": line.weight, "gate": line.gate}
        for line in role.requirements
    ]
    steps = [{"to": codes[step.to_role_id], "kind": step.kind.value} for step in role.steps]
    return {
        "code": role.code,
        "name": role.name,
        "description": role.description,
        "authority": role.authority,
        "rung": role.rung,
        "pay_from": role.pay_from,
        "pay_to": role.pay_to,
        "currency": role.currency,
        "outside": role.outside,
        "requirements": sorted(lines, key=lambda line: line["skill"]),
        "steps": sorted(steps, key=lambda step: step["to"]),
    }


def _values(entry: Entry, known: dict[str, int]) -> RoleValues:
    return RoleValues(
        name=entry["name"],
        rung=entry["rung"],
        pay_from=entry["pay_from"],
        pay_to=entry["pay_to"],
        currency=entry["currency"],
        description=entry["description"],
        authority=entry["authority"],
        outside=entry["outside"],
        requirements=tuple(
            RequirementValues(
                find_id(known, line["skill"], what="skill", name="requirements"),
                line["level"],
                line["weight"],
                line["gate"],
            )
            for line in entry["requirements"]
        ),
    )
