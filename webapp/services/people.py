"""People: the directory, its filters, and the commands that change it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError
from webapp.models import AuditEvent, Person, Role, RoleGrant, ServiceRole, Site, Team
from webapp.services import access, accounts, audit, ownership, personal_keys, roles
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.versions import require_version


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """What a list of people is narrowed to; ``active`` None shows everybody."""

    text: str = ""
    site_id: int | None = None
    team_id: int | None = None
    role: Role | None = None
    service_role_id: int | None = None
    active: bool | None = True


@dataclass(frozen=True, slots=True)
class PersonValues:
    """What the directory keeps of a person."""

    name: str
    email: str | None
    site_id: int
    team_id: int | None = None
    service_role_id: int | None = None
    job_title: str = ""
    is_agent: bool = True
    hired_on: dt.date | None = None


def count_people(session: Session, *, viewer: Viewer, wanted: PeopleFilter) -> int:
    """Return how many people in the viewer's scope match a filter."""
    query = _filtered(select(Person), viewer, wanted)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def list_people(
    session: Session, *, viewer: Viewer, wanted: PeopleFilter, offset: int = 0, limit: int | None = None
) -> Sequence[Person]:
    """Return the people in the viewer's scope who match a filter, by name."""
    query = (
        _filtered(select(Person), viewer, wanted)
        .options(joinedload(Person.site), joinedload(Person.team), selectinload(Person.grants))
        .order_by(Person.name, Person.id)
        .offset(offset)
        .limit(limit)
    )
    return session.scalars(query).all()


def _filtered(query: Select[Any], viewer: Viewer, wanted: PeopleFilter) -> Select[Any]:
    query = query.where(viewer.sees(Permission.VIEW_PEOPLE))
    if wanted.text.strip():
        pattern = f"%{_escape(wanted.text.strip().lower())}%"
        columns = (Person.name, Person.external_id, Person.email, Person.job_title)
        query = query.where(or_(*(func.lower(column).like(pattern, escape="\\") for column in columns)))
    if wanted.site_id is not None:
        query = query.where(Person.site_id == wanted.site_id)
    if wanted.team_id is not None:
        query = query.where(Person.team_id == wanted.team_id)
    if wanted.service_role_id is not None:
        query = query.where(Person.service_role_id == wanted.service_role_id)
    if wanted.role is not None:
        query = query.where(Person.id.in_(select(RoleGrant.person_id).where(RoleGrant.role == wanted.role)))
    if wanted.active is not None:
        query = query.where(Person.active == wanted.active)
    return query


def _escape(text: str) -> str:
    """Return text whose wildcards of LIKE stand for themselves."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def covers(session: Session, person: Person, *, viewer: Viewer, permission: Permission) -> bool:
    """Return whether the viewer has a permission on one person, so that a page can offer what it allows."""
    return session.scalar(select(Person.id).where(Person.id == person.id, viewer.sees(permission))) is not None


def list_history(session: Session, person: Person, *, limit: int = 50) -> Sequence[AuditEvent]:
    """Return the newest changes of a person's data, newest first; when they signed in is nobody's concern."""
    concerns = or_(
        AuditEvent.person_id == person.id,
        (AuditEvent.subject_kind == Person.__tablename__) & (AuditEvent.subject_id == person.id),
    )
    query = (
        select(AuditEvent)
        .where(concerns, AuditEvent.action != "sign_in")
        .options(joinedload(AuditEvent.actor))
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()


def create_person(session: Session, *, external_id: str, values: PersonValues, viewer: Viewer, by: Actor) -> Person:
    """
    Add a person; whoever handles engagements gets the role of an agent with it.

    Raises
    ------
    InvalidInputError
        If the number or the e-mail address is taken, or the place is wrong.
    """
    external_id = external_id.strip()
    if not external_id:
        raise InvalidInputError("Give the number by which other systems know the person.", field="external_id")
    if session.scalar(select(Person.id).where(Person.external_id == external_id)) is not None:
        raise InvalidInputError(f"The number {external_id} is taken.", field="external_id")
    values = _checked(session, values, viewer=viewer)
    _require_free_email(session, values.email)
    person = Person(external_id=external_id, active=True, **_columns(values))
    session.add(person)
    if values.is_agent:
        person.grants.append(RoleGrant(role=Role.AGENT))
    session.flush()
    audit.record(
        session,
        "create_person",
        person,
        by=by,
        person_id=person.id,
        detail={"external_id": external_id, **_logged(values)},
    )
    return person


def update_person(
    session: Session,
    person: Person,
    *,
    values: PersonValues,
    version: int,
    seen: Mapping[str, str],
    viewer: Viewer,
    by: Actor,
) -> Person:
    """
    Change what the directory keeps of a person; a new e-mail address is the new address of their account.

    Parameters
    ----------
    version, seen
        The version that the form was filled from, and what it showed in words.

    Raises
    ------
    ConflictError
        If somebody changed the person since ``version``.
    InvalidInputError
        If the e-mail address is taken, the place is wrong, or the viewer would change their own service role.
    ForbiddenError
        If the address of somebody whom only an admin manages would change.
    """
    require_version(person, version, seen=seen, present=describe(session, values_of(person)))
    before, values = values_of(person), _checked(session, values, viewer=viewer)
    if person.id == viewer.person_id and before.service_role_id != values.service_role_id:
        raise InvalidInputError(
            "Nobody changes their own service role. Ask somebody else who may.", field="service_role_id"
        )
    if before.email != values.email:
        _move_address(session, person, values.email, viewer=viewer)
    for column, value in _columns(values).items():
        setattr(person, column, value)
    if person.is_agent and all(grant.role is not Role.AGENT for grant in person.grants):
        person.grants.append(RoleGrant(role=Role.AGENT))
    changes = {
        key: [value, _logged(values)[key]] for key, value in _logged(before).items() if value != _logged(values)[key]
    }
    if before.email != values.email:
        changes["email"] = ["changed", "changed"]
    audit.record(session, "update_person", person, by=by, person_id=person.id, detail={"changes": changes})
    return person


def deactivate_person(session: Session, person: Person, *, viewer: Viewer, by: Actor) -> Person:
    """
    Take a person out of planning; their sessions, API tokens and calendar link end at once, their records stay.

    Raises
    ------
    ForbiddenError
        If it is the viewer, or somebody whom only an admin manages.
    ConflictError
        If they are not active.
    """
    if person.id == viewer.person_id:
        raise ForbiddenError("Nobody deactivates themselves. Ask somebody else who may.")
    roles.require_manageable(session, person, viewer=viewer)
    if not person.active:
        raise ConflictError(f"{person.name} is not active.")
    person.active = False
    account = accounts.find_account(session, person)
    if account is not None:
        account.active = False
        accounts.end_sessions(account)
    personal_keys.revoke_all(session, person, by=by)
    audit.record(session, "deactivate_person", person, by=by, person_id=person.id)
    ownership.hand_over(session, person, by=by)
    return person


def activate_person(session: Session, person: Person, *, viewer: Viewer, by: Actor) -> Person:
    """
    Bring a person back, with the roles and the password that they had, and without API tokens and calendar link.

    Raises
    ------
    ForbiddenError
        If only an admin manages them.
    ConflictError
        If they are active.
    """
    roles.require_manageable(session, person, viewer=viewer)
    if person.active:
        raise ConflictError(f"{person.name} is active.")
    person.active = True
    account = accounts.find_account(session, person)
    if account is not None:
        account.active = True
    # Whoever left before leaving revoked anything, or made a token while they were being deactivated, has some still.
    personal_keys.revoke_all(session, person, by=by)
    audit.record(session, "activate_person", person, by=by, person_id=person.id)
    return person


def values_of(person: Person) -> PersonValues:
    """Return what the directory keeps of a person now."""
    return PersonValues(
        name=person.name,
        email=person.email,
        site_id=person.site_id,
        team_id=person.team_id,
        service_role_id=person.service_role_id,
        job_title=person.job_title,
        is_agent=person.is_agent,
        hired_on=person.hired_on,
    )


def describe(session: Session, values: PersonValues) -> dict[str, str]:
    """Return a person's values in words: label → value."""
    site = session.get(Site, values.site_id)
    team = session.get(Team, values.team_id) if values.team_id else None
    service_role = session.get(ServiceRole, values.service_role_id) if values.service_role_id else None
    return {
        "Name": values.name,
        "E-mail": values.email or "",
        "Site": site.name if site else "",
        "Team": team.name if team else "",
        "Service role": service_role.name if service_role else "",
        "Job title": values.job_title,
        "Handles engagements": "yes" if values.is_agent else "no",
        "Hired on": values.hired_on.isoformat() if values.hired_on else "",
    }


def _checked(session: Session, values: PersonValues, *, viewer: Viewer) -> PersonValues:
    """Return the values with blanks trimmed; refuse what does not fit together or lies outside the viewer's scope."""
    if not values.name.strip():
        raise InvalidInputError("Give a name.", field="name")
    sites = {site.id for site in access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)}
    if values.site_id not in sites:
        raise InvalidInputError("Choose a site that you serve.", field="site_id")
    if values.team_id is not None:
        team = session.get(Team, values.team_id)
        if team is None or team.site_id != values.site_id:
            raise InvalidInputError("This team belongs to another site.", field="team_id")
    if values.service_role_id is not None and session.get(ServiceRole, values.service_role_id) is None:
        raise InvalidInputError("There is no such service role.", field="service_role_id")
    email = (values.email or "").strip().lower() or None
    return replace(values, name=values.name.strip(), email=email, job_title=values.job_title.strip())


def _require_free_email(session: Session, email: str | None, *, owner_id: int | None = None) -> None:
    taken = select(Person.id).where(func.lower(Person.email) == email)
    if email is not None and any(key != owner_id for key in session.scalars(taken)):
        raise InvalidInputError("Somebody else has this e-mail address.", field="email")


def _move_address(session: Session, person: Person, email: str | None, *, viewer: Viewer) -> None:
    """Give a person's account their new address; whoever owns the address can have the password renewed."""
    _require_free_email(session, email, owner_id=person.id)
    account = accounts.find_account(session, person)
    if account is None:
        return
    roles.require_manageable(session, person, viewer=viewer)
    if email is None:
        raise InvalidInputError("The person signs in with an e-mail address, so they need one.", field="email")
    accounts.require_free_address(session, email, owner=person)
    account.email = email


def _columns(values: PersonValues) -> dict[str, Any]:
    return {name: getattr(values, name) for name in PersonValues.__slots__}


def _logged(values: PersonValues) -> dict[str, Any]:
    """Return the ids and flags of a person for the trail, which holds no text about people."""
    return {
        "site_id": values.site_id,
        "team_id": values.team_id,
        "service_role_id": values.service_role_id,
        "is_agent": values.is_agent,
        "hired_on": values.hired_on.isoformat() if values.hired_on else None,
    }
