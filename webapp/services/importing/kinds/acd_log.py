"""Call logs: contacts, and from them people, engagement types with handle times, evidence and inferred shifts."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import insert, select

from webapp.errors import InvalidInputError
from webapp.models import (
    Contact,
    ContactOutcome,
    EngagementType,
    ImportKind,
    Site,
    SkillEventKind,
    SkillKind,
)
from webapp.services import records
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.call_log import codes as log_codes
from webapp.services.importing.call_log.calls import ABANDONED, REASONS, SERVED, Call, CallReader
from webapp.services.importing.call_log.history import handle_times, infer_shifts, level_by_count
from webapp.services.importing.call_log.presets import Preset, find_preset, load_preset
from webapp.services.importing.columns import Column, check_mapping, suggest_mapping
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind, Progress
from webapp.services.importing.kinds.people import PEOPLE, mirror_accounts
from webapp.services.importing.kinds.shifts import SHIFTS
from webapp.services.importing.kinds.skills import GROUPS, SKILL_DEFAULTS, SKILLS
from webapp.services.importing.kinds.types import DEFAULTS, TYPES
from webapp.services.importing.problems import CellError, FileRefusedError, Problem
from webapp.services.importing.stores import Snapshot, chunks, to_json
from webapp.services.importing.table import Table
from webapp.services.importing.values import Parser
from webapp.services.importing.writing import Builder, Draft, Tally
from webapp.services.log_writing import EventRow
from webapp.services.projection import LoggedEvent, standing_events

SOURCE = "acd-log"
JOB_TITLE = "Agent (from the call log)"
"""Marks people whom only a call log names, until somebody edits them."""

EVIDENCE_DAYS = 180
"""Days after the last contact for which a count is evidence."""

_SHORT_SECONDS = 10
_CELL = Parser("as the preset says", str)


@dataclass(frozen=True, slots=True)
class _Past:
    """A served contact, of the file or of an earlier import."""

    type_id: int
    person_id: int
    served_at: dt.datetime
    ended_at: dt.datetime


class AcdLog(Kind):
    """Contacts of one site."""

    name = ImportKind.ACD_LOG
    title = "Call log"
    about = (
        "The log of an automatic call distributor, read by a preset. Contacts, people, engagement types with handle "
        "times, provisional evidence by counts, and inferred shifts come from it; every row that becomes nothing is "
        "listed with its reason."
    )
    permission = Permission.IMPORT_WORK
    stores = (GROUPS, SKILLS, TYPES, PEOPLE, SHIFTS)
    needs_site = True
    columns: ClassVar[tuple[Column, ...]] = (
        Column("line", _CELL, "Line that the call came in on", "AA0101"),
        Column("call_id", _CELL, "Id of the call", "33116", required=True),
        Column("customer", _CELL, "Key of the customer", "9664491"),
        Column("type", _CELL, "Code of the call type", "PS", required=True),
        Column("date", _CELL, "Day on which the call came in", "2010-08-01", required=True),
        Column("entered_at", _CELL, "Time at which it entered the voice menu", "9:31:00"),
        Column("left_menu_at", _CELL, "Time at which it left the voice menu", "9:31:05"),
        Column("menu_seconds", _CELL, "Seconds in the voice menu", "5"),
        Column("queued_at", _CELL, "Time at which it joined the queue", "9:31:05"),
        Column("left_queue_at", _CELL, "Time at which it left the queue", "9:32:16"),
        Column("queue_seconds", _CELL, "Seconds in the queue", "71"),
        Column("outcome", _CELL, "How it ended", "AGENT", required=True),
        Column("served_at", _CELL, "Time at which an agent took it", "9:32:15", required=True),
        Column("ended_at", _CELL, "Time at which the agent ended it", "9:34:02", required=True),
        Column("service_seconds", _CELL, "Seconds of service", "107"),
        Column("agent", _CELL, "Name of the agent", "AVI", required=True),
    )

    @classmethod
    def suggest(cls, header: Sequence[str], context_words: Sequence[str] = ()) -> dict[str, str]:  # noqa: ARG003
        """Return the mapping of the preset whose headers the file has, else what matches by name."""
        preset = find_preset(header)
        return dict(preset.columns) if preset is not None else suggest_mapping(cls.columns, header)

    @classmethod
    def prepare_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        """
        Return the checked options.

        ``preset`` names the preset; ``evidence_before`` is a date: contacts on or after it are kept, but are no
        evidence of skill or handle time, so that a plan for that day can be judged fairly.

        Raises
        ------
        InvalidInputError
            If an option is unknown or malformed.
        """
        super().prepare_options({name: value for name, value in options.items() if name == "encoding"})
        unknown = sorted(set(options) - {"encoding", "preset", "evidence_before"})
        if unknown:
            raise InvalidInputError(f"acd-log has no option {', '.join(unknown)}.")
        if options.get("preset"):
            load_preset(options["preset"])
        if options.get("evidence_before"):
            try:
                values.parse_date(options["evidence_before"])
            except CellError as error:
                raise InvalidInputError(f"{error.message} Accepted: {values.DATES}.", field="evidence_before") from None
        return options

    def run(self, table: Table, context: Context, *, progress: Progress | None = None) -> int:
        """Read the log, then save what it tells, table by table."""
        site = context.site
        if site is None:
            raise FileRefusedError(
                "no_site", "A call log needs the site that it belongs to.", accepted="A site's code."
            )
        if not context.covers(site.id):
            raise FileRefusedError("out_of_scope", "You do not serve this site.", accepted="One of your sites.")
        preset = self._preset(table, context)
        needed = [column for column in self.columns if column.name in context.mapping or column.required]
        check_mapping(needed, table.header, dict(context.mapping))
        reader = CallReader(preset, context.mapping, table.header, preset.time_zone or site.time_zone)
        calls: list[Call] = []
        categories: Counter[str] = Counter()
        count = 0
        for row in table.rows():
            count += 1
            call = reader.read(row)
            if isinstance(call, Problem):
                context.rejected.append(call)
                categories[call.code] += 1
            else:
                calls.append(call)
                categories[SERVED if call.outcome is ContactOutcome.SERVED else ABANDONED] += 1
            if progress is not None and count % self.rows_at_once == 0:
                progress(count)
        context.categories = {
            name: categories[key]
            for key, name in ((SERVED, SERVED), (ABANDONED, ABANDONED), *REASONS.items())
            if categories[key]
        }
        if not calls:
            raise FileRefusedError("no_calls", "No row of the file is a call.", accepted="A log that fits the preset.")
        _History(context, site, preset, calls).save()
        return count

    @staticmethod
    def _preset(table: Table, context: Context) -> Preset:
        name = context.options.get("preset")
        preset = load_preset(name) if name else find_preset(table.header)
        if preset is None:
            raise FileRefusedError(
                "no_preset",
                "No preset fits the headers of this file.",
                row=1,
                value=", ".join(table.header),
                accepted="Name a preset, and map the columns that are called otherwise.",
            )
        return preset

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Do nothing: a log is judged as a whole."""


class _History:
    """Saves what the calls of one file tell, together with those of earlier files."""

    def __init__(self, context: Context, site: Site, preset: Preset, calls: Sequence[Call]) -> None:
        self._context = context
        self._site = site
        self._preset = preset
        self._calls = calls
        before = context.options.get("evidence_before")
        self._evidence_before: dt.datetime | None = None
        if before:
            day = values.parse_date(before)
            self._evidence_before = context.moment_of(0, "date", dt.datetime.combine(day, dt.time()), site.time_zone)

    def save(self) -> None:
        """Save skills, types, people, contacts, shifts and evidence, in the order in which they refer to each other."""
        codes = {call.type_code: call.row for call in reversed(self._calls)}
        agents = {call.agent: call.row for call in reversed(self._calls) if call.agent is not None}
        earlier_minutes = self._earlier_minutes()
        skills = self._save_skills(codes)
        types = self._save_types(codes, skills, earlier_minutes)
        people = self._save_people(agents)
        past = list(self._past(types, people))
        self._save_contacts(types, people)
        self._save_shifts(past, people)
        self._save_evidence(past, types, skills)
        self._note()

    def _code(self, raw: str) -> str:
        return log_codes.type_code(self._site.code, raw)

    def _type_name(self, code: str) -> str:
        return self._preset.types.get(code, code)

    def _save_skills(self, codes: dict[str, int]) -> dict[str, int]:
        group_code = f"{self._site.code}-calls"
        group: Snapshot = {"code": group_code, "name": f"Calls at {self._site.name}"}
        first = min(codes.values())
        group_ids = self._context.sink.save(
            GROUPS, [Draft(first, (group_code,), f"group {group_code}", lambda present: present or group)]
        )
        drafts = []
        for code, row in codes.items():
            snapshot: Snapshot = {
                **SKILL_DEFAULTS,
                "code": self._code(code),
                "name": f"{self._type_name(code)} (calls at {self._site.name})"[:200],
                "kind": SkillKind.PRODUCT.value,
                "group_id": group_ids[(group_code,)],
                "description": f"Handles calls of type {code}.",
            }
            drafts.append(
                Draft(row, (self._code(code),), f"skill {self._code(code)}", _in_use(snapshot, "retired_at", None))
            )
        ids = self._context.sink.save(SKILLS, drafts)
        followed = {code: self._context.follow_merge(self._code(code)) for code in codes}
        current = self._context.skills
        return {
            code: ids[(self._code(code),)] if into == self._code(code) else current[into]
            for code, into in followed.items()
        }

    def _save_types(
        self, codes: dict[str, int], skills: dict[str, int], earlier_minutes: dict[str, list[float]]
    ) -> dict[str, int]:
        drafts = []
        for code, row in codes.items():
            minutes = [
                call.minutes for call in self._calls if call.type_code == code and self._is_evidence(call.served_at)
            ]
            times = handle_times([*earlier_minutes.get(self._code(code), ()), *minutes])
            measured: Snapshot = {}
            if times is not None:
                measured = {"handle_minutes": times.mean_minutes, "median_handle_minutes": times.median_minutes}
            fresh: Snapshot = {
                **DEFAULTS,
                "code": self._code(code),
                "name": f"{self._type_name(code)} ({self._site.name})"[:200],
                "channel": self._preset.channel.value,
                "requirements": [{"skill_id": skills[code], "level": 1, "weight": 1.0, "preferred": False}],
            }

            def build(present: Snapshot | None, fresh: Snapshot = fresh, measured: Snapshot = measured) -> Snapshot:
                return {**(present or fresh), "active": True, **measured}

            drafts.append(Draft(row, (self._code(code),), f"type {self._code(code)}", build))
        ids = self._context.sink.save(TYPES, drafts)
        return {code: ids[(self._code(code),)] for code in codes}

    def _external_id(self, agent: str) -> str:
        return log_codes.agent_code(self._site.code, agent)

    def _save_people(self, agents: dict[str, int]) -> dict[str, int]:
        drafts = []
        for agent, row in agents.items():
            external_id = self._external_id(agent)
            snapshot: Snapshot = {
                "external_id": external_id,
                "name": agent,
                "email": None,
                "site_id": self._site.id,
                "team_id": None,
                "service_role_id": None,
                "job_title": JOB_TITLE,
                "is_agent": True,
                "active": True,
                "hired_on": None,
            }

            def build(present: Snapshot | None, snapshot: Snapshot = snapshot) -> Snapshot:
                # Somebody whom only the log knows is active while the log names them; edited people are left alone.
                if present is None:
                    return snapshot
                return {**present, "active": True} if present["job_title"] == JOB_TITLE else present

            drafts.append(Draft(row, (external_id,), f"person {external_id}", build))
        context = self._context
        ids = context.sink.save(PEOPLE, drafts, after_write=lambda written: mirror_accounts(context, written))
        return {agent: ids[(self._external_id(agent),)] for agent in agents}

    def _contact_id(self, call: Call) -> str:
        return log_codes.contact_code(self._site.code, call)

    def _save_contacts(self, types: dict[str, int], people: dict[str, int]) -> None:
        tally = Tally()
        for calls in chunks(self._calls):
            ids = [self._contact_id(call) for call in calls]
            known = set(self._context.session.scalars(select(Contact.external_id).where(Contact.external_id.in_(ids))))
            fresh = [call for call, external_id in zip(calls, ids, strict=True) if external_id not in known]
            tally.unchanged += len(calls) - len(fresh)
            tally.new += len(fresh)
            if fresh and self._context.sink.writes:
                self._context.session.execute(insert(Contact), [self._contact(call, types, people) for call in fresh])
        self._context.sink.note("contact", tally)

    def _contact(self, call: Call, types: dict[str, int], people: dict[str, int]) -> dict[str, Any]:
        return {
            "external_id": self._contact_id(call),
            "site_id": self._site.id,
            "engagement_type_id": types[call.type_code],
            "person_id": people[call.agent] if call.agent is not None else None,
            "customer_key": call.customer,
            "arrived_at": call.arrived_at,
            "served_at": call.served_at,
            "ended_at": call.ended_at,
            "wait_seconds": call.wait_seconds,
            "outcome": call.outcome,
            "import_batch_id": self._context.batch_id,
        }

    def _earlier(self) -> Iterator[tuple[str, int, int, dt.datetime, dt.datetime]]:
        """Yield (type code, type, person, begin, end) of contacts of earlier imports that this file does not hold."""
        own = {self._contact_id(call) for call in self._calls}
        earlier = (
            select(
                Contact.external_id,
                EngagementType.code,
                Contact.engagement_type_id,
                Contact.person_id,
                Contact.served_at,
                Contact.ended_at,
            )
            .join(Contact.engagement_type)
            .where(Contact.site_id == self._site.id, Contact.outcome == ContactOutcome.SERVED)
            .execution_options(yield_per=5_000)
        )
        for external_id, code, type_id, person_id, served_at, ended_at in self._context.session.execute(earlier):
            if external_id not in own and person_id is not None and served_at is not None and ended_at is not None:
                yield code, type_id, person_id, served_at, ended_at

    def _earlier_minutes(self) -> dict[str, list[float]]:
        minutes: dict[str, list[float]] = defaultdict(list)
        for code, _, _, served_at, ended_at in self._earlier():
            if self._is_evidence(served_at):
                minutes[code].append((ended_at - served_at).total_seconds() / 60)
        return minutes

    def _past(self, types: dict[str, int], people: dict[str, int]) -> Iterator[_Past]:
        for _, type_id, person_id, served_at, ended_at in self._earlier():
            yield _Past(type_id, person_id, served_at, ended_at)
        for call in self._calls:
            if call.agent is not None and call.served_at is not None:
                yield _Past(types[call.type_code], people[call.agent], call.served_at, call.ended_at)

    def _is_evidence(self, served_at: dt.datetime | None) -> bool:
        return served_at is not None and (self._evidence_before is None or served_at < self._evidence_before)

    def _save_shifts(self, past: Sequence[_Past], people: dict[str, int]) -> None:
        rows = {person_id: agent for agent, person_id in people.items()}
        services: dict[int, list[tuple[dt.datetime, dt.datetime]]] = defaultdict(list)
        for contact in past:
            if contact.person_id in rows:
                services[contact.person_id].append((contact.served_at, contact.ended_at))
        first_rows = {call.agent: call.row for call in reversed(self._calls)}
        drafts = []
        for person_id, spans in services.items():
            agent = rows[person_id]
            shifts = infer_shifts(
                spans,
                time_zone=self._preset.time_zone or self._site.time_zone,
                day_starts=self._preset.day_starts,
                gap=self._preset.shift_gap,
            )
            numbers: Counter[dt.date] = Counter()
            for day, (starts_at, ends_at) in shifts:
                numbers[day] += 1
                external_id = f"{self._external_id(agent)}-{day.isoformat()}-{numbers[day]}"
                snapshot: Snapshot = {
                    "external_id": external_id,
                    "person_id": person_id,
                    "starts_at": to_json(starts_at),
                    "ends_at": to_json(ends_at),
                    "inferred": True,
                    "breaks": [],
                }
                drafts.append(
                    Draft(first_rows[agent], (external_id,), f"inferred shift {external_id}", _inferred(snapshot))
                )
        for some in chunks(drafts):
            self._context.sink.save(SHIFTS, some)

    def _save_evidence(self, past: Sequence[_Past], types: dict[str, int], skills: dict[str, int]) -> None:
        skill_of = {type_id: skills[code] for code, type_id in types.items()}
        counts: Counter[tuple[int, int]] = Counter()
        last: dict[tuple[int, int], dt.datetime] = {}
        for contact in past:
            if contact.type_id in skill_of and self._is_evidence(contact.served_at):
                pair = (contact.person_id, skill_of[contact.type_id])
                counts[pair] += 1
                last[pair] = max(last.get(pair, contact.served_at), contact.served_at)
        # Nobody assesses themselves: the importer's own contacts are no evidence that they may write.
        counts = Counter({pair: number for pair, number in counts.items() if pair[0] != self._context.by.person_id})
        standing = self._standing(set(counts))
        tally = Tally()
        events: list[EventRow] = []
        levels: Counter[int] = Counter()
        for pair, count in sorted(counts.items()):
            level = level_by_count(count)
            levels[level] += 1
            present = standing.get(pair)
            if present is not None and present.level == level and present.at == last[pair]:
                tally.unchanged += 1
                continue
            if present is None:
                tally.new += 1
            else:
                tally.changed += 1
                events.append(self._context.event(*pair, SkillEventKind.RETRACT, retracts_id=present.id, source=SOURCE))
            events.append(
                self._context.event(
                    *pair,
                    SkillEventKind.OUTCOME,
                    level=level,
                    at=last[pair],
                    count=count,
                    expires_on=last[pair].date() + dt.timedelta(days=EVIDENCE_DAYS),
                    note=f"{count} contacts served",
                    source=SOURCE,
                )
            )
        self._context.sink.note("skill_event", tally)
        self._context.write_events(events)
        self._levels = levels

    def _standing(self, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], LoggedEvent]:
        """Return the newest count of each pair that was not taken back."""
        known = {pair for pair in pairs if min(pair) > 0}
        return {
            pair: event
            for pair, log in records.load_logs(self._context.session, known).items()
            for event in standing_events(log)
            if event.kind is SkillEventKind.OUTCOME
        }

    def _note(self) -> None:
        notes = self._context.notes
        days = [call.arrived_at.date() for call in self._calls]
        notes.append(f"Contacts from {min(days)} to {max(days)} (UTC). {self._preset.remark}".strip())
        levels = ", ".join(f"{number} at level {level}" for level, number in sorted(self._levels.items(), reverse=True))
        notes.append(f"Evidence by counts (5 contacts: level 1, 50: level 2, never more): {levels or 'none'}.")
        short = sum(1 for call in self._calls if call.served_at is not None and call.minutes * 60 < _SHORT_SECONDS)
        notes.append(f"{short:,} services are shorter than {_SHORT_SECONDS} seconds; they are kept.")
        if self._evidence_before is not None:
            later = sum(call.served_at is not None and not self._is_evidence(call.served_at) for call in self._calls)
            notes.append(
                f"{later:,} services on or after {self._context.options['evidence_before']} are kept, "
                "but are no evidence of skill or handle time."
            )
        if self._preset.time_zone and self._preset.time_zone != self._site.time_zone:
            zones = f"{self._preset.time_zone}, the site's in {self._site.time_zone}"
            notes.append(f"The log's clocks are in {zones}: the log's are used.")


def _in_use(snapshot: Snapshot, name: str, value: Any) -> Builder:
    """Return a builder that adds a row, or takes one that is there into use again and leaves the rest of it."""

    def build(present: Snapshot | None) -> Snapshot:
        if present is None:
            return snapshot
        # What is part of another skill stays out of use.
        return present if present.get("merged_into_id") is not None else {**present, name: value}

    return build


def _inferred(snapshot: Snapshot) -> Builder:
    """Return a builder of an inferred shift; one that somebody has confirmed by editing is left as it is."""
    return lambda present: present if present is not None and not present["inferred"] else snapshot
