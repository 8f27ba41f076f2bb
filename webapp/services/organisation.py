"""Sites and teams."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, DependencyError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Person, Site, Team
from webapp.services import access, audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.versions import require_version

CODE_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team with the number of its active members."""

    team: Team
    members: int


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site with its teams and the number of its active people."""

    site: Site
    teams: tuple[TeamRow, ...]
    people: int


def list_time_zones() -> list[str]:
    """Return the IANA names that this machine's time-zone database knows, places only."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))


def list_structure(session: Session, *, viewer: Viewer) -> list[SiteRow]:
    """Return the sites and teams in which the viewer edits people, by name."""
    sites = access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    ids = [site.id for site in sites]
    in_site = _count_people(session, Person.site_id)
    in_team = _count_people(session, Person.team_id)
    teams = session.scalars(select(Team).where(Team.site_id.in_(ids)).order_by(Team.name)).all()
    return [
        SiteRow(
            site=site,
            teams=tuple(TeamRow(team, in_team.get(team.id, 0)) for team in teams if team.site_id == site.id),
            people=in_site.get(site.id, 0),
        )
        for site in sites
    ]


def _count_people(session: Session, column: Any) -> dict[int, int]:
    counted = select(column, func.count()).where(Person.active, column.is_not(None)).group_by(column)
    return dict(session.execute(counted).all())


def create_site(session: Session, *, code: str, name: str, time_zone: str, viewer: Viewer, by: Actor) -> Site:
    """
    Add a site.

    Raises
    ------
    ForbiddenError
        If the viewer serves only some sites: nobody would serve the new one.
    InvalidInputError
        If the code is taken or malformed, the name is empty, or the time zone is unknown.
    """
    if not viewer.scope(Permission.EDIT_PEOPLE).everywhere:
        raise ForbiddenError("Only an admin adds a site.")
    site = Site(code=_free_code(session, Site, code), name=_name(name), time_zone=_time_zone(time_zone))
    session.add(site)
    session.flush()
    audit.record(session, "create_site", site, by=by, detail=_site_values(site))
    return site


def update_site(
    session: Session, site: Site, *, name: str, time_zone: str, version: int, seen: Mapping[str, str], by: Actor
) -> Site:
    """
    Rename a site or correct its time zone; stored moments stay, their wall-clock times follow the new zone.

    Raises
    ------
    ConflictError
        If somebody changed the site since ``version``.
    InvalidInputError
        If the name is empty or the time zone is unknown.
    """
    require_version(site, version, seen=seen, present=describe_site(site))
    before = _site_values(site)
    site.name, site.time_zone = _name(name), _time_zone(time_zone)
    audit.record(session, "update_site", site, by=by, detail={"before": before, "after": _site_values(site)})
    return site


def delete_site(session: Session, site: Site, *, by: Actor) -> None:
    """
    Remove a site that nothing refers to.

    Raises
    ------
    DependencyError
        If people, teams or work belong to it.
    """
    rows = [
        *session.scalars(select(Team.name).where(Team.site_id == site.id).order_by(Team.name).limit(5)),
        *session.scalars(select(Person.name).where(Person.site_id == site.id).order_by(Person.name).limit(5)),
    ]
    if rows:
        raise DependencyError(f"{site.name} still has {', '.join(rows)}. Move them first.", rows=rows)
    audit.record(session, "delete_site", site, by=by, detail=_site_values(site))
    _delete(session, site)


def describe_site(site: Site) -> dict[str, str]:
    """Return what the edit form shows, in words."""
    return {"Name": site.name, "Time zone": site.time_zone}


def get_team(
    session: Session, team_id: int, *, viewer: Viewer, permission: Permission = Permission.EDIT_PEOPLE
) -> Team:
    """
    Return a team on whose people the viewer has a permission: to edit them if none is given.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the viewer's scope.
    """
    scope = viewer.scope(permission)
    query = select(Team).where(Team.id == team_id).options(joinedload(Team.site))
    if not scope.everywhere:
        query = query.where(or_(Team.site_id.in_(scope.site_ids), Team.id.in_(scope.team_ids)))
    team = session.scalar(query)
    if team is None:
        raise NotFoundError("There is no such team.")
    return team


def create_team(session: Session, site: Site, *, code: str, name: str, by: Actor) -> Team:
    """
    Add a team to a site.

    Raises
    ------
    InvalidInputError
        If the code is taken or malformed, or the name is empty.
    """
    team = Team(code=_free_code(session, Team, code), name=_name(name), site_id=site.id)
    session.add(team)
    session.flush()
    audit.record(session, "create_team", team, by=by, detail={"code": team.code, "name": team.name})
    return team


def update_team(session: Session, team: Team, *, name: str, version: int, seen: Mapping[str, str], by: Actor) -> Team:
    """
    Rename a team; it stays at its site, because its people work there.

    Raises
    ------
    ConflictError
        If somebody changed the team since ``version``.
    InvalidInputError
        If the name is empty.
    """
    require_version(team, version, seen=seen, present=describe_team(team))
    before = team.name
    team.name = _name(name)
    audit.record(session, "update_team", team, by=by, detail={"before": before, "after": team.name})
    return team


def delete_team(session: Session, team: Team, *, by: Actor) -> None:
    """
    Remove an empty team.

    Raises
    ------
    DependencyError
        If people belong to it, or somebody leads it.
    """
    members = list(session.scalars(select(Person.name).where(Person.team_id == team.id).order_by(Person.name).limit(5)))
    if members:
        raise DependencyError(f"{team.name} still has {', '.join(members)}. Move them first.", rows=members)
    audit.record(session, "delete_team", team, by=by, detail={"code": team.code, "name": team.name})
    _delete(session, team)


def describe_team(team: Team) -> dict[str, str]:
    """Return what the edit form shows, in words."""
    return {"Name": team.name}


def _delete(session: Session, row: Site | Team) -> None:
    """Delete a row, or say that something that no page lists here still refers to it."""
    try:
        with session.begin_nested():
            session.delete(row)
    except IntegrityError:
        raise ConflictError(
            f"{row.name} is still in use, by a lead's role, by work or by plans, and stays for the record."
        ) from None


def _free_code(session: Session, model: type[Site | Team], code: str) -> str:
    code = code.strip()
    if not CODE_PATTERN.fullmatch(code) or len(code) > 80:
        raise InvalidInputError("Use letters, digits, dots and dashes, such as berlin-2; at most 80.", field="code")
    if session.scalar(select(model.id).where(model.code == code)) is not None:
        raise InvalidInputError(f"The code {code} is taken.", field="code")
    return code


def _name(name: str) -> str:
    if not name.strip():
        raise InvalidInputError("Give it a name.", field="name")
    return name.strip()


def _time_zone(name: str) -> str:
    if name not in available_timezones():
        raise InvalidInputError("This time zone is not known. Use a name such as Europe/Berlin.", field="time_zone")
    return name


def _site_values(site: Site) -> dict[str, str]:
    return {"code": site.code, "name": site.name, "time_zone": site.time_zone}
