"""Addresses and forms that no page offers: each is answered by a sentence, none by a fault."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from webapp.models import Role
from webapp.services.access import Permission
from webapp.web.guard import requires

HUGE = "9" * 25
ENDLESS = "9" * 5000


@pytest.fixture
def client(make, sign_in):
    """Return a client of somebody who may open every page."""
    return sign_in(make.person(roles=[Role.ADMIN, Role.AGENT, Role.LEAD]))


@pytest.mark.parametrize(
    "address",
    [
        f"/people/{HUGE}",
        f"/people?site={HUGE}",
        f"/types/{HUGE}",
        f"/engagements?site={HUGE}&day=2026-11-21",
        f"/plans/{HUGE}",
        f"/careers/{HUGE}",
        "/people?q=%00",
    ],
)
def test_a_key_or_text_that_no_database_holds_is_answered(client, address):
    answer = client.get(address)
    assert answer.status_code in {200, 400, 404}


@pytest.mark.parametrize(
    "address",
    [
        f"/people?page={HUGE}",
        f"/people?page={ENDLESS}",
        "/people?page=-5",
        "/people?q=%ff%fe",
        "/plans?day=99999-01-01",
        "/plans?day=9999-12-31",
        "/plans?day=0001-01-01",
        "/day?day=9999-12-31",
        "/roster?view=week&day=0001-01-02",
        "/careers?format=nonsense",
    ],
)
def test_a_page_or_day_that_does_not_exist_leads_to_one_that_does(make, client, address):
    answer = client.get(address)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        *(
            "/plans?day={}",
            "/day?day={}",
            "/week?day={}",
            "/roster?day={}",
            "/roster/shifts/new?day={}",
            "/board?day={}",
        ),
        *("/engagements?day={}", "/simulations?day={}", "/scenarios?day={}", "/my/skills/history?on={}"),
    ],
)
@pytest.mark.parametrize("day", ["2026-02-31", "x"])
def test_a_day_that_does_not_exist_is_told_on_the_page(client, address, day):
    answer = client.get(address.format(day))

    assert answer.status_code == 200
    assert f"{day} is no day; " in answer.text


def test_what_is_shown_in_its_place_is_named(client):
    assert "2026-02-31 is no day; this is Mon 23 Nov 2026." in client.get("/plans?day=2026-02-31").text
    assert "2026-02-31 is no day; it is left out." in client.get("/engagements?day=2026-02-31").text
    assert "is no day" not in client.get("/plans?day=2026-11-20").text
    assert "is no day" not in client.get("/plans?day=").text


def test_the_board_of_another_day_says_that_it_is_todays(client):
    assert "The board is always of today, not of Fri 20 Nov 2026." in client.get("/board?day=2026-11-20").text
    assert "always of today" not in client.get("/board?day=2026-11-23").text


def test_a_file_of_a_day_that_does_not_exist_is_not_found(client):
    answer = client.get("/week?day=2026-02-31&format=csv")

    assert answer.status_code == 404
    assert "2026-02-31 is no day." in answer.text


def test_what_somebody_put_in_place_of_a_day_is_shown_short_and_as_text(client):
    answer = client.get("/plans?day=" + "<b>" * 50)

    assert "<b><b>" not in answer.text
    assert f"{'&lt;b&gt;' * 13}&lt;… is no day" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "on=9999-12-31&from=09:00&until=08:00",
        "on=0001-01-01&from=09:00&until=12:00",
        "from=09:00%2b02:00&until=12:00",
        "from=09:00",
    ],
)
def test_who_can_refuses_a_time_that_it_cannot_ask_about(make, client, query):
    skill = make.skill()
    make.commit()
    answer = client.get(f"/who-can?skill={skill.id}&level=3&{query}")
    assert answer.status_code == 422
    assert "Give " in answer.text


def test_who_can_leaves_out_a_skill_that_is_no_key(client):
    assert client.get(f"/who-can?skill={ENDLESS}&level={ENDLESS}").status_code == 200


def test_a_version_of_endless_digits_counts_as_an_old_one(make, client):
    site = make.site(name="Harbour")
    make.commit()
    form = {"version": ENDLESS, "seen": "{}", "name": "Quay", "time_zone": "Europe/Berlin"}
    answer = client.post(f"/sites/{site.id}/edit", data=form)
    assert answer.status_code == 409


def test_work_of_endless_digits_is_not_in_ones_day(client):
    assert client.post(f"/day/answers/{ENDLESS}/withdraw").status_code == 404


def test_pay_beyond_what_is_kept_is_refused_beside_its_field(client):
    form = {"code": "chief", "name": "Chief", "rung": "1", "pay_from": "1", "pay_to": HUGE, "currency": "EUR"}
    answer = client.post("/careers/new", data=form)
    assert answer.status_code == 422
    assert "Use a pay up to 2,000,000,000." in answer.text


def test_a_lost_race_for_a_key_is_no_fault(app, make, sign_in):
    @requires(Permission.USE_MAINSTAY)
    def clash():
        raise IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE constraint failed"))

    app.add_url_rule("/clash", view_func=clash, methods=["POST"])
    answer = sign_in(make.person()).post("/clash")
    assert answer.status_code == 409
    assert "clashes" in answer.text


def test_errors_of_the_database_do_not_repeat_what_was_written(session):
    """What people wrote must not reach the log or the row of a job by way of an error's text."""
    with pytest.raises(DBAPIError) as caught:
        session.execute(text("SELECT * FROM no_such_table WHERE name = :name"), {"name": "Canary Jones"})
    assert "no_such_table" in str(caught.value)
    assert "Canary Jones" not in str(caught.value)
