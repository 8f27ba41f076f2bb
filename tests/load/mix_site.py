"""The installation that the page mix asks: the demo's two sites with today's plans, and a session for everybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Config
from tests import running
from tests.factories import Make
from tests.factories.centre import build_centre
from tests.load.mix_servers import SECRETS
from webapp import create_app
from webapp.db import Database
from webapp.models import (
    Account,
    Assignment,
    Channel,
    Engagement,
    EngagementType,
    Person,
    Plan,
    PlanState,
    Role,
    RoleGrant,
    RoutingMode,
    Site,
    SkillRecord,
    TokenScope,
)
from webapp.services import access, api_tokens
from webapp.services.audit import Actor
from webapp.services.planning import day as planned_day
from webapp.services.planning import publish, runs
from webapp.services.routing import events, settings

SCOPES = (TokenScope.PEOPLE_READ, TokenScope.WORK_READ, TokenScope.ROUTING_WRITE)
_CSRF = "0123456789abcdef" * 4


@dataclass(frozen=True, slots=True)
class Cast:
    """
    Who asks, and for what; plain values only, as another process reads it.

    Parameters
    ----------
    cookies
        The signed session of each person, by key.
    csrf
        The token of forms that goes with each of these sessions.
    secret
        Of an API token that may read people and work, and tell live routing what happens.
    roles
        Keys of the people with each role.
    skills
        Skills on the record of each agent.
    assignments
        Work of each agent in a published plan that may still be answered.
    plans, site_ids
        Of the published plans.
    site, kinds
        Codes of the routed site and of its live types of work.
    """

    cookies: Mapping[int, str]
    csrf: str
    secret: str
    roles: Mapping[str, list[int]]
    skills: Mapping[int, list[int]]
    assignments: Mapping[int, list[int]]
    plans: list[int]
    site_ids: list[int]
    site: str
    kinds: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def build(database: Database, url: str, *, small: bool) -> Cast:
    """Build the demo's company with its plans, or a centre of six agents with tomorrow's; return who is in it."""
    if small:
        _build_small(database)
    else:
        running.mainstay("demo", "--no-serve", database_url=url, seconds=600)
    with database.transaction() as session:
        site = session.scalars(select(Site).join(Plan, Plan.site_id == Site.id).order_by(Site.id).limit(1)).one()
        admin = session.scalars(select(Person).join(RoleGrant).where(RoleGrant.role == Role.ADMIN).limit(1)).one()
        by = Actor(person_id=admin.id, at=running.now(), channel="cli")
        secret = _open_api(session, admin, by=by)
        settings.change_setting(session, site, settings.Wanted(RoutingMode.LIVE), by=by)
        agents = session.scalars(select(Person).where(Person.site_id == site.id, Person.is_agent)).all()
        events.take_in(session, site.id, lambda taking: _come(taking, agents), at=by.at)
        return _cast(session, site, secret)


def _come(taking: events.Events, agents: Any) -> events.Outcome:
    for agent in agents:
        taking.free(agent.external_id)
    return taking.outcome


def _build_small(database: Database) -> None:
    with database.writing() as session:
        make = Make(session)
        centre = build_centre(make, day_on=running.now().date() + dt.timedelta(days=1))
        make.commit()
    by = Actor(person_id=centre.scheduler.id, at=running.now(), channel="cli")
    request = runs.RunRequest(time_limit_seconds=5.0, gap=0.01)
    run_id = runs.run_now(database, centre.site.id, centre.day_on, request=request, by=by, clock=running.now)
    with database.transaction() as session:
        plan = session.scalars(select(Plan).where(Plan.run_id == run_id)).one()
        publish.publish_plan(session, plan, today=running.now().date(), by=by)


def _open_api(session: Session, admin: Person, *, by: Actor) -> str:
    _, secret = api_tokens.create_token(
        session,
        admin,
        name="Load",
        scopes=list(SCOPES),
        site_id=None,
        expires_on=(by.at + dt.timedelta(days=2)).date(),
        viewer=access.get_viewer(session, admin.id),
        by=by,
    )
    return secret


def _cast(session: Session, site: Site, secret: str) -> Cast:
    marks = {account.person_id: account.fs_uniquifier for account in session.scalars(select(Account))}
    roles: dict[str, list[int]] = {}
    for grant in session.scalars(select(RoleGrant).order_by(RoleGrant.person_id)):
        if grant.person_id in marks:
            roles.setdefault(grant.role.value, []).append(grant.person_id)
    skills: dict[int, list[int]] = {}
    for record in session.scalars(select(SkillRecord).where(SkillRecord.person_id.in_(roles["agent"]))):
        skills.setdefault(record.person_id, []).append(record.skill_id)
    plans = session.scalars(select(Plan).where(Plan.state == PlanState.PUBLISHED).order_by(Plan.id)).all()
    assignments: dict[int, list[int]] = {}
    answerable = (
        select(Assignment)
        .join(Assignment.engagement)
        .where(Assignment.plan_id.in_(plan.id for plan in plans), Engagement.state.in_(planned_day.ANSWERABLE))
    )
    for row in session.scalars(answerable.order_by(Assignment.id)):
        assignments.setdefault(row.person_id, []).append(row.id)
    live = EngagementType.channel.in_([channel for channel in Channel if channel.live])
    kinds = session.scalars(select(EngagementType.code).where(live).order_by(EngagementType.code))
    return Cast(
        cookies=_sign(marks),
        csrf=URLSafeTimedSerializer(SECRETS["SECRET_KEY"], salt="wtf-csrf-token").dumps(_CSRF),
        secret=secret,
        roles=roles,
        skills=skills,
        assignments=assignments,
        plans=[plan.id for plan in plans],
        site_ids=sorted({plan.site_id for plan in plans}),
        site=site.code,
        kinds=list(kinds),
    )


def _sign(marks: Mapping[int, str]) -> dict[int, str]:
    """Return a signed session for each person, as if they had signed in a moment ago."""
    config = Config(executor="none", secret_key=SECRETS["SECRET_KEY"], database_url="sqlite://")
    app = create_app(config, start_jobs=False)
    signer: Any = SecureCookieSessionInterface().get_signing_serializer(app)
    return {key: signer.dumps({"_user_id": mark, "_fresh": True, "csrf_token": _CSRF}) for key, mark in marks.items()}


def tomorrow_of(session: Session, site_id: int) -> dt.date:
    """Return the day after today at a site."""
    zone = ZoneInfo(session.get_one(Site, site_id).time_zone)
    return running.now().astimezone(zone).date() + dt.timedelta(days=1)
