"""Sites, contacts, reservations and agents of live routing, as far as somebody may see them."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import BigInteger, Boolean, Integer, Select, Table, any_, bindparam, func, or_, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from webapp.errors import NotFoundError
from webapp.models import Person, RoutingContact, RoutingDecision, RoutingReservation, Site
from webapp.services.access import Permission, Scope, Viewer
from webapp.services.routing.floors import LOCK_MILLISECONDS, LOCK_SPACE

_site, _contact, _reservation, _decision = (
    cast(Table, model.__table__) for model in (Site, RoutingContact, RoutingReservation, RoutingDecision)
)
# Statements are made once: making and recognizing one takes longer than the database takes to answer it.
_SITE = select(_site.c.id).where(_site.c.code == bindparam("named"))
_SITE_OF_CONTACT, _SITE_OF_RESERVATION, _SITE_OF_DECISION = (
    select(table.c.site_id).where(table.c.id == bindparam("named")) for table in (_contact, _reservation, _decision)
)


def _and_lock(query: Select[Any]) -> Select[Any]:
    """
    Let a statement of PostgreSQL that finds a site take its lock as well, which saves a journey to the server.

    It finds, and so locks, only what lies within a scope: whoever has none there does not hold up those who route.
    """
    (site_id,) = query.selected_columns
    inside = site_id == any_(bindparam("site_ids", type_=ARRAY(BigInteger)))
    return query.where(or_(bindparam("everywhere", type_=Boolean), inside)).add_columns(
        func.set_config("lock_timeout", str(LOCK_MILLISECONDS), True),  # noqa: FBT003 - for this transaction only
        func.pg_advisory_xact_lock(LOCK_SPACE, as_type(site_id, Integer)),
    )


_LOCKING = {query: _and_lock(query) for query in (_SITE, _SITE_OF_CONTACT, _SITE_OF_RESERVATION)}


def get_site_id(session: Session, code: str, *, viewer: Viewer, permission: Permission) -> int:
    """
    Return the key of a site by its code.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the viewer's scope.
    """
    return _within(session, _SITE, code, viewer.scope(permission), "site")


def lock_site_of_code(session: Session, code: str, *, viewer: Viewer) -> int:
    """
    Return the key of a site by its code, with the site's lock taken.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the viewer's scope.
    """
    return _within(session, _SITE, code, viewer.scope(Permission.RUN_ROUTING), "site", lock=True)


def lock_site_of_contact(session: Session, contact_id: int, *, viewer: Viewer) -> int:
    """
    Return the site of a contact, with its lock taken.

    Raises
    ------
    NotFoundError
        If there is no such contact, or it lies outside the viewer's scope.
    """
    return _within(session, _SITE_OF_CONTACT, contact_id, viewer.scope(Permission.RUN_ROUTING), "contact", lock=True)


def lock_site_of_reservation(session: Session, reservation_id: int, *, viewer: Viewer) -> int:
    """
    Return the site of a reservation, with its lock taken.

    Raises
    ------
    NotFoundError
        If there is no such reservation, or it lies outside the viewer's scope.
    """
    scope = viewer.scope(Permission.RUN_ROUTING)
    return _within(session, _SITE_OF_RESERVATION, reservation_id, scope, "reservation", lock=True)


def get_decision_id(session: Session, decision_id: int, *, viewer: Viewer) -> int:
    """
    Return the key of a decision that the viewer may see.

    Raises
    ------
    NotFoundError
        If there is no such decision, or it lies outside the viewer's scope.
    """
    _within(session, _SITE_OF_DECISION, decision_id, viewer.scope(Permission.VIEW_ROUTING), "decision")
    return decision_id


def get_agent(session: Session, person_id: int, *, viewer: Viewer, permission: Permission) -> Person:
    """
    Return an active agent of a site that the viewer may route.

    Raises
    ------
    NotFoundError
        If there is no such agent, or they lie outside the viewer's scope.
    """
    query = (
        select(Person)
        .join(Site, Site.id == Person.site_id)
        .where(Person.id == person_id, Person.active, Person.is_agent, viewer.sees_site(permission))
    )
    found = session.scalar(query)
    if found is None:
        raise NotFoundError("There is no such agent.")
    return found


def _within(
    session: Session, query: Select[int], named: str | int, scope: Scope, what: str, *, lock: bool = False
) -> int:
    """Return the site that a statement finds, if the scope holds it."""
    connection = session.connection()
    asked: dict[str, Any] = {"named": named}
    # On SQLite a writing transaction holds the lock from its beginning.
    if lock and connection.dialect.name == "postgresql":
        query = _LOCKING[query]
        asked |= {"everywhere": scope.everywhere, "site_ids": sorted(scope.site_ids)}
    site_id = connection.execute(query, asked).scalar()
    if site_id is None or not scope.holds_site(site_id):
        raise NotFoundError(f"There is no such {what}.")
    return int(site_id)
