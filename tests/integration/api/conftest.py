"""Programs that use the API: clients with a token, and none with a cookie."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.factories import NOW, TODAY, Make
from webapp.models import ApiToken, Person, Site, TokenScope
from webapp.services import access, api_tokens
from webapp.services.audit import Actor


@pytest.fixture
def make_token(make: Make) -> Callable[..., tuple[ApiToken, str]]:
    """Return a function that makes a token for a person, with every scope if none are given, beside its secret."""

    def _make_token(
        person: Person,
        scopes: Collection[TokenScope] = tuple(TokenScope),
        *,
        site: Site | None = None,
        expires_on: dt.date = TODAY,
    ) -> tuple[ApiToken, str]:
        return api_tokens.create_token(
            make.session,
            person,
            name="Test",
            scopes=scopes,
            site_id=site.id if site else None,
            expires_on=expires_on,
            viewer=access.get_viewer(make.session, person.id),
            by=Actor(person_id=person.id, at=NOW),
        )

    return _make_token


@pytest.fixture
def api_client(app: Flask, make: Make, make_token: Callable[..., tuple[ApiToken, str]]) -> Callable[..., FlaskClient]:
    """Return a function that commits what was built and returns a client that sends a person's token."""

    def _api_client(person: Person, *args: object, **options: object) -> FlaskClient:
        _, secret = make_token(person, *args, **options)
        make.commit()
        client = app.test_client(use_cookies=False)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        return client

    return _api_client
