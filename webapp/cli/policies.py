"""``mainstay plan policy``: with which policy the runs of a site begin."""

from __future__ import annotations

import click

from webapp.cli.console import cli_actor, get_database, show
from webapp.cli.planning import find_site, plan_group
from webapp.services.planning import policies, policy_editing


@plan_group.command("policy")
@click.argument("code", required=False, metavar="[POLICY]")
@click.option("--site", "site_code", required=True, metavar="CODE")
@click.option("--as", "email", help="E-mail address of the person behind it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def policy_command(code: str | None, *, site_code: str, email: str | None, as_json: bool) -> None:
    """Show with which policy a site's runs begin and which there are; with POLICY, let them begin with that one."""
    with get_database().transaction() as session:
        site = find_site(session, site_code)
        if code is not None:
            if email is None:
                raise click.UsageError("Changing the policy needs --as: it is set by a person.")
            policy_editing.set_default(session, site, code, by=cli_actor(session, email))
            session.flush()
        chosen, choices = policies.default_code(session, site), policies.list_choices(session)
    lines = [f"Runs of {site_code} begin with {chosen}."]
    lines += [f"  {known:<20}{description}" for known, _, description in choices]
    result = {"site": site_code, "policy": chosen, "policies": [known for known, _, _ in choices]}
    show(result, as_json=as_json, lines=lines)
