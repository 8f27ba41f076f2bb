"""
Shifts with their breaks, in the time zone of the person's site.

The workforce system owns them: the pass finds how the file differs from the roster, also in what it lacks
(:mod:`webapp.services.importing.shift_difference`), and notes what that does to planned days.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from sqlalchemy import select

from webapp.errors import InvalidInputError
from webapp.models import ImportKind, Shift, ShiftBreak
from webapp.services import roster_changes, roster_marks, zones
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow, PersonRef
from webapp.services.importing.kinds.base import Kind
from webapp.services.importing.problems import CellError
from webapp.services.importing.shift_cover import SiteCover, describe, find_missing
from webapp.services.importing.shift_difference import (
    Difference,
    Missing,
    ShiftDifference,
    TouchedPlan,
    judge,
    sort_key,
)
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
_Moment = dt.time | dt.datetime


def _parse_breaks(cell: str) -> list[tuple[_Moment, _Moment]]:
    breaks: list[tuple[_Moment, _Moment]] = []
    for part in cell.split(";"):
        if not part.strip():
            continue
        start, separator, end = part.partition("/")
        if separator:
            breaks.append((values.parse_moment(start.strip()), values.parse_moment(end.strip())))
            continue
        match = _SPAN.match(part.strip()[:_LONGEST_SPAN])
        if not match:
            raise CellError("not_a_break", f"“{part.strip()}” is not a break.")
        breaks.append((values.parse_time(match[1]), values.parse_time(match[2])))
    return breaks


_BREAKS = Parser(
    "breaks as 12:00-12:30; 15:00-15:15, local times within the shift, or with days as "
    "2026-11-23 12:00/2026-11-23 12:30",
    _parse_breaks,
)


def _within(begin: dt.datetime, time: dt.time) -> dt.datetime:
    """Return the first moment from the begin of a shift on at which the clock shows a time."""
    moment = dt.datetime.combine(begin.date(), time)
    return moment + dt.timedelta(days=moment < begin)


def _clock(moment: dt.datetime, zone: str) -> str:
    return f"{zones.to_local(moment, zone):%H:%M}"


class Shifts(Kind):
    """Shifts by external id."""

    name = ImportKind.SHIFTS
    title = "Shifts"
    about = (
        "Shifts by external id. Times are local to the person's site; a time that the clock skips or shows twice "
        "needs an offset. Before they are applied you see how they differ from the roster, and which plans they touch."
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
        Column(
            "inferred", values.flag, "Whether the shift was concluded from contacts and not planned; empty: no", "no"
        ),
    )

    def __init__(self) -> None:
        self._spans: dict[int, list[tuple[dt.datetime, dt.datetime, int, str]]] = {}
        self._cover: dict[int, SiteCover] = {}
        self._differences: list[Difference] = []

    @classmethod
    def prepare_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        """
        Return the checked options: ``missing`` says what becomes of stored shifts that the file lacks.

        Raises
        ------
        InvalidInputError
            If there is an option that it does not have, or a choice that there is not.
        """
        super().prepare_options({name: value for name, value in options.items() if name != "missing"})
        if options.get("missing", Missing.KEEP) not in {*Missing}:
            raise InvalidInputError(f"Missing shifts are one of {', '.join(Missing)}.", field="missing")
        return options

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
        if person is None or not self._is_of_site(context, row, person):
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
        day_on = zones.to_local(starts_at, zone).date()
        site = context.sites_by_id[person.site_id]
        self._cover.setdefault(site.id, SiteCover(site, day_on, day_on)).widen(person.id, day_on)

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
            # A column that the file lacks leaves what is there.
            kept = {} if present is None else {name: present[name] for name in ("breaks", "inferred")}
            if "breaks" in row.values or present is None:
                kept["breaks"] = breaks
            if "inferred" in row.values or present is None:
                kept["inferred"] = bool(row.get("inferred", False))
            wanted = {
                "external_id": external_id,
                "person_id": person.id,
                "starts_at": to_json(starts_at),
                "ends_at": to_json(ends_at),
                **kept,
            }
            found = judge(present, wanted, site_id=site.id, zone=zone, row=row.number)
            if found is not None:
                self._differences.append(found)
            return wanted

        return Draft(row.number, (external_id,), f"shift {external_id}", build)

    @staticmethod
    def _breaks(context: Context, row: ParsedRow, shift: Span, zone: str) -> list[Snapshot] | None:
        """Return the breaks in UTC; a time of day before the begin of the shift means the day after."""
        first = zones.to_local(shift[0], zone)
        spans: list[Span] = []
        for start, end in row.get("breaks", ()):
            moments = []
            for time in (start, end):
                local = time if isinstance(time, dt.datetime) else _within(first, time)
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
                "; ".join(
                    f"{zones.to_local(start, zone):%H:%M}-{zones.to_local(end, zone):%H:%M}" for start, end in spans
                ),
                "impossible_break",
                "A break lies outside the shift, ends before it begins, or overlaps another.",
                _BREAKS.accepts,
            )
            return None
        return sort_parts({"starts_at": to_json(start), "ends_at": to_json(end)} for start, end in spans)

    @staticmethod
    def _is_of_site(context: Context, row: ParsedRow, person: PersonRef) -> bool:
        """Return whether a row is of the site that the file is imported for, if it is for one; else note it."""
        if context.site is None or person.site_id == context.site.id:
            return True
        context.problem(
            row.number,
            "person",
            row.values["person"],
            "other_site",
            f"This person belongs to another site than {context.site.name}.",
            f"People of {context.site.name}, or a file that is imported for all sites that it names.",
        )
        return False

    def finish(self, context: Context) -> None:
        """
        Find what the file lacks, refuse shifts of one person that overlap, and put the difference together.

        Overlaps are judged within the file and with what stays of the roster.
        """
        missing = Missing(context.options.get("missing", Missing.KEEP))
        gone = self._find_gone(context, missing)
        removed = gone if missing is not Missing.KEEP else {}
        self._refuse_all_overlaps(context, {snapshot["external_id"] for snapshot in removed.values()})
        context.difference = ShiftDifference(
            missing,
            spans=[describe(context.session, cover) for _, cover in sorted(self._cover.items())],
            listed=sorted(self._differences, key=sort_key),
        )
        if context.problems.count:
            return
        if removed:
            context.sink.remove(SHIFTS, removed, what="shift")
        self._tell_plans(context, context.difference)

    def _find_gone(self, context: Context, missing: Missing) -> dict[int, Snapshot]:
        """Return the stored shifts that the file lacks, and note them as differences."""
        named = {external_id for spans in self._spans.values() for _, _, _, external_id in spans}
        gone: dict[int, Snapshot] = {}
        for site_id, cover in self._cover.items():
            found = SHIFTS.snapshots(context.session, find_missing(context.session, cover, missing, named=named))
            for snapshot in found.values():
                difference = judge(snapshot, None, site_id=site_id, zone=cover.site.time_zone)
                if difference is not None:
                    self._differences.append(difference)
            gone |= found
        return gone

    @staticmethod
    def _tell_plans(context: Context, difference: ShiftDifference) -> None:
        """Find which plans the difference touches; once it is written, mark them and tell their schedulers."""
        session, by = context.session, context.by
        if context.sink.writes:
            effects = roster_changes.note(session, difference.edits, import_batch_id=context.batch_id, by=by)
        else:
            effects = roster_changes.find_effects(session, difference.edits, applied=False, at=by.at)
        difference.plans = [
            TouchedPlan(**dataclasses.asdict(each), site=context.sites_by_id[each.site_id].name)
            for each in roster_marks.list_touched(session, effects)
        ]
        if context.sink.writes:
            roster_marks.tell_schedulers(session, effects, what="A new file of the workforce system", by=by)

    def _refuse_all_overlaps(self, context: Context, removed: Collection[str]) -> None:
        own = {external_id for spans in self._spans.values() for _, _, _, external_id in spans} | set(removed)
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
