"""The root of ``mainstay``, which knows its commands by name and imports their modules only when one is run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A command as the list of all commands shows it.

    Parameters
    ----------
    help
        What it does, in the first sentence of its own help.
    modules
        The modules of this package that it is put together from; the first one makes it.
    """

    help: str
    modules: tuple[str, ...]


def _listed(help_text: str, *modules: str) -> Listed:
    return Listed(help_text, modules)


COMMANDS: Mapping[str, Listed] = {
    "admin": _listed("Add administrators.", "directory"),
    "assign": _listed("Solve PROBLEM, a file of the optimizer's format, and write the plan.", "assigning"),
    "audit": _listed("Check the audit trail.", "audit"),
    "backup": _listed("Write every row to FILE as it stands now, while Mainstay goes on working.", "backup"),
    "bench": _listed("Measure the optimizer.", "bench", "bench_live"),
    "config": _listed("Take the configuration out as a file, and bring one in.", "configuration"),
    "db": _listed("Migrate the database.", "database"),
    "demo": _listed(
        "Make up a contact centre in instance/demo.db, solve and publish today's plans, print the sign-ins, serve.",
        "demo",
    ),
    "erase-customer": _listed(
        "Replace CUSTOMER_KEY by a random token everywhere, and clear the customer's words.", "customers"
    ),
    "export": _listed("Write all rows of KIND as a file that `mainstay import` reads back.", "exporting"),
    "forecast": _listed("Forecast calls and chats.", "forecasts"),
    "import": _listed(
        "Import people, skills, records, shifts, engagement types, engagements, forecasts and call logs.", "importing"
    ),
    "intake": _listed("Take in work from files, and try a classification out.", "intake", "replaying"),
    "plan": _listed(
        "Plan a site's day: run the optimizer, look at the result, publish it, score it afterwards.",
        "planning",
        "planning_many",
        "policies",
    ),
    "prices": _listed("Write the shadow prices of PLAN, a file of the optimizer's format, as CSV.", "prices"),
    "records": _listed(
        "Keep skill records true as days pass; whoever runs jobs does both each night by itself.", "records"
    ),
    "restore": _listed("Write the rows of FILE into an empty database.", "backup"),
    "routing": _listed("Live routing: make decisions again, build a desk.", "routing"),
    "serve": _listed("Serve the pages, and run jobs in the same process unless MAINSTAY_EXECUTOR is none.", "serve"),
    "simulate": _listed("Simulate a site's day of live contacts under several policies of routing.", "simulating"),
    "site": _listed("Add sites.", "directory"),
    "taxonomy": _listed("Import releases of published vocabularies of skills, list them, search them.", "taxonomies"),
    "verify-backup": _listed("Read FILE whole and check each table against its hash; nothing is written.", "backup"),
    "worker": _listed("Run jobs until interrupted, told of them as MAINSTAY_EXECUTOR says.", "serve"),
}
"""Each command of the root, by name; a test compares this list with the commands themselves."""


class LazyGroup(click.Group):
    """
    A group whose commands are known by :data:`COMMANDS` and made by their modules once one is asked for.

    The whole of Mainstay takes seconds to import, the optimizer and its numbers above all: whoever asks for help, or
    mistypes a command, does not wait for it.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, imported or not."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, after importing what it is put together from."""
        if cmd_name in COMMANDS:
            for module in COMMANDS[cmd_name].modules:
                importlib.import_module(f"webapp.cli.{module}")
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click names it
        """Write the list of commands without importing them."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        rows: list[tuple[str, Any]] = [
            (name, click.Command(name, help=listed.help).get_short_help_str(width))
            for name, listed in sorted(COMMANDS.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("0.1.0", prog_name="mainstay")
def cli() -> None:
    """Mainstay: skills, assignment and careers for customer service."""
