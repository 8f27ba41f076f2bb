"""Exports by page and by console: who may take what, in which form, and the links on the pages."""

from __future__ import annotations

import json

import pytest

from webapp.models import Role


@pytest.fixture
def agent(make):
    return make.person(external_id="a1", name="Ana", email="ana@example.test", site=make.home)


@pytest.fixture
def hr(make, agent):
    return make.person(external_id="h1", name="Hanna", roles=[Role.HR], site=make.home)


def test_people_are_downloaded_within_scope(make, sign_in, hr):
    make.person(external_id="far", site=make.site())

    answer = sign_in(hr).get("/exports/people.json")

    assert answer.mimetype == "application/json"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="people.json"'
    assert [row["external_id"] for row in json.loads(answer.data)] == ["a1", "h1"]


def test_formulas_are_guarded_in_what_a_spreadsheet_opens(make, sign_in, hr):
    make.skill(code="s", name="=HYPERLINK()")

    answer = sign_in(hr).get("/exports/skills.csv")

    assert "'=HYPERLINK()" in answer.get_data(as_text=True)


@pytest.mark.parametrize("kind", ["people", "records", "skill-events", "shifts", "engagements"])
def test_agent_takes_nothing_about_others(sign_in, agent, kind):
    assert sign_in(agent).get(f"/exports/{kind}.csv").status_code == 403


def test_log_is_for_admins_alone(make, sign_in, hr):
    admin = make.person(roles=[Role.ADMIN])

    assert sign_in(hr).get("/exports/skill-events.csv").status_code == 403
    assert sign_in(admin).get("/exports/skill-events.csv").status_code == 200


@pytest.mark.parametrize("path", ["nothing.csv", "forecast.csv", "people.pdf"])
def test_what_cannot_be_exported_is_not_found(sign_in, hr, path):
    assert sign_in(hr).get(f"/exports/{path}").status_code == 404


def test_visitor_is_asked_to_sign_in(client):
    assert client.get("/exports/people.csv").status_code == 302


@pytest.mark.parametrize(("page", "kind"), [("/people", "people"), ("/skills", "skills"), ("/imports", "records")])
def test_pages_offer_the_export_of_what_they_show(sign_in, hr, page, kind):
    text = sign_in(hr).get(page).get_data(as_text=True)

    assert all(f"/exports/{kind}.{form}" in text for form in ("csv", "xlsx", "json"))
