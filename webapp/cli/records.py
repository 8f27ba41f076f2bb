"""``mainstay records``: keep skill records true as days pass."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select

from webapp.cli.console import cli, cli_actor, get_database, now, show
from webapp.errors import NotFoundError
from webapp.jobs.upkeep import PEOPLE_AT_ONCE, RECORDS_AT_ONCE
from webapp.models import Site
from webapp.services import work_evidence
from webapp.services.records import refresh_due
from webapp.services.work_evidence import Counted


@cli.group()
def records() -> None:
    """Keep skill records true as days pass; whoever runs jobs does both each night by itself."""


@records.command()
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day; today in UTC if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def refresh(on: dt.datetime | None, *, as_json: bool) -> None:
    """
    Write the records anew whose evidence has expired or whose level has faded, some at a time.

    Plans and pages read the right level without it; it keeps counts and searches over all people as fast as they are.
    """
    day, count = on.date() if on else now().date(), 0
    while True:
        with get_database().transaction() as session:
            some = refresh_due(session, day, by=cli_actor(session), limit=RECORDS_AT_ONCE)
        count += some
        if some < RECORDS_AT_ONCE:
            break
    show({"on": day.isoformat(), "refreshed": count}, as_json=as_json, lines=[f"{count} records refreshed for {day}."])


@records.command("count-work")
@click.option("--site", "code", required=True, help="Code of the site.")
@click.option("--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day to count again.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def count_work(code: str, first: dt.datetime, *, as_json: bool) -> None:
    """
    Count finished work and served contacts of a site again, from a day until yesterday.

    The nightly count looks two weeks back. Counting again changes only what is no longer as the log says.
    """
    database = get_database()
    with database.reading() as session:
        site = session.scalar(select(Site).where(Site.code == code))
        if site is None:
            raise NotFoundError(f"No site has the code {code}.")
        people = work_evidence.list_people(session, site)
    until, counted = now().astimezone(ZoneInfo(site.time_zone)).date(), Counted()
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        with database.transaction() as session:
            counted += work_evidence.count_work(
                session,
                session.get_one(Site, site.id),
                people[start : start + PEOPLE_AT_ONCE],
                first_on=first.date(),
                until=until,
                by=cli_actor(session),
            )
    result = {"written": counted.written, "taken_back": counted.taken_back, "records": counted.records}
    words = f"{counted.written} days of use written, {counted.taken_back} taken back."
    show(result, as_json=as_json, lines=[words])
