"""
PostgreSQL dies and comes back while people read and write: they are told to come again, and nothing is lost.

``MAINSTAY_DATABASE_RESTARTS`` says how often, once in CI; docs/benchmarks.md has the command of the full run.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select

from config import Config
from tests import running
from tests.factories import Make
from tests.faults import cluster as clusters
from tests.faults.installation import Installation, wait_until
from tests.load import mix_servers
from tests.load.mix_client import Connection
from webapp import create_app
from webapp.db import Database
from webapp.models import Account, ImportKind, Job, JobState, JobWorker, Person, Role, Site, Team, TokenScope
from webapp.services import access, api_tokens, export_files
from webapp.services.audit import Actor
from webapp.services.exporting.formats import Format

RESTARTS = int(os.environ.get("MAINSTAY_DATABASE_RESTARTS", "1"))
CLIENTS = 6
REQUESTS_PER_SECOND = 100.0
BACK_WITHIN_SECONDS = float(os.environ.get("MAINSTAY_BACK_WITHIN_SECONDS", "30"))
"""RELIABILITY promises five; a machine that others keep busy needs longer for anything."""

DOWN_SECONDS = 1.0
UP_SECONDS = 3.0
JOB_SECONDS = 120.0

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def cluster(require_service):
    """Return a cluster of PostgreSQL that may be restarted."""
    programs = require_service("postgresql", clusters.find_programs)
    with clusters.running_cluster(programs) as started:
        yield started


@pytest.fixture
def installation(cluster, tmp_path):
    """Return an installation in that cluster, migrated and empty."""
    running.mainstay("db", "upgrade", database_url=cluster.url)
    database = Database(cluster.url)
    yield Installation(database, cluster.url, tmp_path)
    database.dispose()


@dataclass
class People:
    """Who asks: a token that may add teams, and the session of an admin who reads pages."""

    secret: str
    cookie: str
    site_id: int
    admin_id: int


@pytest.fixture
def people(installation):
    """Build an admin with a token and a session."""
    with installation.database.writing() as session:
        make = Make(session)
        admin = make.person(site=make.site(code="harbour", name="Harbour"), roles=[Role.ADMIN])
        _, secret = api_tokens.create_token(
            session,
            admin,
            name="Test",
            scopes=[TokenScope.PEOPLE_READ, TokenScope.PEOPLE_WRITE],
            site_id=None,
            expires_on=running.now().date(),
            viewer=access.get_viewer(session, admin.id),
            by=Actor(person_id=admin.id, at=running.now()),
        )
        make.commit()
        site_id = session.scalars(select(Site.id).where(Site.code == "harbour")).one()
        mark = session.scalars(select(Account.fs_uniquifier).where(Account.person_id == admin.id)).one()
        admin_id = admin.id
    config = Config(executor="none", secret_key=mix_servers.SECRETS["SECRET_KEY"])
    app = create_app(config, database=installation.database, start_jobs=False)
    signer: Any = SecureCookieSessionInterface().get_signing_serializer(app)
    return People(secret, signer.dumps({"_user_id": mark, "_fresh": True}), site_id, admin_id)


@dataclass
class Seen:
    """What all clients saw: when an answer came and with which status, what was acknowledged, what must not be."""

    answers: list[tuple[float, int]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """Reads and writes at a steady pace until told to stop."""

    def __init__(self, number, url, people, seen, over):
        super().__init__(name=f"client-{number}")
        self._number, self._people, self._seen, self._over = number, people, seen, over
        self._connection = Connection(urlsplit(url).port)
        self._chance = random.Random(number)

    def run(self):
        count, began = 0, time.monotonic()
        while not self._over.is_set():
            count += 1
            if (wait := began + count * CLIENTS / REQUESTS_PER_SECOND - time.monotonic()) > 0:
                time.sleep(wait)
            try:
                self._ask(count)
            except (OSError, ValueError) as error:
                self._connection.close()
                self._seen.wrong.append(f"{type(error).__name__}: {error}")
        self._connection.close()

    def _ask(self, count):
        kind = self._chance.choice(("write", "page", "list"))
        token = f"Accept: application/json\r\nAuthorization: Bearer {self._people.secret}\r\n"
        if kind == "write":
            code = f"team-{self._number}-{count}"
            body = json.dumps({"code": code, "name": code, "site_id": self._people.site_id}).encode()
            status, headers, text = self._connection.ask(
                "POST", "/api/v1/teams", token + "Content-Type: application/json\r\n", body
            )
            if status == 201:
                self._seen.acknowledged.append(code)
        elif kind == "page":
            cookie = f"Accept: text/html\r\nCookie: mainstay={self._people.cookie}\r\n"
            status, headers, text = self._connection.ask("GET", "/people", cookie)
        else:
            status, headers, text = self._connection.ask("GET", "/api/v1/teams?limit=5", token)
        self._seen.answers.append((time.monotonic(), status))
        if status not in {200, 201} and not (status == 503 and headers.get("retry-after")):
            self._seen.wrong.append(f"{kind}: {status} {text[:200]!r}")


def _queue(installation, person_id):
    with installation.database.transaction() as session:
        by = Actor(person_id=person_id, at=running.now())
        return export_files.request(session, ImportKind.PEOPLE, Format.CSV, by=by).job_id


def _await_done(installation, job_id):
    wait_until(lambda: installation.count(Job, Job.id == job_id, Job.state == JobState.DONE), seconds=JOB_SECONDS)


def test_restarts_are_answered_with_come_again_and_lose_nothing(installation, cluster, people):
    seen, over, waits = Seen(), threading.Event(), []
    settings = {"MAINSTAY_EXECUTOR": "embedded", "LIVE_STREAMS": "4", **mix_servers.SECRETS}
    with mix_servers.gunicorn(installation.url, installation.folder, **settings) as served:
        clients = [Client(number, served.url, people, seen, over) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            # The first request of each process starts its executor.
            _await_done(installation, _queue(installation, people.admin_id))
            for _ in range(RESTARTS):
                time.sleep(UP_SECONDS)
                cluster.crash()
                time.sleep(DOWN_SECONDS)
                cluster.start()
                waits.append(_await_success(seen, since=time.monotonic()))
            # This process, too, has connections that are gone.
            installation.database.dispose()
            _await_done(installation, _queue(installation, people.admin_id))
        finally:
            over.set()
            for client in clients:
                client.join()
        said = served.said()

    assert seen.wrong == [], faults_in(said)
    statuses = [status for _, status in seen.answers]
    assert 503 in statuses
    assert {200, 201} <= set(statuses)
    assert "Traceback" not in said
    with installation.database.reading() as session:
        there = set(session.scalars(select(Team.code).where(Team.code.like("team-%-%"))))
    assert set(seen.acknowledged) - there == set()
    assert max(waits) <= BACK_WITHIN_SECONDS
    installation.assert_sound()
    sys.stderr.write(
        f"{RESTARTS} restarts, {len(statuses):,} requests, {statuses.count(503):,} told to come again, "
        f"{len(seen.acknowledged):,} written, first success after {max(waits):.2f} s at most\n"
    )


def faults_in(said):
    """Return the lines of a log that tell of faults."""
    return [line[:2000] for line in said.splitlines() if "fault=" in line or '"fault"' in line][:5]


def _await_success(seen, *, since):
    """Wait for the first success that was asked for and answered after a moment; return how long it took."""
    wait_until(lambda: any(at > since and status < 400 for at, status in list(seen.answers[-500:])), seconds=60)
    return min(at for at, status in list(seen.answers) if at > since and status < 400) - since


@pytest.mark.parametrize("executor", ["none", "celery"])
def test_worker_outlives_a_restart_and_goes_on(installation, cluster, people, request, executor):
    settings = {"MAINSTAY_EXECUTOR": executor}
    if executor == "celery":
        settings["CELERY_BROKER_URL"] = request.getfixturevalue("redis_url")
    with running.worker(installation.url, installation.folder, **settings) as worker:
        wait_until(lambda: installation.count(JobWorker), seconds=JOB_SECONDS)
        for _ in range(RESTARTS):
            time.sleep(DOWN_SECONDS)
            cluster.crash()
            time.sleep(DOWN_SECONDS)
            cluster.start()
            installation.database.dispose()
            _await_done(installation, _queue(installation, people.admin_id))

        assert worker.process.poll() is None
    assert installation.count(Person)
    installation.assert_sound()
