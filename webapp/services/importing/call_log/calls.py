"""Reading the rows of a call log: each becomes a contact, or is rejected with a reason; none is dropped in silence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from webapp.errors import InvalidInputError
from webapp.models import ContactOutcome
from webapp.services import zones
from webapp.services.importing.call_log.presets import Preset
from webapp.services.importing.problems import Problem, shorten
from webapp.services.importing.table import Row
from webapp.services.zones import Occurrence

_HALF_DAY = dt.timedelta(hours=12)
_DAY = dt.timedelta(days=1)
_LONGEST_NAME = 40

SERVED = "served by an agent"
ABANDONED = "given up while waiting"

REASONS: Mapping[str, str] = {
    "phantom": "A phantom call, which the log itself says to ignore.",
    "left_menu": "The customer hung up in the voice menu and never asked for an agent.",
    "no_agent": "Served, but by nobody who is named.",
    "no_service_time": "Served, but without a time of service.",
    "contradiction": "Given up and served at once.",
    "negative_time": "A stage of the call ends before it begins.",
    "absurd_time": "The service or the wait lasts longer than can be.",
    "stated_time": "The stated seconds are not those between the two times.",
    "impossible_time": "The clock at the site skips this time.",
    "duplicate_call": "The same call stands in an earlier row.",
    "unknown_type": "The call type is not in the preset.",
    "unknown_outcome": "The outcome is not in the preset.",
    "unreadable": "The row cannot be read.",
}
"""Why a row of a log becomes nothing, by category."""


@dataclass(frozen=True, slots=True)
class Call:
    """
    A row that became a contact.

    ``arrived_at`` is when the customer asked for an agent; ``served_on`` the working day at the site that the service
    belongs to.
    """

    row: int
    identity: str
    type_code: str
    agent: str | None
    customer: str
    arrived_at: dt.datetime
    served_at: dt.datetime | None
    ended_at: dt.datetime
    wait_seconds: int
    outcome: ContactOutcome

    @property
    def minutes(self) -> float:
        """Minutes of service, 0 if there was none."""
        return (self.ended_at - self.served_at).total_seconds() / 60 if self.served_at is not None else 0.0


class RejectedRowError(ValueError):
    """A row becomes nothing; ``code`` is one of :data:`REASONS`."""

    def __init__(self, code: str, column: str = "", value: str = "") -> None:
        super().__init__(REASONS[code])
        self.code = code
        self.column = column
        self.value = value


@dataclass(frozen=True, slots=True)
class _Stage:
    """Start and end of one stage of a call by the wall clock, with its cells."""

    start: dt.datetime
    end: dt.datetime
    column: str
    value: str


class CallReader:
    """
    Reads the rows of one log.

    Parameters
    ----------
    preset
        How the log is written.
    mapping
        Column → header of the file.
    header
        The file's header.
    time_zone
        Zone of the clocks.
    """

    def __init__(self, preset: Preset, mapping: Mapping[str, str], header: Sequence[str], time_zone: str) -> None:
        self._preset = preset
        self._header = mapping
        self._zone = time_zone
        position = {name: index for index, name in enumerate(header)}
        self._position = {column: position[name] for column, name in mapping.items()}
        self._seen: dict[str, int] = {}
        self._date = lru_cache(maxsize=1024)(lambda cell: dt.datetime.strptime(cell, preset.date_format).date())  # noqa: DTZ007
        self._time = lru_cache(maxsize=65536)(lambda cell: dt.datetime.strptime(cell, preset.time_format).time())  # noqa: DTZ007

    def read(self, row: Row) -> Call | Problem:
        """Return the row's call, or why it becomes nothing."""
        if row.problems:
            first = row.problems[0]
            return Problem(
                row.number, first.column, first.value, "unreadable", f"{REASONS['unreadable']} {first.message}"
            )
        try:
            return self._read(row)
        except RejectedRowError as rejected:
            header = self._header.get(rejected.column, rejected.column)
            return Problem(row.number, header, shorten(rejected.value), rejected.code, str(rejected))

    def _read(self, row: Row) -> Call:
        cell = {column: row.cells[index] for column, index in self._position.items()}
        outcome = self._preset.outcomes.get(cell["outcome"])
        if outcome is None:
            raise RejectedRowError("unknown_outcome", "outcome", cell["outcome"])
        if outcome == "phantom":
            raise RejectedRowError("phantom", "outcome", cell["outcome"])
        if not cell["type"] or (self._preset.types and cell["type"] not in self._preset.types):
            raise RejectedRowError("unknown_type", "type", cell["type"])
        identity = ":".join(cell[column] for column in self._preset.identity)
        if identity in self._seen:
            raise RejectedRowError(
                "duplicate_call", self._preset.identity[-1], f"{identity} (row {self._seen[identity]})"
            )
        call = self._served(row, cell, identity) if outcome == "served" else self._abandoned(row, cell, identity)
        self._seen[identity] = row.number
        return call

    def _served(self, row: Row, cell: Mapping[str, str], identity: str) -> Call:
        if cell["agent"] in self._preset.nobody or len(cell["agent"]) > _LONGEST_NAME:
            raise RejectedRowError("no_agent", "agent", cell["agent"])
        menu, queue, service = self._stages(cell)
        if service is None or service.start == service.end:
            raise RejectedRowError("no_service_time", "served_at", cell["served_at"])
        self._check(service, cell, "service_seconds")
        asked = queue.start if queue is not None else menu.end if menu is not None else service.start
        wait = service.start - asked
        if wait < -self._preset.clock_tolerance:
            raise RejectedRowError(
                "negative_time", "served_at", f"asked {asked:%H:%M:%S}, served {service.start:%H:%M:%S}"
            )
        if service.end - service.start > self._preset.longest_service or wait > self._preset.longest_wait:
            raise RejectedRowError("absurd_time", service.column, service.value)
        # Stages are timed by different clocks: a service that begins a second before the wait ends had no wait.
        asked = min(asked, service.start)
        return Call(
            row.number,
            identity,
            cell["type"],
            cell["agent"],
            self._customer(cell),
            self._utc(asked),
            self._utc(service.start),
            self._utc(service.end),
            int((service.start - asked).total_seconds()),
            ContactOutcome.SERVED,
        )

    def _abandoned(self, row: Row, cell: Mapping[str, str], identity: str) -> Call:
        _, queue, service = self._stages(cell)
        if service is not None or cell["agent"] not in self._preset.nobody:
            raise RejectedRowError("contradiction", "agent", f"{cell['outcome']}, {cell['agent']} {cell['served_at']}")
        if queue is None:
            raise RejectedRowError("left_menu", "queued_at", cell.get("queued_at", ""))
        self._check(queue, cell, "queue_seconds")
        if queue.end - queue.start > self._preset.longest_wait:
            raise RejectedRowError("absurd_time", queue.column, queue.value)
        return Call(
            row.number,
            identity,
            cell["type"],
            None,
            self._customer(cell),
            self._utc(queue.start),
            None,
            self._utc(queue.end),
            int((queue.end - queue.start).total_seconds()),
            ContactOutcome.ABANDONED,
        )

    def _customer(self, cell: Mapping[str, str]) -> str:
        key = cell.get("customer", "")
        return "" if key in self._preset.anonymous else key

    def _stages(self, cell: Mapping[str, str]) -> tuple[_Stage | None, _Stage | None, _Stage | None]:
        """Return menu, queue and service in local time, each after the one before it, through midnight if need be."""
        try:
            begin = dt.datetime.combine(self._date(cell["date"]), dt.time())
        except ValueError:
            raise RejectedRowError("unreadable", "date", cell["date"]) from None
        stages: list[_Stage | None] = []
        after: dt.datetime | None = None
        for start, end in (("entered_at", "left_menu_at"), ("queued_at", "left_queue_at"), ("served_at", "ended_at")):
            stage = self._stage(cell, start, end, begin, after)
            stages.append(stage)
            after = stage.end if stage is not None else after
        menu, queue, service = stages
        if menu is not None:
            self._check(menu, cell, "menu_seconds")
        return menu, queue, service

    def _stage(
        self, cell: Mapping[str, str], start: str, end: str, begin: dt.datetime, after: dt.datetime | None
    ) -> _Stage | None:
        first = cell.get(start, "")
        last = cell.get(end, "") or first
        if not first or first == last == self._preset.no_time:
            return None
        started = self._moment(start, first, begin, after)
        return _Stage(started, self._moment(end, last, begin, started), start, f"{first} – {last}")

    def _moment(self, column: str, cell: str, begin: dt.datetime, after: dt.datetime | None) -> dt.datetime:
        """Return a time of the call's date, or of the next if it lies half a day or more before what precedes it."""
        try:
            moment = dt.datetime.combine(begin.date(), self._time(cell))
        except ValueError:
            raise RejectedRowError("unreadable", column, cell) from None
        while after is not None and moment < after - _HALF_DAY:
            moment += _DAY
        return moment

    def _check(self, stage: _Stage, cell: Mapping[str, str], seconds: str) -> None:
        lasting = (stage.end - stage.start).total_seconds()
        if lasting < 0:
            raise RejectedRowError("negative_time", stage.column, stage.value)
        stated = cell.get(seconds)
        if stated is not None and stated != str(int(lasting)):
            raise RejectedRowError("stated_time", seconds, f"{stated} s, {stage.value}")

    def _utc(self, local: dt.datetime) -> dt.datetime:
        try:
            # Where the clock shows a time twice, nothing in a log tells which one was meant; calls are short either
            # way.
            return zones.to_utc(local, self._zone, occurrence=Occurrence.FIRST)
        except InvalidInputError:
            raise RejectedRowError("impossible_time", "date", local.isoformat(sep=" ")) from None
