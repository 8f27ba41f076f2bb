"""The words, icons and tones that stand for stances, channels and states, the same on every page."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

STANCES = {
    "reactive": ("Reactive", "reply"),
    "proactive": ("Proactive", "send"),
    "community": ("Community", "people"),
    "praise": ("Praise", "heart"),
}

CHANNELS = {
    "voice": ("Voice", "telephone"),
    "chat": ("Chat", "chat-dots"),
    "email": ("E-mail", "envelope"),
    "case": ("Case", "folder2-open"),
    "callback": ("Callback", "telephone-outbound"),
    "social": ("Social", "hash"),
    "community": ("Community", "people"),
}

_STATE_TONES = {
    "received": "warn",
    "classified": "info",
    "planned": "neutral",
    "offered": "info",
    "accepted": "good",
    "in_progress": "good",
    "returned": "warn",
    "declined": "warn",
    "review": "warn",
    "ignored": "neutral",
    "draft": "neutral",
    "published": "good",
    "superseded": "neutral",
    "discarded": "neutral",
    "optimal": "good",
    "feasible": "info",
    "infeasible": "bad",
    "queued": "neutral",
    "waiting": "info",
    "running": "info",
    "done": "good",
    "applied": "good",
    "undone": "warn",
    "failed": "bad",
    "dead": "bad",
    "cancelled": "neutral",
    "retired": "neutral",
    "active": "good",
    "inactive": "neutral",
    "provisional": "warn",
    "validated": "good",
    "claimed": "info",
    "expired": "bad",
}

# Each tone has a mark of its own shape, so that a state can be told without its colour.
TONE_ICONS = {
    "neutral": "circle",
    "info": "circle-half",
    "good": "check-circle-fill",
    "warn": "exclamation-triangle-fill",
    "bad": "x-octagon-fill",
}


@dataclass(frozen=True, slots=True)
class Label:
    """A word, the icon that goes with it, and the key that chooses its colour."""

    key: str
    word: str
    icon: str


def stance_label(stance: object) -> Label:
    """Return how a stance is shown."""
    return _label(stance, STANCES)


def channel_label(channel: object) -> Label:
    """Return how a channel is shown."""
    return _label(channel, CHANNELS)


def state_label(state: object, tone: str | None = None) -> Label:
    """Return how a state is shown; ``key`` is its tone."""
    key = str(getattr(state, "value", state))
    tone = tone or _STATE_TONES.get(key, "neutral")
    return Label(key=tone, word=sentence(key), icon=TONE_ICONS[tone])


def _label(value: object, known: dict[str, tuple[str, str]]) -> Label:
    key = str(getattr(value, "value", value))
    word, icon = known.get(key, (sentence(key), "question-circle"))
    return Label(key=key, word=word, icon=icon)


def sentence(code: object) -> str:
    """Return a code such as ``claim_level`` as words: ``Claim level``."""
    text = str(getattr(code, "value", code)).replace("_", " ").replace(".", " ").strip()
    return text[:1].upper() + text[1:]


def initials(name: str) -> str:
    """Return the first letters of the first and the last name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


def tint(key: int | str | None) -> int:
    """Return which of the eight avatar tints something has, always the same one."""
    return sum(str(key).encode()) % 8


def install(app: Flask) -> None:
    """Give templates and their macros the labels."""
    app.jinja_env.globals.update(
        stance_label=stance_label, channel_label=channel_label, state_label=state_label, tone_icons=TONE_ICONS
    )
    for function in (sentence, initials, tint):
        app.add_template_filter(function)
