"""
Spans of time: half-open pairs of UTC datetimes, their union, difference and minutes by interval.

All arithmetic is on UTC: Python subtracts two datetimes of one zone by their wall clocks, which is an hour wrong across
a change of the clock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

Span = tuple[dt.datetime, dt.datetime]


def minutes_of(span: Span) -> float:
    """Return the length of a span in minutes."""
    return (span[1].astimezone(dt.UTC) - span[0].astimezone(dt.UTC)).total_seconds() / 60


def overlaps(one: Span, other: Span) -> bool:
    """Return whether two half-open spans share time; spans that only touch do not."""
    return one[0] < other[1] and other[0] < one[1]


def unite(spans: Iterable[Span]) -> list[Span]:
    """Return the union as disjoint spans in order; empty spans vanish. O(n log n)."""
    united: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((start, end))
    return united


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return what is left of the union of ``spans`` without ``holes``, as disjoint spans in order."""
    left: list[Span] = []
    blocked = unite(holes)
    for start, end in unite(spans):
        position = start
        for hole_start, hole_end in blocked:
            if hole_end <= position or hole_start >= end:
                continue
            if hole_start > position:
                left.append((position, hole_start))
            position = max(position, hole_end)
        if position < end:
            left.append((position, end))
    return left


def clip(spans: Iterable[Span], starts_at: dt.datetime, ends_at: dt.datetime) -> list[Span]:
    """Return the parts of spans that lie in [``starts_at``, ``ends_at``)."""
    return [
        (max(start, starts_at), min(end, ends_at))
        for start, end in spans
        if overlaps((start, end), (starts_at, ends_at))
    ]


def minutes_per_interval(
    spans: Sequence[Span], *, starts_at: dt.datetime, interval_minutes: float, intervals: int
) -> list[float]:
    """
    Return the minutes of disjoint spans that fall into each interval of a horizon.

    Parameters
    ----------
    spans
        Disjoint spans, as :func:`unite` and :func:`subtract` give them.
    starts_at
        Begin of the first interval.
    interval_minutes
        Length of each interval, above 0.
    intervals
        How many there are.
    """
    minutes = [0.0] * intervals
    origin = starts_at.astimezone(dt.UTC)
    for start, end in spans:
        first = (start - origin).total_seconds() / 60
        last = (end - origin).total_seconds() / 60
        for index in range(max(0, int(first // interval_minutes)), intervals):
            begin = index * interval_minutes
            if begin >= last:
                break
            minutes[index] += max(0.0, min(last, begin + interval_minutes) - max(first, begin))
    return minutes
