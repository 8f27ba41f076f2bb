"""Logs tell an operator what happened, and nothing about the people to whom it happened."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from flask import Blueprint

from config import Config
from tests.factories import NOW
from webapp import create_app
from webapp.web import logs
from webapp.web.guard import public

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

CANARIES = [f"canary{number:02d}" for number in range(60)]


@pytest.fixture
def log():
    """Return what a production process writes, and give the root logger back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure(Config(environment="production", secret_key="x" * 40, password_salt="y" * 20))
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def failing_app(database):
    """Return the application with one more page, which breaks over what it was sent."""
    app = create_app(
        Config(environment="test", executor="none"), database=database, clock=lambda: NOW, start_jobs=False
    )
    app.config["WTF_CSRF_ENABLED"] = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    blueprint = Blueprint("breaking", __name__)

    @blueprint.post("/breaks/<word>")
    @public
    def breaks(word):
        try:
            int(word)
        except ValueError as error:
            raise RuntimeError(f"Could not use {word}") from error

    app.register_blueprint(blueprint)
    return app


def _lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_each_request_is_one_line_with_ids_alone(log, make, sign_in):
    person = make.person(roles=["admin"], name=CANARIES[0])
    client = sign_in(person)

    client.get(f"/people/{person.id}?q={CANARIES[1]}")

    (line,) = [line for line in _lines(log) if line["event"] == "request"]
    assert line["route"] == "/people/<int:person_id>"
    assert (line["method"], line["status"], line["person_id"]) == ("GET", 200, person.id)
    assert line["milliseconds"] >= 0
    assert line["level"] == "info"


def test_request_id_is_answered_and_stands_in_every_line_of_the_request(log, failing_app):
    answer = failing_app.test_client().post("/breaks/word", headers={"X-Request-ID": "proxy-0123456789"})

    assert answer.headers["X-Request-ID"] == "proxy-0123456789"
    assert {line["request_id"] for line in _lines(log)} == {"proxy-0123456789"}


@pytest.mark.parametrize("offered", ["short", "with blank in it", "x" * 65, "new\tline-and-more", ""])
def test_request_id_of_another_form_is_replaced(log, client, offered):
    answer = client.get("/login", headers={"X-Request-ID": offered})

    assert answer.headers["X-Request-ID"] != offered
    assert len(answer.headers["X-Request-ID"]) == 16


def test_fault_is_named_by_type_and_place_and_not_by_its_message(log, failing_app):
    answer = failing_app.test_client().post(f"/breaks/{CANARIES[2]}")

    assert answer.status_code == 500
    (line,) = [line for line in _lines(log) if "fault" in line]
    assert line["fault"] == "RuntimeError"
    assert any("in breaks" in place or place.endswith(" breaks") for place in line["at"])
    assert CANARIES[2] not in log.getvalue()


def test_what_people_said_stands_in_no_line(log, failing_app, make):
    """Names, addresses, words and secrets go through pages, forms, files, headers and faults; none is written."""
    people = [make.person(name=canary, email=f"{canary}@example.test") for canary in CANARIES[:20]]
    make.commit()
    client = failing_app.test_client()

    for canary in CANARIES[20:30]:
        client.post("/login", data={"email": f"{canary}@example.test", "password": canary})
    for canary, person in zip(CANARIES[:20], people, strict=True):
        client.get(f"/people/{person.id}?name={canary}", headers={"Cookie": f"mainstay={canary}"})
    for canary in CANARIES[30:40]:
        client.post(f"/breaks/{canary}", json={"words": canary})
    for canary in CANARIES[40:50]:
        client.get(f"/{canary}/{canary}?{canary}={canary}", headers={"User-Agent": canary, "Referer": f"/{canary}"})
    for canary in CANARIES[50:]:
        client.post("/api/v1/people", json={"name": canary}, headers={"Authorization": f"Bearer {canary}"})
        client.open("/login", method=canary.upper())

    written = log.getvalue().lower()
    assert len(_lines(log)) >= 60
    assert [canary for canary in CANARIES if canary in written] == []
