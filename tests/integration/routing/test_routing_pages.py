"""Dispatchers see the floor and the reasons of each decision; agents say themselves whether they are there."""

from __future__ import annotations

import pytest

from tests.factories import TODAY
from tests.factories.routing import build_floor
from webapp.models import Role, RoutingMode
from webapp.services.routing import floor_view, settings


@pytest.fixture
def floor(make):
    return build_floor(make)


@pytest.fixture
def dispatcher(floor, make, sign_in):
    return sign_in(make.person(site=floor.site, roles=[Role.SCHEDULER]))


def act(floor, session, *events):
    outcome = None
    for event in events:
        outcome = floor.do(session, event)
    return outcome


def comes(floor, name):
    return lambda events: events.free(f"{name}-{floor.site.id}")


def arrives(floor, number, kind="hotline"):
    arrival = floor.arrival(number, kind)
    return lambda events: events.arrive(arrival)


def test_the_floor_shows_who_is_present_and_what_waits(dispatcher, floor, session):
    act(floor, session, comes(floor, "ana"), arrives(floor, 1), arrives(floor, 2))

    page = dispatcher.get("/routing").text

    assert "Ana" in page
    assert f"c1-{floor.site.id}" in page
    assert "Offered" in page
    assert "Waiting" in page
    assert "longest idle" in page


def test_a_decision_tells_why_and_who_was_next(dispatcher, floor, session):
    act(floor, session, comes(floor, "ana"), comes(floor, "dana"), arrives(floor, 1), arrives(floor, 2))

    page = dispatcher.get("/routing/decisions").text

    assert "the longest idle was chosen" in page
    assert "Next was Dana" in page
    assert "was the only one who could take it" in page


def test_tables_leave_as_csv(dispatcher, floor, session):
    act(floor, session, comes(floor, "ana"), arrives(floor, 1))

    assert "ana" in dispatcher.get("/routing?format=csv&table=agents").text
    assert f"c1-{floor.site.id}" in dispatcher.get("/routing?format=csv").text
    decisions = dispatcher.get("/routing/decisions?format=csv").text.removeprefix("\ufeff").splitlines()
    assert decisions[0].startswith("at,contact,type,trigger,mode,agent")
    assert len(decisions) == 2


def test_a_day_in_shadow_is_compared_with_what_was_done(make, session, sign_in):
    floor = build_floor(make, mode=RoutingMode.SHADOW)
    dispatcher = sign_in(make.person(site=floor.site, roles=[Role.SCHEDULER]))
    act(floor, session, comes(floor, "ana"), comes(floor, "dana"))
    for number, taker in enumerate(["ana", "dana"]):
        outcome = act(floor, session, arrives(floor, number))
        act(floor, session, lambda events, o=outcome, t=taker: events.start(o.contact_id, f"{t}-{floor.site.id}"))

    page = dispatcher.get(f"/routing/shadow?day={TODAY}").text
    rows = dispatcher.get("/routing/shadow?format=csv").text.splitlines()[1:]

    # Ana is longest idle at first, and then taken: both were chosen as advised.
    assert "100 %" in page
    assert [row.split(",")[-2] for row in rows] == ["yes", "yes"]
    assert dispatcher.get("/routing/shadow/picture?format=svg").mimetype == "image/svg+xml"


def test_somebody_else_than_advised_is_told_with_the_difference(make, session, sign_in):
    floor = build_floor(make, mode=RoutingMode.SHADOW)
    dispatcher = sign_in(make.person(site=floor.site, roles=[Role.SCHEDULER]))
    act(floor, session, comes(floor, "ana"), comes(floor, "dana"))
    outcome = act(floor, session, arrives(floor, 1))
    act(floor, session, lambda events: events.start(outcome.contact_id, f"dana-{floor.site.id}"))

    (row,) = dispatcher.get("/routing/shadow?format=csv").text.splitlines()[1:]

    assert row.endswith(",no,0.0")


def test_settings_are_saved_with_who_set_them(dispatcher, floor, session, make):
    page = dispatcher.get("/routing/settings").text
    assert "Seconds to answer" in page

    present = settings.find_setting(session, floor.site.id)
    assert present is not None
    sent = {
        "version": present.version,
        "mode": "shadow",
        "reservation_seconds": "30",
        "unanswered_limit": "3",
        "after_work_seconds": "0",
        "refresh_minutes": "15",
    }
    make.commit()
    answer = dispatcher.post("/routing/settings", data=sent)
    refused = dispatcher.post("/routing/settings", data=sent | {"reservation_seconds": "2"})

    session.expire_all()
    present = settings.find_setting(session, floor.site.id)
    assert present is not None
    assert answer.status_code == 302
    assert (present.mode, present.reservation_seconds) == (RoutingMode.SHADOW, 30)
    assert present.changed_by_id is not None
    assert refused.status_code in {409, 422}


def _presence(session, floor):
    found = floor_view.find_own_presence(session, floor.agents["ana"])
    return found.state.value if found is not None else None


def test_an_agent_says_that_they_are_there_and_that_they_are_away(floor, sign_in, session, make):
    client = sign_in(floor.agents["ana"])
    assert "no live contacts come to you" in client.get("/day").text

    client.post("/routing/presence/available")
    assert _presence(session, floor) == "available"
    make.commit()
    assert "I am away" in client.get("/day").text
    client.post("/routing/presence/away")
    assert client.post("/routing/presence/busy").status_code == 404
    session.expire_all()
    assert _presence(session, floor) == "away"


def test_a_site_elsewhere_does_not_exist(floor, make, sign_in):
    stranger = sign_in(make.person(site=make.site(code="elsewhere"), roles=[Role.SCHEDULER]))

    for path in ("/routing", "/routing/decisions", "/routing/shadow", "/routing/settings"):
        assert stranger.get(f"{path}?site={floor.site.id}").status_code == 404
    assert sign_in(floor.agents["ana"]).get("/routing").status_code == 403
