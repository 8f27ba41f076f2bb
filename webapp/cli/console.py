"""What every command shares: the root group, the database, the acting person, output for people and for scripts."""

from __future__ import annotations

import datetime as dt
import json
from functools import cache
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from config import Config
from webapp.cli.root import cli
from webapp.db import Database
from webapp.errors import NotFoundError
from webapp.models import Person, Role
from webapp.services import erasure_memory
from webapp.services.access import Viewer
from webapp.services.audit import Actor
from webapp.services.erasure_memory import ErasureMemory

__all__ = ["SYSTEM", "cli", "cli_actor", "get_config", "get_database", "now", "show"]

SYSTEM = Viewer(person_id=0, roles=frozenset({Role.ADMIN}))
"""Whoever has a shell on the server may do what an admin may."""


@cache
def get_config() -> Config:
    """Return the configuration, read once."""
    config = Config.from_environment()
    erasure_memory.configure(ErasureMemory(config.secret_key, previous=config.previous_secret_keys))
    return config


@cache
def get_database() -> Database:
    """Return the configured database, opened once."""
    return Database(get_config().database_url)


def now() -> dt.datetime:
    """Return the present moment in UTC."""
    return dt.datetime.now(dt.UTC)


def cli_actor(session: Session, email: str | None = None) -> Actor:
    """
    Return who acts: the person with this e-mail address, or the system itself.

    Raises
    ------
    NotFoundError
        If nobody has the address.
    """
    if email is None:
        return Actor(person_id=None, at=now(), channel="cli")
    person = session.scalar(select(Person).where(Person.email == email))
    if person is None:
        raise NotFoundError(f"Nobody has the e-mail address {email}.")
    return Actor(person_id=person.id, at=now(), channel="cli")


def show(result: dict[str, Any], *, as_json: bool, lines: list[str]) -> None:
    """Print the result for a script, or the lines for a person."""
    if as_json:
        click.echo(json.dumps(result, indent=2, sort_keys=True, default=str))
    else:
        for line in lines:
            click.echo(line)
