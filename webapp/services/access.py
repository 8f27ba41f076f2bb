"""
Who may do what, and to whom: the one place that maps roles to permissions and permissions to rows.

A route declares a :class:`Permission`; a query takes a :class:`Viewer` and narrows itself with :meth:`Viewer.sees` or
one of the functions below.  Nothing else in the application compares roles.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import Session, joinedload

from webapp.errors import NotFoundError
from webapp.models import Deputyship, Person, Role, RoleGrant, Site, Team


class Permission(enum.StrEnum):
    """Something that a person may be allowed to do."""

    USE_MAINSTAY = "use Mainstay"
    KEEP_OWN_RECORD = "keep one's own skill record"
    WORK_OWN_DAY = "see and answer one's own day"
    TALK = "talk on the threads of engagements that concern one"
    VIEW_PEOPLE = "see people and their teams"
    EDIT_PEOPLE = "edit people, teams and roles"
    VIEW_RECORDS = "see skill records"
    REVIEW_RECORDS = "review skill claims"
    NAME_DEPUTIES = "say who reviews in a lead's place"
    SEE_OVERDUE_REVIEWS = "see reviews that nobody has answered for long"
    ACCEPT_EVIDENCE = "accept certificates, courses, badges and test results"
    ENDORSE_COLLEAGUES = "endorse skills of colleagues in one's team"
    MANAGE_BADGES = "keep trusted issuers of badges and what their badges show"
    VIEW_CALIBRATION = "see how claims and reviews agree with later evidence"
    VIEW_REVIEWERS = "see the calibration of every reviewer"
    SEARCH_SKILLS = "search who can do what"
    EDIT_CATALOGUE = "edit the skill catalogue"
    VIEW_WORK = "see engagements and engagement types"
    EDIT_WORK = "edit engagements and engagement types"
    MANAGE_INTAKE = "connect systems that send work, and say how their messages are read"
    VIEW_PAYLOADS = "read what customers wrote, until it expires"
    VIEW_ROSTER = "see shifts and absences"
    EDIT_ROSTER = "edit shifts and absences"
    VIEW_PLANS = "see plans"
    RUN_PLANS = "run the optimizer and edit draft plans"
    PUBLISH_PLANS = "publish plans"
    EDIT_POLICIES = "edit the policies by which plans are made"
    VIEW_ROUTING = "see who is present, which contacts wait, and why each was given to whom"
    RUN_ROUTING = "tell live routing what happens, and say how a site routes"
    IMPORT_DIRECTORY = "import people, skills and records"
    IMPORT_WORK = "import shifts, engagement types, engagements and call logs"
    IMPORT_FILES = "see and undo one's own imports"
    MOVE_LOG = "export and import the whole log of skill events"
    VIEW_CAREERS = "see service roles and one's own readiness"
    VIEW_READINESS = "see other people's readiness"
    EDIT_CAREERS = "edit service roles"
    MANAGE_PROFILES = "build hiring profiles"
    VIEW_AUDIT = "read the whole audit trail"
    MANAGE_CONNECTIONS = "connect other systems that are told of changes or written to"
    MANAGE_JOBS = "see and cancel everybody's jobs"
    MANAGE_TOKENS = "see and revoke everybody's API tokens"


_EVERYBODY = {Permission.USE_MAINSTAY, Permission.VIEW_CAREERS}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset(
        _EVERYBODY
        | {Permission.KEEP_OWN_RECORD, Permission.ENDORSE_COLLEAGUES, Permission.WORK_OWN_DAY, Permission.TALK}
    ),
    Role.LEAD: frozenset(
        _EVERYBODY
        | {
            Permission.TALK,
            Permission.VIEW_PEOPLE,
            Permission.VIEW_RECORDS,
            Permission.REVIEW_RECORDS,
            Permission.ACCEPT_EVIDENCE,
            Permission.NAME_DEPUTIES,
            Permission.VIEW_CALIBRATION,
            Permission.VIEW_ROSTER,
            Permission.VIEW_READINESS,
        }
    ),
    Role.SCHEDULER: frozenset(
        _EVERYBODY
        | {
            Permission.TALK,
            Permission.VIEW_PEOPLE,
            Permission.VIEW_RECORDS,
            Permission.SEARCH_SKILLS,
            Permission.VIEW_WORK,
            Permission.EDIT_WORK,
            Permission.MANAGE_INTAKE,
            Permission.VIEW_PAYLOADS,
            Permission.VIEW_ROSTER,
            Permission.EDIT_ROSTER,
            Permission.VIEW_PLANS,
            Permission.RUN_PLANS,
            Permission.PUBLISH_PLANS,
            Permission.VIEW_ROUTING,
            Permission.RUN_ROUTING,
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
            Permission.ACCEPT_EVIDENCE,
            Permission.NAME_DEPUTIES,
            Permission.SEE_OVERDUE_REVIEWS,
            Permission.MANAGE_BADGES,
            Permission.SEARCH_SKILLS,
            Permission.VIEW_CALIBRATION,
            Permission.VIEW_REVIEWERS,
            Permission.EDIT_CATALOGUE,
            Permission.IMPORT_DIRECTORY,
            Permission.IMPORT_FILES,
            Permission.VIEW_READINESS,
            Permission.EDIT_CAREERS,
            Permission.MANAGE_PROFILES,
        }
    ),
    Role.ADMIN: frozenset(Permission)
    - {
        Permission.KEEP_OWN_RECORD,
        Permission.WORK_OWN_DAY,
        Permission.ENDORSE_COLLEAGUES,
        Permission.REVIEW_RECORDS,
        Permission.ACCEPT_EVIDENCE,
        # Whoever connects systems sees the shape of messages, not customers' words.
        Permission.VIEW_PAYLOADS,
    },
}

DEPUTY_PERMISSIONS = frozenset({Permission.VIEW_RECORDS, Permission.REVIEW_RECORDS, Permission.ACCEPT_EVIDENCE})
"""What a deputy may do for the teams of the lead whose inbox they look after, whatever roles they hold."""

OWN_PERMISSIONS = frozenset({Permission.KEEP_OWN_RECORD, Permission.WORK_OWN_DAY, Permission.ENDORSE_COLLEAGUES})
"""What a person may do as themselves, for which no place is asked."""

PERMISSIONS_WITHOUT_PLACE = frozenset(
    {
        Permission.EDIT_POLICIES,
        Permission.MANAGE_JOBS,
        Permission.MANAGE_TOKENS,
        Permission.MOVE_LOG,
        Permission.VIEW_AUDIT,
    }
)
"""What concerns all sites at once, so that nobody who is bound to one may do it."""

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

    def holds_site(self, site_id: int) -> bool:
        """Return whether the permission holds at a site as a whole; a lead's teams do not open theirs."""
        return self.everywhere or site_id in self.site_ids

    def covers(self, other: Scope) -> bool:
        """Return whether every place of another scope is named here too; a site is not asked for its teams."""
        if self.everywhere or other.everywhere:
            return self.everywhere
        return other.site_ids <= self.site_ids and other.team_ids <= self.team_ids

    def written(self) -> dict[str, Any]:
        """Return the scope as JSON keeps it."""
        return {
            "everywhere": self.everywhere,
            "site_ids": sorted(self.site_ids),
            "team_ids": sorted(self.team_ids),
        }

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Scope:
        """Return what :meth:`written` wrote."""
        return cls(bool(written["everywhere"]), frozenset(written["site_ids"]), frozenset(written["team_ids"]))


@dataclass(frozen=True, slots=True)
class Viewer:
    """
    The person who asks, with their roles and where these hold.

    ``deputised`` are the teams of each lead in whose place they review today, without those that they lead themselves.
    ``allowed`` are the permissions to which a token narrows them, None without one; ``bound_site_id`` is the one site
    to which it does.
    """

    person_id: int
    roles: frozenset[Role]
    sites: Mapping[Role, frozenset[int]] = field(default_factory=dict)
    teams: Mapping[Role, frozenset[int]] = field(default_factory=dict)
    deputised: Mapping[int, frozenset[int]] = field(default_factory=dict)
    allowed: frozenset[Permission] | None = None
    bound_site_id: int | None = None

    def _allows(self, permission: Permission) -> bool:
        return self.allowed is None or permission in self.allowed

    def can(self, permission: Permission) -> bool:
        """Return whether any of the viewer's roles, or a lead's absence, carries the permission."""
        if not self._allows(permission):
            return False
        return any(permission in PERMISSIONS[role] for role in self.roles) or (
            permission in DEPUTY_PERMISSIONS and bool(self.deputised)
        )

    def grantable(self) -> frozenset[Role]:
        """Return the roles that the viewer may grant to others within their scope."""
        if not self._allows(Permission.EDIT_PEOPLE):
            return frozenset()
        found = frozenset[Role]().union(*(GRANTABLE.get(role, frozenset()) for role in self.roles))
        # An admin acts everywhere: what is bound to one site must not make one.
        return found if self.bound_site_id is None else found - {Role.ADMIN}

    def scope(self, permission: Permission) -> Scope:
        """Return where the permission holds for this viewer."""
        own = self._own_scope(permission)
        if permission not in DEPUTY_PERMISSIONS or not self._allows(permission):
            return own
        return Scope(own.everywhere, own.site_ids, own.team_ids.union(*self.deputised.values()))

    def _own_scope(self, permission: Permission) -> Scope:
        roles = [role for role in self.roles if self._allows(permission) and permission in PERMISSIONS[role]]
        site_ids = frozenset[int]().union(*(self.sites.get(role, frozenset()) for role in roles))
        everywhere = Role.ADMIN in roles
        if self.bound_site_id is not None:
            site_ids = frozenset({self.bound_site_id}) if everywhere else site_ids & {self.bound_site_id}
        return Scope(
            everywhere=everywhere and self.bound_site_id is None,
            site_ids=site_ids,
            team_ids=frozenset().union(*(self.teams.get(role, frozenset()) for role in roles)),
        )

    def sees(self, permission: Permission) -> ColumnElement[bool]:
        """
        Return the condition on :class:`Person` under which the permission holds.

        A deputy has no say on the records of the leads who are away: whom somebody chose as their deputy may not judge
        them.
        """
        scope = self._own_scope(permission)
        if scope.everywhere:
            return true()
        conditions: list[ColumnElement[bool]] = []
        if scope.site_ids:
            conditions.append(Person.site_id.in_(scope.site_ids))
        if scope.team_ids:
            conditions.append(Person.team_id.in_(scope.team_ids))
        if self.deputised and permission in DEPUTY_PERMISSIONS and self._allows(permission):
            teams = frozenset().union(*self.deputised.values())
            conditions.append(and_(Person.team_id.in_(teams), Person.id.not_in(self.deputised)))
        return or_(*conditions) if conditions else false()

    def sees_site(self, permission: Permission) -> ColumnElement[bool]:
        """Return the condition on :class:`Site`; a lead's teams do not open their site."""
        scope = self.scope(permission)
        if scope.everywhere:
            return true()
        return Site.id.in_(scope.site_ids) if scope.site_ids else false()


def get_viewer(session: Session, person_id: int, *, on: dt.date | None = None) -> Viewer:
    """Return the viewer for a person, from their grants and, on a day, as the deputy of leads."""
    columns = (RoleGrant.role, RoleGrant.site_id, RoleGrant.team_id)
    grants = session.execute(select(*columns).where(RoleGrant.person_id == person_id)).all()
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
        deputised={} if on is None else _deputised(session, person_id, on, leads=teams.get(Role.LEAD, set())),
    )


def narrow(session: Session, viewer: Viewer, *, allowed: frozenset[Permission], site_id: int | None) -> Viewer:
    """
    Return a viewer with at most some permissions and, if a site is given, nothing outside it.

    Every query that asks the viewer where a permission holds is narrowed by it.  What a person does as themselves falls
    away where they belong to another site, and what concerns all sites at once always.
    """
    if site_id is None:
        return replace(viewer, allowed=allowed)
    teams = frozenset(session.scalars(select(Team.id).where(Team.site_id == site_id)))
    allowed -= PERMISSIONS_WITHOUT_PLACE
    if session.scalar(select(Person.site_id).where(Person.id == viewer.person_id)) != site_id:
        allowed -= OWN_PERMISSIONS
    deputised = {lead_id: ids & teams for lead_id, ids in viewer.deputised.items() if ids & teams}
    return replace(
        viewer,
        allowed=allowed,
        bound_site_id=site_id,
        teams={role: ids & teams for role, ids in viewer.teams.items()},
        deputised=deputised,
    )


def _deputised(session: Session, person_id: int, on: dt.date, *, leads: set[int]) -> dict[int, frozenset[int]]:
    """Return the teams of each lead whose deputy a person is on a day, without those that they lead themselves."""
    rows = session.execute(
        select(Deputyship.lead_id, RoleGrant.team_id)
        .join(RoleGrant, RoleGrant.person_id == Deputyship.lead_id)
        .where(
            Deputyship.deputy_id == person_id,
            Deputyship.starts_on <= on,
            Deputyship.ends_on > on,
            Deputyship.ended_at.is_(None),
            RoleGrant.role == Role.LEAD,
            RoleGrant.team_id.is_not(None),
        )
    )
    teams: dict[int, set[int]] = {}
    for lead_id, team_id in rows:
        if team_id is not None and team_id not in leads:
            teams.setdefault(lead_id, set()).add(team_id)
    return {lead_id: frozenset(ids) for lead_id, ids in teams.items()}


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


def colleagues_query(person: Person) -> Select[Person]:
    """Return a query of the other active agents of a person's own team, whose names and skills they may know."""
    # Nobody is in no team: without this, all who have none would be each other's colleagues.
    mine = Person.team_id == person.team_id if person.team_id is not None else false()
    return select(Person).where(mine, Person.id != person.id, Person.active, Person.is_agent)


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
