"""Roles: who may grant which, where they hold, and what follows from a grant."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Person, Role, RoleGrant
from webapp.services import access, audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor

ROLE_NAMES = {
    Role.AGENT: "Agent",
    Role.LEAD: "Team lead",
    Role.SCHEDULER: "Scheduler",
    Role.HR: "HR",
    Role.ADMIN: "Admin",
}

_HOLDS_AT_SITES = {Role.SCHEDULER, Role.HR}


def list_grants(session: Session, person: Person) -> list[RoleGrant]:
    """Return a person's grants in the order of the roles."""
    query = (
        select(RoleGrant)
        .where(RoleGrant.person_id == person.id)
        .options(joinedload(RoleGrant.site), joinedload(RoleGrant.team))
    )
    order = list(Role)
    return sorted(session.scalars(query), key=lambda grant: (order.index(grant.role), grant.id))


def may_manage(session: Session, person: Person, *, viewer: Viewer) -> bool:
    """
    Return whether the viewer may change a person's account, sign-in address and activity.

    They may if every role that the person holds is one that they could grant.  Otherwise HR could send themselves the
    sign-in link of an admin.
    """
    held = set(session.scalars(select(RoleGrant.role).where(RoleGrant.person_id == person.id)))
    return held <= viewer.grantable()


def require_manageable(session: Session, person: Person, *, viewer: Viewer) -> None:
    """
    Refuse what :func:`may_manage` does not allow.

    Raises
    ------
    ForbiddenError
        If the person holds a role that the viewer may not grant.
    """
    if not may_manage(session, person, viewer=viewer):
        raise ForbiddenError(f"{person.name} holds a role that only an admin manages. Ask an admin.")


def grant_role(
    session: Session,
    person: Person,
    *,
    role: Role,
    site_id: int | None = None,
    team_id: int | None = None,
    viewer: Viewer,
    by: Actor,
) -> RoleGrant:
    """
    Give a person a role at a place.

    A lead leads a team, a scheduler and HR serve a site; agents and admins need no place, and one that is given is
    left out.

    Raises
    ------
    ForbiddenError
        If the viewer grants to themselves, or a role that they may not grant.
    InvalidInputError
        If the place is missing, or lies outside the viewer's scope.
    ConflictError
        If the person already has it.
    """
    _require_grantable(person, role, viewer=viewer)
    team_id = _place_of_lead(session, team_id, viewer=viewer) if role is Role.LEAD else None
    site_id = _place_at_site(session, site_id, viewer=viewer) if role in _HOLDS_AT_SITES else None
    same = select(RoleGrant).where(
        RoleGrant.person_id == person.id,
        RoleGrant.role == role,
        RoleGrant.site_id == site_id if site_id else RoleGrant.site_id.is_(None),
        RoleGrant.team_id == team_id if team_id else RoleGrant.team_id.is_(None),
    )
    if session.scalar(same) is not None:
        raise ConflictError(f"{person.name} already has this role there.")
    grant = RoleGrant(person_id=person.id, role=role, site_id=site_id, team_id=team_id)
    session.add(grant)
    session.flush()
    audit.record(session, "grant_role", grant, by=by, person_id=person.id, detail=_detail(grant))
    return grant


def withdraw_role(session: Session, person: Person, grant_id: int, *, viewer: Viewer, by: Actor) -> RoleGrant:
    """
    Take a role from a person; the next request that they make is judged without it.

    Raises
    ------
    NotFoundError
        If the person has no such grant.
    ForbiddenError
        If it is the viewer's own, or a role that they may not grant, or it holds outside their scope.
    """
    grant = session.scalar(select(RoleGrant).where(RoleGrant.id == grant_id, RoleGrant.person_id == person.id))
    if grant is None:
        raise NotFoundError("There is no such role to withdraw.")
    _require_grantable(person, grant.role, viewer=viewer)
    if grant.team is not None and not _covers_site(viewer, grant.team.site_id):
        raise ForbiddenError("The team of this role belongs to a site that you do not serve.")
    audit.record(session, "withdraw_role", grant, by=by, person_id=person.id, detail=_detail(grant))
    session.delete(grant)
    session.flush()
    return grant


def _require_grantable(person: Person, role: Role, *, viewer: Viewer) -> None:
    if person.id == viewer.person_id:
        raise ForbiddenError("Nobody changes their own roles. Ask somebody else who may.")
    if role not in viewer.grantable():
        raise ForbiddenError(f"Only an admin grants or withdraws the role {ROLE_NAMES[role]}.")


def _place_of_lead(session: Session, team_id: int | None, *, viewer: Viewer) -> int:
    teams = {team.id for team in access.list_teams(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)}
    if team_id not in teams:
        raise InvalidInputError("A team lead leads a team. Choose one that you may edit.", field="team_id")
    return team_id


def _place_at_site(session: Session, site_id: int | None, *, viewer: Viewer) -> int:
    sites = {site.id for site in access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)}
    if site_id not in sites:
        raise InvalidInputError("This role serves a site. Choose one.", field="site_id")
    return site_id


def _covers_site(viewer: Viewer, site_id: int) -> bool:
    scope = viewer.scope(Permission.EDIT_PEOPLE)
    return scope.everywhere or site_id in scope.site_ids


def _detail(grant: RoleGrant) -> dict[str, str | int | None]:
    return {"role": grant.role.value, "site_id": grant.site_id, "team_id": grant.team_id}
