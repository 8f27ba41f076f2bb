"""An identity system feeds joiners, movers and leavers; the rules are those of the pages."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import ScimProvider
from scim2_tester import Status, check_server
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.models import Account, AuditEvent, Person, Role, ScimUser, Team, TokenScope
from webapp.services import access, api_tokens

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EXAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "formats" / "scim"


@pytest.fixture
def secret_for(make):
    """Return a function that makes a token for a new person and returns its secret."""

    def _make(*, roles=("hr",), scopes=(TokenScope.SCIM,), bound=True):
        person = make.person(roles=list(roles), serves=[make.home])
        make.session.flush()
        _, secret = api_tokens.create_token(
            make.session,
            person,
            name="Identity system",
            scopes=scopes,
            site_id=make.home.id if bound else None,
            expires_on=NOW.date() + dt.timedelta(days=30),
            viewer=access.get_viewer(make.session, person.id, on=TODAY),
            by=make.actor(person),
        )
        make.commit()
        return secret

    return _make


@pytest.fixture
def feed(app, secret_for):
    """Return a function that makes a token and returns calls that carry it."""

    def _feed(**settings):
        client, headers = app.test_client(), {"Authorization": f"Bearer {secret_for(**settings)}"}

        def call(method, path, body=None, **more):
            return client.open(f"/scim/v2{path}", method=method, json=body, headers=headers | more)

        return call

    return _feed


def _user(name="ada", **more):
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "displayName": "Ada Ferreira",
        "emails": [{"value": f"{name}@example.test", "type": "work", "primary": True}],
        **more,
    }


def _patch(**values):
    operations = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}


def _person(make, user_id):
    make.session.rollback()
    person = make.session.get_one(Person, int(str(user_id).removeprefix("p")), populate_existing=True)
    make.session.refresh(person, ["grants", "account", "team"])
    # On SQLite a session that has read keeps others from writing.
    make.commit()
    return person


def test_server_keeps_the_protocol_in_every_point(app, secret_for):
    """The tester of the protocol's own community finds nothing wrong, over users and groups."""
    secret = secret_for(roles=("admin",))
    client = WSGISCIMClient(
        app,
        base_url="http://localhost/scim/v2",
        headers={"Authorization": f"Bearer {secret}"},
        provider=ScimProvider(),
    )

    results = check_server(client)

    assert len(results) > 50
    wrong = [(each.title, each.reason) for each in results if each.status in {Status.ERROR, Status.CRITICAL}]
    assert not wrong, "\n".join(map(str, wrong))


def test_joiner_becomes_an_agent_of_the_site_who_may_sign_in(feed, make):
    team = make.team(name="Billing")
    call = feed()

    answer = call(
        "POST", "/Users", _user(title="Agent", **{ENTERPRISE: {"employeeNumber": "4711", "department": "billing"}})
    )

    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"].endswith(f"/scim/v2/Users/{answer.json['id']}")
    person = _person(make, answer.json["id"])
    assert (person.name, person.email, person.external_id) == ("Ada Ferreira", "ada@example.test", "4711")
    assert (person.site_id, person.team_id, person.job_title) == (make.home.id, team.id, "Agent")
    assert [grant.role for grant in person.grants] == [Role.AGENT]
    assert person.account.active
    channels = set(make.session.scalars(select(AuditEvent.channel).where(AuditEvent.person_id == person.id)))
    assert channels == {"api"}


def test_mover_changes_site_and_team_by_their_names(feed, make):
    far = make.site(name="Far Harbour")
    team = make.team(site=far, name="Chat")
    call = feed(roles=("admin",), bound=False)
    person = make.person(name="Ada Ferreira", email="ada@example.test")
    make.commit()

    answer = call(
        "PATCH",
        f"/Users/p{person.id}",
        _patch(**{f"{ENTERPRISE}:organization": "far harbour", f"{ENTERPRISE}:department": "Chat"}),
    )

    assert answer.status_code == 204, answer.text
    moved = _person(make, person.id)
    assert (moved.site_id, moved.team_id) == (far.id, team.id)


def test_leaver_is_out_at_the_next_request_and_their_record_stays(feed, make, sign_in):
    person = make.person(email="ada@example.test")
    make.record(person, make.skill(), 3)
    call = feed()
    pages = sign_in(person)
    assert pages.get("/account").status_code == 200

    answer = call("PATCH", f"/Users/p{person.id}", _patch(active=False))

    assert answer.status_code == 204, answer.text
    assert call("GET", f"/Users/p{person.id}").json["active"] is False
    assert pages.get("/account").status_code == 302
    left = _person(make, person.id)
    assert (left.active, left.account.active) == (False, False)
    assert call("PATCH", f"/Users/p{person.id}", _patch(active=True)).status_code == 204
    assert _person(make, person.id).active


def test_removed_user_is_gone_for_the_identity_system_and_comes_back_as_the_same_person(feed, make):
    call = feed()
    made = call("POST", "/Users", _user()).json

    assert call("DELETE", f"/Users/{made['id']}").status_code == 204
    assert call("GET", f"/Users/{made['id']}").status_code == 404
    assert call("GET", '/Users?filter=userName eq "ada"').json["totalResults"] == 0
    assert not _person(make, made["id"]).active
    again = call("POST", "/Users", _user())

    assert (again.status_code, again.json["id"]) == (201, made["id"])
    assert _person(make, made["id"]).active


def test_the_name_of_somebody_who_left_does_not_make_a_newcomer_them(feed, make):
    call = feed()
    made = call("POST", "/Users", _user(**{ENTERPRISE: {"employeeNumber": "4711"}})).json
    call("DELETE", f"/Users/{made['id']}")

    newcomer = call("POST", "/Users", _user(**{ENTERPRISE: {"employeeNumber": "4712"}}))
    assert (newcomer.status_code, newcomer.json["scimType"]) == (409, "uniqueness")
    assert not _person(make, made["id"]).active

    back = call("POST", "/Users", _user(**{ENTERPRISE: {"employeeNumber": "4711"}}))
    assert (back.status_code, back.json["id"]) == (201, made["id"])


def test_everybody_who_was_here_before_is_found_by_their_address_or_number(feed, make):
    person = make.person(name="Ada", email="Ada@Example.test", external_id="p-7")
    call = feed()

    found = call("GET", '/Users?filter=userName eq "ada@example.test"').json

    assert [each["id"] for each in found["Resources"]] == [f"p{person.id}"]
    assert call("POST", "/Users", _user("ada@example.test")).status_code == 409


def test_taken_names_numbers_and_addresses_are_conflicts_and_leave_nothing(feed, make):
    call = feed()
    call("POST", "/Users", _user(**{ENTERPRISE: {"employeeNumber": "1"}}))

    same_name = call("POST", "/Users", _user("ADA"))
    same_number = call("POST", "/Users", _user("eve", emails=[], **{ENTERPRISE: {"employeeNumber": "1"}}))
    same_address = call("POST", "/Users", _user("eve", emails=[{"value": "ada@example.test"}]))

    for answer in (same_name, same_number, same_address):
        assert (answer.status_code, answer.json["scimType"]) == (409, "uniqueness"), answer.text
    make.session.rollback()
    assert make.session.scalars(select(ScimUser.user_name)).all() == ["ada"]


def test_place_that_is_unknown_changes_nothing_and_is_kept(feed, make):
    call = feed()

    answer = call("POST", "/Users", _user(**{ENTERPRISE: {"organization": "Nowhere", "department": "Nothing"}}))

    assert answer.status_code == 201
    person = _person(make, answer.json["id"])
    assert (person.site_id, person.team_id) == (make.home.id, None)
    assert answer.json[ENTERPRISE] == {"organization": "Nowhere", "department": "Nothing"}


def test_joiner_without_a_site_is_refused_where_the_token_serves_several(feed, make):
    make.site()
    call = feed(roles=("admin",), bound=False)

    answer = call("POST", "/Users", _user())

    assert (answer.status_code, answer.json["scimType"]) == (400, "invalidValue")
    assert "organization" in answer.json["detail"]


def test_group_is_a_team_and_its_members_are_its_people(feed, make):
    people = [make.person() for _ in range(3)]
    call = feed()
    members = [{"value": f"p{person.id}"} for person in people[:2]]

    made = call("POST", "/Groups", {"displayName": "Night Owls", "members": members})
    assert made.status_code == 201, made.text
    path = f"/Groups/{made.json['id']}"
    call("PATCH", path, {"Operations": [{"op": "add", "path": "members", "value": [{"value": f"p{people[2].id}"}]}]})
    call("PATCH", path, {"Operations": [{"op": "remove", "path": f'members[value eq "p{people[0].id}"]'}]})

    make.session.rollback()
    team = make.session.scalars(select(Team).where(Team.code == "night-owls")).one()
    assert {person.id for person in team.members} == {people[1].id, people[2].id}
    make.commit()
    assert call("DELETE", path).status_code == 204
    make.session.rollback()
    assert make.session.scalars(select(Team).where(Team.code == "night-owls")).all() == []
    assert make.session.get_one(Person, people[1].id, populate_existing=True).team_id is None


def test_change_of_what_somebody_else_changed_is_refused_with_their_version(feed, make):
    call = feed()
    made = call("POST", "/Users", _user())
    path, version = f"/Users/{made.json['id']}", made.json["meta"]["version"]
    assert call("PATCH", path, _patch(title="Lead"), **{"If-Match": version}).status_code == 204

    late = call("PATCH", path, _patch(title="Chief"), **{"If-Match": version})

    assert late.status_code == 412
    assert call("GET", path).json["title"] == "Lead"
    assert call("GET", path, **{"If-None-Match": call("GET", path).json["meta"]["version"]}).status_code == 304


def test_failed_operation_of_many_leaves_nothing_and_the_others_stand(feed, make):
    call = feed()
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "one", "data": _user("one")},
            {"method": "POST", "path": "/Users", "bulkId": "two", "data": _user("ONE", emails=[])},
            {"method": "POST", "path": "/Users", "bulkId": "three", "data": _user("three")},
        ],
    }

    answer = call("POST", "/Bulk", body)

    assert [each["status"] for each in answer.json.get("Operations", [])] == ["201", "409", "201"], answer.text
    make.session.rollback()
    assert set(make.session.scalars(select(ScimUser.user_name))) == {"one", "three"}


def test_other_sites_are_not_there(feed, make):
    far = make.site()
    stranger, team = make.person(site=far, name="Canary"), make.team(site=far, name="Canary")
    call = feed()

    assert call("GET", f"/Users/p{stranger.id}").status_code == 404
    assert call("PATCH", f"/Users/p{stranger.id}", _patch(active=False)).status_code == 404
    assert call("GET", f"/Groups/t{team.id}").status_code == 404
    assert "Canary" not in call("GET", "/Users").text + call("GET", "/Groups").text


def test_token_of_hr_deactivates_no_admin_and_nobody_themselves(feed, make):
    admin = make.person(roles=["admin"])
    call = feed()

    assert call("PATCH", f"/Users/p{admin.id}", _patch(active=False)).status_code == 403
    assert _person(make, admin.id).active


@pytest.mark.parametrize(("scopes", "status"), [((TokenScope.PEOPLE_WRITE,), 403), ((TokenScope.SCIM,), 200)])
def test_token_needs_the_scope(feed, scopes, status):
    assert feed(scopes=scopes)("GET", "/Users").status_code == status


def test_without_a_token_nothing_is_told_not_even_to_who_is_signed_in(client, make, sign_in):
    admin = sign_in(make.person(roles=["admin"]))

    for caller in (client, admin):
        for path in ("/Users", "/Schemas", "/nowhere"):
            answer = caller.get(f"/scim/v2{path}")
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert answer.json["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the standard's examples are not here")
@pytest.mark.parametrize("name", ["rfc7643-8.1-user-minimal", "rfc7643-8.2-user-full", "rfc7643-8.3-enterprise_user"])
def test_examples_of_the_standard_are_taken_in(feed, make, name):
    sent = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    call = feed()

    answer = call("POST", "/Users", sent)

    assert answer.status_code == 201, answer.text
    assert answer.json["userName"] == sent["userName"]
    assert _person(make, answer.json["id"]).name
    # Mainstay keeps no secrets of others, and no private addresses.
    assert "t1meMa$heen" not in answer.text
    assert "addresses" not in answer.json
    make.session.rollback()
    stored = make.session.scalar(select(Account.password).where(Account.person_id == int(answer.json["id"][1:])))
    assert stored is None or stored.startswith("$")
