"""First passwords and links: the one place here that knows how the sign-in library makes them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import current_app
from flask_security import hash_password
from flask_security.recoverable import generate_reset_link

from webapp.models import Account


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """A password and its hash."""

    text: str
    hash: str


def draw_password() -> FirstPassword:
    """Return a random password, long enough that nobody guesses it and made of signs that can be read out."""
    text = secrets.token_urlsafe(12)
    return FirstPassword(text=text, hash=hash_password(text))


def links_work() -> bool:
    """Return whether the page that a link leads to is open in this installation."""
    return bool(current_app.config["SECURITY_RECOVERABLE"])


def one_time_link(account: Account) -> str:
    """Return the address at which the account's owner chooses a password; it works once, and for some days."""
    link, _token = generate_reset_link(account)
    return str(link)
