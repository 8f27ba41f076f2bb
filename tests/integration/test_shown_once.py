"""A secret is shown once, on a page of its own: reloading it makes no second one, and nothing keeps the first."""

from __future__ import annotations

import re

import pytest

from webapp.models import ApiToken, CalendarFeed, Role
from webapp.web.toasts import BACKGROUND

SECRET = re.compile(r"ms_[\w-]{43}")


@pytest.fixture
def client(make, sign_in):
    return sign_in(make.person(roles=[Role.ADMIN]))


def make_token(client):
    sent = {"name": "Export", "scopes": ["people:read"], "site_id": "", "expires_on": "2026-12-31"}
    return client.post("/tokens", data=sent)


def test_a_form_that_makes_a_secret_leads_to_the_page_that_shows_it(make, client):
    answer = make_token(client)
    shown, reloaded = client.get(answer.location), client.get(answer.location)

    assert (answer.status_code, answer.location) == (302, "/tokens")
    assert SECRET.search(shown.text)
    assert shown.headers["Cache-Control"] == "no-store"
    assert not SECRET.search(reloaded.text)
    assert make.session.query(ApiToken).count() == 1


def test_the_session_holds_it_in_no_readable_form_and_not_beyond_the_page(client):
    make_token(client)
    with client.session_transaction() as session:
        waiting = dict(session)
    (secret,) = SECRET.findall(client.get("/tokens").text)
    with client.session_transaction() as session:
        left = dict(session)

    assert secret not in str(waiting)
    assert "shown_once" in waiting
    assert "shown_once" not in left


def test_a_script_that_keeps_a_page_up_to_date_does_not_take_it(client):
    make_token(client)

    refreshed = client.get("/tokens", headers={BACKGROUND: "1"})

    assert not SECRET.search(refreshed.text)
    assert SECRET.search(client.get("/tokens").text)


def test_another_page_neither_shows_nor_takes_it(make, client):
    make_token(client)

    other = client.get("/calendar")

    assert not SECRET.search(other.text)
    assert make.session.query(CalendarFeed).count() == 0
    assert SECRET.search(client.get("/tokens").text)


def test_who_signs_in_next_at_the_same_browser_does_not_see_it(make, client, sign_in):
    make_token(client)
    with client.session_transaction() as session:
        waiting = session["shown_once"]
    next_one = sign_in(make.person())
    with next_one.session_transaction() as session:
        session["shown_once"] = waiting

    assert not SECRET.search(next_one.get("/tokens").text)


def test_what_another_key_encrypted_is_nothing_to_show(client):
    with client.session_transaction() as session:
        session["shown_once"] = "of another installation"

    assert client.get("/tokens").status_code == 200


def test_the_address_of_a_shown_secret_leads_on_afterwards(make, client):
    ada = make.person()
    make.commit()
    ready = client.post(f"/people/{ada.id}/account/password", data={"way": "password"})
    client.get(ready.location)

    later = client.get(ready.location)

    assert later.location == f"/people/{ada.id}/access"
