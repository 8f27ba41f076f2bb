"""Shifts with their breaks, in the time zone of the person's site."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from sqlalchemy import select

from webapp.models import ImportKind, Shift, ShiftBreak
from webapp.services import zones
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind
from webapp.services.importing.problems import CellError
from webapp.services.importing.stores import Part, Snapshot, Store, chunks, sort_parts, to_json
from webapp.services.importing.values import Parser
from webapp.services.importing.writing import Draft
from webapp.services.spans import Span

SHIFTS = Store(
    Shift,
    ("external_id",),
    ("external_id", "person_id", "starts_at", "ends_at", "inferred"),
    parts=(Part("breaks", ShiftBreak, "shift_id", ("starts_at", "ends_at")),),
)
LONGEST = dt.timedelta(hours=16)

_LONGEST_SPAN = 40
_SPAN = re.compile(r"(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})\Z", re.ASCII)


def _parse_breaks(cell: str) -> list[tuple[dt.time, dt.time]]:
    breaks = []
    for part in cell.split(";"):
        if not part.strip():
            continue
        match = _SPAN.match(part.strip()[:_LONGEST_SPAN])
        if not match:
            raise CellError("not_a_break", f"“{part.strip()}” is not a break.")
        breaks.append((values.parse_time(match[1]), values.parse_time(match[2])))
    return breaks


_BREAKS = Parser("breaks as 12:00-12:30; 15:00-15:15, local times within the shift", _parse_breaks)


class Shifts(Kind):
    """Shifts by external id."""

    name = ImportKind.SHIFTS
    title = "Shifts"
    about = (
        "Shifts by external id. Times are local to the person's site; a time that the clock skips or shows twice "
        "needs an offset."
    )
    permission = Permission.IMPORT_WORK
    stores = (SHIFTS,)
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "external_id",
            values.code,
            "Id of the shift in the workforce system",
            "s-20261123-p1001",
            required=True,
            aliases=("id", "shift_id", "shift"),
        ),
        Column(
            "person",
            values.code,
            "External id of the person",
            "p1001",
            required=True,
            aliases=("person_id", "employee_id", "agent", "agent_id"),
        ),
        Column(
            "starts_at", values.moment, "Begin", "2026-11-23 08:00", required=True, aliases=("start", "begin", "from")
        ),
        Column("ends_at", values.moment, "End", "2026-11-23 16:30", required=True, aliases=("end", "to", "until")),
        Column("breaks", _BREAKS, "Breaks", "12:00-12:30; 15:00-15:15", aliases=("break", "pauses")),
    )

    def __init__(self) -> None:
        self._spans: dict[int, list[tuple[dt.datetime, dt.datetime, int, str]]] = {}

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Save the shifts of some rows; overlaps are judged at the end."""
        drafts = [
            draft
            for row in rows
            if context.first_of_key(row.number, "external_id", row.values["external_id"])
            and (draft := self._draft(context, row)) is not None
        ]
        context.sink.save(SHIFTS, drafts)

    def _draft(self, context: Context, row: ParsedRow) -> Draft | None:
        person = context.person_of(row)
        if person is None:
            return None
        zone = context.sites_by_id[person.site_id].time_zone
        starts_at = context.moment_of(row.number, "starts_at", row.values["starts_at"], zone)
        ends_at = context.moment_of(row.number, "ends_at", row.values["ends_at"], zone)
        if starts_at is None or ends_at is None:
            return None
        if not dt.timedelta() < ends_at - starts_at <= LONGEST:
            hours = (ends_at - starts_at).total_seconds() / 3600
            context.problem(
                row.number,
                "ends_at",
                row.values["ends_at"],
                "impossible_shift",
                f"This shift would last {hours:g} hours.",
                f"An end after the begin, at most {LONGEST.total_seconds() / 3600:g} hours later.",
            )
            return None
        breaks = self._breaks(context, row, (starts_at, ends_at), zone)
        if breaks is None:
            return None
        external_id = row.values["external_id"]
        self._spans.setdefault(person.id, []).append((starts_at, ends_at, row.number, external_id))

        def build(present: Snapshot | None) -> Snapshot | None:
            if present is not None and present["person_id"] != person.id:
                context.problem(
                    row.number,
                    "external_id",
                    external_id,
                    "other_person",
                    "This id is another person's shift.",
                    "An id of its own.",
                )
                return None
            kept = present["breaks"] if present is not None and "breaks" not in row.values else breaks
            return {
                "external_id": external_id,
                "person_id": person.id,
                "starts_at": to_json(starts_at),
                "ends_at": to_json(ends_at),
                "inferred": False,
                "breaks": kept,
            }

        return Draft(row.number, (external_id,), f"shift {external_id}", build)

    @staticmethod
    def _breaks(context: Context, row: ParsedRow, shift: Span, zone: str) -> list[Snapshot] | None:
        """Return the breaks in UTC; a time of day before the begin of the shift means the day after."""
        first = zones.to_local(shift[0], zone)
        spans: list[Span] = []
        for start, end in row.get("breaks", ()):
            moments = []
            for time in (start, end):
                local = dt.datetime.combine(first.date(), time)
                local += dt.timedelta(days=local < first)
                moments.append(context.moment_of(row.number, "breaks", local, zone))
            if moments[0] is None or moments[1] is None:
                return None
            spans.append((moments[0], moments[1]))
        spans.sort()
        ordered = [shift[0], *(moment for span in spans for moment in span), shift[1]]
        if any(later < earlier for earlier, later in pairwise(ordered)) or any(start == end for start, end in spans):
            context.problem(
                row.number,
                "breaks",
                "; ".join(f"{start:%H:%M}-{end:%H:%M}" for start, end in row.get("breaks", ())),
                "impossible_break",
                "A break lies outside the shift, ends before it begins, or overlaps another.",
                _BREAKS.accepts,
            )
            return None
        return sort_parts({"starts_at": to_json(start), "ends_at": to_json(end)} for start, end in spans)

    def finish(self, context: Context) -> None:
        """Refuse shifts of one person that overlap, within the file and with what the roster has already."""
        own = {external_id for spans in self._spans.values() for _, _, _, external_id in spans}
        for people in chunks(self._spans):
            earliest = min(span[0] for person_id in people for span in self._spans[person_id])
            latest = max(span[1] for person_id in people for span in self._spans[person_id])
            present = context.session.execute(
                select(Shift.person_id, Shift.starts_at, Shift.ends_at, Shift.external_id).where(
                    Shift.person_id.in_(people), Shift.starts_at < latest, Shift.ends_at > earliest
                )
            )
            for person_id, starts_at, ends_at, external_id in present:
                if external_id not in own:
                    self._spans[person_id].append((starts_at, ends_at, 0, external_id))
            for person_id in people:
                self._refuse_overlaps(context, sorted(self._spans[person_id]))

    @staticmethod
    def _refuse_overlaps(context: Context, spans: Sequence[tuple[dt.datetime, dt.datetime, int, str]]) -> None:
        last = None
        for span in spans:
            if last is not None and span[0] < last[1] and (span[2] or last[2]):
                here, other = (span, last) if span[2] else (last, span)
                where = f"row {other[2]}" if other[2] else f"shift {other[3]} of the roster"
                context.problem(
                    here[2],
                    "starts_at",
                    here[0].isoformat(),
                    "overlap",
                    f"This shift overlaps {where} of the same person.",
                    "Shifts of one person that do not overlap.",
                )
            if last is None or span[1] > last[1]:
                last = span
