"""``mainstay erase-customer``: forget a customer, and keep them forgotten."""

from __future__ import annotations

import click

from webapp.cli.console import cli, cli_actor, get_database, show
from webapp.services import customers


@cli.command("erase-customer")
@click.argument("customer_key", required=False, default="")
@click.option("--reason", default="", help="Why, without personal data; kept with the digest of the key.")
@click.option("--again", is_flag=True, help="Instead: erase once more whoever came back with a backup or a file.")
@click.option("--as", "email", help="E-mail address of whoever does it; without it the system itself.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def erase_customer(*, customer_key: str, reason: str, again: bool, email: str | None, as_json: bool) -> None:
    """
    Replace CUSTOMER_KEY by a random token everywhere, and clear the customer's words.

    Nobody can take it back. A second time finds nothing and changes nothing.
    """
    if again == bool(customer_key):
        raise click.UsageError("Name one customer, or use --again.")
    with get_database().transaction() as session:
        by = cli_actor(session, email)
        if again:
            count, unknown = customers.erase_again(session, by=by), customers.count_unknown(session)
            lines = [f"{count} rows had come back and are erased again.", *describe_unknown(unknown)]
            show({"rows": count, "unknown": unknown}, as_json=as_json, lines=lines)
            return
        done = customers.erase(session, customer_key, reason=reason, by=by)
        lines = [f"{count:6} {table}" for table, count in done.rows.items() if count]
        lines.append(f"{done.count} rows erased." if done.count else "Nothing is held under this key.")
        show(
            {"rows": dict(done.rows), "count": done.count, "erased_before": done.before},
            as_json=as_json,
            lines=lines,
        )


def describe_unknown(count: int) -> list[str]:
    """Return a line about customers who were erased under a ``SECRET_KEY`` that is not set; none if there are none."""
    if not count:
        return []
    line = f"{count} customers were erased under another SECRET_KEY and cannot be found: name it in"
    return [f"{line} PREVIOUS_SECRET_KEYS, and run mainstay erase-customer --again."]
