"""Tokens: who makes them, what they open, and when they end."""

from __future__ import annotations

import datetime as dt

import pytest

from config import Config
from tests.factories import NOW, TODAY
from webapp import create_app
from webapp.errors import ForbiddenError, InvalidInputError
from webapp.models import ApiToken, AuditEvent, Role, TokenScope
from webapp.services import access, api_tokens, people
from webapp.services.audit import Actor

ADDRESS = "/api/v1/teams"


@pytest.fixture
def hr(make):
    return make.person(roles=[Role.HR])


def test_the_secret_is_shown_once_and_only_its_hash_is_kept(make, sign_in, hr, app):
    client = sign_in(hr)

    sent = {"name": "Export", "scopes": ["people:read"], "site_id": "", "expires_on": "2026-12-31"}
    made = client.post("/tokens", data=sent, follow_redirects=True)
    later = client.get("/tokens")

    secret = made.text.partition('id="secret">')[2].partition("<")[0]
    token = make.session.query(ApiToken).one()
    assert made.status_code == 200
    assert secret.startswith("ms_")
    assert len(secret) == 46
    assert token.prefix == secret[:11]
    assert secret not in later.text
    assert "Export" in later.text
    assert secret not in str([getattr(token, column.key) for column in token.__table__.columns])
    used = app.test_client().get(ADDRESS, headers={"Authorization": f"Bearer {secret}"})
    assert used.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": " "}, "name"),
        ({"scopes": []}, "scopes"),
        ({"expires_on": "2026-11-22"}, "expires_on"),
        ({"expires_on": "2027-11-30"}, "expires_on"),
        ({"site_id": "far"}, "site_id"),
    ],
)
def test_what_is_missing_or_beyond_is_said_beside_its_field(make, sign_in, hr, data, field):
    far = make.site(code="far")
    sent = {"name": "Export", "scopes": ["people:read"], "site_id": "", "expires_on": "2026-12-31"} | data
    if sent["site_id"] == "far":
        sent["site_id"] = far.id

    answer = sign_in(hr).post("/tokens", data=sent)

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert make.session.query(ApiToken).count() == 0


def test_nobody_makes_a_token_for_somebody_else_nor_with_a_token(make, session, hr):
    other = make.person(roles=[Role.ADMIN])
    viewer = access.get_viewer(session, hr.id)
    narrowed = access.narrow(session, viewer, allowed=frozenset(access.Permission), site_id=None)

    def make_one(person, viewer):
        api_tokens.create_token(
            session,
            person,
            name="Export",
            scopes=[TokenScope.PEOPLE_READ],
            site_id=None,
            expires_on=TODAY,
            viewer=viewer,
            by=Actor(person_id=hr.id, at=NOW),
        )

    with pytest.raises(ForbiddenError):
        make_one(other, viewer)
    with pytest.raises(ForbiddenError):
        make_one(hr, narrowed)


@pytest.mark.parametrize("reason", ["revoked", "ended", "deactivated", "account closed"])
def test_a_token_is_refused_at_the_next_request_once_it_ended(make, api_client, hr, reason):
    client = api_client(hr)
    before = client.get(ADDRESS)
    token = make.session.query(ApiToken).one()

    if reason == "revoked":
        api_tokens.revoke_token(make.session, token.id, viewer=make.viewer(hr), by=make.actor(hr))
    elif reason == "ended":
        token.expires_at = NOW
    elif reason == "deactivated":
        admin = make.person(roles=[Role.ADMIN])
        people.deactivate_person(make.session, hr, viewer=make.viewer(admin), by=make.actor(admin))
    else:
        hr.account.active = False
    make.commit()
    after = client.get(ADDRESS)

    assert (before.status_code, after.status_code) == (200, 401)
    assert 'error="invalid_token"' in after.headers["WWW-Authenticate"]


def test_a_role_that_is_lost_is_lost_to_the_token_at_the_next_request(make, api_client, hr):
    client = api_client(hr)
    make.session.delete(hr.grants[0])
    make.commit()

    assert client.get(ADDRESS).status_code == 403


@pytest.mark.parametrize(
    "header", ["", "Basic aGk6aG8=", "Bearer", "Bearer ms_", "Bearer ms_" + "a" * 43, "Bearer ms_" + "a" * 100_000]
)
def test_what_is_no_token_is_refused(client, header, database):
    answer = client.get(ADDRESS, headers={"Authorization": header} if header else {})

    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="Mainstay"')


def test_the_cookie_of_a_session_opens_nothing(make, sign_in, hr):
    client = sign_in(hr)

    assert client.get("/account").status_code == 200
    assert client.get(ADDRESS).status_code == 401
    assert client.post(ADDRESS, json={"code": "x", "name": "x", "site_id": make.home.id}).status_code == 401


def test_a_request_of_a_program_needs_no_token_against_forgery(make, api_client, hr, app):
    client = api_client(hr)
    app.config["WTF_CSRF_ENABLED"] = True

    answer = client.post(ADDRESS, json={"code": "mail", "name": "Mail", "site_id": make.home.id})

    assert answer.status_code == 201


def test_changes_are_audited_as_the_persons_by_the_api(make, api_client, hr):
    api_client(hr).post(ADDRESS, json={"code": "mail", "name": "Mail", "site_id": make.home.id})

    event = make.session.query(AuditEvent).filter_by(action="create_team").one()
    assert (event.actor_id, event.channel) == (hr.id, "api")


def test_use_is_noted_once_a_minute(make, app, database, make_token, hr):
    moment = NOW
    app.extensions["clock"] = lambda: moment
    token, secret = make_token(hr)
    make.commit()
    seen = []
    for seconds in (0, 59, 60):
        moment = NOW + dt.timedelta(seconds=seconds)
        with app.test_client().get(ADDRESS, headers={"Authorization": f"Bearer {secret}"}, buffered=True) as answer:
            assert answer.status_code == 200
        with database.reading() as session:
            seen.append(session.get_one(ApiToken, token.id).last_used_at)

    assert seen == [NOW, NOW, NOW + dt.timedelta(seconds=60)]


def test_everybody_revokes_their_own_and_an_admin_anybodys(make, sign_in, make_token, hr):
    other, admin = make.person(roles=[Role.SCHEDULER]), make.person(roles=[Role.ADMIN])
    first, second = make_token(hr)[0], make_token(hr)[0]

    by_other = sign_in(other).post(f"/tokens/{first.id}/revoke")
    by_owner = sign_in(hr).post(f"/tokens/{first.id}/revoke")
    by_admin = sign_in(admin).post(f"/tokens/{second.id}/revoke")

    assert (by_other.status_code, by_owner.status_code, by_admin.status_code) == (404, 302, 302)
    make.session.expire_all()
    assert all(token.revoked_at for token in make.session.query(ApiToken))
    assert make.session.query(AuditEvent).filter_by(action="revoke_api_token").count() == 2


def test_an_admin_sees_everybodys_and_others_their_own(make, sign_in, make_token, hr):
    admin, other = make.person(roles=[Role.ADMIN]), make.person(roles=[Role.SCHEDULER])
    prefix = make_token(hr)[0].prefix

    assert prefix in sign_in(admin).get("/tokens").text
    assert prefix in sign_in(admin).get("/tokens?format=csv").text
    assert prefix not in sign_in(other).get("/tokens").text
    assert prefix not in sign_in(other).get("/tokens?format=csv").text


def test_a_token_of_one_site_loses_what_concerns_all_sites_and_grants_no_admin(make, session):
    far = make.site()
    admin = make.person(roles=[Role.ADMIN])
    viewer = access.get_viewer(session, admin.id)

    bound = access.narrow(session, viewer, allowed=frozenset(access.Permission), site_id=far.id)

    assert not any(bound.can(permission) for permission in access.PERMISSIONS_WITHOUT_PLACE)
    assert not any(bound.can(permission) for permission in access.OWN_PERMISSIONS)
    assert bound.grantable() == set(Role) - {Role.ADMIN}
    assert bound.scope(access.Permission.VIEW_PEOPLE) == access.Scope(site_ids=frozenset({far.id}))


def test_a_token_is_limited_in_how_often_it_asks(make, database, make_token, hr):
    _, secret = make_token(hr)
    make.commit()
    config = Config(environment="development", executor="none", api_rate_per_minute=3)
    app = create_app(config, database=database, clock=lambda: NOW, start_jobs=False)

    answers = [app.test_client().get(ADDRESS, headers={"Authorization": f"Bearer {secret}"}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].get_json()["type"] == "urn:mainstay:problem:rate-limited"


def test_scopes_cover_every_token_scope_in_words_and_permissions():
    assert set(api_tokens.SCOPE_WORDS) == set(api_tokens.SCOPE_PERMISSIONS) == set(TokenScope)


def test_invalid_site_is_an_input_error_of_its_field(make, session, hr):
    with pytest.raises(InvalidInputError) as refused:
        api_tokens.create_token(
            session,
            hr,
            name="Export",
            scopes=[TokenScope.PEOPLE_READ],
            site_id=make.site().id,
            expires_on=TODAY,
            viewer=access.get_viewer(session, hr.id),
            by=Actor(person_id=hr.id, at=NOW),
        )

    assert refused.value.field == "site_id"
