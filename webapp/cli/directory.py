"""``mainstay site`` and ``mainstay admin``: what a new installation needs before anybody can sign in."""

from __future__ import annotations

import click
from flask_security import hash_password
from sqlalchemy import select

from webapp import create_app
from webapp.cli.console import SYSTEM, cli, cli_actor, get_database
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Role, Site
from webapp.services import accounts, organisation, people, roles
from webapp.services.people import PersonValues

SHORTEST_PASSWORD = 10


@cli.group()
def site() -> None:
    """Add sites."""


@site.command("add")
@click.argument("code")
@click.argument("name")
@click.argument("time_zone", metavar="TIME_ZONE")
def add_site(code: str, name: str, time_zone: str) -> None:
    """Add a site, such as: harbour "Harbour" Europe/Berlin."""
    with get_database().transaction() as session:
        organisation.create_site(
            session, code=code, name=name, time_zone=time_zone, viewer=SYSTEM, by=cli_actor(session)
        )
    click.echo(f"{name} is there, in {time_zone}.")


@cli.group()
def admin() -> None:
    """Add administrators."""


@admin.command("create")
@click.argument("email")
@click.argument("name")
@click.option("--site", "site_code", required=True, help="Code of the site that they belong to.")
@click.password_option(help=f"At least {SHORTEST_PASSWORD} characters; asked for if not given.")
def create_admin(email: str, name: str, site_code: str, password: str) -> None:
    """Add a person who may administer everything, with an account."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(f"The password needs at least {SHORTEST_PASSWORD} characters.", field="password")
    with create_app(start_jobs=False).app_context():
        password_hash = hash_password(password)
    with get_database().transaction() as session:
        home = session.scalar(select(Site).where(Site.code == site_code))
        if home is None:
            raise NotFoundError(f"There is no site {site_code!r}: add it with 'mainstay site add'.")
        by = cli_actor(session)
        values = PersonValues(name=name, email=email, site_id=home.id, is_agent=False)
        person = people.create_person(session, external_id=email, values=values, viewer=SYSTEM, by=by)
        roles.grant_role(session, person, role=Role.ADMIN, viewer=SYSTEM, by=by)
        accounts.create_account(session, person, password_hash=password_hash, viewer=SYSTEM, by=by)
    click.echo(f"{name} may sign in as {email}.")
