"""
Sign-in with the company's identity provider by OpenID Connect: authorization code with PKCE, state and nonce.

The provider's word is believed for who somebody is, never for what they may do: roles are granted here.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, Response, abort, current_app, g, request, session, url_for
from joserfc.errors import JoseError

from config import Config
from webapp.services.external_identities import Claims

NAME = "company"
_TIMEOUT_SECONDS = 8.0
_MARK = "single_sign_on"
# What the provider, the network between, or a forged answer may break.
FAULTS = (OAuthError, JoseError, requests.RequestException, KeyError, ValueError, RuntimeError)
_PASSWORD_ENDPOINTS = {
    "security.change_password",
    "security.forgot_password",
    "security.reset_password",
    "security.verify",
}


def _config() -> Config:
    return cast(Config, current_app.extensions["config"])


def is_configured() -> bool:
    """Return whether there is a provider to sign in with."""
    return bool(_config().oidc_issuer)


def _client() -> Any:
    return current_app.extensions["single_sign_on"].create_client(NAME)


def redirect_to_provider(*, back: str) -> Any:
    """Return an answer that sends the person to the provider, who sends them back to an address of ours."""
    return _client().authorize_redirect(back)


def read_claims() -> Claims:
    """
    Return what the provider says in the request with which it sent somebody back.

    Raises
    ------
    OAuthError, JoseError, RequestException, KeyError, ValueError, RuntimeError
        One of :data:`FAULTS`, if it says anything but a sound yes.
    """
    issuer = _config().oidc_issuer
    token = _client().authorize_access_token(
        claims_options={"iss": {"essential": True, "values": [issuer]}, "aud": {"essential": True}}
    )
    said = token["userinfo"]
    return Claims(
        issuer=issuer,
        subject=str(said["sub"]),
        email=str(said.get("email", "")),
        # Some providers send the word and not the value.
        email_verified=said.get("email_verified") in {True, "true"},
    )


def mark_session() -> None:
    """Note in the session that it began at the provider, so that it can end there as well."""
    session[_MARK] = True


def install(app: Flask, config: Config) -> None:
    """Know the provider, if there is one, and close the ways of passwords, if they are switched off."""
    oauth = OAuth()
    oauth.init_app(app)
    app.extensions["single_sign_on"] = oauth
    if config.oidc_issuer:
        oauth.register(
            NAME,
            server_metadata_url=f"{config.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
            client_id=config.oidc_client_id,
            client_secret=config.oidc_client_secret or None,
            client_kwargs={
                "scope": config.oidc_scopes,
                "code_challenge_method": "S256",
                "default_timeout": _TIMEOUT_SECONDS,
            },
        )
        app.before_request(_note_end)
        app.after_request(_end_at_provider)
    if not config.local_passwords:
        app.before_request(_refuse_passwords)
    app.context_processor(
        lambda: {"single_sign_on": config.oidc_label if config.oidc_issuer else "", "passwords": config.local_passwords}
    )


def _refuse_passwords() -> None:
    if request.endpoint in _PASSWORD_ENDPOINTS or (request.endpoint == "security.login" and request.method == "POST"):
        abort(404)


def _note_end() -> None:
    if request.endpoint == "security.logout" and request.method == "POST":
        g.began_at_provider = bool(session.get(_MARK))


def _end_at_provider(response: Response) -> Response:
    """Go on to the provider's own sign-out after ours, where it has one: else the next click signs in again."""
    if not g.get("began_at_provider") or response.status_code not in {302, 303}:
        return response
    session.pop(_MARK, None)
    try:
        end = _client().load_server_metadata().get("end_session_endpoint")
    except FAULTS:
        return response
    if end:
        told = {
            "client_id": _config().oidc_client_id,
            "post_logout_redirect_uri": url_for("security.login", _external=True),
        }
        response.headers["Location"] = f"{end}{'&' if urlsplit(end).query else '?'}{urlencode(told)}"
    return response
