"""Readiness: how far people meet service roles, and where a person may go next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.graphs.lattice import Gap, Readiness, readiness
from webapp.models import Person, ServiceRole, Skill, StepKind
from webapp.services import careers, records
from webapp.services.access import Permission, Viewer


@dataclass(frozen=True, slots=True)
class NamedGap:
    """A requirement that is not met, with the skill that it is about."""

    skill: Skill
    gap: Gap


@dataclass(frozen=True, slots=True)
class RoleReadiness:
    """How far one person meets one role; ``step`` is the kind of step from the role that they hold, if there is one."""

    role: ServiceRole
    readiness: Readiness
    gaps: tuple[NamedGap, ...]
    held: bool = False
    step: StepKind | None = None


@dataclass(frozen=True, slots=True)
class PersonReadiness:
    """How far one of several people meets a role."""

    person: Person
    readiness: Readiness
    gaps: tuple[NamedGap, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """
    One person's way through the lattice.

    ``next_step`` is the step up that they are readiest for; without a role of their own, the lowest role that they may
    enter.
    """

    person: Person
    held: ServiceRole | None
    levels: Mapping[int, int]
    roles: tuple[RoleReadiness, ...]
    next_step: RoleReadiness | None

    @property
    def top(self) -> bool:
        """Whether the person holds a role from which no step leads up."""
        return self.held is not None and self.next_step is None


def path_of(session: Session, person: Person, *, on: dt.date) -> Path:
    """Return a person's readiness for every role inside customer service, and their next step, on a day."""
    roles = [role for role in careers.list_service_roles(session) if not role.outside]
    levels = records.levels_on(session, [person.id], on).get(person.id, {})
    held = session.get(ServiceRole, person.service_role_id) if person.service_role_id else None
    steps = {step.to_role_id: step.kind for step in held.steps} if held else {}
    judged = tuple(
        RoleReadiness(
            role=role,
            readiness=(found := readiness(careers.readiness_requirements(role), levels)),
            gaps=_named(role, found),
            held=held is not None and role.id == held.id,
            step=steps.get(role.id),
        )
        for role in roles
    )
    return Path(person=person, held=held, levels=levels, roles=judged, next_step=_next_step(judged, held, roles))


def _next_step(
    judged: Sequence[RoleReadiness], held: ServiceRole | None, roles: Sequence[ServiceRole]
) -> RoleReadiness | None:
    if held is not None:
        reachable = [found for found in judged if found.step is StepKind.UP]
    else:
        entries = {role.id for role in careers.find_entries(roles)}
        reachable = [found for found in judged if found.role.id in entries]
    return min(reachable, key=lambda found: (*found.readiness.nearness, found.role.rung, found.role.id), default=None)


def list_by_readiness(
    session: Session, role: ServiceRole, *, viewer: Viewer, on: dt.date, limit: int = 200
) -> list[PersonReadiness]:
    """Return the active people in the viewer's scope who do not hold a role, the readiest first."""
    query = (
        select(Person)
        .where(Person.active, viewer.sees(Permission.VIEW_READINESS))
        .where((Person.service_role_id != role.id) | Person.service_role_id.is_(None))
        .options(joinedload(Person.team), joinedload(Person.site))
        .order_by(Person.name)
    )
    people = session.scalars(query).all()
    levels = records.levels_on(session, [person.id for person in people], on)
    requirements = careers.readiness_requirements(role)
    judged = []
    for person in people:
        found = readiness(requirements, levels.get(person.id, {}))
        judged.append(PersonReadiness(person=person, readiness=found, gaps=_named(role, found)))
    judged.sort(key=lambda found: (*found.readiness.nearness, found.person.name))
    return judged[:limit]


def _named(role: ServiceRole, found: Readiness) -> tuple[NamedGap, ...]:
    skills = {line.skill_id: line.skill for line in role.requirements}
    return tuple(NamedGap(skill=skills[gap.skill], gap=gap) for gap in found.gaps)
