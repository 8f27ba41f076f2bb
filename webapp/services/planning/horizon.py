"""The horizon of a day's plan: the site's hours cut into intervals, in UTC, whatever the clocks do."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

from webapp.errors import InvalidInputError
from webapp.models import Site
from webapp.services.spans import Span
from webapp.services.zones import day_bounds


@dataclass(frozen=True, slots=True)
class Horizon:
    """``intervals`` steps of real time, each ``interval_minutes`` long, from ``starts_at`` on."""

    starts_at: dt.datetime
    interval_minutes: int
    intervals: int

    @property
    def length(self) -> dt.timedelta:
        """Length of one interval."""
        return dt.timedelta(minutes=self.interval_minutes)

    @property
    def ends_at(self) -> dt.datetime:
        """End of the last interval."""
        return self.starts_at + self.intervals * self.length

    def start_of(self, index: int) -> dt.datetime:
        """Return when an interval begins."""
        return self.starts_at + index * self.length

    def starts(self) -> list[dt.datetime]:
        """Return when each interval begins."""
        return [self.start_of(index) for index in range(self.intervals)]

    def index_of(self, moment: dt.datetime) -> int:
        """Return the interval that holds a moment; negative before the horizon, at least ``intervals`` after it."""
        return math.floor((moment - self.starts_at) / self.length)

    def index_from(self, moment: dt.datetime) -> int:
        """Return the first interval that begins at a moment or after it."""
        return math.ceil((moment - self.starts_at) / self.length)

    def holds(self, moment: dt.datetime) -> bool:
        """Return whether a moment lies in the horizon."""
        return self.starts_at <= moment < self.ends_at


def trim(site: Site, day_on: dt.date, spans: Iterable[Span], *, interval_minutes: int) -> Horizon:
    """
    Return the shortest horizon within a site's day that holds the given spans, on the grid from local midnight on.

    Parameters
    ----------
    site
        Whose day it is.
    day_on
        The day: from its first moment to that of the next, 23, 24 or 25 hours.
    spans
        When somebody works or contacts are forecast; what lies outside the day does not count.
    interval_minutes
        Length of an interval.

    Raises
    ------
    InvalidInputError
        If nothing lies in the day.
    """
    midnight, next_midnight = day_bounds(day_on, site.time_zone)
    inside = [
        (max(start, midnight), min(end, next_midnight))
        for start, end in spans
        if start < next_midnight and end > midnight
    ]
    if not inside:
        raise InvalidInputError(
            f"Nobody works and nothing is forecast at {site.name} on {day_on:%-d %b %Y}. Add or import shifts first.",
            field="day",
        )
    day = Horizon(
        midnight, interval_minutes, math.ceil((next_midnight - midnight) / dt.timedelta(minutes=interval_minutes))
    )
    first = day.index_of(min(start for start, _ in inside))
    after = day.index_from(max(end for _, end in inside))
    return Horizon(day.start_of(first), interval_minutes, after - first)
