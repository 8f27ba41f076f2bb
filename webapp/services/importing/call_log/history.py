"""What a log tells as a whole: who worked when, how long work takes, and what counts of contacts are evidence of."""

from __future__ import annotations

import datetime as dt
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from webapp.services.spans import Span

LEVELS_BY_COUNT = ((50, 2), (5, 1))
"""
The rule from counts to provisional levels: 50 served contacts of a type show an advanced beginner, 5 a novice.

Counts alone never show more: they say that somebody does the work, not how well.
"""


def level_by_count(count: int) -> int:
    """Return the provisional level that a count of served contacts shows, 0 to 2."""
    return next((level for least, level in LEVELS_BY_COUNT if count >= least), 0)


@dataclass(frozen=True, slots=True)
class HandleTimes:
    """Handle times of one type: mean and median minutes of ``count`` served contacts."""

    count: int
    mean_minutes: float
    median_minutes: float


def handle_times(minutes: Iterable[float]) -> HandleTimes | None:
    """Return mean and median, rounded to a tenth of a second, or None without contacts."""
    known = list(minutes)
    if not known:
        return None
    return HandleTimes(len(known), round(statistics.fmean(known), 4), round(statistics.median(known), 4))


def infer_shifts(
    services: Iterable[Span], *, time_zone: str, day_starts: dt.time, gap: dt.timedelta
) -> list[tuple[dt.date, Span]]:
    """
    Return shifts from first to last contact of each working day of one person.

    Parameters
    ----------
    services
        Begin and end of each contact that the person served, UTC, in any order.
    time_zone
        Zone of the site.
    day_starts
        When a working day begins: a contact before it belongs to the evening before.
    gap
        A silence of this length or more parts two shifts of a day.

    Returns
    -------
    list
        Working day and span, in order of time.
    """
    zone = ZoneInfo(time_zone)
    by_day: dict[dt.date, list[Span]] = defaultdict(list)
    for start, end in sorted(services):
        local = start.astimezone(zone)
        day = local.date() - dt.timedelta(days=local.time() < day_starts)
        spans = by_day[day]
        if spans and start - spans[-1][1] < gap:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return [(day, span) for day in sorted(by_day) for span in by_day[day]]
