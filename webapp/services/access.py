"""
Who may do what, and to whom: the one place that maps roles to permissions and permissions to rows.

A route declares a :class:`Permission`; a query takes a :class:`Viewer` and narrows itself with :meth:`Viewer.sees` or
one of the functions below.  Nothing else in the application compares roles.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, false, or_, select, true
from sqlalchemy.orm import Session, joinedload

from webapp.errors import NotFoundError
from webapp.models import Person, Role, RoleGrant, Site, Team


class Permission(enum.StrEnum):
    """Something that a person may be allowed to do."""

    USE_MAINSTAY = "use Mainstay"
    KEEP_OWN_RECORD = "keep one's own skill record"
    WORK_OWN_DAY = "see and answer one's own day"
    VIEW_PEOPLE = "see people and their teams"
    EDIT_PEOPLE = "edit people, teams and roles"
    VIEW_RECORDS = "see skill records"
    REVIEW_RECORDS = "review skill claims"
    SEARCH_SKILLS = "search who can do what"
    EDIT_CATALOGUE = "edit the skill catalogue"
    VIEW_WORK = "see engagements and engagement types"
    EDIT_WORK = "edit engagements and engagement types"
    VIEW_ROSTER = "see shifts and absences"
    EDIT_ROSTER = "edit shifts and absences"
    VIEW_PLANS = "see plans"
    RUN_PLANS = "run the optimizer and edit draft plans"
    PUBLISH_PLANS = "publish plans"
    IMPORT_DIRECTORY = "import people, skills and records"
    IMPORT_WORK = "import shifts, engagement types, engagements and call logs"
    IMPORT_FILES = "see and undo one's own imports"
    VIEW_CAREERS = "see service roles and one's own readiness"
    VIEW_READINESS = "see other people's readiness"
    EDIT_CAREERS = "edit service roles"
    MANAGE_PROFILES = "build hiring profiles"
    VIEW_AUDIT = "read the whole audit trail"
    MANAGE_JOBS = "see and cancel everybody's jobs"


_EVERYBODY = {Permission.USE_MAINSTAY, Permission.VIEW_CAREERS}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset(_EVERYBODY | {Permission.KEEP_OWN_RECORD, Permission.WORK_OWN_DAY}),
    Role.LEAD: frozenset(
        _EVERYBODY
        | {
            Permission.VIEW_PEOPLE,
            Permission.VIEW_RECORDS,
            Permission.REVIEW_RECORDS,
            Permission.VIEW_ROSTER,
            Permission.VIEW_READINESS,
        }
    ),
    Role.SCHEDULER: frozenset(
        _EVERYBODY
        | {
            Permission.VIEW_PEOPLE,
            Permission.VIEW_RECORDS,
            Permission.SEARCH_SKILLS,
            Permission.VIEW_WORK,
            Permission.EDIT_WORK,
            Permission.VIEW_ROSTER,
            Permission.EDIT_ROSTER,
            Permission.VIEW_PLANS,
            Permission.RUN_PLANS,
            Permission.PUBLISH_PLANS,
            Permission.IMPORT_WORK,
            Permission.IMPORT_FILES,
        }
    ),
    Role.HR: frozenset(
        _EVERYBODY
        | {
            Permission.VIEW_PEOPLE,
            Permission.EDIT_PEOPLE,
            Permission.VIEW_RECORDS,
            Permission.SEARCH_SKILLS,
            Permission.EDIT_CATALOGUE,
            Permission.IMPORT_DIRECTORY,
            Permission.IMPORT_FILES,
            Permission.VIEW_READINESS,
            Permission.EDIT_CAREERS,
            Permission.MANAGE_PROFILES,
        }
    ),
    Role.ADMIN: frozenset(Permission)
    - {Permission.KEEP_OWN_RECORD, Permission.WORK_OWN_DAY, Permission.REVIEW_RECORDS},
}

GRANTABLE: Mapping[Role, frozenset[Role]] = {
    Role.HR: frozenset({Role.AGENT, Role.LEAD}),
    Role.ADMIN: frozenset(Role),
}
"""Which roles a holder of a role may grant and withdraw; nobody changes their own."""


@dataclass(frozen=True, slots=True)
class Scope:
    """
    The places in which a permission holds.

    A person lies inside if ``everywhere``, or their site is in ``site_ids``, or their team is in ``team_ids``.
    """

    everywhere: bool = False
    site_ids: frozenset[int] = frozenset()
    team_ids: frozenset[int] = frozenset()

    @property
    def empty(self) -> bool:
        """Whether the permission holds nowhere."""
        return not (self.everywhere or self.site_ids or self.team_ids)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person who asks, with their roles and where these hold."""

    person_id: int
    roles: frozenset[Role]
    sites: Mapping[Role, frozenset[int]] = field(default_factory=dict)
    teams: Mapping[Role, frozenset[int]] = field(default_factory=dict)

    def can(self, permission: Permission) -> bool:
        """Return whether any of the viewer's roles carries the permission."""
        return any(permission in PERMISSIONS[role] for role in self.roles)

    def grantable(self) -> frozenset[Role]:
        """Return the roles that the viewer may grant to others within their scope."""
        return frozenset().union(*(GRANTABLE.get(role, frozenset()) for role in self.roles))

    def scope(self, permission: Permission) -> Scope:
        """Return where the permission holds for this viewer."""
        roles = [role for role in self.roles if permission in PERMISSIONS[role]]
        return Scope(
            everywhere=Role.ADMIN in roles,
            site_ids=frozenset().union(*(self.sites.get(role, frozenset()) for role in roles)),
            team_ids=frozenset().union(*(self.teams.get(role, frozenset()) for role in roles)),
        )

    def sees(self, permission: Permission) -> ColumnElement[bool]:
        """Return the condition on :class:`Person` under which the permission holds."""
        scope = self.scope(permission)
        if scope.everywhere:
            return true()
        conditions: list[ColumnElement[bool]] = []
        if scope.site_ids:
            conditions.append(Person.site_id.in_(scope.site_ids))
        if scope.team_ids:
            conditions.append(Person.team_id.in_(scope.team_ids))
        return or_(*conditions) if conditions else false()

    def sees_site(self, permission: Permission) -> ColumnElement[bool]:
        """Return the condition on :class:`Site`; a lead's teams do not open their site."""
        scope = self.scope(permission)
        if scope.everywhere:
            return true()
        return Site.id.in_(scope.site_ids) if scope.site_ids else false()


def get_viewer(session: Session, person_id: int) -> Viewer:
    """Return the viewer for a person, from their grants."""
    grants = session.scalars(select(RoleGrant).where(RoleGrant.person_id == person_id)).all()
    sites: dict[Role, set[int]] = {}
    teams: dict[Role, set[int]] = {}
    for grant in grants:
        if grant.site_id is not None:
            sites.setdefault(grant.role, set()).add(grant.site_id)
        if grant.team_id is not None:
            teams.setdefault(grant.role, set()).add(grant.team_id)
    return Viewer(
        person_id=person_id,
        roles=frozenset(grant.role for grant in grants),
        sites={role: frozenset(ids) for role, ids in sites.items()},
        teams={role: frozenset(ids) for role, ids in teams.items()},
    )


def people_query(viewer: Viewer, permission: Permission) -> Select[Person]:
    """Return a query of the people on whom the viewer has the permission."""
    return select(Person).where(viewer.sees(permission))


def get_person(session: Session, person_id: int, *, viewer: Viewer, permission: Permission) -> Person:
    """
    Return a person on whom the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is no such person, or they lie outside the viewer's scope.
    """
    query = (
        people_query(viewer, permission)
        .where(Person.id == person_id)
        .options(joinedload(Person.team), joinedload(Person.site))
    )
    person = session.scalar(query)
    if person is None:
        raise NotFoundError("There is no such person.")
    return person


def list_sites(session: Session, *, viewer: Viewer, permission: Permission) -> list[Site]:
    """Return the sites on which the viewer has the permission, by name."""
    return list(session.scalars(select(Site).where(viewer.sees_site(permission)).order_by(Site.name)))


def get_site(session: Session, site_id: int, *, viewer: Viewer, permission: Permission) -> Site:
    """
    Return a site on which the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is no such site, or it lies outside the viewer's scope.
    """
    site = session.scalar(select(Site).where(Site.id == site_id, viewer.sees_site(permission)))
    if site is None:
        raise NotFoundError("There is no such site.")
    return site


def list_teams(session: Session, *, viewer: Viewer, permission: Permission) -> list[Team]:
    """Return the teams whose members the permission covers, by name."""
    scope = viewer.scope(permission)
    query = select(Team).order_by(Team.name).options(joinedload(Team.site))
    if not scope.everywhere:
        query = query.where(or_(Team.site_id.in_(scope.site_ids), Team.id.in_(scope.team_ids)))
    return list(session.scalars(query))
