"""Careers: service roles, what they ask for and pay, and the steps between them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import flag_modified

from optimizer.graphs import lattice
from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import Person, RoleRequirement, RoleStep, ServiceRole, Skill, StepKind
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.versions import require_version

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# What a whole number of the database holds, and more than a year's pay in any currency.
MAX_PAY = 2_000_000_000
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class RequirementValues:
    """A skill that a role asks for: level 1 to 5, weight above 0, and whether it is a hard gate."""

    skill_id: int
    level: int
    weight: float = 1.0
    gate: bool = False


@dataclass(frozen=True, slots=True)
class RoleValues:
    """What is kept of a service role; pay in whole units of the currency a year."""

    name: str
    rung: int
    pay_from: int
    pay_to: int
    currency: str = "EUR"
    description: str = ""
    authority: str = ""
    outside: bool = False
    requirements: tuple[RequirementValues, ...] = ()


def list_service_roles(session: Session) -> list[ServiceRole]:
    """Return all roles with requirements and steps, from the lowest rung up, roles outside customer service last."""
    query = (
        select(ServiceRole)
        .options(
            selectinload(ServiceRole.requirements).joinedload(RoleRequirement.skill), selectinload(ServiceRole.steps)
        )
        .order_by(ServiceRole.outside, ServiceRole.rung, ServiceRole.pay_from, ServiceRole.name)
    )
    return list(session.scalars(query))


def get_service_role(session: Session, role_id: int) -> ServiceRole:
    """
    Return a role with its requirements and steps.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    role = session.scalar(
        select(ServiceRole)
        .where(ServiceRole.id == role_id)
        .options(
            selectinload(ServiceRole.requirements).joinedload(RoleRequirement.skill),
            selectinload(ServiceRole.steps).joinedload(RoleStep.to_role),
        )
    )
    if role is None:
        raise NotFoundError("There is no such service role.")
    return role


def list_steps_to(session: Session, role: ServiceRole) -> Sequence[RoleStep]:
    """Return the steps that lead to a role."""
    query = select(RoleStep).where(RoleStep.to_role_id == role.id).options(joinedload(RoleStep.from_role))
    return session.scalars(query.order_by(RoleStep.id)).all()


def count_holders(session: Session) -> dict[int, int]:
    """Return the number of active people in each role, by the role's key."""
    query = (
        select(Person.service_role_id, func.count())
        .where(Person.active, Person.service_role_id.is_not(None))
        .group_by(Person.service_role_id)
    )
    return {key: count for key, count in session.execute(query) if key is not None}


def build_lattice(roles: Sequence[ServiceRole]) -> lattice.Lattice:
    """Return the lattice of roles and their steps."""
    steps = [step for role in roles for step in role.steps]
    return lattice.Lattice(
        [role.id for role in roles],
        up=[(step.from_role_id, step.to_role_id) for step in steps if step.kind is StepKind.UP],
        across=[(step.from_role_id, step.to_role_id) for step in steps if step.kind is StepKind.ACROSS],
    )


def find_entries(roles: Sequence[ServiceRole]) -> list[ServiceRole]:
    """Return the lowest of the roles to which no step up leads: where people without a role come in."""
    entries = build_lattice(roles).entries()
    lowest = min((role.rung for role in roles if role.id in entries), default=0)
    return [role for role in roles if role.id in entries and role.rung == lowest]


def find_dead_ends(roles: Sequence[ServiceRole]) -> list[ServiceRole]:
    """Return the roles inside customer service, below its top rung, from which no step leads on."""
    inside = [role for role in roles if not role.outside]
    top = max((role.rung for role in inside), default=0)
    ends = build_lattice(roles).dead_ends()
    return [role for role in inside if role.id in ends and role.rung < top]


def create_service_role(session: Session, *, code: str, values: RoleValues, by: Actor) -> ServiceRole:
    """
    Add a role.

    Raises
    ------
    InvalidInputError
        If the code is taken or malformed, or a value is out of range.
    """
    code = code.strip()
    if not _CODE.fullmatch(code) or len(code) > 80:
        raise InvalidInputError("Use letters, digits, dots and dashes, such as agent-2; at most 80.", field="code")
    if session.scalar(select(ServiceRole.id).where(ServiceRole.code == code)) is not None:
        raise InvalidInputError(f"The code {code} is taken.", field="code")
    _check(session, values)
    role = ServiceRole(code=code)
    _assign(role, values)
    session.add(role)
    session.flush()
    audit.record(session, "create_service_role", role, by=by, detail={"code": code, **_logged(role)})
    return role


def update_service_role(
    session: Session, role: ServiceRole, *, values: RoleValues, version: int, seen: Mapping[str, str], by: Actor
) -> ServiceRole:
    """
    Change a role and what it asks for.

    Raises
    ------
    ConflictError
        If somebody changed the role since ``version``.
    InvalidInputError
        If a value is out of range.
    """
    require_version(role, version, seen=seen, present=describe(role))
    _check(session, values)
    before = _logged(role)
    _assign(role, values)
    # Requirements are rows of their own: without this, a change of them alone would leave the role's version as it was.
    flag_modified(role, "name")
    audit.record(session, "update_service_role", role, by=by, detail={"before": before, "after": _logged(role)})
    return role


def delete_service_role(session: Session, role: ServiceRole, *, by: Actor) -> None:
    """
    Remove a role that nobody holds, with its steps.

    Raises
    ------
    DependencyError
        If people hold it.
    """
    holders = list(
        session.scalars(select(Person.name).where(Person.service_role_id == role.id).order_by(Person.name).limit(5))
    )
    if holders:
        raise DependencyError(
            f"{role.name} is held by {', '.join(holders)}. Give them another role first.", rows=holders
        )
    for step in list_steps_to(session, role):
        session.delete(step)
    audit.record(session, "delete_service_role", role, by=by, detail={"code": role.code})
    session.delete(role)
    session.flush()


def add_step(session: Session, role: ServiceRole, *, to_role_id: int, kind: StepKind, by: Actor) -> RoleStep:
    """
    Add a step from a role to another.

    Raises
    ------
    InvalidInputError
        If it leads to the role itself, or closes a circle of steps up; the circle is named.
    ConflictError
        If there is a step between the two already.
    """
    other = session.get(ServiceRole, to_role_id)
    if other is None or other.id == role.id:
        raise InvalidInputError("Choose another role to step to.", field="to_role_id")
    if any(step.to_role_id == other.id for step in role.steps):
        raise ConflictError(f"There is a step from {role.name} to {other.name} already.")
    if kind is StepKind.UP:
        _refuse_circle(session, role, other)
    step = RoleStep(to_role_id=other.id, kind=kind)
    role.steps.append(step)
    session.flush()
    audit.record(
        session, "add_role_step", role, by=by, detail={"to_role_id": other.id, "kind": kind.value, "step_id": step.id}
    )
    return step


def remove_step(session: Session, role: ServiceRole, step_id: int, *, by: Actor) -> RoleStep:
    """
    Remove a step from a role.

    Raises
    ------
    NotFoundError
        If the role has no such step.
    """
    step = next((step for step in role.steps if step.id == step_id), None)
    if step is None:
        raise NotFoundError("There is no such step.")
    audit.record(
        session, "remove_role_step", role, by=by, detail={"to_role_id": step.to_role_id, "kind": step.kind.value}
    )
    role.steps.remove(step)
    session.flush()
    return step


def values_of(role: ServiceRole) -> RoleValues:
    """Return what is kept of a role now."""
    return RoleValues(
        name=role.name,
        rung=role.rung,
        pay_from=role.pay_from,
        pay_to=role.pay_to,
        currency=role.currency,
        description=role.description,
        authority=role.authority,
        outside=role.outside,
        requirements=tuple(
            RequirementValues(line.skill_id, line.level, line.weight, line.gate) for line in role.requirements
        ),
    )


def describe(role: ServiceRole) -> dict[str, str]:
    """Return what the edit form shows, in words: label → value."""
    return {
        "Name": role.name,
        "Rung": str(role.rung),
        "Pay": f"{role.pay_from}–{role.pay_to} {role.currency}",
        "Authority": role.authority,
        "Description": role.description,
        "Outside customer service": "yes" if role.outside else "no",
        "Requirements": ", ".join(
            f"{line.skill.name} {line.level}{' (gate)' if line.gate else ''} × {line.weight:g}"
            for line in role.requirements
        ),
    }


def _check(session: Session, values: RoleValues) -> None:
    if not values.name.strip():
        raise InvalidInputError("Give the role a name.", field="name")
    if not 1 <= values.rung <= 20:
        raise InvalidInputError("Use a rung from 1 to 20.", field="rung")
    if not 0 <= values.pay_from <= MAX_PAY:
        raise InvalidInputError(f"Use a pay from 0 to {MAX_PAY:,}.", field="pay_from")
    if values.pay_to > MAX_PAY:
        raise InvalidInputError(f"Use a pay up to {MAX_PAY:,}.", field="pay_to")
    if values.pay_to < values.pay_from:
        raise InvalidInputError("The upper end of the pay band is below the lower end.", field="pay_to")
    if not _CURRENCY.fullmatch(values.currency):
        raise InvalidInputError("Use a currency of three letters, such as EUR.", field="currency")
    _check_requirements(session, values.requirements)


def _check_requirements(session: Session, requirements: Sequence[RequirementValues]) -> None:
    ids = [line.skill_id for line in requirements]
    known = dict(session.execute(select(Skill.id, Skill.name).where(Skill.id.in_(ids))).all())
    for line in requirements:
        if line.skill_id not in known:
            raise InvalidInputError("There is no such skill.", field="requirements")
        name = known[line.skill_id]
        if ids.count(line.skill_id) > 1:
            raise InvalidInputError(f"{name} is asked for twice. Keep one line.", field="requirements")
        if not 1 <= line.level <= 5:
            raise InvalidInputError(f"Use a level from 1 to 5 for {name}.", field="requirements")
        if not 0 < line.weight <= 100:
            raise InvalidInputError(f"Use a weight above 0 and up to 100 for {name}.", field="requirements")


def _assign(role: ServiceRole, values: RoleValues) -> None:
    role.name, role.description, role.authority = (
        values.name.strip(),
        values.description.strip(),
        values.authority.strip(),
    )
    role.rung, role.pay_from, role.pay_to = values.rung, values.pay_from, values.pay_to
    role.currency, role.outside = values.currency, values.outside
    # Lines that stay keep their rows: the database allows one line a skill, and inserts come before deletes.
    lines = {line.skill_id: line for line in role.requirements}
    role.requirements = [_line(lines.get(wanted.skill_id), wanted) for wanted in values.requirements]


def _line(line: RoleRequirement | None, wanted: RequirementValues) -> RoleRequirement:
    line = line or RoleRequirement(skill_id=wanted.skill_id)
    line.level, line.weight, line.gate = wanted.level, wanted.weight, wanted.gate
    return line


def _refuse_circle(session: Session, start: ServiceRole, end: ServiceRole) -> None:
    roles = list_service_roles(session)
    up = [(step.from_role_id, step.to_role_id) for role in roles for step in role.steps if step.kind is StepKind.UP]
    try:
        lattice.Lattice([role.id for role in roles], up=[*up, (start.id, end.id)])
    except lattice.LatticeCycleError as error:
        names = {role.id: role.name for role in roles}
        circle = " → ".join(names[key] for key in (*error.roles, error.roles[0]))
        raise InvalidInputError(f"Steps up may not run in a circle: {circle}.", field="to_role_id") from None


def _logged(role: ServiceRole) -> dict[str, object]:
    return {
        "rung": role.rung,
        "pay_from": role.pay_from,
        "pay_to": role.pay_to,
        "currency": role.currency,
        "outside": role.outside,
        "requirements": [[line.skill_id, line.level, line.weight, line.gate] for line in role.requirements],
    }


def readiness_requirements(role: ServiceRole) -> list[lattice.RoleRequirement]:
    """Return a role's requirements as the lattice takes them."""
    return [
        lattice.RoleRequirement(line.skill_id, line.level, weight=line.weight, gate=line.gate)
        for line in role.requirements
    ]
