"""The log of skill events, as another centre or an earlier day of this one exported it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import select

from webapp.models import ImportKind, Interest, SkillEvent, SkillEventKind
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.keys import FirstRows
from webapp.services.importing.kinds.base import MOST_STAGED_ROWS, Kind
from webapp.services.importing.stores import Store, chunks
from webapp.services.importing.writing import Tally
from webapp.services.log_writing import EventRow
from webapp.services.projection import EVIDENCE_KINDS

_MOST = 10**15 - 1
_LEVELLED = EVIDENCE_KINDS | {SkillEventKind.CLAIM}
_TAKING_BACK = {SkillEventKind.WITHDRAW, SkillEventKind.RETRACT}
_COMPARED = (
    "person_id",
    "skill_id",
    "kind",
    "at",
    "author_id",
    "level",
    "interest",
    "count",
    "expires_on",
    "note",
    "source",
    "link",
    "retracts_id",
)
_Likeness = tuple[Any, ...]


class SkillEvents(Kind):
    """Skill events with their authors and dates, in the order in which they happened to be written."""

    name = ImportKind.SKILL_EVENTS
    title = "Skill events"
    about = (
        "The whole log of skill events as an export wrote it: who said what, when, and what was taken back. Events "
        "that the log has already are left out. People, authors and skills must be there."
    )
    permission = Permission.MOVE_LOG
    stores: ClassVar[tuple[Store, ...]] = ()
    staged = True
    max_rows = MOST_STAGED_ROWS
    columns: ClassVar[tuple[Column, ...]] = (
        Column("event", values.whole(1, _MOST), "Number of the event in this file", "1", required=True),
        Column("person", values.code, "External id of the person", "p1001", required=True),
        Column("skill", values.code, "Code of the skill", "billing", required=True),
        Column("kind", values.choice(SkillEventKind), "What happened", "review", required=True),
        Column("at", values.moment, "When", "2026-03-01 09:30:00+00:00", required=True),
        Column("author", values.code, "External id of who said it; empty: the system", "p1002"),
        Column("level", values.level, "Level that was claimed or seen", "3"),
        Column("interest", values.choice(Interest), "Wish of the person", ""),
        Column("count", values.whole(0, _MOST), "Contacts that were counted", ""),
        Column("expires_on", values.date, "First day on which it no longer counts; empty: it does not expire", ""),
        Column("note", values.text(4000), "What was said", ""),
        Column("source", values.text(120), "Where it came from", "page"),
        Column("link", values.text(400), "Address of what supports it", ""),
        Column("retracts", values.whole(1, _MOST), "Number of the earlier event that this one takes back", ""),
    )

    def __init__(self) -> None:
        self._ids = FirstRows()
        self._met = FirstRows()

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Append the events that the log does not have yet."""
        drafts = [(row, draft) for row in rows if (draft := self._draft(context, row)) is not None]
        known = _load_known(context, [draft for _, draft in drafts])
        tally, fresh, numbers = Tally(), list[EventRow](), list[int]()
        places: dict[int, int] = {}
        for row, draft in drafts:
            if not self._find_target(context, row, draft, places):
                continue
            number = row.values["event"]
            present = next((key for key in known[_likeness(draft)] if self._meets(key, row.number)), None)
            if present is not None:
                tally.unchanged += 1
                self._ids.first_row((number,), present)
            elif self._may_be_added(context, row, draft):
                tally.new += 1
                fresh.append(draft)
                numbers.append(number)
                places[number] = -len(fresh)
        context.sink.note("skill_event", tally)
        keys = context.write_events(fresh)
        for index, number in enumerate(numbers):
            # A dry run has no keys; what is taken back is looked for all the same.
            self._ids.first_row((number,), keys[index] if keys else -number - _MOST)

    def finish(self, context: Context) -> None:  # noqa: ARG002 - the interface of a kind
        """Forget what was remembered about the file."""
        self._ids.close()
        self._met.close()

    def _meets(self, key: int, row: int) -> bool:
        """Return whether an event of the log stands for this row and for no other."""
        return self._met.first_row((key,), row) == row

    def _draft(self, context: Context, row: ParsedRow) -> EventRow | None:
        person = context.person_of(row)
        author = context.person_of(row, column="author") if row.get("author") is not None else None
        skill_id = context.all_skills.get(row.values["skill"])
        if skill_id is None:
            context.unknown(row.number, "skill", row.values["skill"], "skill", context.all_skills)
        if person is None or skill_id is None or (author is None and row.get("author") is not None):
            return None
        at = context.moment_of(row.number, "at", row.values["at"], context.sites_by_id[person.site_id].time_zone)
        if at is None or not _is_complete(context, row, at):
            return None
        if not context.first_of_key(row.number, "event", row.values["event"]):
            return None
        return context.event(
            person.id,
            skill_id,
            row.values["kind"],
            at=at,
            author_id=author.id if author else None,
            level=row.get("level"),
            interest=row.get("interest"),
            count=row.get("count"),
            expires_on=row.get("expires_on"),
            note=row.get("note", ""),
            source=row.get("source", ""),
            link=row.get("link", ""),
            retracts_id=row.get("retracts"),
        )

    def _find_target(self, context: Context, row: ParsedRow, draft: EventRow, places: dict[int, int]) -> bool:
        """Put the key of the event that is taken back in place of its number; −n is the n-th of the new ones."""
        number = draft["retracts_id"]
        if number is None:
            return True
        if number in places:
            draft["retracts_id"] = places[number]
            return True
        key = self._ids.peek((number,))
        if key is None:
            context.problem(
                row.number,
                "retracts",
                number,
                "unknown_event",
                "No earlier row has this number.",
                "The number of an event of the file that stands above.",
            )
            return False
        draft["retracts_id"] = key
        return True

    @staticmethod
    def _may_be_added(context: Context, row: ParsedRow, draft: EventRow) -> bool:
        """Return whether the event may come by this person's hand; else a problem is noted."""
        if draft["kind"] in EVIDENCE_KINDS and draft["person_id"] == draft["author_id"]:
            code, message, accepted = "own_evidence", "Nobody assesses themselves.", "Somebody else as author."
        elif context.by.person_id is not None and draft["person_id"] == context.by.person_id:
            code, message = "own_record", "Nobody writes their own record anew."
            accepted = "Events of other people; another admin can import yours."
        else:
            return True
        context.problem(row.number, "person", row.values["person"], code, message, accepted)
        return False


def _is_complete(context: Context, row: ParsedRow, at: dt.datetime) -> bool:
    """Return whether an event has what its kind needs; else a problem is noted."""
    kind = row.values["kind"]
    needed = "level" if kind in _LEVELLED else "retracts" if kind in _TAKING_BACK else None
    if kind is SkillEventKind.INTEREST:
        needed = "interest"
    if needed is not None and row.get(needed) is None:
        context.problem(
            row.number, needed, "", "required", f"A {kind.value} needs it.", "A value, as the other rows have it."
        )
        return False
    if at > context.by.at:
        context.problem(row.number, "at", row.values["at"], "in_future", "This has not happened yet.", "A moment past.")
        return False
    return True


def _likeness(event: EventRow) -> _Likeness:
    return tuple(event[name] for name in _COMPARED)


def _load_known(context: Context, drafts: Sequence[EventRow]) -> dict[_Likeness, list[int]]:
    """Return the keys of the events on the records of the drafts, by what they say."""
    known: dict[_Likeness, list[int]] = defaultdict(list)
    columns = [getattr(SkillEvent, name) for name in _COMPARED]
    people = {draft["person_id"] for draft in drafts}
    skills = {draft["skill_id"] for draft in drafts}
    for some in chunks(people):
        query = select(SkillEvent.id, *columns).where(SkillEvent.person_id.in_(some)).order_by(SkillEvent.id)
        for key, *said in context.session.execute(query):
            if said[1] in skills:
                known[tuple(said)].append(key)
    return known
