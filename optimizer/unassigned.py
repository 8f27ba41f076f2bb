"""What a plan says about work that it does not serve: the cause, and the cheapest change that would serve it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from optimizer.plan_record import one_of, record_of
from optimizer.reading import Findings, finite, integer, list_of, optional, text


class CauseCode(StrEnum):
    """Why an engagement is unassigned, the most fundamental reason first."""

    NOBODY_ALLOWED = "nobody_allowed"
    """No agent may take it: its list of eligible agents is empty or everybody is excluded."""
    NO_SKILL = "no_skill"
    """No agent who may take it has `skill` at `level`; `agents` are the nearest."""
    NO_SKILL_MIX = "no_skill_mix"
    """Every skill is there, but no one agent has all of them; `agents` miss the fewest levels."""
    NO_AUTHORITY = "no_authority"
    """No agent with the skills may decide alone what it takes: `authority`; `agents` have the skills."""
    NO_CHANNEL = "no_channel"
    """No agent with the skills takes its channel, speaks its language or works at its site."""
    OWNER_AWAY = "owner_away"
    """It belongs to `agents[0]`, who cannot take it; others could."""
    NO_SHADOW = "no_shadow"
    """`agents` could lead it, but nobody could learn beside them."""
    OFF_SHIFT = "off_shift"
    """Every agent who could is off shift, or cannot finish it, in its window; `agents` are those."""
    LIMIT = "limit"
    """Only limits of agents, shifts or the policy stand against it."""
    SOLD = "sold"
    """The capacity went to work of more value; `engagements` and `classes` are that work."""
    NOT_WORTH = "not_worth"
    """Serving it would add nothing to the plan's value."""
    SEARCH = "search"
    """Capacity for it is left; the search stopped before it was placed."""
    UNKNOWN = "unknown"
    """The run was ended before the reason could be found."""


class FixCode(StrEnum):
    """The cheapest change that would serve an unassigned engagement."""

    ALLOW_AGENT = "allow_agent"
    RAISE_LEVEL = "raise_level"
    GRANT_AUTHORITY = "grant_authority"
    OPEN_CHANNEL = "open_channel"
    HAND_OVER = "hand_over"
    DROP_SHADOW = "drop_shadow"
    ADD_MINUTES = "add_minutes"
    EXTEND_WINDOW = "extend_window"
    RAISE_LIMIT = "raise_limit"
    SOLVE_LONGER = "solve_longer"
    NONE = "none"


class Certainty(StrEnum):
    """How far a stated gain can be trusted."""

    CERTAIN = "certain"
    """The changed problem has a plan that is worth at least that much more than this one."""
    ESTIMATE = "estimate"
    """Read from values alone: what else the change would move has not been looked at."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an engagement is unassigned, as data; `optimizer.explain` turns it into a sentence."""

    code: CauseCode
    skill: str | None = None
    level: int | None = None
    agents: tuple[str, ...] = ()
    engagements: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """The cheapest change found that would serve an unassigned engagement; `optimizer.fixes.apply_fix` makes it.

    Attributes
    ----------
    agent, skill, level, interval, authority
        Whom and what it concerns.
    minutes
        Agent minutes that the change needs in `interval`.
    limit, limit_to
        Which limit has to give way, and its new value: ``max_stretch_minutes``, ``limits.heavy_minutes``,
        ``limits.contacts.`` and a channel, ``overtime``, ``proactive_share_min`` or ``proactive_share_max``.
    gain
        Points of the first tier that the plan gains. None where it is unknown.
    gain_is
        Whether the plan gains at least that for certain, or about that. None without a gain.
    also
        Further changes that are needed together with this one.
    """

    code: FixCode
    agent: str | None = None
    skill: str | None = None
    level: int | None = None
    interval: int | None = None
    minutes: float | None = None
    gain: float | None = None
    gain_is: Certainty | None = None
    limit: str | None = None
    limit_to: float | None = None
    also: tuple["Fix", ...] = ()
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Unassigned:
    """An engagement that the plan does not serve."""

    engagement: str
    cause: Cause
    fix: Fix


_names = list_of(text)

_read_cause = record_of(
    Cause,
    {
        "code": one_of(CauseCode),
        "skill": optional(text),
        "level": optional(integer),
        "agents": _names,
        "engagements": _names,
        "classes": _names,
        "authority": optional(text),
    },
)


def _read_another_fix(value: Any, where: Findings) -> Any:
    """Read a fix that stands in another one."""
    return _read_fix(value, where)


_read_fix = record_of(
    Fix,
    {
        "code": one_of(FixCode),
        "agent": optional(text),
        "skill": optional(text),
        "level": optional(integer),
        "interval": optional(integer),
        "minutes": optional(finite),
        "gain": optional(finite),
        "gain_is": optional(one_of(Certainty)),
        "limit": optional(text),
        "limit_to": optional(finite),
        "also": list_of(_read_another_fix),
        "authority": optional(text),
    },
)
read_unassigned = record_of(Unassigned, {"engagement": text, "cause": _read_cause, "fix": _read_fix})
