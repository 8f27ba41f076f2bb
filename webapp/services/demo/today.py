"""What surrounds a day's plan in the demo: what came before it, and what has happened since it was published."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Person, Plan, Role, RoleGrant, Site, Team
from webapp.services import work_evidence
from webapp.services.audit import Actor
from webapp.services.demo.care import seed_slipping
from webapp.services.demo.company import SITES
from webapp.services.demo.days import find_able
from webapp.services.demo.floor import seed_floor
from webapp.services.demo.intake import seed_intake
from webapp.services.demo.outside import seed_outside
from webapp.services.demo.routing import end_what_was_left, seed_routing
from webapp.services.demo.stretch import seed_stretch
from webapp.services.demo.talk import seed_talk
from webapp.services.demo.what_ifs import seed_policy, seed_simulation, seed_what_ifs
from webapp.services.secrets import SecretBox

CONNECTED = SITES[0][0]
"""The site that has a helpdesk, a telephone system and what-ifs; the other one plans its day and nothing else."""


def seed_before_planning(session: Session, *, box: SecretBox, at: dt.datetime) -> int:
    """
    Build what a plan finds: work that the helpdesk sent, what the company has connected, a policy of its own.

    Parameters
    ----------
    session
        A writing session.
    box
        Encrypts the secrets of what is connected.
    at
        The present moment.

    Returns
    -------
    int
        How many things were built.
    """
    site = session.scalars(select(Site).where(Site.code == CONNECTED)).one()
    by = Actor(person_id=_find_scheduler(session, site).id, at=at, channel="cli")
    end_what_was_left(session, site, at=at)
    return (
        _count_work(session, by=by)
        + seed_intake(session, site, box=box, by=by)
        + seed_outside(session, site, box=box, by=by)
        + seed_policy(session, by=by)
        + seed_stretch(session, site, by=by)
    )


def seed_since_publishing(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """
    Let the people of a plan that was just published have worked, talked and tried out until now.

    Parameters
    ----------
    session
        A writing session.
    plan
        The published plan of today.
    at
        The present moment.

    Returns
    -------
    int
        How many things happened.
    """
    by = Actor(person_id=_find_scheduler(session, plan.site).id, at=at, channel="cli")
    count = seed_floor(session, plan, at=at)
    count += seed_slipping(session, plan.site, by=by)
    count += seed_talk(session, plan, at=at)
    if plan.site.code != CONNECTED:
        return count
    agents = session.scalars(
        select(Person)
        .join(Team, Team.id == Person.team_id)
        .where(Person.site_id == plan.site_id, Person.is_agent, Person.active)
    ).all()
    count += seed_routing(session, plan.site, find_able(session, agents), at=at)
    count += seed_what_ifs(session, plan, by=by)
    return count + seed_simulation(session, plan.site, plan.day_on, by=by)


def _count_work(session: Session, *, by: Actor) -> int:
    """Let the records say what work people did up to yesterday, once a day as a job of the night does."""
    written = 0
    for site in session.scalars(select(Site).order_by(Site.id)).all():
        today = by.at.astimezone(ZoneInfo(site.time_zone)).date()
        first_on = work_evidence.first_day_to_count(session, site, today, since=None)
        people = work_evidence.list_people(session, site)
        counted = work_evidence.count_work(session, site, people, first_on=first_on, until=today, by=by)
        written += counted.written
    return written


def _find_scheduler(session: Session, site: Site) -> Person:
    query = select(Person).join(RoleGrant, RoleGrant.person_id == Person.id)
    query = query.where(RoleGrant.role == Role.SCHEDULER, RoleGrant.site_id == site.id)
    return session.scalars(query.order_by(Person.id).limit(1)).one()
