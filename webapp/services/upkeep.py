"""
Upkeep: which levels are about to fall, whose task that is, and the five skills to look at this month.

All of it follows from the log and the day; nothing here is stored, so that there is no second truth.

A level that falls within :data:`WARNING_DAYS` without a new event is one task of one person: of whoever holds it, and
from :data:`LEAD_DAYS` before, if it still falls, of their lead instead.

The quick review of a month asks for :data:`QUICK_SKILLS` skills: first levels that fall within the warning, the soonest
first; then those whose latest sign of life is oldest, as far as it is older than :data:`QUIET_DAYS`. A skill that the
person confirmed or claimed this month is answered, wherever they said it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from webapp.models import Skill
from webapp.services.projection import Projection

WARNING_DAYS = 30
LEAD_DAYS = 14
QUICK_SKILLS = 5
QUIET_DAYS = 30


class FallCause(enum.StrEnum):
    """Why a level falls: for lack of use, because evidence expires, or because a required certificate does."""

    FADES = "fades"
    EXPIRES = "expires"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Fall:
    """The next day on which a level falls if nothing happens, and why."""

    on: dt.date
    cause: FallCause
    days_left: int

    @property
    def is_leads_task(self) -> bool:
        """Whether the lead has been asked in place of the person."""
        return self.days_left <= LEAD_DAYS

    @property
    def lead_asked_on(self) -> dt.date:
        """The day from which the lead is asked."""
        return self.on - dt.timedelta(days=LEAD_DAYS)


def find_fall(skill: Skill, projection: Projection, on: dt.date) -> Fall | None:
    """Return how a level falls within the warning, or None if it does not, nothing counts or the skill is retired."""
    day = projection.falls_on
    if day is None or not projection.effective_level or skill.retired_at is not None:
        return None
    days_left = (day - on).days
    if not 0 < days_left <= WARNING_DAYS:
        return None
    if day != projection.valid_until:
        return Fall(day, FallCause.FADES, days_left)
    return Fall(day, FallCause.CERTIFICATE if skill.certificate_required else FallCause.EXPIRES, days_left)


@dataclass(frozen=True, slots=True)
class QuickReview:
    """The quick review of a month: the skills that are still to be looked at, in order, and how many were."""

    asked: tuple[Skill, ...]
    answered: int

    @property
    def total(self) -> int:
        """How many skills the month asks for."""
        return self.answered + len(self.asked)

    @property
    def is_due(self) -> bool:
        """Whether anything is left to look at."""
        return bool(self.asked)


def quick_review(held: Iterable[tuple[Skill, Projection]], on: dt.date, zone: str) -> QuickReview:
    """
    Return the quick review of the month of a day.

    Parameters
    ----------
    held
        The skills on a person's record, with what is on record.
    on
        The day at their site.
    zone
        The site's time zone, which says in which month they answered.
    """
    current = [pair for pair in held if pair[1].effective_level and pair[0].retired_at is None]
    answered = [skill.id for skill, kept in current if _was_answered(kept, on, zone)]
    left = max(0, QUICK_SKILLS - len(answered))
    open_ones = [pair for pair in current if pair[0].id not in answered and _is_worth_asking(pair[0], pair[1], on)]
    asked = [skill for skill, _ in sorted(open_ones, key=lambda pair: _urgency(pair[0], pair[1], on))[:left]]
    return QuickReview(tuple(asked), min(len(answered), QUICK_SKILLS))


def _was_answered(kept: Projection, on: dt.date, zone: str) -> bool:
    said = [moment for moment in (kept.confirmed_at, kept.claimed_at) if moment is not None]
    days = [moment.astimezone(ZoneInfo(zone)).date() for moment in said]
    return any((day.year, day.month) == (on.year, on.month) for day in days)


def _is_worth_asking(skill: Skill, kept: Projection, on: dt.date) -> bool:
    quiet = kept.refreshed_on is None or (on - kept.refreshed_on).days > QUIET_DAYS
    return quiet or find_fall(skill, kept, on) is not None


def _urgency(skill: Skill, kept: Projection, on: dt.date) -> tuple[dt.date, dt.date, str]:
    fall = find_fall(skill, kept, on)
    return (fall.on if fall else dt.date.max, kept.refreshed_on or dt.date.min, skill.name)


def list_falls(held: Iterable[tuple[Skill, Projection]], on: dt.date) -> Sequence[tuple[Skill, Fall]]:
    """Return the levels that fall within the warning, the soonest first."""
    falls = [(skill, fall) for skill, kept in held if (fall := find_fall(skill, kept, on)) is not None]
    return sorted(falls, key=lambda pair: (pair[1].on, pair[0].name))
