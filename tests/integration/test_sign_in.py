"""Signing in: by password, within limits, with a trace, and ended when it has to end."""

from __future__ import annotations

import re

import pytest
from flask_security import hash_password
from sqlalchemy import select

from config import Config
from tests.factories import NOW
from webapp import create_app
from webapp.models import Account, AuditEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

PASSWORD = "correct horse battery"


@pytest.fixture
def guarded_app(database):
    """Return the application as it is outside tests: with CSRF tokens and limits."""
    config = Config(environment="development", executor="none")
    return create_app(config, database=database, clock=lambda: NOW, start_jobs=False)


@pytest.fixture
def account(guarded_app, make):
    """Return the address of a person with a password."""
    person = make.person(email="ada@example.test")
    with guarded_app.app_context():
        make.session.refresh(person, ["account"])
        person.account.password = hash_password(PASSWORD)
    make.commit()
    return "ada@example.test"


def _token(client, address):
    match = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(address).text)
    assert match, f"{address} has no form with a token"
    return match.group(1)


def _sign_in(client, email, password):
    form = {"email": email, "password": password, "csrf_token": _token(client, "/login")}
    return client.post("/login", data=form)


def test_right_password_opens_the_front_door_and_leaves_an_audit_event(guarded_app, account, database):
    client = guarded_app.test_client()

    answer = _sign_in(client, account, PASSWORD)

    assert answer.status_code == 302
    assert client.get("/account").status_code == 200
    with database.reading() as session:
        assert session.scalars(select(AuditEvent.action)).all() == ["sign_in"]


def test_wrong_password_and_unknown_address_get_the_same_words(guarded_app, account):
    wrong = _sign_in(guarded_app.test_client(), account, "not this one").text
    unknown = _sign_in(guarded_app.test_client(), "nobody@example.test", "not this one").text

    words = "That e-mail address and password do not go together."
    assert words in wrong
    assert words in unknown


def test_form_without_its_token_is_refused(guarded_app, account):
    answer = guarded_app.test_client().post("/login", data={"email": account, "password": PASSWORD})

    assert answer.status_code in {200, 400}
    assert "mainstay=" not in str(answer.headers.getlist("Set-Cookie")) or answer.status_code == 400


def test_guessing_at_one_account_is_stopped(guarded_app, account):
    client = guarded_app.test_client()
    form = {"email": account, "password": "a guess", "csrf_token": _token(client, "/login")}

    answers = [client.post("/login", data=form).status_code for _ in range(11)]

    assert answers[:10] == [200] * 10
    assert answers[10] == 429


def test_deactivated_account_is_refused(guarded_app, account, make):
    make.session.scalars(select(Account)).one().active = False
    make.commit()

    client = guarded_app.test_client()
    _sign_in(client, account, PASSWORD)

    assert client.get("/account").status_code == 302


def test_changing_the_password_ends_other_sessions(guarded_app, account):
    here, elsewhere = guarded_app.test_client(), guarded_app.test_client()
    _sign_in(here, account, PASSWORD)
    _sign_in(elsewhere, account, PASSWORD)

    form = {
        "password": PASSWORD,
        "new_password": "another long phrase",
        "new_password_confirm": "another long phrase",
        "csrf_token": _token(here, "/change"),
    }
    assert here.post("/change", data=form).status_code == 302

    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302


def test_signing_out_is_a_post(guarded_app, account):
    client = guarded_app.test_client()
    _sign_in(client, account, PASSWORD)

    assert client.get("/logout").status_code == 405
    assert client.get("/account").status_code == 200
    client.post("/logout", data={"csrf_token": _token(client, "/account")})
    assert client.get("/account").status_code == 302


def test_link_elsewhere_after_sign_in_is_not_followed(guarded_app, account):
    client = guarded_app.test_client()
    form = {"email": account, "password": PASSWORD, "csrf_token": _token(client, "/login")}

    answer = client.post("/login?next=https://evil.example/", data=form)

    assert "evil.example" not in (answer.headers.get("Location") or "")


@pytest.mark.parametrize("address", ["/login", "/nowhere", "/healthz", "/static/css/app.css"])
def test_every_answer_carries_the_security_headers(guarded_app, address):
    headers = guarded_app.test_client().get(address).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_only_the_session_cookie_is_set_and_no_script_can_read_it(guarded_app, account):
    client = guarded_app.test_client()
    answer = _sign_in(client, account, PASSWORD)

    cookies = answer.headers.getlist("Set-Cookie")

    assert cookies
    assert all(
        "HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies if cookie.startswith("mainstay=")
    )
