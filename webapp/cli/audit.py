"""``mainstay audit``: check the audit trail."""

from __future__ import annotations

import sys

import click

from webapp.cli.console import cli, get_database, show
from webapp.services.audit import verify_chain


@cli.group()
def audit() -> None:
    """Check the audit trail."""


@audit.command()
@click.option("--head", "expected_head", help="A digest noted earlier outside the database; finds a tail that was cut.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(*, expected_head: str | None, as_json: bool) -> None:
    """Recompute the chain; exit code 1 if an event was edited, deleted or added afterwards."""
    with get_database().reading() as session:
        report = verify_chain(session, expected_head=expected_head)
    intact = report.broken_at is None
    text = "intact" if intact else f"BROKEN at event {report.broken_at}"
    show(
        {"events": report.events, "head": report.head, "intact": intact, "broken_at": report.broken_at},
        as_json=as_json,
        lines=[f"{report.events} events, {text}. Head: {report.head}"],
    )
    sys.exit(0 if intact else 1)
