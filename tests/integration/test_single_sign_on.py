"""The identity provider says who somebody is, over a real connection; everything but a sound yes is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select

from config import Config, ConfigError
from tests.factories import NOW
from webapp import create_app
from webapp.models import AuditEvent, ExternalIdentity

CLIENT = "mainstay-client"


@dataclass
class Provider:
    """An identity provider on this machine: what it says next is set by the test."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signing_key: Any = None
    verifier_ok: bool = False
    down: bool = False
    challenge: str = ""
    nonce: str = ""
    issuer: str = ""

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self, form: dict[str, list[str]]) -> dict[str, Any]:
        """Return the answer to a code, and note whether the verifier fits the challenge."""
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        self.verifier_ok = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self.challenge
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "nonce": self.nonce,
            **self.claims,
        }
        header = {"alg": "RS256", "kid": "one", **self.header}
        token = jwt.encode(header, claims, self.signing_key or self.key, algorithms=["RS256", "HS256"])
        return {"access_token": "opaque", "token_type": "Bearer", "id_token": token}


@pytest.fixture
def provider():
    """Return a provider that listens on this machine."""
    served = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if served.down:
                self.send_error(503)
            elif self.path.endswith("/keys"):
                self._answer({"keys": [served.key.as_dict(private=False)]})
            else:
                self._answer(served.metadata())

        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(served.token(form))

        def _answer(self, content):
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def company_app(database, provider):
    """Return the application with that provider."""

    def _app(**settings):
        config = Config(
            environment="test",
            executor="none",
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret="between-us",
            **settings,
        )
        app = create_app(config, database=database, clock=lambda: NOW, start_jobs=False)
        app.config["WTF_CSRF_ENABLED"] = False
        return app

    return _app


def _go(client, provider, *, wanted="/account", **changed):
    """Go to the provider, who agrees, and come back; return the answer."""
    there = client.get("/single-sign-on", query_string={"next": wanted})
    assert there.status_code == 302
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.location).query).items()}
    assert asked["code_challenge_method"] == "S256"
    provider.nonce, provider.challenge = asked["nonce"], asked["code_challenge"]
    back = {"state": asked["state"], "code": "code-1", **changed}
    return client.get("/single-sign-on/back", query_string=back)


def _known(provider, email, *, verified=True, subject="subject-1"):
    provider.claims = {"email": email, "email_verified": verified, "sub": subject}


def test_verified_address_opens_the_account_and_links_it(company_app, provider, make, database):
    person = make.person(email="ada@example.test")
    make.commit()
    client = company_app().test_client()
    _known(provider, "Ada@Example.test")

    answer = _go(client, provider)

    assert (answer.status_code, answer.location) == (302, "/account")
    assert provider.verifier_ok
    assert person.name in client.get("/account").text
    with database.reading() as session:
        identity = session.scalars(select(ExternalIdentity)).one()
        assert (identity.subject, identity.person_id) == ("subject-1", person.id)
        assert session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all() == ["link_identity", "sign_in"]


def test_later_the_subject_counts_and_not_the_address(company_app, provider, make):
    ada = make.person(name="Ada", email="ada@example.test")
    make.person(name="Eve", email="eve@example.test")
    make.commit()
    app = company_app()
    _known(provider, "ada@example.test")
    _go(app.test_client(), provider)
    client = app.test_client()
    _known(provider, "eve@example.test")

    _go(client, provider)

    assert ada.name in client.get("/account").text


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (("ada@example.test", False), "verified"),
        (("", True), "verified"),
        (("nobody@example.test", True), "nobody here"),
    ],
)
def test_address_that_is_unknown_or_not_verified_opens_nothing(company_app, provider, make, database, said, words):
    make.person(email="ada@example.test")
    make.commit()
    client = company_app().test_client()
    _known(provider, said[0], verified=said[1])

    answer = _go(client, provider)

    assert answer.location == "/login"
    assert words in client.get("/login").text
    assert client.get("/account").status_code == 302
    with database.reading() as session:
        assert session.scalars(select(ExternalIdentity)).all() == []


def test_address_that_changed_hands_does_not_hand_over_the_account(company_app, provider, make):
    make.person(email="ada@example.test")
    make.commit()
    app = company_app()
    _known(provider, "ada@example.test", subject="the-first")
    _go(app.test_client(), provider)
    client = app.test_client()
    _known(provider, "ada@example.test", subject="the-next")

    answer = _go(client, provider)

    assert answer.location == "/login"
    assert client.get("/account").status_code == 302


def test_closed_account_stays_closed(company_app, provider, make):
    person = make.person(email="ada@example.test", active=False)
    make.session.flush()
    make.session.refresh(person, ["account"])
    if person.account is not None:
        person.account.active = False
    make.commit()
    client = company_app().test_client()
    _known(provider, "ada@example.test")

    assert _go(client, provider).location == "/login"
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize(
    "spoil",
    [
        {"claims": {"aud": "somebody-else"}},
        {"claims": {"iss": "https://evil.example.test"}},
        {"claims": {"exp": 1}},
        {"claims": {"nonce": "another"}},
        {"signing_key": RSAKey.generate_key(2048, {"kid": "one"})},
        {"signing_key": OctKey.import_key("between-us-and-everybody-else-who-can-read"), "header": {"alg": "HS256"}},
    ],
    ids=["audience", "issuer", "expired", "nonce", "signature", "algorithm"],
)
def test_forged_or_stale_word_of_the_provider_is_refused(company_app, provider, make, spoil):
    make.person(email="ada@example.test")
    make.commit()
    client = company_app().test_client()
    _known(provider, "ada@example.test")
    provider.claims |= spoil.get("claims", {})
    nonce = provider.claims.get("nonce")
    provider.signing_key, provider.header = spoil.get("signing_key"), spoil.get("header", {})

    answer = _go(client, provider)

    assert nonce is None or provider.claims["nonce"] == nonce
    assert answer.location == "/login"
    assert "did not work" in client.get("/login").text
    assert client.get("/account").status_code == 302


def test_answer_that_nobody_asked_for_is_refused(company_app, provider, make):
    make.person(email="ada@example.test")
    make.commit()
    client = company_app().test_client()
    _known(provider, "ada@example.test")

    assert client.get("/single-sign-on/back?state=made-up&code=code-1").location == "/login"
    assert _go(client, provider, state="made-up").location == "/login"
    assert client.get("/account").status_code == 302


def test_provider_that_is_down_or_says_no_leads_back_to_the_sign_in_page(company_app, provider):
    client = company_app().test_client()
    provider.down = True
    assert client.get("/single-sign-on").location == "/login"

    provider.down = False
    there = client.get("/single-sign-on")
    state = parse_qs(urlsplit(there.location).query)["state"][0]
    answer = client.get("/single-sign-on/back", query_string={"state": state, "error": "access_denied"})

    assert answer.location == "/login"


def test_new_key_of_the_provider_is_fetched(company_app, provider, make):
    make.person(email="ada@example.test")
    make.commit()
    app = company_app()
    _known(provider, "ada@example.test")
    _go(app.test_client(), provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    provider.header = {"kid": "two"}
    client = app.test_client()

    _go(client, provider)

    assert client.get("/account").status_code == 200


@pytest.mark.parametrize("wanted", ["https://evil.example.test", "//evil.example.test", "/\\evil.example.test"])
def test_way_back_leads_nowhere_else(company_app, provider, make, wanted):
    make.person(email="ada@example.test")
    make.commit()
    _known(provider, "ada@example.test")

    assert _go(company_app().test_client(), provider, wanted=wanted).location == "/"


def test_signing_out_ends_the_session_at_the_provider_as_well(company_app, provider, make):
    make.person(email="ada@example.test")
    make.commit()
    client = company_app().test_client()
    _known(provider, "ada@example.test")
    _go(client, provider)

    answer = client.post("/logout")

    assert answer.location.startswith(f"{provider.issuer}/end?client_id={CLIENT}")
    assert f"form-action 'self' {provider.issuer}" in answer.headers["Content-Security-Policy"]
    assert client.get("/account").status_code == 302


def test_passwords_can_be_switched_off(company_app, make):
    make.person(email="ada@example.test")
    make.commit()
    client = company_app(local_passwords=False).test_client()

    page = client.get("/login")

    assert "Sign in with your company" in page.text
    assert 'type="password"' not in page.text
    assert client.post("/login", data={"email": "ada@example.test", "password": "x"}).status_code == 404
    assert client.get("/reset").status_code == 404


def test_without_a_provider_there_is_no_such_way(client):
    assert client.get("/single-sign-on").status_code == 404
    assert client.get("/single-sign-on/back").status_code == 404
    assert "company" not in client.get("/login").text


def test_admin_parts_a_person_from_a_subject(company_app, provider, make, sign_in, database):
    person = make.person(name="Ada Ferreira", email="ada@example.test")
    make.commit()
    _known(provider, "ada@example.test")
    _go(company_app().test_client(), provider)
    with database.reading() as session:
        key = session.scalars(select(ExternalIdentity.id)).one()
    admin = sign_in(make.person(roles=["admin"]))

    assert person.name in admin.get("/single-sign-on/links").text
    assert admin.post(f"/single-sign-on/links/{key}/remove").status_code == 302

    with database.reading() as session:
        assert session.scalars(select(ExternalIdentity)).all() == []


@pytest.mark.parametrize(
    "environ",
    [
        {"LOCAL_PASSWORDS": "0"},
        {"OIDC_ISSUER": "https://login.example.test"},
        {
            "OIDC_ISSUER": "http://login.example.test",
            "OIDC_CLIENT_ID": "x",
            "MAINSTAY_ENV": "production",
            "SECRET_KEY": "x" * 40,
            "PASSWORD_SALT": "y" * 20,
        },
    ],
)
def test_settings_that_would_lock_everybody_out_or_be_unsafe_are_refused(environ):
    with pytest.raises(ConfigError, match="OIDC_"):
        Config.from_environment(environ)
