"""Pages, scripts and programs are told to come again while the database is away."""

from __future__ import annotations

from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface

from config import Config
from tests import running
from webapp import create_app
from webapp.db import Database

BEARER = f"Bearer ms_{'a' * 43}"


@pytest.fixture(scope="module")
def client():
    """Return a client of an application whose database nobody serves, with the session of somebody who signed in."""
    database = Database(f"postgresql://nobody@127.0.0.1:{running.free_port()}/nothing")
    config = Config(environment="test", executor="none")
    app = create_app(config, database=database, start_jobs=False)
    signer: Any = SecureCookieSessionInterface().get_signing_serializer(app)
    client = app.test_client()
    client.set_cookie("mainstay", signer.dumps({"_user_id": "somebody", "_fresh": True}))
    yield client
    database.dispose()


@pytest.mark.parametrize(
    ("path", "accept", "said"),
    [
        ("/people", "text/html", "Busy right now"),
        ("/live/changes", "application/json", "Busy right now"),
        ("/api/v1/teams", "application/json", "urn:mainstay:problem:busy"),
        ("/no/such/page", "text/html", "Busy right now"),
    ],
)
def test_who_asks_is_told_to_come_again(client, path, accept, said):
    answer = client.get(path, headers={"Accept": accept, "Authorization": BEARER})

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert said in answer.text


def test_whoever_writes_is_told_to_come_again(client):
    answer = client.post("/api/v1/teams", json={}, headers={"Authorization": BEARER})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_health_is_answered_without_it(client):
    # A supervisor and a balancer have no session.
    monitor = client.application.test_client()

    assert monitor.get("/healthz").status_code == 200
    assert monitor.get("/readyz").status_code == 503
