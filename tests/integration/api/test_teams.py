"""Teams through the API, as the example of every resource: success, invalid, forbidden, not found, other site."""

from __future__ import annotations

import pytest

from webapp.models import Role, Team, TokenScope


@pytest.fixture
def hr(make):
    return make.person(name="Hanna", roles=[Role.HR])


def test_teams_are_listed_a_page_at_a_time_and_none_is_repeated_when_one_is_added(make, api_client, hr):
    client = api_client(hr, [TokenScope.PEOPLE_READ])
    for name in ("Delta", "Alpha", "Charlie", "Bravo"):
        make.team(name=name)
    make.commit()

    first = client.get("/api/v1/teams?limit=2&sort=name").json
    make.team(name="Aardvark")
    make.commit()
    second = client.get("/api/v1/teams", query_string={"limit": 2, "sort": "name", "cursor": first["next"]})

    assert [team["name"] for team in first["items"]] == ["Alpha", "Bravo"]
    assert [team["name"] for team in second.json["items"]] == ["Charlie", "Delta"]
    assert second.json["next"] is None
    assert "Link" not in second.headers


def test_the_next_page_is_linked_with_the_filters_of_this_one(make, api_client, hr):
    for _ in range(3):
        make.team()
    client = api_client(hr)

    first = client.get("/api/v1/teams?limit=2&site=home")
    second = client.get(first.headers["Link"].partition("<")[2].partition(">")[0])

    assert 'rel="next"' in first.headers["Link"]
    assert (len(first.json["items"]), len(second.json["items"])) == (2, 1)


def test_a_team_is_added_read_renamed_and_removed(make, api_client, hr):
    client = api_client(hr)

    added = client.post("/api/v1/teams", json={"code": "mail", "name": "Mail", "site_id": make.home.id})
    address = added.headers["Location"]
    read = client.get(address)
    renamed = client.patch(address, json={"name": "Letters"}, headers={"If-Match": read.headers["ETag"]})
    removed = client.delete(address, headers={"If-Match": renamed.headers["ETag"]})

    assert added.status_code == 201
    assert added.headers["ETag"] == read.headers["ETag"] != renamed.headers["ETag"]
    assert read.json == {
        "id": added.json["id"],
        "code": "mail",
        "name": "Mail",
        "site_id": make.home.id,
        "site": "home",
        "version": 1,
    }
    assert renamed.json["name"] == "Letters"
    assert (removed.status_code, removed.data) == (204, b"")
    assert client.get(address).status_code == 404


def test_what_did_not_change_is_not_sent_again(make, api_client, hr):
    team = make.team()
    client = api_client(hr)
    tag = client.get(f"/api/v1/teams/{team.id}").headers["ETag"]

    again = client.get(f"/api/v1/teams/{team.id}", headers={"If-None-Match": tag})

    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert not tag.startswith("W/")


def test_whoever_saves_second_loses_nothing_of_the_first(make, api_client, hr):
    """Two programs read the same version: the second is told what the first wrote, and nothing is overwritten."""
    team = make.team(name="Mail")
    client = api_client(hr)
    address = f"/api/v1/teams/{team.id}"
    tag = client.get(address).headers["ETag"]

    first = client.patch(address, json={"name": "Letters"}, headers={"If-Match": tag})
    second = client.patch(address, json={"name": "Post"}, headers={"If-Match": tag})

    assert first.status_code == 200
    assert (second.status_code, second.mimetype) == (412, "application/problem+json")
    assert second.json["sent_etag"] == tag
    assert second.json["present_etag"] == first.headers["ETag"]
    assert second.json["present"]["name"] == "Letters"
    assert client.get(address).json["name"] == "Letters"


@pytest.mark.parametrize("method", ["patch", "delete"])
def test_nothing_is_changed_without_saying_which_version_was_seen(make, api_client, hr, method):
    team = make.team(name="Mail")
    client = api_client(hr)

    answer = client.open(f"/api/v1/teams/{team.id}", method=method.upper(), json={"name": "Post"})

    assert (answer.status_code, answer.json["type"]) == (428, "urn:mainstay:problem:precondition-required")
    assert make.session.get_one(Team, team.id).name == "Mail"


def test_invalid_input_names_each_field(make, api_client, hr):
    make.team(code="mail")
    client = api_client(hr)

    shape = client.post("/api/v1/teams", json={"code": 7, "nmae": "Mail", "site_id": make.home.id})
    rule = client.post("/api/v1/teams", json={"code": "mail", "name": "Mail", "site_id": make.home.id})

    assert (shape.status_code, shape.json["status"]) == (422, 422)
    assert {(error["pointer"], error["code"]) for error in shape.json["errors"]} == {
        ("#/code", "invalid"),
        ("#/name", "required"),
        ("#/nmae", "unknown"),
    }
    assert rule.status_code == 422
    assert rule.json["errors"] == [{"pointer": "#/code", "detail": "The code mail is taken.", "code": "invalid"}]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("nmae=Mail", "nmae"),
        ("limit=201", "limit"),
        ("sort=site", "sort"),
        ("cursor=W10", "cursor"),
        ("site_id=x", "site_id"),
    ],
)
def test_unknown_and_malformed_parameters_are_refused_by_name(make, api_client, hr, query, parameter):
    client = api_client(hr)

    answer = client.get(f"/api/v1/teams?{query}")

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json["errors"]] == [parameter]


def test_nobody_edits_teams_without_the_scope_or_the_role(make, api_client, hr):
    reader = api_client(hr, [TokenScope.PEOPLE_READ])
    lead = api_client(make.person(roles=[Role.LEAD], leads=[make.team()]))
    body = {"code": "mail", "name": "Mail", "site_id": make.home.id}

    without_scope, without_role = reader.post("/api/v1/teams", json=body), lead.post("/api/v1/teams", json=body)

    assert (without_scope.status_code, without_role.status_code) == (403, 403)
    assert 'error="insufficient_scope"' in without_scope.headers["WWW-Authenticate"]
    assert 'scope="people:write"' in without_scope.headers["WWW-Authenticate"]


def test_teams_of_another_site_are_neither_shown_nor_found_nor_added_to(make, api_client, hr):
    far = make.site(code="far")
    team = make.team(site=far, name="Far team")
    client = api_client(hr)

    assert client.get("/api/v1/teams").json["items"] == []
    assert client.get("/api/v1/teams?site=far").json["items"] == []
    assert client.get(f"/api/v1/teams/{team.id}").status_code == 404
    assert client.delete(f"/api/v1/teams/{team.id}", headers={"If-Match": '"x"'}).status_code == 404
    added = client.post("/api/v1/teams", json={"code": "mail", "name": "Mail", "site_id": far.id})
    assert (added.status_code, added.json["errors"][0]["pointer"]) == (422, "#/site_id")


def test_a_token_that_is_bound_to_a_site_narrows_even_an_admin(make, api_client):
    near, far = make.site(code="near"), make.site(code="far")
    make.team(site=near, name="Near team")
    hidden = make.team(site=far, name="Far team")
    admin = make.person(site=near, roles=[Role.ADMIN])
    bound, free = api_client(admin, site=near), api_client(admin)

    assert [team["name"] for team in bound.get("/api/v1/teams").json["items"]] == ["Near team"]
    assert bound.get(f"/api/v1/teams/{hidden.id}").status_code == 404
    assert len(free.get("/api/v1/teams").json["items"]) == 2
