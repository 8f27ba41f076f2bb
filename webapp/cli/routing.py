"""``mainstay routing``: make stored decisions again, or build a site's desk now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import click

from webapp.cli.console import cli, get_database, now, show
from webapp.cli.planning import find_site
from webapp.errors import MainstayError
from webapp.models import RoutingDecision
from webapp.services.routing import desks
from webapp.services.routing.replaying import Replayer, get_decision, list_day
from webapp.services.routing.words import decision_words

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@cli.group("routing")
def routing_group() -> None:
    """Live routing: make decisions again, build a desk."""


@routing_group.command("replay")
@click.option("--decision", "decision_id", type=int, help="One decision.")
@click.option("--site", "site_code", help="Code of the site, with --day.")
@click.option("--day", type=_DAY, help="All decisions of a day.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def replay(*, decision_id: int | None, site_code: str | None, day: dt.datetime | None, as_json: bool) -> None:
    """
    Make stored decisions again from what they were made from, and report each that comes out differently.

    Exit code 1 means that one did: the program decides otherwise than it did then.
    """
    with get_database().reading() as session:
        found: Iterable[RoutingDecision]
        try:
            if decision_id is not None:
                found = [get_decision(session, decision_id)]
            elif site_code is not None and day is not None:
                found = list_day(session, find_site(session, site_code), day.date())
            else:
                raise click.UsageError("Name a --decision, or a --site and a --day.")
            replayer = Replayer(session)
            answers = [replayer.again(decision) for decision in found]
        except MainstayError as error:
            raise click.ClickException(str(error)) from error
        other = [each for each in answers if not each.same]
        lines = [
            f"decision {each.decision.id}: agent {each.person_id} and contact {each.contact_id} with {each.score}, "
            f"stored were {each.decision.person_id} and {each.decision.contact_id} with {each.decision.score}"
            for each in other
        ]
        if decision_id is not None:
            lines += decision_words(answers[0].decision)
        lines.append(f"{len(answers)} decisions made again, {len(other)} came out differently.")
        result = {"decisions": len(answers), "different": [each.decision.id for each in other]}
    show(result, as_json=as_json, lines=lines)
    if other:
        raise SystemExit(1)


@routing_group.command("refresh")
@click.argument("site_code", metavar="SITE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def refresh(*, site_code: str, as_json: bool) -> None:
    """Build the desk of SITE now, from its people, its live work and the published plan of the day."""
    with get_database().transaction() as session:
        try:
            desk = desks.refresh(session, find_site(session, site_code), at=now())
        except MainstayError as error:
            raise click.ClickException(str(error)) from error
        result = {"desk": desk.id, "plan": desk.plan_id, "priced": desk.priced, "until": desk.ends_at.isoformat()}
    words = f"prices of plan {result['plan']}" if result["priced"] else "no prices: the longest idle is chosen"
    show(result, as_json=as_json, lines=[f"Desk {result['desk']} is in use, with {words}."])
