"""Skill records: levels known elsewhere, as provisional evidence that expires."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from webapp.models import ImportKind, SkillEventKind
from webapp.services import records
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column, fold, suggest_mapping
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import MOST_STAGED_ROWS, Kind
from webapp.services.importing.problems import CellError, FileRefusedError
from webapp.services.importing.stores import Store, chunks
from webapp.services.importing.table import Row, Table
from webapp.services.importing.values import Parser
from webapp.services.importing.writing import Tally
from webapp.services.log_writing import EventRow
from webapp.services.projection import LoggedEvent, standing_events

VALID_DAYS = 180
"""Days for which an imported level holds if the file does not say until when."""

SOURCE = "import"

NEVER = "never"
"""What a file says of a level that does not expire."""


def _parse_expiry(cell: str) -> dt.date | str:
    return NEVER if cell.casefold() == NEVER else values.parse_date(cell)


_PERSON = Column(
    "person",
    values.code,
    "External id of the person",
    "p1001",
    required=True,
    aliases=("external_id", "person_id", "employee_id", "agent", "agent_id"),
)
_SKILL = Column("skill", values.code, "Code of the skill", "billing", required=True, aliases=("skill_code", "skill_id"))
_LEVEL = Column("level", values.level, "Proficiency level", "3", required=True, aliases=("proficiency", "skill_level"))
_EXPIRES = Column(
    "expires_on",
    Parser(f"{values.DATES}, or {NEVER}", _parse_expiry),
    f"First day on which the level no longer holds; empty: {VALID_DAYS} days from the import",
    "2027-06-30",
    aliases=("valid_until", "expires"),
)


class Records(Kind):
    """Levels by person and skill, one a row (long) or one column for each skill (wide)."""

    name = ImportKind.RECORDS
    title = "Skill records"
    about = (
        "Levels that are known elsewhere. They are provisional: they can be planned with, expire, and wait for a "
        "review. Either one level a row, or one row a person with a column for each skill code."
    )
    permission = Permission.IMPORT_DIRECTORY
    stores: ClassVar[tuple[Store, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (_PERSON, _SKILL, _LEVEL, _EXPIRES)
    staged = True
    max_rows = MOST_STAGED_ROWS

    @classmethod
    def suggest(cls, header: Sequence[str], context_words: Sequence[str] = ()) -> dict[str, str]:
        """Return the likely mapping; headers that are codes of skills make a wide file, which has no skill column."""
        mapping = suggest_mapping(cls.columns, header)
        skills = {fold(word) for word in context_words}
        taken = {mapping.get("person"), mapping.get("expires_on")}
        if any(fold(name) in skills for name in header if name not in taken) and "level" not in mapping:
            mapping.pop("skill", None)
        return mapping

    @classmethod
    def check(cls, header: Sequence[str], mapping: dict[str, str]) -> None:
        """
        Refuse a mapping that is neither long nor wide.

        Raises
        ------
        FileRefusedError
            Naming the column.
        """
        if "skill" in mapping or "level" in mapping:
            super().check(header, mapping)
            return
        from_wide = tuple(column for column in cls.columns if column.name in {"person", "expires_on"})
        _check_wide(from_wide, header, mapping)

    def parse(self, rows: Sequence[Row], table: Table, context: Context) -> Iterator[ParsedRow]:
        """Yield one parsed row for each level, of a long or a wide file."""
        if "skill" in context.mapping:
            yield from super().parse(rows, table, context)
            return
        taken = set(context.mapping.values())
        by_folded = {fold(code): code for code in context.skills}
        skills = {}
        for index, name in enumerate(table.header):
            if name and name not in taken:
                code = name if name in context.skills else by_folded.get(fold(name))
                if code is None:
                    if context.first_of_key(0, "skill", name, what="unknown header"):
                        context.unknown(1, "skill", name, "skill", context.skills)
                    continue
                skills[index] = (name, code)
        by_number = {row.number: row for row in rows}
        for parsed in super().parse(rows, table, context):
            for index, (header, code) in skills.items():
                cell = by_number[parsed.number].cells[index]
                if not cell:
                    continue
                try:
                    level = values.level.parse(cell)
                except CellError as problem:
                    context.problem(parsed.number, header, cell, problem.code, problem.message, values.level.accepts)
                    continue
                yield ParsedRow(parsed.number, {**parsed.values, "skill": code, "level": level})

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Append an event for each level that the log does not hold already."""
        today = context.by.at.date()
        wanted: list[tuple[ParsedRow, int, int]] = []
        for row in rows:
            person = context.person_of(row)
            skill_id = context.skills.get(row.values["skill"])
            if skill_id is None:
                context.unknown(row.number, "skill", row.values["skill"], "skill", context.skills)
            if person is None or skill_id is None:
                continue
            code = context.follow_merge(row.values["skill"])
            if person.id == context.by.person_id:
                context.problem(
                    row.number,
                    "person",
                    row.values["person"],
                    "own_record",
                    "Nobody assesses themselves.",
                    "Levels of other people.",
                )
                continue
            expires_on = row.get("expires_on")
            if isinstance(expires_on, dt.date) and expires_on <= today:
                context.problem(
                    row.number,
                    "expires_on",
                    expires_on,
                    "expired",
                    "This day has passed.",
                    f"A day after today, {NEVER}, or nothing.",
                )
                continue
            if context.first_of_key(row.number, "person", (row.values["person"], code), what="person and skill"):
                wanted.append((row, person.id, skill_id))
        standing = _standing(context, {(person_id, skill_id) for _, person_id, skill_id in wanted})
        tally = Tally()
        events: list[EventRow] = []
        for row, person_id, skill_id in wanted:
            level, present = row.values["level"], standing.get((person_id, skill_id))
            expires_on = _expiry(row, today)
            if present is None:
                tally.new += 1
            elif present.level == level and (row.get("expires_on") is None or expires_on == present.expires_on):
                tally.unchanged += 1
                continue
            else:
                tally.changed += 1
                events.append(
                    context.event(person_id, skill_id, SkillEventKind.RETRACT, retracts_id=present.id, source=SOURCE)
                )
            events.append(
                context.event(
                    person_id, skill_id, SkillEventKind.PROVISIONAL, level=level, expires_on=expires_on, source=SOURCE
                )
            )
        context.sink.note("skill_event", tally)
        context.write_events(events)


def _expiry(row: ParsedRow, today: dt.date) -> dt.date | None:
    stated: dt.date | str | None = row.get("expires_on")
    if stated is None:
        return today + dt.timedelta(days=VALID_DAYS)
    return stated if isinstance(stated, dt.date) else None


def _standing(context: Context, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], LoggedEvent]:
    """Return the newest provisional evidence of each pair that neither expired nor was taken back."""
    today = context.by.at.date()
    found: dict[tuple[int, int], LoggedEvent] = {}
    for some in chunks(pairs):
        for pair, log in records.load_logs(context.session, set(some)).items():
            for event in standing_events(log):
                if event.kind is SkillEventKind.PROVISIONAL and event.holds_on(today):
                    found[pair] = event
    return found


def _check_wide(columns: tuple[Column, ...], header: Sequence[str], mapping: dict[str, Any]) -> None:
    if "person" not in mapping or not [name for name in header if name not in mapping.values()]:
        raise FileRefusedError(
            "wrong_header",
            "The file has neither the columns person, skill and level, nor person and columns named after skills.",
            row=1,
            value=", ".join(header),
            accepted="person, skill, level – or person and one column for each skill code.",
        )
    for source in mapping.values():
        if source not in header:
            raise FileRefusedError("wrong_header", f"The file has no header “{source}”.", row=1, value=source)
    unknown = set(mapping) - {column.name for column in columns}
    if unknown:
        raise FileRefusedError("unknown_column", f"There is no column {', '.join(sorted(unknown))}.")
