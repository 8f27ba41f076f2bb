"""Under which codes what a call log names is kept, so that a log read by another way means the same rows."""

from __future__ import annotations

import re

from webapp.services.importing.call_log.calls import Call

_NOT_SLUG = re.compile(r"[^0-9a-z]+")
_LONGEST = 80


def type_code(site_code: str, raw: str) -> str:
    """Return the code of the engagement type, and of the skill, of a call type."""
    return f"{site_code}-{_slug(raw)}"


def agent_code(site_code: str, agent: str) -> str:
    """Return the external id of an agent whom a log names."""
    return f"acd-{site_code}-{_slug(agent)}"


def contact_code(site_code: str, call: Call) -> str:
    """Return the external id of a call's contact."""
    return f"{site_code}:{call.identity}"[:_LONGEST]


def _slug(raw: str) -> str:
    return _NOT_SLUG.sub("-", raw.casefold()).strip("-") or "unnamed"
