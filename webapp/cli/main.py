"""The root of the console command; each command's modules are imported when it is run."""

from __future__ import annotations

import sys

import click

from config import ConfigError
from webapp.cli.root import cli
from webapp.errors import MainstayError


def main() -> None:
    """Run the console command; a domain error is a sentence on standard error and exit code 1."""
    try:
        cli(prog_name="mainstay")
    except (MainstayError, ConfigError) as error:
        click.echo(f"mainstay: {error}", err=True)
        sys.exit(1)
