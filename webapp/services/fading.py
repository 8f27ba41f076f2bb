"""
Fading: from the validated to the effective level, by the time since a skill was last used.

A skill may have a half-life *h* in days. After *d* days without use or practice a validated level *v* counts as

    E(v, d) = max(1, ⌊v · 2^(−d/h) + ½⌋)   for v ≥ 1, and 0 for v = 0,

so that it never rises above *v*, never rises with *d*, never falls with *v*, and higher levels fade first: 5 becomes 4
after 0.15 h, 4 becomes 3 after 0.19 h, 3 becomes 2 after 0.26 h, 2 becomes 1 after 0.42 h. It never fades to nothing:
relearning is quicker than learning (savings; exponential forgetting and the floor after Ebbinghaus 1885, and Arthur,
Bennett, Stanush and McNelly 1998, doi:10.1207/s15327043hup1101_3, for skills at work). Where a certificate is required
and none is current, nothing counts.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SkillRule:
    """How levels of one skill hold: ``half_life_days`` ≥ 1, None if they do not fade; whether a certificate is due."""

    half_life_days: int | None = None
    certificate_required: bool = False


STANDARD_RULE = SkillRule()


def faded_level(validated: int, idle_days: int, half_life_days: int | None) -> int:
    """
    Return the effective level after days without use.

    Parameters
    ----------
    validated
        The validated level, 0 to 5.
    idle_days
        Days since the latest use, practice or evidence; below 0 counts as 0.
    half_life_days
        Days after which half of the level is left, at least 1; None if it does not fade.
    """
    if half_life_days is None or validated == 0:
        return validated
    left = validated * math.exp2(-max(0, idle_days) / half_life_days)
    return max(1, math.floor(left + 0.5))


def next_fade(validated: int, since: dt.date, on: dt.date, half_life_days: int | None) -> dt.date | None:
    """Return the first day after ``on`` on which the effective level is lower than on it, or None if it never is."""
    now = faded_level(validated, (on - since).days, half_life_days)
    if half_life_days is None or now <= 1:
        return None
    # The level falls below ``now`` when v · 2^(−d/h) falls below now − ½.
    idle = max((on - since).days, math.ceil(half_life_days * math.log2(validated / (now - 0.5))) - 1, 0)
    while faded_level(validated, idle, half_life_days) >= now:
        idle += 1
    return since + dt.timedelta(days=idle)


def last_fade(validated: int, since: dt.date, on: dt.date, half_life_days: int | None) -> dt.date | None:
    """Return the last day up to ``on`` on which the effective level fell for lack of use, or None if it has not."""
    now = faded_level(validated, (on - since).days, half_life_days)
    if half_life_days is None or now == validated:
        return None
    idle = max(math.floor(half_life_days * math.log2(validated / (now + 0.5))) - 1, 0)
    while faded_level(validated, idle, half_life_days) > now:
        idle += 1
    return since + dt.timedelta(days=idle)
