"""What a balancer and a supervisor ask: does the process live, and can it answer."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import event

from config import Config
from tests.factories import NOW
from webapp import create_app, schema
from webapp.db import Database
from webapp.services import job_workers


def test_process_lives_without_its_database(tmp_path):
    nowhere = Database("postgresql://nobody:hunter2@127.0.0.1:1/nothing")
    app = create_app(Config(environment="test", executor="none"), database=nowhere, start_jobs=False)
    client = app.test_client()

    assert client.get("/healthz").json == {"status": "ok"}
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json == {
        "status": "unready",
        "checks": {"database": "The database does not answer.", "schema": None, "jobs": None},
    }
    nowhere.dispose()


@pytest.mark.parametrize("path", ["/static/css/tokens.css", "/healthz"])
def test_whoever_has_a_session_reads_files_and_health_without_the_database(make, sign_in, database, path):
    client = sign_in(make.person())
    make.commit()
    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *heard: asked.append(heard[2]))

    answer = client.get(path)
    # Read before the answer's file is closed, which ends the request.
    told = list(asked)
    answer.close()

    assert (answer.status_code, told) == (200, [])


@pytest.mark.parametrize(
    ("age", "told"),
    [(dt.timedelta(seconds=5), "ok"), (dt.timedelta(minutes=2), "Nobody has run jobs for 40 seconds."), (None, None)],
)
def test_ready_server_says_whether_anybody_runs_jobs(client, make, age, told):
    if age is not None:
        job_workers.note(make.session, "worker-1", executor="polling", concurrency=2, at=NOW - age)
    make.commit()

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json["status"] == "ready"
    assert answer.json["checks"] == {
        "database": "ok",
        "schema": "ok",
        "jobs": told or "Nobody has run jobs for 40 seconds.",
    }
    assert "Set-Cookie" not in answer.headers


def test_server_with_an_older_schema_is_not_ready(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'older.db'}")
    schema.upgrade(database, "0017")
    app = create_app(Config(environment="test", executor="none"), database=database, start_jobs=False)

    answer = app.test_client().get("/readyz")

    assert answer.status_code == 503
    assert "mainstay db upgrade" in answer.get_data(as_text=True)
    database.dispose()
