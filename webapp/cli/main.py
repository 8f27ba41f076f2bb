"""The root of the console command; each module of this package adds its commands to it."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import click

import webapp.cli
from config import ConfigError
from webapp.cli.console import cli
from webapp.errors import MainstayError


def main() -> None:
    """Run the console command; a domain error is a sentence on standard error and exit code 1."""
    for module in pkgutil.iter_modules(webapp.cli.__path__):
        if module.name not in {"main", "__main__"}:
            importlib.import_module(f"webapp.cli.{module.name}")
    try:
        cli(prog_name="mainstay")
    except (MainstayError, ConfigError) as error:
        click.echo(f"mainstay: {error}", err=True)
        sys.exit(1)
