"""
Room in one agent's day: whether more work fits, what would have to give way for it, how many minutes are missing.

A day is computed anew for every question, in plain Python: work runs through the intervals as
`optimizer.assignment.columns` describes, with the capacity that is asked about. One question costs
O(work × intervals).
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from optimizer.fixes import CONTACTS, shifts_with
from optimizer.problem import Agent

TOLERANCE = 1e-7
ROUNDS = 60
"""Most rounds in which missing minutes are added; work that has not found its minutes by then is given up."""

BISECTIONS = 10
"""Steps in which minutes kept for calls are given back: to a thousandth of what was released."""

Minutes = dict[int, float]
Shifts = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Work:
    """One assignment of the agent, or one that is asked about.

    Attributes
    ----------
    name
        What the caller knows it by.
    contacts
        Simultaneous contacts, by which minutes are divided.
    value
        Points of the first tier.
    movable
        Whether it may give way to other work.
    """

    name: int
    start: int
    minutes: float
    contacts: float
    value: float
    channel: str = ""
    overtime: bool = False
    stretch: bool = False
    heavy: bool = False
    movable: bool = True


@dataclass(frozen=True, slots=True)
class Kept:
    """Minutes that the agent keeps for a forecast class in an interval, and what each is worth."""

    name: int
    interval: int
    minutes: float
    rate: float


@dataclass(frozen=True, slots=True)
class Displaced:
    """What gives way: work by its name, minutes kept by class and interval, and the points that are lost."""

    work: tuple[int, ...] = ()
    kept: Mapping[tuple[int, int], float] = field(default_factory=dict)
    lost: float = 0.0


@dataclass(frozen=True, slots=True)
class Day:
    """One agent's day in a plan."""

    agent: Agent
    interval_minutes: float
    max_carry: float
    work: tuple[Work, ...] = ()
    kept: tuple[Kept, ...] = ()

    def capacity_with(self, added: Mapping[int, float]) -> list[float]:
        """Return the agent's minutes by interval with some added."""
        capacity = list(self.agent.capacity)
        for interval, minutes in added.items():
            capacity[interval] += minutes
        return capacity

    def fits(self, extra: Work, added: Mapping[int, float] | None = None) -> bool:
        """Return whether work fits beside all that is planned, with some minutes added, within all limits."""
        capacity = self.capacity_with(added or {})
        return self._overflow([*self.work, extra], self.kept, capacity) == {} and not self.broken_limits(extra, added)

    def has_minutes_for(self, extra: Work) -> bool:
        """Return whether the agent's minutes alone would allow work, whatever the limits say."""
        return extra.overtime or self._overflow([*self.work, extra], self.kept, list(self.agent.capacity)) == {}

    def minutes_for(self, extra: Work) -> Minutes | None:
        """Return minutes by interval, in hundredths, with which work fits beside all that is planned; None if none do.

        Minutes are added where the day overflows until it does not any more: more capacity makes work run through
        earlier, which may need some more. The sum is small, but not proven to be the smallest.
        """
        added: Minutes = defaultdict(float)
        for _ in range(ROUNDS):
            lacking = self._overflow([*self.work, extra], self.kept, self.capacity_with(added))
            if lacking is None:
                return None
            if not lacking:
                return dict(added)
            for interval, minutes in lacking.items():
                added[interval] += math.ceil(100 * minutes - 1e-6) / 100
        return None

    def displaced_by(self, extra: Work) -> Displaced | None:
        """Return what gives way for work, as little as a greedy choice finds; None if that is not enough."""
        capacity = list(self.agent.capacity)
        gone: list[Work] = []
        released: dict[tuple[int, int], float] = {}

        def fits() -> bool:
            rest = [each for each in self.work if each not in gone]
            held = [
                replace(each, minutes=each.minutes - released.get((each.name, each.interval), 0.0))
                for each in self.kept
            ]
            return self._overflow([*rest, extra], held, capacity) == {} and not self._broken(rest, extra, None)

        order = sorted(self._in_the_way(extra), key=_worth)
        for piece in order:
            if fits():
                break
            if isinstance(piece, Work):
                gone.append(piece)
            else:
                released[piece.name, piece.interval] = piece.minutes
        if not fits():
            return None
        for piece in reversed(order):
            _put_back(piece, gone, released, fits)
        rates = {(each.name, each.interval): each.rate for each in self.kept}
        lost = sum(each.value for each in gone) + sum(rates[key] * minutes for key, minutes in released.items())
        return Displaced(tuple(each.name for each in gone), released, lost)

    def _in_the_way(self, extra: Work) -> list[Work | Kept]:
        """Return what may give way for work: what touches its intervals, or one beside them."""
        own = self._run(extra, self.agent.capacity)[0]
        near = range(extra.start - 1, max(own, default=extra.start) + 2)
        limited = bool(self.broken_limits(extra))
        found: list[Work | Kept] = [each for each in self.kept if each.interval in near]
        for each in self.work:
            touched = self._run(each, self.agent.capacity)[0]
            # Work anywhere in the shift may give way where a limit of the shift stands against this one.
            if each.movable and (limited or any(interval in near for interval in touched)):
                found.append(each)
        return found

    def broken_limits(self, extra: Work, added: Mapping[int, float] | None = None) -> dict[str, float]:
        """Return the limits of the agent that work would pass, with the values that would just allow it.

        Overtime is named ``overtime`` and the interval, such as ``overtime 3``.
        """
        return self._broken(self.work, extra, added)

    def _broken(self, others: Sequence[Work], extra: Work, added: Mapping[int, float] | None) -> dict[str, float]:
        shifts = self.agent.shifts
        for interval in added or {}:
            shifts = shifts_with(shifts, interval)
        shift = _shift_of(shifts, extra.start)
        limits = self.agent.limits
        broken: dict[str, float] = {}
        if shift is not None:
            beside = [extra, *(each for each in others if _shift_of(shifts, each.start) == shift)]
            stretch = sum(each.minutes for each in beside if each.stretch)
            if extra.stretch and stretch > self.agent.max_stretch_minutes + TOLERANCE:
                broken["max_stretch_minutes"] = stretch
            heavy = sum(each.minutes for each in beside if each.heavy)
            if extra.heavy and limits.heavy_minutes is not None and heavy > limits.heavy_minutes + TOLERANCE:
                broken["limits.heavy_minutes"] = heavy
            contacts = sum(each.channel == extra.channel for each in beside)
            if contacts > limits.contacts.get(extra.channel, contacts):
                broken[CONTACTS + extra.channel] = float(contacts)
        return broken | (self._broken_overtime(others, extra) if extra.overtime else {})

    def _broken_overtime(self, others: Sequence[Work], extra: Work) -> dict[str, float]:
        overtime = list(self.agent.overtime or (0.0,) * len(self.agent.capacity))
        used = [0.0] * len(overtime)
        for each in [*(other for other in others if other.overtime), extra]:
            for interval, minutes in self._run(each, overtime)[0].items():
                used[interval] += minutes
        return {
            f"overtime {interval}": minutes
            for interval, minutes in enumerate(used)
            if minutes > overtime[interval] + TOLERANCE
        }

    def _run(self, work: Work, capacity: Sequence[float]) -> tuple[Minutes, float]:
        """Return the agent minutes of work by interval, and the handle minutes that are not done when it stops."""
        load: Minutes = {}
        left, interval = work.minutes, work.start
        while left > 1e-9 and interval < len(capacity):
            done = min(self.interval_minutes, left, work.contacts * capacity[interval])
            if done <= 0:
                break
            load[interval] = done / work.contacts
            left -= done
            interval += 1
        return load, max(left, 0.0)

    def _overflow(self, planned: Sequence[Work], kept: Sequence[Kept], capacity: list[float]) -> Minutes | None:
        """Return the minutes that are missing by interval, empty if none are; None where none would help."""
        load = [0.0] * len(capacity)
        for each in planned:
            if each.overtime:
                continue
            own, left = self._run(each, capacity)
            if left > 1e-9:
                return self._to_finish(each, own, left, capacity)
            for interval, minutes in own.items():
                load[interval] += minutes
        for piece in kept:
            load[piece.interval] += piece.minutes
        carried = 0.0
        for interval, minutes in enumerate(load):
            carried = max(0.0, minutes + carried - capacity[interval])
            goes_on = interval + 1 < len(capacity) and capacity[interval + 1] > 0
            limit = self.max_carry if goes_on else 0.0
            if carried > limit + TOLERANCE:
                return {interval: carried - limit}
        return {}

    def _to_finish(self, work: Work, done: Minutes, left: float, capacity: Sequence[float]) -> Minutes | None:
        """Return the minutes with which work that stops too early gets one step further."""
        following = max(done, default=work.start - 1) + 1
        if following < len(capacity):
            return {following: min(self.interval_minutes, left) / work.contacts}
        for interval in sorted(done, reverse=True):
            spare = self.interval_minutes / work.contacts - capacity[interval]
            if spare > TOLERANCE:
                return {interval: min(spare, left / work.contacts)}
        return None


def _worth(piece: Work | Kept) -> tuple[float, int]:
    return (piece.value if isinstance(piece, Work) else piece.rate * piece.minutes), piece.name


def _put_back(
    piece: Work | Kept, gone: list[Work], released: dict[tuple[int, int], float], fits: Callable[[], bool]
) -> None:
    """Put a displaced piece back if there is room after all, minutes kept for calls as many of them as there is."""
    if isinstance(piece, Work):
        if piece in gone:
            gone.remove(piece)
            if not fits():
                gone.append(piece)
        return
    key = (piece.name, piece.interval)
    if key not in released:
        return
    low, high = 0.0, released[key]
    for _ in range(BISECTIONS):
        released[key] = (low + high) / 2
        low, high = (low, released[key]) if fits() else (released[key], high)
    released[key] = high


def _shift_of(shifts: Shifts, interval: int) -> int | None:
    if not shifts:
        return 0
    return next((number for number, (first, after) in enumerate(shifts) if first <= interval < after), None)
