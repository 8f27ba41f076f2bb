"""
Real services that some tests need: how to find them, and whether their absence is a skip or a failure.

On a developer's machine a test that finds no PostgreSQL is skipped with the reason. In CI
``MAINSTAY_REQUIRE_SERVICES=postgresql,redis,browser`` turns the same absence into a failure, so that a green run cannot
hide that half of it never ran.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import make_url

REQUIRED_VARIABLE = "MAINSTAY_REQUIRE_SERVICES"
SERVICES = frozenset({"browser", "postgresql", "redis", "shared-data"})
ROOT = Path(__file__).resolve().parent.parent

CONNECT_SECONDS = 3
# As Debian sets the server up for its own user, and as a container that trusts its one user does.
POSTGRESQL_URLS = ("postgresql://postgres@127.0.0.1:5432/postgres", "postgresql://root@127.0.0.1:5432/postgres")
REDIS_URL = "redis://127.0.0.1:6379"
REDIS_DATABASES = 16
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

Found = TypeVar("Found")


class ServiceMissingError(Exception):
    """A probe did not find its service; the text says where it looked."""


def required_services(environ: Mapping[str, str]) -> frozenset[str]:
    """
    Return the services whose absence is a failure.

    Raises
    ------
    pytest.UsageError
        If a name is unknown: a misspelt requirement would require nothing.
    """
    words = environ.get(REQUIRED_VARIABLE, "").split(",")
    names = frozenset(word.strip() for word in words if word.strip())
    if unknown := names - SERVICES:
        known = ", ".join(sorted(SERVICES))
        raise pytest.UsageError(f"{REQUIRED_VARIABLE} names {', '.join(sorted(unknown))}; the services are {known}.")
    return names


def require_service(name: str, probe: Callable[[], Found]) -> Found:
    """
    Return what the probe finds; skip the test where it finds nothing, or fail where the service is required.

    Parameters
    ----------
    name
        One of :data:`SERVICES`.
    probe
        Looks for the service and returns what a test needs of it. It raises :class:`ServiceMissingError` where the
        service is absent; any other exception is a fault of the probe and passes through.
    """
    if name not in SERVICES:
        raise ValueError(f"{name!r} is no service; the services are {', '.join(sorted(SERVICES))}.")
    try:
        return probe()
    except ServiceMissingError as missing:
        message = f"{name} is absent: {missing}"
    if name in required_services(os.environ):
        pytest.fail(f"{message}, and {REQUIRED_VARIABLE} requires it", pytrace=False)
    pytest.skip(message)


def find_postgresql() -> str:
    """Return the address of a server on which databases may be created."""
    given = os.environ.get("MAINSTAY_TEST_POSTGRESQL_URL")
    return first_working([given] if given else POSTGRESQL_URLS, answer_of_postgresql)


def answer_of_postgresql(url: str) -> None:
    """Raise :class:`ServiceMissingError` unless the server lets us in and lets us create databases."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            query = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            row = connection.execute(query).fetchone()
    except psycopg.OperationalError as error:
        raise ServiceMissingError(str(error).strip()) from error
    if row != (True,):
        raise ServiceMissingError("the user may not create databases")


@contextmanager
def temporary_database(server_url: str) -> Iterator[str]:
    """Create an empty database, give its SQLAlchemy address, and drop it at the end."""
    name = f"mainstay_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        address = make_url(server_url).set(drivername="postgresql+psycopg", database=name)
        yield address.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def find_redis() -> str:
    """Return the address of a Redis server, without a database number."""
    return first_working([os.environ.get("MAINSTAY_TEST_REDIS_URL", REDIS_URL).rstrip("/")], answer_of_redis)


def answer_of_redis(url: str) -> None:
    """Raise :class:`ServiceMissingError` unless the server answers a ping."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS) as client:
            client.ping()
    except redis.RedisError as error:
        raise ServiceMissingError(str(error)) from error


def redis_database_url(server_url: str, worker: str) -> str:
    """
    Return the address of the test worker's own Redis database, counted down from the last.

    Parameters
    ----------
    server_url
        As of :func:`find_redis`.
    worker
        pytest-xdist's name of the worker, ``gw0`` and up, or ``master`` without workers.
    """
    number = int(worker.removeprefix("gw")) if worker.startswith("gw") else 0
    return f"{server_url}/{(REDIS_DATABASES - 1 - number) % REDIS_DATABASES}"


def find_browser() -> Path:
    """Return the path of a Chromium that Playwright can drive."""
    given = os.environ.get("MAINSTAY_TEST_BROWSER")
    for candidate in [given] if given else BROWSERS:
        if path := shutil.which(candidate):
            return Path(path)
    raise ServiceMissingError(f"no program named {given or ', '.join(BROWSERS)}")


def find_shared_data() -> Path:
    """Return the folder of real data sets that lies outside the repository."""
    path = Path(os.environ.get("MAINSTAY_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        raise ServiceMissingError("neither MAINSTAY_SHARED_DATA nor ../shared/data is a folder")
    return path


def first_working(urls: Sequence[str], check: Callable[[str], None]) -> str:
    """Return the first address that passes the check, or raise with what each one answered."""
    answers = []
    for url in urls:
        try:
            check(url)
        except ServiceMissingError as missing:
            shown = make_url(url).render_as_string(hide_password=True)
            answers.append(f"{shown}: {missing}")
        else:
            return url
    raise ServiceMissingError("; ".join(answers))
