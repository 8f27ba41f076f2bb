"""
A real day of a bank's call centre as a problem, straight from the log and without a database.

The log is the Technion's (I. Guedj, A. Mandelbaum): one row per call, with its type, the seconds in the queue, and who
served it from when to when. How a day becomes a problem:

===================================  ==================================================================================
In the log                           In the problem
===================================  ==================================================================================
half hours from 07:00 to 24:00       34 intervals; what begins outside them is left out
calls served on the day              forecast demand: by type, the minutes of service that begin in the half hour
calls given up in the queue          engagements to call back: from the half hour after the caller hung up on, due
                                     within two hours, by the end of the day; mean minutes of the type, as their value
priority 2 in the log                priority 2; all others have 1
who served calls on the day          agents, on shift from their first to their last call; a silence of three hours or
                                     more parts two shifts; 90 % of the minutes count
calls served up to and on the day    skills: 5 contacts of a type show level 1, 50 show level 2
a customer served before             `known_agents` of the call back
===================================  ==================================================================================

The calls of the day are taken as they came. So this is no forecast: it measures the optimizer, not a day's planning,
for which ``docs/bank-day.md`` starts from the days before.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from optimizer.policy import Policy
from optimizer.problem import Agent, Engagement, Forecast, Problem, Requirement

INTERVAL_MINUTES = 30
OPENS_MINUTE = 7 * 60
INTERVALS = 34
PRODUCTIVE = 0.9
LEAST_SILENCE_MINUTES = 180
DUE_WITHIN_INTERVALS = 4
LEVEL_BY_CONTACTS = ((50, 2), (5, 1))
NOBODY = "NO_SERVER"
UNKNOWN_CUSTOMER = "0"
COLUMNS = ("customer_id", "priority", "type", "date", "q_start", "q_exit", "outcome", "ser_start", "ser_exit", "server")


class BankLogError(ValueError):
    """A log cannot be read, or has nothing of the day."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reached an agent or the queue; times are minutes of its day, `server` is empty if it was given up."""

    on: date
    customer: str
    priority: int
    kind: str
    begin: float
    end: float
    server: str

    @property
    def minutes(self) -> float:
        """Minutes of service, or of waiting."""
        return self.end - self.begin


def list_days(path: Path) -> tuple[date, ...]:
    """Return the days on which calls were served, in order.

    Raises
    ------
    BankLogError
        If the file cannot be read as the log.
    """
    return tuple(sorted({call.on for call in _read_calls(path) if call.server}))


def read_bank_day(path: Path, day: date, policy: Policy | None = None) -> Problem:
    """Return one day of the log as a problem, as the table above says.

    Raises
    ------
    BankLogError
        If the file cannot be read as the log, or nobody served a call on that day.
    """
    calls = [call for call in _read_calls(path) if call.on <= day]
    today = [call for call in calls if call.on == day and _interval(call.begin) is not None]
    served = [call for call in today if call.server]
    if not served:
        raise BankLogError(f"{path.name} has nobody who served a call on {day.isoformat()}")
    kinds = sorted({call.kind for call in served})
    agents = _agents(calls, served)
    return Problem(
        start=datetime.combine(day, time(OPENS_MINUTE // 60), UTC),
        interval_minutes=float(INTERVAL_MINUTES),
        intervals=INTERVALS,
        max_carry=INTERVAL_MINUTES / 2,
        agents=agents,
        engagements=tuple(_callbacks(calls, [call for call in today if not call.server], kinds, agents)),
        forecast=tuple(_demand(kind, served) for kind in kinds),
        policy=policy or Policy(),
    )


def _read_calls(path: Path) -> list[Call]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = sorted(set(COLUMNS) - set(rows.fieldnames or ()))
            if missing:
                raise BankLogError(f"{path.name} has no column {', '.join(missing)}")
            return [call for row in rows if (call := _call(row)) is not None]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise error if isinstance(error, BankLogError) else BankLogError(f"{path.name}: {error}") from error


def _call(row: dict[str, str]) -> Call | None:
    """Return a row's call, or None if it neither was served nor waited."""
    server = "" if row["server"] == NOBODY else row["server"]
    first, last = ("ser_start", "ser_exit") if server else ("q_start", "q_exit")
    begin, end = _minutes(row[first]), _minutes(row[last])
    if row["outcome"] not in {"AGENT", "HANG"} or (row["outcome"] == "AGENT") != bool(server) or end <= begin:
        return None
    return Call(
        date.fromisoformat(row["date"]), row["customer_id"], int(row["priority"]), row["type"], begin, end, server
    )


def _minutes(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 60 + int(minutes) + int(seconds) / 60


def _interval(minute: float) -> int | None:
    interval = int((minute - OPENS_MINUTE) // INTERVAL_MINUTES)
    return interval if 0 <= interval < INTERVALS else None


def _demand(kind: str, served: Iterable[Call]) -> Forecast:
    minutes = [0.0] * INTERVALS
    for call in served:
        interval = _interval(call.begin)
        if call.kind == kind and interval is not None:
            minutes[interval] += call.minutes
    return Forecast(f"live-{kind}", "voice", (Requirement(kind, 1),), tuple(round(each, 3) for each in minutes))


def _agents(calls: Sequence[Call], served: Sequence[Call]) -> tuple[Agent, ...]:
    contacts = Counter((call.server, call.kind) for call in calls if call.server)
    own: dict[str, list[Call]] = defaultdict(list)
    for call in served:
        own[call.server].append(call)
    levels = {
        pair: next(level for least, level in LEVEL_BY_CONTACTS if count >= least)
        for pair, count in contacts.items()
        if count >= LEVEL_BY_CONTACTS[-1][0]
    }
    return tuple(
        Agent(
            id=server.lower(),
            skills={kind: level for (name, kind), level in sorted(levels.items()) if name == server},
            capacity=_capacity(own[server]),
        )
        for server in sorted(own)
    )


def _capacity(calls: Iterable[Call]) -> tuple[float, ...]:
    """Return the productive minutes of each half hour between an agent's calls."""
    minutes = [0.0] * INTERVALS
    for begin, end in _shifts(calls):
        for interval in range(INTERVALS):
            opens = OPENS_MINUTE + interval * INTERVAL_MINUTES
            minutes[interval] += max(0.0, min(end, opens + INTERVAL_MINUTES) - max(begin, opens))
    return tuple(round(PRODUCTIVE * each, 3) for each in minutes)


def _shifts(calls: Iterable[Call]) -> list[tuple[float, float]]:
    shifts: list[tuple[float, float]] = []
    for call in sorted(calls, key=lambda call: call.begin):
        if shifts and call.begin - shifts[-1][1] < LEAST_SILENCE_MINUTES:
            shifts[-1] = (shifts[-1][0], max(shifts[-1][1], call.end))
        else:
            shifts.append((call.begin, call.end))
    return shifts


def _callbacks(
    calls: Iterable[Call], given_up: Iterable[Call], kinds: Sequence[str], agents: Iterable[Agent]
) -> Iterator[Engagement]:
    lengths: dict[str, list[float]] = defaultdict(list)
    known: dict[str, set[str]] = defaultdict(set)
    working = {agent.id for agent in agents}
    for call in calls:
        if call.server:
            lengths[call.kind].append(call.minutes)
            known[call.customer].add(call.server.lower())
    for number, call in enumerate(sorted(given_up, key=lambda call: (call.end, call.customer)), start=1):
        hung_up = _interval(call.end)
        if call.kind not in kinds or hung_up is None or hung_up + 1 >= INTERVALS:
            continue
        earliest = hung_up + 1
        minutes = round(sum(lengths[call.kind]) / len(lengths[call.kind]), 3)
        identified = call.customer != UNKNOWN_CUSTOMER
        yield Engagement(
            id=f"callback-{number:04d}",
            minutes=minutes,
            channel="voice",
            earliest=earliest,
            due=min(earliest + DUE_WITHIN_INTERVALS, INTERVALS - 1),
            latest=INTERVALS - 1,
            priority=2 if call.priority == 2 else 1,
            value=minutes,
            requires=(Requirement(call.kind, 1),),
            customer=call.customer if identified else None,
            known_agents=tuple(sorted(known[call.customer] & working)) if identified else (),
        )
