"""
The bank's real calls as days for routing: who called when, how long it took, and how long the caller would have waited.

What the Technion's log tells, and what has to be assumed, for each working day with days before it:

===================  =================================================================================================
arrivals             when the caller left the voice menu for an agent; those who hung up in the menu are left out
handle time          the log's; of a caller who gave up, that of a random call of the type up to the day
patience             the wait of a caller who gave up; the log shows only a part of the patience of one who was served,
                     and an exponential rest is added to it, whose mean is the type's total waiting time ÷ number of
                     callers who gave up (the estimate for censored exponential times; Brown et al. 2005)
agents, skills       as in `optimizer.benchmarks.bank`, with the day's own shifts
forecast             the mean of the working days before, raised by the square-root rule
worth                assumed: 10 points a call, twice that for a priority customer, whatever the type; a type prefers
                     level 2 at the weight of its requirement
classes              a type and, apart from it, the type's priority customers: they wait in a queue of their own, as in
                     the bank. Callers who did not wait were logged without priority, so there were more of them
===================  =================================================================================================
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from optimizer.benchmarks.bank import INTERVALS, OPENS_MINUTE, BankLogError, read_bank_day
from optimizer.benchmarks.routing import INTERVAL_MINUTES, RoutedDay, with_headroom
from optimizer.policy import Policy
from optimizer.problem import Forecast, Problem, Requirement
from optimizer.routing import Contact, Desk
from optimizer.simulate import Call
from optimizer.solve import solve

WORTH = 10.0
HEADROOM = 0.5
MATCH = 0.5
PRIORITY = "-priority"
_WORTHS = {"": WORTH, PRIORITY: 2.0 * WORTH}
_FRIDAY, _SATURDAY = 4, 5
_LONGEST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call that asked for an agent; seconds of its day from the opening on.

    Attributes
    ----------
    handled_seconds
        0 if the caller gave up.
    """

    on: date
    type_: str
    priority: bool
    arrived_at: float
    waited_seconds: float
    handled_seconds: float

    @property
    def class_(self) -> str:
        """Its forecast class."""
        return self.type_ + PRIORITY if self.priority else self.type_


def read_calls(path: Path) -> tuple[LoggedCall, ...]:
    """Return the calls of the log's working days (Sunday to Thursday) in opening hours, in order of arrival.

    Raises
    ------
    BankLogError
        If the file cannot be read as the log.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            calls = [call for row in csv.DictReader(file) if (call := _read_call(row)) is not None]
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise BankLogError(f"{path.name} cannot be read as the log: {error}") from error
    return tuple(sorted(calls, key=lambda call: (call.on, call.arrived_at, call.type_)))


def _read_call(row: dict[str, str]) -> LoggedCall | None:
    on, served = date.fromisoformat(row["date"]), row["outcome"] == "AGENT"
    waited, handled = float(row["q_time"]), float(row["ser_time"])
    arrived_at = _seconds(row["vru_exit"]) - 60.0 * OPENS_MINUTE
    if (
        row["outcome"] not in {"AGENT", "HANG"}
        or on.weekday() in {_FRIDAY, _SATURDAY}
        or not 0 <= arrived_at < 60.0 * INTERVAL_MINUTES * INTERVALS
        or not (0 < handled <= _LONGEST_SECONDS if served else 0 < waited <= _LONGEST_SECONDS)
    ):
        return None
    return LoggedCall(on, row["type"], row["priority"] == "2", arrived_at, waited, handled if served else 0.0)


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes) + float(seconds)


def list_bank_days(path: Path, *, seeds: Sequence[int] = (1,), least_before: int = 2) -> Iterator[list[RoutedDay]]:
    """Yield the log's working days that have at least so many working days before them, each once for every seed."""
    calls = read_calls(path)
    days = sorted({call.on for call in calls})
    for position, day in enumerate(days):
        if position >= least_before:
            known = [call for call in calls if call.on <= day]
            yield _bank_day(read_bank_day(path, day), day, known, days[:position], seeds)


def _bank_day(
    staffed: Problem, day: date, known: Sequence[LoggedCall], before: Sequence[date], seeds: Sequence[int]
) -> list[RoutedDay]:
    today = [call for call in known if call.on == day]
    handled: dict[str, list[float]] = defaultdict(list)
    for call in known:
        if call.handled_seconds:
            handled[call.type_].append(call.handled_seconds)
    types = [demand.class_.removeprefix("live-") for demand in staffed.forecast]
    types = [name for name in types if handled[name]]
    today = [call for call in today if call.type_ in types]
    # Each class with its type, and what one of its calls is worth.
    classes = {name + suffix: (name, worth) for name in types for suffix, worth in _WORTHS.items()}
    handle_minutes = {name: float(np.mean(handled[type_])) / 60.0 for name, (type_, _) in classes.items()}
    expected = {name: _mean_work(name, known, before, handle_minutes[name]) for name in classes}
    forecast = tuple(
        Forecast(
            class_=name,
            channel="voice",
            requires=(Requirement(type_, 1), Requirement(type_, 2, preferred=True)),
            minutes=with_headroom(expected[name], HEADROOM),
            value_per_minute=worth / handle_minutes[name],
        )
        for name, (type_, worth) in classes.items()
    )
    policy = Policy(weights={"service": 1.0, "match": MATCH}, gap=1e-6)
    problem = replace(staffed, engagements=(), forecast=forecast, policy=policy)
    desk = Desk.of(problem, solve(problem).prices, handle_minutes, expected=expected)
    return [RoutedDay(problem, desk, tuple(_draw_rest(today, known, handled, seed))) for seed in seeds]


def _mean_work(name: str, known: Iterable[LoggedCall], before: Sequence[date], minutes: float) -> tuple[float, ...]:
    """Return the mean contact minutes of a class in each interval of the days before."""
    work = np.zeros(INTERVALS)
    for call in known:
        if call.class_ == name and call.on in before:
            work[int(call.arrived_at // (60.0 * INTERVAL_MINUTES))] += minutes / len(before)
    return tuple(work.tolist())


def _draw_rest(
    today: Iterable[LoggedCall], known: Sequence[LoggedCall], handled: dict[str, list[float]], seed: int
) -> Iterator[Call]:
    """Yield the day's calls, with what the log cannot know drawn at random."""
    random = np.random.default_rng(seed)
    patience = {name: _mean_patience(name, known) for name in handled}
    for number, call in enumerate(today):
        rest = float(random.exponential(patience[call.type_]))
        other = float(random.choice(handled[call.type_]))
        served = call.handled_seconds > 0
        yield Call(
            Contact(f"{call.on.isoformat()}/{number}", call.class_, call.arrived_at),
            handle_seconds=call.handled_seconds if served else other,
            patience_seconds=call.waited_seconds + (rest if served else 0.0),
        )


def _mean_patience(name: str, known: Iterable[LoggedCall]) -> float:
    own = [call for call in known if call.type_ == name]
    given_up = sum(not call.handled_seconds for call in own)
    return sum(call.waited_seconds for call in own) / max(given_up, 1) or 1.0
