"""``mainstay forecast``: forecast live contacts from the days before."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cli.console import cli, cli_actor, get_database, show
from webapp.errors import NotFoundError
from webapp.models import Site
from webapp.services.forecasting import INTERVALS, build_forecast
from webapp.services.service_levels import DEFAULT, ServiceLevel


@cli.group()
def forecast() -> None:
    """Forecast calls and chats."""


def find_site(session: Session, code: str) -> Site:
    """
    Return a site by code.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    site = session.scalar(select(Site).where(Site.code == code))
    if site is None:
        raise NotFoundError(f"There is no site {code}. Add it first: mainstay site add.")
    return site


@forecast.command("build")
@click.option("--site", "site_code", required=True, help="Code of the site.")
@click.option("--day", type=click.DateTime(formats=["%Y-%m-%d"]), required=True, help="The day, as 2010-08-10.")
@click.option(
    "--interval",
    type=click.Choice([str(each) for each in INTERVALS]),
    default="30",
    show_default=True,
    help="Length of an interval, minutes.",
)
@click.option(
    "--service-level",
    type=click.FloatRange(0, 1, max_open=True),
    default=DEFAULT.share,
    show_default=True,
    help="Share of contacts to answer in time; 0 staffs the bare workload.",
)
@click.option(
    "--within-seconds",
    type=click.FloatRange(min=0),
    default=DEFAULT.within_seconds,
    show_default=True,
    help="The time.",
)
@click.option("--as", "email", metavar="EMAIL", help="Who asks for it; the operator of the console if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def build(
    *,
    site_code: str,
    day: dt.datetime,
    interval: str,
    service_level: float,
    within_seconds: float,
    email: str | None,
    as_json: bool,
) -> None:
    """Forecast a day from the days before it alone, and keep the result for planning."""
    with get_database().transaction() as session:
        built = build_forecast(
            session,
            find_site(session, site_code),
            day.date(),
            interval_minutes=int(interval),
            level=ServiceLevel(service_level, within_seconds),
            by=cli_actor(session, email),
        )
    result: dict[str, Any] = {
        "day": built.day.isoformat(),
        "intervals": built.intervals,
        "volume": round(built.volume, 2),
        "workload_minutes": round(built.workload_minutes, 2),
        "staffed_minutes": round(built.staffed_minutes, 2),
        "weights": {past.isoformat(): round(weight, 4) for past, weight in built.weights.items()},
    }
    show(
        result,
        as_json=as_json,
        lines=[
            (
                f"{built.day:%A %-d %B %Y}: {built.volume:,.0f} contacts, {built.workload_minutes:,.0f} minutes of "
                f"work, {built.staffed_minutes:,.0f} minutes to staff."
            ),
            f"From {', '.join(f'{past.isoformat()} ({weight:.0%})' for past, weight in built.weights.items())}.",
        ],
    )
