"""Tokens and calendar links end for good with whoever leaves, and with a password that somebody else may know."""

from __future__ import annotations

import datetime as dt

import pytest
from flask_security import hash_password
from flask_security.recoverable import generate_reset_password_token
from sqlalchemy import func, select

from tests.factories import TODAY
from webapp.models import ApiToken, AuditEvent, Notice, Role, TokenScope
from webapp.services import access, api_tokens, calendar_feeds, people, personal_keys
from webapp.services.personal_keys import RevokedKeys

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another long phrase"
BOX = "Also revoke my API tokens"


@pytest.fixture
def ada(make):
    return make.person(name="Ada", roles=[Role.HR], email="ada@example.test")


@pytest.fixture
def admin(make):
    return make.person(name="Root", roles=[Role.ADMIN])


@pytest.fixture
def keys(app, make, ada):
    """Return what a program and a calendar of Ada's are answered with now."""
    secrets = [
        api_tokens.create_token(
            make.session,
            ada,
            name=name,
            scopes=[TokenScope.PEOPLE_READ],
            site_id=None,
            expires_on=TODAY + dt.timedelta(days=9),
            viewer=access.get_viewer(make.session, ada.id),
            by=make.actor(ada),
        )[1]
        for name in ("Export", "Report")
    ]
    link = calendar_feeds.open_feed(make.session, ada, by=make.actor(ada))
    make.commit()

    def _answers():
        client = app.test_client(use_cookies=False)
        tokens = [client.get("/api/v1/teams", headers={"Authorization": f"Bearer {each}"}) for each in secrets]
        return [answer.status_code for answer in (*tokens, client.get(f"/calendar/{link}.ics"))]

    assert _answers() == [200, 200, 200]
    return _answers


REFUSED = [401, 401, 404]


def test_whoever_left_and_comes_back_makes_new_keys(make, keys, ada, admin):
    people.deactivate_person(make.session, ada, viewer=make.viewer(admin), by=make.actor(admin))
    make.commit()
    assert keys() == REFUSED

    people.activate_person(make.session, ada, viewer=make.viewer(admin), by=make.actor(admin))
    make.commit()

    assert keys() == REFUSED
    actions = make.session.scalars(select(AuditEvent.action).where(AuditEvent.person_id == ada.id)).all()
    assert actions.count("revoke_api_token") == 2
    assert actions.count("revoke_calendar_feed") == 1


def test_what_outlived_a_deactivation_of_old_does_not_outlive_the_return(make, keys, ada, admin):
    # As it was left by a version that revoked nothing.
    ada.active = ada.account.active = False
    make.commit()

    people.activate_person(make.session, ada, viewer=make.viewer(admin), by=make.actor(admin))
    make.commit()

    assert keys() == REFUSED


@pytest.mark.parametrize("way", ["link", "password"])
def test_password_renewed_by_an_admin_takes_the_keys_along_and_tells_the_person(make, sign_in, keys, ada, admin, way):
    client = sign_in(admin)
    assert "revokes their API tokens and their calendar link" in client.get(f"/people/{ada.id}/access").text
    make.commit()

    assert client.post(f"/people/{ada.id}/account/password", data={"way": way}).status_code == 302

    assert keys() == REFUSED
    told = make.session.scalars(select(Notice).where(Notice.person_id == ada.id)).all()
    assert [each.link for each in told] == ["/tokens"]
    assert told[0].text.startswith("With your password, 2 API tokens and the calendar link were revoked.")


@pytest.fixture
def with_password(app, make, ada):
    make.session.refresh(ada, ["account"])
    with app.app_context():
        ada.account.password = hash_password(PASSWORD)
    make.commit()


@pytest.mark.usefixtures("with_password")
@pytest.mark.parametrize(("box", "after"), [({"revoke_keys": "y"}, REFUSED), ({}, [200, 200, 200])])
def test_whoever_changes_their_password_is_asked(make, sign_in, keys, ada, box, after):
    client = sign_in(ada)
    page = client.get("/change").text
    assert "checked" in page.partition(BOX)[0].rpartition("<input")[2]

    new = {"new_password": NEW_PASSWORD, "new_password_confirm": NEW_PASSWORD}
    assert client.post("/change", data={"password": PASSWORD, **new, **box}).status_code == 302

    assert keys() == after
    # They did it themselves, so there is nothing to tell them.
    assert make.session.scalar(select(func.count(Notice.id))) == 0


@pytest.mark.usefixtures("with_password")
def test_box_that_was_cleared_stays_cleared_where_the_password_is_refused(sign_in, keys, ada):
    client = sign_in(ada)

    page = client.post("/change", data={"password": "wrong", "new_password": "x", "new_password_confirm": "y"}).text

    assert "checked" not in page.partition(BOX)[0].rpartition("<input")[2]
    assert keys() == [200, 200, 200]


@pytest.mark.usefixtures("with_password")
@pytest.mark.parametrize(("box", "after"), [({"revoke_keys": "y"}, REFUSED), ({}, [200, 200, 200])])
def test_whoever_recovers_a_forgotten_password_is_asked(app, make, keys, ada, box, after):
    with app.app_context():
        token = generate_reset_password_token(ada.account)
    make.commit()
    client = app.test_client()
    page = client.get(f"/reset/{token}", follow_redirects=True).text
    assert "checked" in page.partition(BOX)[0].rpartition("<input")[2]

    answer = client.post(f"/reset/{token}", data={"password": NEW_PASSWORD, "password_confirm": NEW_PASSWORD, **box})

    assert answer.status_code == 302
    assert keys() == after


def test_nothing_to_revoke_is_nothing_told(make, session, admin):
    by = make.actor(admin)

    revoked = personal_keys.revoke_all(session, admin, by=by)
    personal_keys.tell(session, make.person(), revoked, by=by)

    assert (bool(revoked), revoked.words()) == (False, "")
    assert session.scalar(select(func.count(Notice.id))) == 0
    assert session.scalar(select(func.count(ApiToken.id))) == 0


def test_keys_are_named_in_words():
    assert RevokedKeys(1, calendar=False).words() == "1 API token"
    assert RevokedKeys(0, calendar=True).words() == "the calendar link"
