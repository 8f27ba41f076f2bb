"""``mainstay db``: migrate the database."""

from __future__ import annotations

import click

from webapp import schema
from webapp.cli.console import cli, get_database, show


@cli.group()
def db() -> None:
    """Migrate the database."""


@db.command()
@click.option("--revision", default="head", show_default=True, help="Where to stop.")
def upgrade(revision: str) -> None:
    """Migrate up."""
    schema.upgrade(get_database(), revision)
    click.echo(f"The schema is at {schema.current_revision(get_database())}.")


@db.command()
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Migrate down to REVISION; 'base' empties the database."""
    schema.downgrade(get_database(), revision)
    click.echo(f"The schema is at {schema.current_revision(get_database()) or 'base'}.")


@db.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Say which revision the database is at, and which one this version needs."""
    current, head = schema.current_revision(get_database()), schema.head_revision()
    show(
        {"current": current, "head": head},
        as_json=as_json,
        lines=[f"At {current or 'base'}; this version needs {head}."],
    )
