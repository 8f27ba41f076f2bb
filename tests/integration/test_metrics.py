"""Metrics count what the server answered and what waits behind it, and tell nothing about anybody."""

from __future__ import annotations

import datetime as dt

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import Config, ConfigError
from tests.factories import NOW
from webapp import create_app
from webapp.models import Job, JobState
from webapp.services import telemetry

TOKEN = "a-token-of-many-characters"


def _app(database, **settings):
    config = Config(**{"environment": "test", "executor": "none", **settings})
    return create_app(config, database=database, clock=lambda: NOW, start_jobs=False)


def _samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_request_is_counted_by_its_route_and_not_its_address(database, make, sign_in):
    admin = make.person(roles=["admin"])
    person = make.person(name="Canary Person")
    client = sign_in(admin)
    key = ("mainstay_requests_total", ("method", "GET"), ("route", "/people/<int:person_id>"), ("status", "200"))
    before = _samples(client.get("/metrics").text).get(key, 0)

    client.get(f"/people/{person.id}?q=canary")
    client.get("/canary-of-nowhere")
    answer = client.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert _samples(answer.text)[key] == before + 1
    assert "canary" not in answer.text.lower()


def test_jobs_are_shown_with_the_age_of_the_oldest(database, make):
    for hours, state in ((1, JobState.QUEUED), (3, JobState.QUEUED), (9, JobState.DEAD), (90, JobState.DONE)):
        created_at = NOW - dt.timedelta(hours=hours)
        make.session.add(Job(kind="import", payload={}, state=state, created_at=created_at))
    make.commit()

    samples = _samples(_app(database).test_client().get("/metrics").text)

    jobs = {key[2][1]: value for key, value in samples.items() if key[0] == "mainstay_jobs"}
    assert jobs == {"queued": 2, "dead": 1}
    assert samples["mainstay_jobs_oldest_waiting_seconds", ("kind", "import")] == 3 * 3600


def test_nothing_to_watch_is_no_error(database):
    with database.reading() as session:
        found = telemetry.read(session, at=NOW)

    assert (found.jobs, found.runs, found.run_seconds, found.run_gap) == ({}, {}, None, None)


@pytest.mark.parametrize(
    ("offered", "status"), [(f"Bearer {TOKEN}", 200), ("Bearer wrong", 404), (f"Basic {TOKEN}", 404), ("", 404)]
)
def test_token_opens_the_metrics(database, offered, status):
    client = _app(database, metrics_token=TOKEN).test_client()

    assert client.get("/metrics", headers={"Authorization": offered}).status_code == status


def test_without_a_token_only_the_same_machine_may_ask_and_in_production_nobody(database):
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    secrets = {"secret_key": "x" * 40, "password_salt": "y" * 20}

    assert _app(database).test_client().get("/metrics", environ_base=elsewhere).status_code == 404
    assert _app(database, environment="production", **secrets).test_client().get("/metrics").status_code == 404


def test_short_token_is_refused_in_production():
    environ = {
        "MAINSTAY_ENV": "production",
        "SECRET_KEY": "x" * 40,
        "PASSWORD_SALT": "y" * 20,
        "METRICS_TOKEN": "short",
    }

    with pytest.raises(ConfigError, match="METRICS_TOKEN"):
        Config.from_environment(environ)
