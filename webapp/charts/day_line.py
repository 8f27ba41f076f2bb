"""Where things stand on the line of one day: shares of its length, so that a page draws them at any width."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from webapp.services import spans
from webapp.services.spans import Span


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark on the line; ``x`` and ``width`` are percentages of its length, ``kind`` chooses the look."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A full hour on the line, at ``x`` per cent of its length, with the clock's reading."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class DayLine:
    """
    The line of a period, half-open, as the clock of a zone shows it.

    Positions follow real time: across a change of the clock an hour is shown twice or left out, and nothing overlaps.
    """

    starts_at: dt.datetime
    ends_at: dt.datetime
    zone: str

    def position(self, moment: dt.datetime) -> float:
        """Return where a moment stands, in per cent, kept within the line."""
        whole = spans.minutes_of((self.starts_at, self.ends_at))
        return round(100 * min(max(spans.minutes_of((self.starts_at, moment)) / whole, 0.0), 1.0), 3)

    def mark(self, kind: str, span: Span, words: str) -> Mark:
        """Return the mark of a span; its title gives the whole span, even where the line shows a part."""
        x = self.position(span[0])
        return Mark(kind=kind, x=x, width=round(self.position(span[1]) - x, 3), title=f"{words} {self.write(span)}")

    def write(self, span: Span) -> str:
        """Return a span as the clock shows it, such as ``22:00–06:00``."""
        place = ZoneInfo(self.zone)
        return "–".join(f"{moment.astimezone(place):%H:%M}" for moment in span)

    def ticks(self, every: int = 2) -> list[Tick]:
        """Return every few full hours of the clock."""
        place, found = ZoneInfo(self.zone), []
        moment = self.starts_at.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
        while moment < self.ends_at:
            local = moment.astimezone(place)
            # Some zones stand a half or a quarter of an hour off, so full hours are looked for in quarters.
            if moment >= self.starts_at and local.minute == 0 and local.hour % every == 0:
                found.append(Tick(self.position(moment), f"{local:%H}"))
            moment += dt.timedelta(minutes=15)
        return found
