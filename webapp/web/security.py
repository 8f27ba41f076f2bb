"""Sign-in with Flask-Security, limits on it, and the headers that every answer carries."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import user_logged_out
from flask_mail import Mail
from flask_security import (
    MailUtil,
    Security,
    SQLAlchemySessionUserDatastore,
    password_changed,
    password_reset,
    user_authenticated,
)
from flask_wtf import CSRFProtect
from flask_wtf.csrf import generate_csrf
from limits import parse
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Config
from webapp.models import Account, RoleGrant
from webapp.services import audit, personal_keys
from webapp.services.audit import Actor
from webapp.web import password_forms
from webapp.web.request import get_session, now

logger = logging.getLogger(__name__)

SIGN_IN_LIMIT_PER_ADDRESS = "30 per minute; 300 per hour"
SIGN_IN_LIMIT_PER_ACCOUNT = "10 per 15 minutes"
_FEED_LIMIT = parse("60 per minute")
_LIMITED_ENDPOINTS = (
    "security.login",
    "security.forgot_password",
    "security.reset_password",
    "security.verify",
    "security.change_password",
)


class LoggingMailUtil(MailUtil):
    """Sends mail, or, where no mail server is configured outside production, writes it to the log."""

    def send_mail(self, template: str, subject: str, *parts: Any, **kwargs: Any) -> None:
        """Send one mail; ``parts`` are its recipient, sender, plain text and HTML text."""
        if current_app.config["MAIL_SERVER"]:
            super().send_mail(template, subject, *parts, **kwargs)
        else:
            _recipient, _sender, body, _html = parts
            logger.warning("No MAIL_SERVER is configured; this mail was not sent:\n%s", body)


def _settings(config: Config) -> dict[str, Any]:
    return {
        "SECRET_KEY": config.secret_key,
        "SESSION_COOKIE_NAME": "mainstay",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.https,
        "REMEMBER_COOKIE_HTTPONLY": True,
        "REMEMBER_COOKIE_SAMESITE": "Lax",
        "REMEMBER_COOKIE_SECURE": config.https,
        "PERMANENT_SESSION_LIFETIME": dt.timedelta(hours=12),
        "SESSION_PROTECTION": "basic",
        "WTF_CSRF_TIME_LIMIT": None,
        "MAIL_SERVER": config.mail_server,
        "MAIL_PORT": config.mail_port,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SALT": config.password_salt,
        "SECURITY_PASSWORD_LENGTH_MIN": 10,
        # The default factory stores naive times, which our columns refuse.
        "SECURITY_DATETIME_FACTORY": lambda: dt.datetime.now(dt.UTC),
        "SECURITY_TRACKABLE": True,
        "SECURITY_CHANGEABLE": True,
        # Without a mail server in production a recovery link could reach nobody.
        "SECURITY_RECOVERABLE": bool(config.mail_server) or not config.production,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": ("That e-mail address and password do not go together.", "error"),
        "SECURITY_POST_LOGIN_VIEW": "/",
        "SECURITY_POST_LOGOUT_VIEW": "/login",
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_LOGIN_USER_TEMPLATE": "security/login_user.html",
        "SECURITY_FLASH_MESSAGES": True,
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "test_environment": True},
        "RATELIMIT_STORAGE_URI": config.limiter_storage,
        "RATELIMIT_ENABLED": config.environment != "test",
        "RATELIMIT_HEADERS_ENABLED": False,
    }


def _account_key() -> str:
    """Return what is counted for one account: the typed address, known or not, so that the limit tells nothing."""
    return "account:" + (request.form.get("email", "") or request.remote_addr or "").strip().lower()


def _csrf_token() -> str:
    """Return the token of a page's forms: the library looks its settings up anew for each of a hundred forms."""
    return str(g.get("csrf_token") or generate_csrf())


def install(app: Flask, config: Config) -> None:
    """Set up sign-in, CSRF protection, rate limits and headers."""
    app.config.update(_settings(config))
    if config.proxies:
        count = config.proxies
        trusted: Any = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)
        app.wsgi_app = trusted  # type: ignore[method-assign]
    CSRFProtect(app)
    app.jinja_env.globals["csrf_token"] = _csrf_token
    # The library's own would stand in its place wherever a template is not a macro.
    app.context_processor(lambda: {"csrf_token": _csrf_token})
    Mail(app)
    # The library asks for a scoped session; a proxy on the request's session behaves as one.
    proxy: Any = LocalProxy(get_session)
    datastore = SQLAlchemySessionUserDatastore(proxy, Account, RoleGrant)
    security = Security(
        app,
        datastore,
        mail_util_cls=LoggingMailUtil,
        change_password_form=password_forms.ChangePasswordForm,
        reset_password_form=password_forms.ResetPasswordForm,
    )
    # What somebody may do is asked of the viewer (webapp.web.guard), never of Flask-Principal, whose loader would read
    # the account from the database for each static file and health check of a browser with a session.
    security.principal.identity_loaders.clear()
    _limit_sign_in(app)
    _audit_sign_in(app)
    # Signing out is a form that may lead on to the identity provider's own end of the session.
    provider = urlsplit(config.oidc_issuer)
    forms = f"'self' {provider.scheme}://{provider.netloc}" if config.oidc_issuer else "'self'"
    app.after_request(lambda response: _add_headers(response, https=config.https, forms=forms))


def _limit_sign_in(app: Flask) -> None:
    limiter = Limiter(get_remote_address, app=app)
    # The wrapped views hold the limiter weakly.
    app.extensions["sign_in_limiter"] = limiter
    for endpoint in _LIMITED_ENDPOINTS:
        view = app.view_functions.get(endpoint)
        if view is None:
            continue
        per_address = limiter.limit(SIGN_IN_LIMIT_PER_ADDRESS, methods=["POST"])
        per_account = limiter.limit(SIGN_IN_LIMIT_PER_ACCOUNT, key_func=_account_key, methods=["POST"])
        limited: Any = per_account(per_address(view))
        app.view_functions[endpoint] = limited


def within_feed_limit() -> bool:
    """Return whether the address that asks has not asked for calendars too often: nobody may guess at links."""
    limiter: Limiter = current_app.extensions["sign_in_limiter"]
    if not limiter.enabled:
        return True
    return limiter.limiter.hit(_FEED_LIMIT, "calendar-feed", get_remote_address())


def _revoke_keys(account: Account) -> None:
    """Revoke tokens and calendar link with one's own new password, unless the box was cleared; JSON has no box."""
    if request.is_json or password_forms.REVOKE_FIELD in request.form:
        by = Actor(person_id=account.person_id, at=now(), channel="page")
        personal_keys.revoke_all(get_session(), account.person, by=by)


def _audit_sign_in(app: Flask) -> None:
    def _write(action: str, account: Account) -> None:
        by = Actor(person_id=account.person_id, at=now(), channel="page")
        audit.record(get_session(), action, account, by=by, person_id=account.person_id)

    def _changed(_sender: Flask, user: Account, **_kwargs: Any) -> None:
        _write("change_password", user)
        _revoke_keys(user)

    def _reset(_sender: Flask, user: Account, **_kwargs: Any) -> None:
        _write("reset_password", user)
        _revoke_keys(user)

    def _signed_in(_sender: Flask, user: Account, **_kwargs: Any) -> None:
        _write("sign_in", user)

    def _signed_out(_sender: Flask, user: Account, **_kwargs: Any) -> None:
        # Open pages of other windows learn by it, in whatever process they are served.
        _write("sign_out", user)

    # Signals hold their receivers weakly; the application keeps these alive as long as itself.
    app.extensions["sign_in_receivers"] = (_changed, _reset, _signed_in, _signed_out)
    password_changed.connect(_changed, app)
    password_reset.connect(_reset, app)
    user_authenticated.connect(_signed_in, app)
    user_logged_out.connect(_signed_out, app)


def _add_headers(response: Response, *, https: bool, forms: str) -> Response:
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": forms,
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "manifest-src": "'self'",
    }
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {sources}" for name, sources in policy.items())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    if https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if response.mimetype in {"text/html", "application/json"}:
        response.headers.setdefault("Cache-Control", "no-store")
    return response
