"""People, teams and sites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Person, Site, Team
from webapp.services.access import Permission, Viewer
from webapp.services.listing.keyset import Page, PageRequest, read_page

SITE_ORDERS = {"id": Site.id, "code": Site.code, "name": Site.name}
TEAM_ORDERS = {"id": Team.id, "code": Team.code, "name": Team.name}
PEOPLE_ORDERS = {"id": Person.id, "external_id": Person.external_id, "name": Person.name}


def of_site(query: Select[Any], column: Any, site: str | None) -> Select[Any]:
    """Return a query narrowed to the rows of the site with a code, if there is one."""
    return query if site is None else query.where(column.in_(select(Site.id).where(Site.code == site)))


def where_equal(query: Select[Any], wanted: dict[Any, Any]) -> Select[Any]:
    """Return a query narrowed to rows that have each value that is not None."""
    return query.where(*(column == value for column, value in wanted.items() if value is not None))


def list_sites(session: Session, *, viewer: Viewer, code: str | None = None, wanted: PageRequest) -> Page[Site]:
    """Return a page of the sites whose people the viewer sees."""
    query = where_equal(select(Site).where(viewer.sees_site(Permission.VIEW_PEOPLE)), {Site.code: code})
    return read_page(session, query, wanted=wanted, columns=SITE_ORDERS, key=Site.id)


@dataclass(frozen=True, slots=True)
class TeamFilter:
    """What a list of teams is narrowed to."""

    code: str | None = None
    site_id: int | None = None
    site: str | None = None


def list_teams(session: Session, *, viewer: Viewer, chosen: TeamFilter, wanted: PageRequest) -> Page[Team]:
    """Return a page of the teams whose people the viewer sees."""
    scope = viewer.scope(Permission.VIEW_PEOPLE)
    query = select(Team).options(joinedload(Team.site))
    if not scope.everywhere:
        query = query.where(or_(Team.site_id.in_(scope.site_ids), Team.id.in_(scope.team_ids)))
    query = where_equal(query, {Team.code: chosen.code, Team.site_id: chosen.site_id})
    query = of_site(query, Team.site_id, chosen.site)
    return read_page(session, query, wanted=wanted, columns=TEAM_ORDERS, key=Team.id)


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """What a list of people is narrowed to."""

    external_id: str | None = None
    email: str | None = None
    site_id: int | None = None
    site: str | None = None
    team_id: int | None = None
    team: str | None = None
    is_agent: bool | None = None
    active: bool | None = None


def list_people(session: Session, *, viewer: Viewer, chosen: PersonFilter, wanted: PageRequest) -> Page[Person]:
    """Return a page of the people whom the viewer sees."""
    query = select(Person).where(viewer.sees(Permission.VIEW_PEOPLE))
    query = query.options(joinedload(Person.site), joinedload(Person.team))
    query = where_equal(
        query,
        {
            Person.external_id: chosen.external_id,
            Person.email: chosen.email.lower() if chosen.email else chosen.email,
            Person.site_id: chosen.site_id,
            Person.team_id: chosen.team_id,
            Person.is_agent: chosen.is_agent,
            Person.active: chosen.active,
        },
    )
    query = of_site(query, Person.site_id, chosen.site)
    if chosen.team is not None:
        query = query.where(Person.team_id.in_(select(Team.id).where(Team.code == chosen.team)))
    return read_page(session, query, wanted=wanted, columns=PEOPLE_ORDERS, key=Person.id)
