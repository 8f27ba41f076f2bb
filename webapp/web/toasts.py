"""Short messages after an action, some with an undo; the layout shows them as toasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, flash, get_flashed_messages, request

BACKGROUND = "X-Mainstay-Live"
"""Header of a request by which a script keeps an open page up to date: a message would be lost with its answer."""

_TONES = {"message": "info", "info": "info", "success": "good", "warning": "warn", "error": "bad", "danger": "bad"}


@dataclass(frozen=True, slots=True)
class Toast:
    """One message; ``undo_url`` is an address that takes back what was done, by POST without fields."""

    text: str
    tone: str
    undo_url: str | None = None


def flash_success(message: str) -> None:
    """Say on the next page that something was done."""
    flash(message, "success")


def flash_error(message: str) -> None:
    """Say on the next page why something was not done."""
    flash(message, "error")


def flash_undo(message: str, url: str) -> None:
    """Say on the next page that something was done, and offer to take it back."""
    # The session that carries it is JSON; the library's annotation knows text only.
    offer: Any = {"text": message, "undo_url": url}
    flash(offer, "undo")


def take_toasts() -> list[Toast]:
    """Return the messages that wait for the person, and forget them."""
    if request.headers.get(BACKGROUND):
        return []
    toasts = []
    messages: Any = get_flashed_messages(with_categories=True)
    for category, message in messages:
        if category == "undo":
            toasts.append(Toast(text=message["text"], tone="good", undo_url=message["undo_url"]))
        else:
            toasts.append(Toast(text=str(message), tone=_TONES.get(category, "info")))
    return toasts


def install(app: Flask) -> None:
    """Give templates the messages."""
    app.jinja_env.globals["take_toasts"] = take_toasts
