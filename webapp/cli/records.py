"""``mainstay records``: keep skill records true as days pass."""

from __future__ import annotations

import datetime as dt

import click

from webapp.cli.console import cli, cli_actor, get_database, now, show
from webapp.services.records import refresh_due


@cli.group()
def records() -> None:
    """Keep skill records true as days pass."""


@records.command()
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day; today in UTC if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def refresh(on: dt.datetime | None, *, as_json: bool) -> None:
    """
    Write the records anew whose evidence has expired; run it once a day.

    Plans and pages read the right level without it; it keeps counts and searches over all people as fast as they are.
    """
    day = on.date() if on else now().date()
    with get_database().transaction() as session:
        count = refresh_due(session, day, by=cli_actor(session))
    show({"on": day.isoformat(), "refreshed": count}, as_json=as_json, lines=[f"{count} records refreshed for {day}."])
