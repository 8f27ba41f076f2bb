"""Telephone systems ask who serves whom; what they may not see does not exist, and what fails never stops them."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from tests.factories import NOW
from tests.factories.routing import build_floor
from webapp.models import ApiToken, Role, RoutingMode, TokenScope
from webapp.services.routing import events, floors


@pytest.fixture
def floor(make):
    return build_floor(make)


@pytest.fixture
def acd(floor, make, api_client):
    """Return a client with the token of the site's scheduler."""
    return api_client(make.person(site=floor.site, roles=[Role.SCHEDULER]))


def post(client, path, **body):
    return client.post(f"/api/v1/routing/{path}", json=body)


def arrive(client, floor, number=1, kind="hotline", **values):
    contact = {"external_id": f"c{number}", "type": f"{kind}-{floor.site.id}", **values}
    return post(client, "decisions", event="contact_arrived", site=floor.site.code, contact=contact)


def free(client, floor, name, **values):
    return post(
        client, "decisions", event="agent_free", site=floor.site.code, agent=f"{name}-{floor.site.id}", **values
    )


def test_a_contact_is_offered_accepted_and_ended(acd, floor):
    assert free(acd, floor, "ana").json["decision"] is None

    answer = arrive(acd, floor, arrived_at="2026-11-23T09:59:58+01:00")
    offer = answer.json["decision"]
    assert answer.status_code == 200
    assert (answer.json["fallback"], offer["person_id"]) == (False, floor.agents["ana"].id)
    assert offer["expires_at"] == "2026-11-23T09:00:20+00:00"
    waiting = acd.get(f"/api/v1/routing/reservations?site={floor.site.code}").json["items"]
    assert [(each["contact"], each["agent"]) for each in waiting] == [("c1", f"ana-{floor.site.id}")]

    assert post(acd, f"reservations/{offer['reservation_id']}/accept").status_code == 200
    second = arrive(acd, floor, 2).json
    assert (second["decision"], second["fallback"]) == (None, False)
    ended = post(acd, f"contacts/{answer.json['contact_id']}/end", after_work=False).json
    assert [each["contact_id"] for each in ended["offers"]] == [second["contact_id"]]


def test_the_same_event_twice_is_one(acd, floor):
    free(acd, floor, "ana")

    first, again = arrive(acd, floor).json, arrive(acd, floor).json

    assert first == again
    assert first["decision"] is not None


def test_a_decline_moves_on_and_a_contact_that_gave_up_is_gone(acd, floor):
    free(acd, floor, "ana")
    free(acd, floor, "dana")
    first = arrive(acd, floor).json

    moved = post(acd, f"reservations/{first['decision']['reservation_id']}/decline").json
    assert moved["withdrawn"] == [first["decision"]["reservation_id"]]
    assert moved["offers"][0]["person_id"] != first["decision"]["person_id"]
    assert post(acd, f"contacts/{first['contact_id']}/abandon").json["withdrawn"] == [
        moved["offers"][0]["reservation_id"]
    ]
    refused = post(acd, f"reservations/{first['decision']['reservation_id']}/accept")
    assert (refused.status_code, refused.json["type"]) == (409, "urn:mainstay:problem:conflict")


def test_presence_is_said_by_the_telephone_system(acd, floor):
    person_id = floor.agents["ana"].id

    assert acd.put(f"/api/v1/routing/presence/{person_id}", json={"state": "available"}).status_code == 200
    (present,) = acd.get(f"/api/v1/routing/presence?site={floor.site.code}").json["items"]
    assert (present["person_id"], present["state"], present["attention"]) == (person_id, "available", 0.0)
    acd.put(f"/api/v1/routing/presence/{person_id}", json={"state": "away"})
    assert arrive(acd, floor).json["decision"] is None


def test_a_shadowed_site_is_advised_and_says_who_really_took_it(make, api_client):
    floor = build_floor(make, mode=RoutingMode.SHADOW)
    acd = api_client(make.person(site=floor.site, roles=[Role.SCHEDULER]))
    free(acd, floor, "ana")
    free(acd, floor, "dana")

    answer = arrive(acd, floor).json
    started = post(acd, f"contacts/{answer['contact_id']}/start", agent=f"dana-{floor.site.id}")

    assert (answer["decision"]["reservation_id"], answer["fallback"]) == (None, False)
    assert started.status_code == 200


def test_a_site_that_is_off_decides_by_itself(make, api_client):
    floor = build_floor(make, mode=RoutingMode.OFF)
    acd = api_client(make.person(site=floor.site, roles=[Role.SCHEDULER]))

    answer = arrive(acd, floor)

    assert (answer.status_code, answer.json["fallback"], answer.json["reason"]) == (200, True, "off")


def test_a_database_that_does_not_answer_never_stops_the_telephone_system(acd, floor, monkeypatch):
    def is_busy(*_args, **_options):
        raise OperationalError("SELECT 1", {}, TimeoutError("lock timeout"))

    monkeypatch.setattr(events, "open_floor", is_busy)

    answer = arrive(acd, floor)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert (answer.json["fallback"], answer.json["reason"], answer.json["decision"]) == (True, "busy", None)


@pytest.mark.parametrize(
    "body",
    [
        {"event": "contact_arrived"},
        {"event": "agent_free"},
        {"event": "tea_break", "agent": "x"},
        {"event": "contact_arrived", "contact": {"external_id": "c1"}},
        {"event": "agent_free", "agent": "nobody"},
    ],
)
def test_what_cannot_be_meant_is_refused(acd, floor, body):
    assert post(acd, "decisions", site=floor.site.code, **body).status_code == 422


def test_a_site_elsewhere_does_not_exist(floor, make, acd, api_client):
    free(acd, floor, "ana")
    answer = arrive(acd, floor).json
    stranger = api_client(make.person(site=make.site(code="elsewhere"), roles=[Role.SCHEDULER]))

    assert arrive(stranger, floor, 2).status_code == 422
    assert post(stranger, f"contacts/{answer['contact_id']}/end").status_code == 404
    assert post(stranger, f"reservations/{answer['decision']['reservation_id']}/accept").status_code == 404
    assert stranger.put(f"/api/v1/routing/presence/{floor.agents['ana'].id}", json={"state": "away"}).status_code == 404
    assert stranger.get(f"/api/v1/routing/presence?site={floor.site.code}").status_code == 404


def test_a_token_without_the_scope_is_refused(floor, make, api_client):
    reader = api_client(make.person(site=floor.site, roles=[Role.SCHEDULER]), [TokenScope.ROUTING_READ])

    assert arrive(reader, floor).status_code == 403
    assert reader.get(f"/api/v1/routing/presence?site={floor.site.code}").status_code == 200


def test_whoever_writes_for_long_holds_a_decision_up_only_shortly(acd, floor, database, make):
    free(acd, floor, "ana")
    statements = {
        True: "UPDATE routing_floor SET changes = changes",
        False: f"SELECT pg_advisory_xact_lock({floors.LOCK_SPACE}, {floor.site.id})",
    }
    make.commit()

    with database.transaction() as other:
        other.execute(text(statements[database.is_sqlite]))
        began = time.monotonic()
        answer = arrive(acd, floor)
        waited = time.monotonic() - began

    assert (answer.status_code, answer.json["fallback"], answer.json["reason"]) == (503, True, "busy")
    # It does wait, but far less long than pages do.
    assert 0.2 < waited < 3.0
    assert arrive(acd, floor).json["fallback"] is False


def test_a_token_that_was_revoked_routes_for_a_second_at_most(floor, make, session, app, api_client):
    moment = [NOW]
    app.extensions["clock"] = lambda: moment[0]
    client = api_client(make.person(site=floor.site, roles=[Role.SCHEDULER]))
    assert free(client, floor, "ana").status_code == 200

    session.execute(update(ApiToken).values(revoked_at=NOW))
    make.commit()
    moment[0] = NOW + dt.timedelta(seconds=1)

    assert free(client, floor, "ana").status_code == 401
