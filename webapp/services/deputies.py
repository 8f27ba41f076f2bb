"""
Deputies: while a lead is away, somebody else reviews the people of their teams.

A lead names their own deputy; HR names one for the leads of its sites, and gets no right to review by that. A
deputyship begins and ends by its dates (:func:`webapp.services.access.get_viewer` reads them), so that nobody has to
remember to take it back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Account, Deputyship, Person, Role, RoleGrant
from webapp.services import audit, notices
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor

MOST_DAYS = 92
"""Longest time for which somebody may be named at once: longer absences deserve a new look."""


def list_deputyships(session: Session, *, viewer: Viewer, on: dt.date) -> Sequence[Deputyship]:
    """Return the deputyships that are not over which the viewer may end, or in which they take part; the next first."""
    lead, deputy = aliased(Person), aliased(Person)
    query = (
        select(Deputyship)
        .join(lead, lead.id == Deputyship.lead_id)
        .join(deputy, deputy.id == Deputyship.deputy_id)
        .where(
            Deputyship.ended_at.is_(None),
            Deputyship.ends_on > on,
            or_(Deputyship.deputy_id == viewer.person_id, _may_name_for(viewer, lead.id)),
        )
        .options(joinedload(Deputyship.lead), joinedload(Deputyship.deputy), joinedload(Deputyship.named_by))
        .order_by(Deputyship.starts_on, lead.name, Deputyship.id)
    )
    return session.scalars(query).all()


def list_leads(session: Session, *, viewer: Viewer) -> Sequence[Person]:
    """Return the leads for whom the viewer may name a deputy, by name; for a lead, themselves."""
    leading = select(RoleGrant.person_id).where(RoleGrant.role == Role.LEAD, RoleGrant.team_id.is_not(None))
    query = select(Person).where(Person.active, Person.id.in_(leading), _may_name_for(viewer, Person.id))
    return session.scalars(query.order_by(Person.name, Person.id)).all()


def list_candidates(session: Session, leads: Collection[Person]) -> Sequence[Person]:
    """Return who may be a deputy of one of the leads, by name: those of their sites who can sign in."""
    query = (
        select(Person)
        .join(Account, Account.person_id == Person.id)
        .where(Person.active, Account.active, Person.site_id.in_({lead.site_id for lead in leads}))
        .options(joinedload(Person.team))
        .order_by(Person.name, Person.id)
    )
    return session.scalars(query).all()


def _may_name_for(viewer: Viewer, lead_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Return the condition under which the viewer may name and end deputies of a lead: their own, or HR's sites'."""
    person = aliased(Person)
    scope = viewer.scope(Permission.SEE_OVERDUE_REVIEWS)
    condition: ColumnElement[bool] = lead_id == viewer.person_id
    if scope.everywhere:
        condition = or_(condition, lead_id.is_not(None))
    elif scope.site_ids:
        condition = or_(condition, lead_id.in_(select(person.id).where(person.site_id.in_(scope.site_ids))))
    return condition


def name_deputy(
    session: Session, *, lead_id: int, deputy_id: int, starts_on: dt.date, last_on: dt.date, viewer: Viewer, by: Actor
) -> Deputyship:
    """
    Let somebody review in a lead's place from a day to another, both included; they are told.

    Raises
    ------
    InvalidInputError
        If the days are none, or the deputy is the lead, unknown, of another site, or without a way to sign in.
    NotFoundError
        If there is no such lead for whom the viewer may name anybody.
    ConflictError
        If the lead has a deputy on one of the days.
    """
    leads = list_leads(session, viewer=viewer)
    lead = next((person for person in leads if person.id == lead_id), None)
    if lead is None:
        raise NotFoundError("There is no such lead for whom you may name a deputy.")
    if deputy_id == lead.id:
        raise InvalidInputError("Choose somebody else than the lead who is away.", field="deputy_id")
    deputy = next((person for person in list_candidates(session, [lead]) if person.id == deputy_id), None)
    if deputy is None:
        raise InvalidInputError("Choose somebody of the lead's site who can sign in.", field="deputy_id")
    ends_on = last_on + dt.timedelta(days=1)
    _check_days(starts_on, last_on, on=by.at.date())
    taken = session.scalar(
        select(Deputyship)
        .where(
            Deputyship.lead_id == lead.id,
            Deputyship.ended_at.is_(None),
            and_(Deputyship.starts_on < ends_on, Deputyship.ends_on > starts_on),
        )
        .options(joinedload(Deputyship.deputy))
        .limit(1)
    )
    if taken is not None:
        raise ConflictError(
            f"{taken.deputy.name} is deputy from {taken.starts_on:%-d %b %Y} to {taken.last_on:%-d %b %Y}. "
            "End that first."
        )
    deputyship = Deputyship(
        lead_id=lead.id,
        deputy_id=deputy.id,
        starts_on=starts_on,
        ends_on=ends_on,
        named_by_id=by.person_id,
        named_at=by.at,
    )
    session.add(deputyship)
    audit.record(session, "name_deputy", deputyship, by=by, person_id=lead.id, detail=_facts(deputyship))
    notices.notify(
        session,
        deputy.id,
        kind="deputy",
        text=f"You review in place of {lead.name} from {starts_on:%-d %b} to {last_on:%-d %b %Y}.",
        link="/deputies",
        by=by,
    )
    return deputyship


def _check_days(starts_on: dt.date, last_on: dt.date, *, on: dt.date) -> None:
    if last_on < starts_on:
        raise InvalidInputError("The last day comes before the first.", field="last_on")
    if last_on < on:
        raise InvalidInputError("This day has passed.", field="last_on")
    if (last_on - starts_on).days >= MOST_DAYS:
        raise InvalidInputError(
            f"Name a deputy for {MOST_DAYS} days at most, and again after that if need be.", field="last_on"
        )


def end_deputyship(session: Session, deputyship_id: int, *, viewer: Viewer, by: Actor) -> Deputyship:
    """
    End a deputyship before its time.

    Raises
    ------
    NotFoundError
        If there is none that the viewer may end, or it has ended already.
    """
    deputyship = session.scalar(
        select(Deputyship)
        .where(
            Deputyship.id == deputyship_id,
            Deputyship.ended_at.is_(None),
            or_(_may_name_for(viewer, Deputyship.lead_id), Deputyship.deputy_id == viewer.person_id),
        )
        .options(joinedload(Deputyship.lead), joinedload(Deputyship.deputy))
    )
    if deputyship is None:
        raise NotFoundError("There is no such deputy.")
    deputyship.ended_at = by.at
    audit.record(session, "end_deputy", deputyship, by=by, person_id=deputyship.lead_id, detail=_facts(deputyship))
    return deputyship


def _facts(deputyship: Deputyship) -> dict[str, object]:
    return {
        "lead": deputyship.lead_id,
        "deputy": deputyship.deputy_id,
        "starts_on": deputyship.starts_on.isoformat(),
        "ends_on": deputyship.ends_on.isoformat(),
    }


def leads_by_team(session: Session, team_ids: Collection[int]) -> dict[int, list[Person]]:
    """Return the leads of each team, by name; a team without one is left out."""
    rows = session.execute(
        select(RoleGrant.team_id, Person)
        .join(Person, Person.id == RoleGrant.person_id)
        .where(RoleGrant.role == Role.LEAD, RoleGrant.team_id.in_(team_ids), Person.active)
        .order_by(Person.name, Person.id)
    )
    leads: dict[int, list[Person]] = {}
    for team_id, person in rows:
        if team_id is not None:
            leads.setdefault(team_id, []).append(person)
    return leads


def deputies_on(session: Session, lead_ids: Collection[int], on: dt.date) -> dict[int, Person]:
    """Return the deputy of each lead who has one on a day."""
    rows = session.execute(
        select(Deputyship.lead_id, Person)
        .join(Person, Person.id == Deputyship.deputy_id)
        .where(
            Deputyship.lead_id.in_(lead_ids),
            Deputyship.ended_at.is_(None),
            Deputyship.starts_on <= on,
            Deputyship.ends_on > on,
        )
    )
    return {row[0]: row[1] for row in rows}
