"""``mainstay demo``: a made-up contact centre with today's plans, served at once."""

from __future__ import annotations

import datetime as dt
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import click
from flask_security import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import ROOT
from webapp import create_app, schema
from webapp.cli.console import cli, get_config, get_database, now
from webapp.cli.serve import serve_until_interrupted
from webapp.db import Database
from webapp.errors import ForbiddenError
from webapp.models import Assignment, Engagement, Person, Plan, PlanRun, PlanState, Role, RoleGrant, Site
from webapp.services import forecasting
from webapp.services.audit import Actor
from webapp.services.demo import seed_before_planning, seed_company, seed_day, seed_since_publishing
from webapp.services.demo.company import is_seeded
from webapp.services.planning import publish, runs
from webapp.services.planning.day import find_live_plan
from webapp.services.secrets import SecretBox

PASSWORD = "mainstay-demo"  # noqa: S105 - it opens a made-up company on this machine only
SOLVE_SECONDS = 20.0
_SHOWN = (
    (Role.AGENT, "own day, skills and path"),
    (Role.LEAD, "reviews and the team's heat map"),
    (Role.SCHEDULER, "today's plan, runs, engagements, roster"),
    (Role.HR, "who can, people, ladder, hiring profiles"),
    (Role.ADMIN, "everything, with jobs and the audit trail"),
)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, envvar="PORT", help="8000, or PORT.")
@click.option("--serve/--no-serve", "and_serve", default=True, help="Serve, or only build the data.")
def demo(*, host: str, port: int, and_serve: bool) -> None:
    """Make up a contact centre in instance/demo.db, solve and publish today's plans, print the sign-ins, serve."""
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{ROOT / 'instance' / 'demo.db'}")
    config = get_config()
    if config.production:
        raise ForbiddenError("The demo has a public password. It does not run with MAINSTAY_ENV=production.")
    logging.basicConfig(level=logging.WARNING)
    started = time.monotonic()
    database = get_database()
    schema.upgrade(database)
    _seed(database)
    _plan(database)
    with database.reading() as session:
        _print_sign_ins(session)
    click.echo(f"\nReady after {time.monotonic() - started:.0f} s.")
    if and_serve:
        click.echo(f"Open http://{host}:{port}  (Ctrl-C ends it)")
        serve_until_interrupted(create_app(config), host=host, port=port)


def _seed(database: Database) -> None:
    with database.reading() as session:
        seeded = is_seeded(session)
    if not seeded:
        click.echo("Making up a contact centre:")
        with create_app(start_jobs=False).app_context():
            password_hash = hash_password(PASSWORD)
        with database.transaction() as session:
            seed_company(session, password_hash=password_hash, at=now(), report=lambda text: click.echo(f"  {text}"))
    with database.transaction() as session:
        if seed_day(session, at=now()):
            click.echo("  Today's shifts, contacts and engagements")
        if seed_before_planning(session, box=SecretBox(get_config().secret_key), at=now()):
            click.echo("  A helpdesk's messages, and what else is connected")


def _plan(database: Database) -> None:
    """Forecast, solve and publish today's plan of each site that has none, the sites side by side."""
    with database.reading() as session:
        waiting = [
            (site.id, site.name)
            for site in session.scalars(select(Site).order_by(Site.id))
            if find_live_plan(session, site.id, _today(site)) is None
        ]
    if not waiting:
        return
    names = " and ".join(name for _, name in waiting)
    click.echo(f"Solving today's plans for {names} ({SOLVE_SECONDS:.0f} seconds) …")
    with ThreadPoolExecutor(max_workers=len(waiting)) as pool:
        plan_ids = list(pool.map(lambda each: _plan_site(database, each[0]), waiting))
    # One after the other, because each writes much and SQLite has one writer at a time.
    for plan_id in filter(None, plan_ids):
        with database.transaction() as session:
            seed_since_publishing(session, session.get_one(Plan, plan_id), at=now())


def _plan_site(database: Database, site_id: int) -> int | None:
    """Forecast, solve and publish today's plan of a site; return it, or None if no plan was found."""
    with database.transaction() as session:
        site = session.get_one(Site, site_id)
        day = _today(site)
        scheduler_id = _find_holder(session, Role.SCHEDULER, site_id=site_id).id
        by = Actor(person_id=scheduler_id, at=now(), channel="cli")
        forecasting.build_forecast(session, site, day, by=by)
    run_id = runs.run_now(
        database,
        site_id,
        day,
        request=runs.RunRequest(time_limit_seconds=SOLVE_SECONDS),
        by=by,
        clock=now,
        memory_mb=get_config().solver_memory_mb,
    )
    with database.transaction() as session:
        run = session.get_one(PlanRun, run_id)
        if run.plan is None:
            click.echo(f"  {run.site.name}: no plan ({run.status}); start a run from the Plans page.")
            return None
        by = Actor(person_id=scheduler_id, at=now(), channel="cli")
        plan = publish.publish_plan(session, run.plan, today=day, by=by)
        gap = "" if run.gap is None else f", within {run.gap:.1%} of the best possible"
        click.echo(f"  {run.site.name}: published{gap}.")
        return plan.id


def _today(site: Site) -> dt.date:
    return now().astimezone(ZoneInfo(site.time_zone)).date()


def _find_holder(session: Session, role: Role, *, site_id: int | None = None) -> Person:
    query = select(Person).join(RoleGrant, RoleGrant.person_id == Person.id).where(RoleGrant.role == role)
    if site_id is not None:
        query = query.where(Person.site_id == site_id)
    return session.scalars(query.order_by(Person.id).limit(1)).one()


def _find_busy_agent(session: Session) -> Person:
    """Return an agent whose day shows what a day can hold: about a dozen pieces of work of many kinds."""
    kinds = func.count(Engagement.engagement_type_id.distinct())
    busy = (
        select(Person)
        .join(Assignment, Assignment.person_id == Person.id)
        .join(Engagement, Engagement.id == Assignment.engagement_id)
        .join(Plan, Plan.id == Assignment.plan_id)
        .where(Plan.state == PlanState.PUBLISHED, Person.job_title == "Service agent")
        .group_by(Person.id)
        .having(func.count(Assignment.id).between(8, 16))
        .order_by(kinds.desc(), Person.id)
        .limit(1)
    )
    return session.scalar(busy) or _find_holder(session, Role.AGENT)


def _print_sign_ins(session: Session) -> None:
    click.echo(f"\nSign in with the password {PASSWORD} as:")
    for role, what in _SHOWN:
        person = _find_busy_agent(session) if role is Role.AGENT else _find_holder(session, role)
        click.echo(f"  {role.value:<10} {person.email:<42} {person.name}: {what}")
