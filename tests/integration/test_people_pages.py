"""The pages about people, roles, accounts, sites and teams."""

from __future__ import annotations

import datetime as dt
import json
import re
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from webapp.models import Account, Person, Role, RoleGrant, Site, Team


@pytest.fixture
def hr(make):
    return make.person(name="Hanna HR", roles=[Role.HR])


@pytest.fixture
def admin(make):
    return make.person(name="Adam Admin", roles=[Role.ADMIN])


@pytest.fixture
def fresh(database):
    """Return a function that reads rows as they are in the database now, beside the session that built them."""
    with ExitStack() as sessions:

        def _fresh(model, *conditions):
            session = sessions.enter_context(database.reading())
            return session.scalars(select(model).where(*conditions)).one()

        yield _fresh


def found(pattern, answer):
    match = re.search(pattern, answer.text)
    assert match is not None
    return match[1]


def hidden(answer, name):
    """Return the value of a hidden field of a page."""
    return found(rf'name="{name}"[^>]*value="([^"]*)"', answer).replace("&#34;", '"')


def person_form(**values):
    return {"name": "Ada", "email": "ada@example.test", "is_agent": "y", "job_title": "", **values}


def test_list_has_a_page_and_a_csv_of_the_same(make, hr, sign_in):
    make.person(name="=Ada", team=make.team(code="gold"), external_id="n1")
    make.person(name="Ben", active=False)
    client = sign_in(hr)

    page, table = client.get("/people?q=ada"), client.get("/people?q=ada&format=csv")

    assert "=Ada" in page.text
    assert "Ben" not in page.text
    header, row = table.text.lstrip("\ufeff").splitlines()
    assert header.startswith("number,name,email,site,team")
    # A spreadsheet must not take a name for a formula.
    assert row.startswith("n1,'=Ada,")


def test_odd_filters_are_left_out(make, hr, sign_in):
    assert sign_in(hr).get("/people?role=king&site=x&active=maybe&page=99").status_code == 200


def test_empty_list_says_so(hr, sign_in):
    assert "Nobody matches" in sign_in(hr).get("/people?q=nobody-at-all").text


def test_person_page_shows_next_step_history_and_ways_on(make, hr, sign_in):
    skill = make.skill(name="Billing")
    role = make.service_role(name="Senior agent", gates={skill: 3})
    ada = make.person(name="Ada")
    client = sign_in(hr)

    page = client.get(f"/people/{ada.id}")

    assert "Senior agent" in page.text
    assert f"/careers/{role.id}" in page.text
    assert "1 gate unmet" in page.text
    assert f"/people/{ada.id}/edit" in page.text


def test_lead_sees_a_person_without_the_trail(make, sign_in):
    team = make.team()
    lead, ada = make.person(roles=[Role.LEAD], leads=[team]), make.person(team=team)

    page = sign_in(lead).get(f"/people/{ada.id}")

    assert page.status_code == 200
    assert "History" not in page.text
    assert "Deactivate" not in page.text


@pytest.mark.parametrize(
    "path", ["/people", "/people/1", "/people/new", "/people/structure", "/people/1/access", "/sites/new"]
)
def test_agent_sees_no_directory(make, sign_in, path):
    assert sign_in(make.person()).get(path).status_code == 403


@pytest.mark.parametrize("part", ["", "/edit", "/access"])
def test_person_of_another_site_is_not_found(make, hr, sign_in, part):
    far = make.person(site=make.site())

    assert sign_in(hr).get(f"/people/{far.id}{part}").status_code == 404


def test_person_is_added(make, hr, sign_in, fresh):
    team = make.team()
    client = sign_in(hr)
    assert client.get("/people/new").status_code == 200

    answer = client.post(
        "/people/new", data=person_form(external_id="n1", site_id=make.home.id, team_id=team.id, hired_on="2024-02-29")
    )

    ada = fresh(Person, Person.external_id == "n1")
    assert answer.location == f"/people/{ada.id}"
    assert (ada.team_id, ada.hired_on.isoformat()) == (team.id, "2024-02-29")


def test_wrong_person_is_refused_beside_the_field_and_nothing_kept(session, make, hr, sign_in):
    client = sign_in(hr)

    no_name = client.post("/people/new", data=person_form(name="", external_id="new-one", site_id=make.home.id))
    taken = client.post("/people/new", data=person_form(email=hr.email, external_id="new-one", site_id=make.home.id))

    assert (no_name.status_code, taken.status_code) == (422, 422)
    assert 'id="name-error"' in no_name.text
    assert 'id="email-error"' in taken.text
    assert "new-one" not in client.get("/people?format=csv").text


def test_second_editor_sees_what_changed_and_keeps_their_text(make, hr, sign_in, fresh):
    ada = make.person(name="Ada")
    client = sign_in(hr)
    url = f"/people/{ada.id}/edit"
    form = client.get(url)
    mine = {"version": hidden(form, "version"), "seen": hidden(form, "seen"), "site_id": make.home.id}
    assert json.loads(mine["seen"])["Name"] == "Ada"

    first = client.post(url, data=person_form(**mine, name="Ada One", email=ada.email))
    second = client.post(url, data=person_form(**mine, name="Ada Two", email=ada.email))

    assert first.status_code == 302
    assert second.status_code == 409
    assert "Ada One" in second.text
    assert 'value="Ada Two"' in second.text
    third = {"version": hidden(second, "version"), "seen": hidden(second, "seen"), "site_id": make.home.id}
    assert client.post(url, data=person_form(**third, name="Ada Two", email=ada.email)).status_code == 302
    assert fresh(Person, Person.id == ada.id).name == "Ada Two"


def test_form_without_its_version_changes_nothing(make, hr, sign_in, fresh):
    ada = make.person(name="Ada")
    client = sign_in(hr)
    data = person_form(name="Other", email=ada.email, site_id=make.home.id, version="x", seen="[not json")

    assert client.post(f"/people/{ada.id}/edit", data=data).status_code == 409
    assert fresh(Person, Person.id == ada.id).name == "Ada"


def test_edit_with_a_wrong_value_says_so(make, hr, sign_in):
    ada = make.person()
    client = sign_in(hr)
    form = client.get(f"/people/{ada.id}/edit")
    data = person_form(version=hidden(form, "version"), email=hr.email, site_id=make.home.id)

    answer = client.post(f"/people/{ada.id}/edit", data=data)

    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text


def test_team_that_left_the_offer_stays_with_the_person(session, make, hr, sign_in):
    """A lead's or another site's team is not on offer to HR; saving the form must not take it away."""
    ada = make.person(team=make.team())
    ada.team_id = make.team(site=make.site()).id
    session.flush()

    assert "Present team" in sign_in(hr).get(f"/people/{ada.id}/edit").text


def test_deactivated_person_is_out_with_the_next_request(make, hr, sign_in):
    ada = make.person()
    theirs, mine = sign_in(ada), sign_in(hr)
    assert theirs.get("/careers").status_code == 200

    answer = mine.post(f"/people/{ada.id}/deactivate", follow_redirects=True)

    assert "no longer active" in answer.text
    assert f"/people/{ada.id}/activate" in answer.text
    assert theirs.get("/careers").status_code == 302
    assert mine.post(f"/people/{ada.id}/activate").status_code == 302


def test_hr_does_not_deactivate_an_admin(make, hr, admin, sign_in, fresh):
    assert sign_in(hr).post(f"/people/{admin.id}/deactivate").status_code == 403
    assert fresh(Person, Person.id == admin.id).active


def test_role_is_granted_and_withdrawn(make, hr, sign_in, fresh):
    ada, team = make.person(), make.team()
    client = sign_in(hr)
    url = f"/people/{ada.id}/access"
    assert client.get(url).status_code == 200

    granted = client.post(url, data={"role": "lead", "team_id": team.id, "site_id": ""})
    line = fresh(RoleGrant, RoleGrant.person_id == ada.id, RoleGrant.role == Role.LEAD)
    withdrawn = client.post(f"/people/{ada.id}/roles/{line.id}/withdraw")

    assert (granted.status_code, withdrawn.status_code) == (302, 302)
    assert fresh(RoleGrant, RoleGrant.person_id == ada.id).role is Role.AGENT


def test_wrong_grants_are_refused(make, hr, sign_in):
    ada = make.person()
    client = sign_in(hr)
    url = f"/people/{ada.id}/access"

    assert 'id="team_id-error"' in client.post(url, data={"role": "lead", "team_id": "", "site_id": ""}).text
    assert 'id="role-error"' in client.post(url, data={"role": "agent", "team_id": "", "site_id": ""}).text
    assert client.post(url, data={"role": "admin", "team_id": "", "site_id": ""}).status_code == 422
    assert (
        client.post(f"/people/{hr.id}/access", data={"role": "agent", "team_id": "", "site_id": ""}).status_code == 403
    )
    assert client.post(f"/people/{ada.id}/roles/999/withdraw").status_code == 404


def without_account(session, make):
    ada = make.person(name="Ada")
    session.refresh(ada, ["account"])
    session.delete(ada.account)
    session.flush()
    session.refresh(ada)
    return ada


def test_the_day_of_hiring_is_written_as_days_are(make, hr, sign_in):
    ada = make.person(name="Ada")
    ada.hired_on = dt.date(2024, 3, 1)
    make.commit()

    page = sign_in(hr).get(f"/people/{ada.id}")

    assert "Fri 1 Mar 2024" in page.text
    assert "2024-03-01" not in page.text


def test_first_password_is_shown_once_and_opens_the_account(session, make, hr, sign_in, app):
    ada = without_account(session, make)
    client = sign_in(hr)

    ready = client.post(f"/people/{ada.id}/account", data={"way": "password"}, follow_redirects=True)

    password = found(r'id="secret"[^>]*value="([^"]+)"', ready)
    assert ready.headers["Cache-Control"] == "no-store"
    assert password not in client.get(f"/people/{ada.id}/access").text
    newcomer = app.test_client()
    newcomer.post("/login", data={"email": ada.email, "password": password})
    assert newcomer.get("/careers").status_code == 200


def test_one_time_link_lets_the_owner_choose_a_password_once(make, hr, sign_in, app, fresh):
    ada = make.person()
    client = sign_in(hr)

    ready = client.post(f"/people/{ada.id}/account/password", data={"way": "link"}, follow_redirects=True)

    link = found(r'id="secret"[^>]*value="([^"]+)"', ready)
    choice = {"password": "a new long password", "password_confirm": "a new long password"}
    assert app.test_client().post(link, data=choice).status_code == 302
    first = fresh(Account, Account.person_id == ada.id).password
    app.test_client().post(link, data=dict.fromkeys(choice, "another long password"))
    assert fresh(Account, Account.person_id == ada.id).password == first


def test_new_password_signs_the_person_out(make, hr, sign_in):
    ada = make.person()
    theirs, mine = sign_in(ada), sign_in(hr)

    assert mine.post(f"/people/{ada.id}/account/password", data={"way": "password"}).status_code == 302
    assert theirs.get("/careers").status_code == 302


def test_hr_takes_over_no_admins_account(session, make, hr, admin, sign_in, fresh):
    before = session.scalar(select(Account.password).where(Account.person_id == admin.id))

    answer = sign_in(hr).post(f"/people/{admin.id}/account/password", data={"way": "password"})

    assert answer.status_code == 403
    assert "secret" not in answer.text
    assert fresh(Account, Account.person_id == admin.id).password == before


def test_account_questions_that_make_no_sense_are_refused(session, make, hr, sign_in):
    ada, ben = without_account(session, make), make.person()
    client = sign_in(hr)

    assert client.post(f"/people/{ada.id}/account", data={"way": "owl"}).status_code == 400
    assert client.post(f"/people/{ada.id}/account/password", data={"way": "password"}).status_code == 404
    assert client.post(f"/people/{ben.id}/account", data={"way": "password"}).status_code == 409


def test_links_are_not_offered_where_their_page_is_closed(make, hr, sign_in, app):
    ada = make.person()
    app.config["SECURITY_RECOVERABLE"] = False
    client = sign_in(hr)

    assert "one-time link" not in client.get(f"/people/{ada.id}/access").text
    assert client.post(f"/people/{ada.id}/account/password", data={"way": "link"}).status_code == 400


def test_access_page_of_oneself_and_of_somebody_above_offers_nothing(make, hr, admin, sign_in):
    client = sign_in(hr)

    assert "Nobody changes their own roles" in client.get(f"/people/{hr.id}/access").text
    assert "only an admin manages" in client.get(f"/people/{admin.id}/access").text


def test_structure_has_a_page_and_a_csv(make, hr, sign_in):
    make.team(code="gold", name="Gold")
    client = sign_in(hr)

    assert "Gold" in client.get("/people/structure").text
    assert "Add a site" not in client.get("/people/structure").text
    assert client.get("/people/structure?format=csv").text.splitlines()[1] == "home,Home,Europe/Berlin,gold,Gold,0"


def test_site_is_added_changed_and_removed_by_an_admin(admin, sign_in, fresh):
    client = sign_in(admin)
    assert client.get("/sites/new").status_code == 200
    client.post("/sites/new", data={"code": "oslo", "name": "Oslo", "time_zone": "Europe/Oslo"})
    site = fresh(Site, Site.code == "oslo")
    form = client.get(f"/sites/{site.id}/edit")
    data = {"version": hidden(form, "version"), "seen": hidden(form, "seen"), "time_zone": "Europe/Oslo"}

    assert client.post(f"/sites/{site.id}/edit", data={**data, "name": "Oslo 2"}).status_code == 302
    assert client.post(f"/sites/{site.id}/edit", data={**data, "name": "Late"}).status_code == 409
    assert fresh(Site, Site.code == "oslo").name == "Oslo 2"
    assert client.post(f"/sites/{site.id}/delete").status_code == 302


def test_wrong_site_is_refused(make, admin, hr, sign_in):
    client = sign_in(admin)
    form = client.get(f"/sites/{make.home.id}/edit")
    change = {"version": hidden(form, "version"), "name": "Home", "time_zone": "Mars/Olympus"}

    new = client.post("/sites/new", data={"code": "home", "name": "Home", "time_zone": "Europe/Oslo"})
    edited = client.post(f"/sites/{make.home.id}/edit", data=change)

    assert (new.status_code, edited.status_code) == (422, 422)
    assert 'id="code-error"' in new.text
    assert 'id="time_zone-error"' in edited.text
    assert client.post(f"/sites/{make.home.id}/delete").status_code == 409
    data = {"code": "x", "name": "X", "time_zone": "Europe/Oslo"}
    assert sign_in(hr).post("/sites/new", data=data).status_code == 403


def test_team_is_added_changed_and_removed(make, hr, sign_in, fresh):
    client = sign_in(hr)
    url = f"/sites/{make.home.id}/teams/new"
    assert client.get(url).status_code == 200
    assert client.post(url, data={"code": "gold", "name": "Gold"}).status_code == 302
    assert client.post(url, data={"code": "gold", "name": "Gold"}).status_code == 422
    team = fresh(Team, Team.code == "gold")
    form = client.get(f"/teams/{team.id}/edit")
    data = {"version": hidden(form, "version"), "seen": hidden(form, "seen")}

    assert client.post(f"/teams/{team.id}/edit", data={**data, "name": "Silver"}).status_code == 302
    assert client.post(f"/teams/{team.id}/edit", data={**data, "name": "Late"}).status_code == 409
    again = hidden(client.get(f"/teams/{team.id}/edit"), "version")
    assert client.post(f"/teams/{team.id}/edit", data={"version": again, "name": " "}).status_code == 422
    assert client.post(f"/teams/{team.id}/delete").status_code == 302


def test_places_of_another_site_are_not_found(make, hr, sign_in):
    far = make.site()
    team = make.team(site=far)
    client = sign_in(hr)

    for path in (f"/sites/{far.id}/edit", f"/sites/{far.id}/teams/new", f"/teams/{team.id}/edit"):
        assert client.get(path).status_code == 404
    for path in (f"/sites/{far.id}/delete", f"/teams/{team.id}/delete"):
        assert client.post(path).status_code == 404
