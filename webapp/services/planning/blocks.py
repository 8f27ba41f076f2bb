"""
Blocks that the workforce system should know of: stretch work with its mentor on shift, mentoring, and training.

Where a colleague learns beside an agent, the time is ``mentoring`` for the agent and ``shadowing`` for the colleague.

Each block has a stable id, so that the other system replaces what it has and nothing is doubled. What was handed over
is kept as id → digest, so that the next file can say what came, changed and went since.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from icalendar import Calendar, Event
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError
from webapp.models import Absence, AbsenceKind, Assignment, BlockExport, Person, Plan, PlanState, Site
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.zones import day_bounds

MOST_DAYS = 92


@dataclass(frozen=True, slots=True)
class Block:
    """
    Time of a person that is no plain work, half-open, in UTC.

    ``kind`` is ``stretch``, ``mentoring``, ``shadowing`` or ``training``.
    """

    key: str
    kind: str
    person: Person
    starts_at: dt.datetime
    ends_at: dt.datetime

    @property
    def digest(self) -> str:
        """A short name for what the block says; another person or time has another."""
        said = f"{self.kind}|{self.person.external_id}|{self.starts_at.isoformat()}|{self.ends_at.isoformat()}"
        return hashlib.sha256(said.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Change:
    """How a block stands to the file that was handed over last: ``new``, ``changed``, ``same`` or ``gone``."""

    key: str
    change: str
    block: Block | None


def list_blocks(session: Session, site: Site, first_on: dt.date, last_on: dt.date) -> list[Block]:
    """
    Return the blocks of a site's people on some days, by start.

    Raises
    ------
    InvalidInputError
        If the last day is before the first, or they are too many.
    """
    if not 0 <= (last_on - first_on).days < MOST_DAYS:
        raise InvalidInputError(f"Choose between 1 and {MOST_DAYS} days.", field="last")
    starts_at = day_bounds(first_on, site.time_zone)[0]
    ends_at = day_bounds(last_on, site.time_zone)[1]
    assigned = session.scalars(
        select(Assignment)
        .join(Assignment.plan)
        .where(
            Plan.site_id == site.id,
            Plan.state == PlanState.PUBLISHED,
            Assignment.starts_at >= starts_at,
            Assignment.starts_at < ends_at,
        )
        .options(joinedload(Assignment.person))
    ).all()
    # An engagement keeps its id from plan to plan, an assignment does not.
    found = [_block("stretch", each, each.person) for each in assigned if each.why.get("stretch") is not None]
    beside = {each: int(each.why["shadow"]) for each in assigned if each.why.get("shadow") is not None}
    people = {each.id: each for each in session.scalars(select(Person).where(Person.id.in_(set(beside.values()))))}
    for each, learner_id in beside.items():
        found.append(_block("mentoring", each, each.person))
        if learner_id in people:
            found.append(_block("shadowing", each, people[learner_id]))
    away = session.scalars(
        select(Absence)
        .join(Absence.person)
        .where(
            Person.site_id == site.id,
            Absence.kind == AbsenceKind.TRAINING,
            Absence.starts_at >= starts_at,
            Absence.starts_at < ends_at,
        )
        .options(joinedload(Absence.person))
    )
    found += [Block(f"training-{each.id}", "training", each.person, each.starts_at, each.ends_at) for each in away]
    return sorted(found, key=lambda block: (block.starts_at, block.key))


def _block(kind: str, assignment: Assignment, person: Person) -> Block:
    ends_at = assignment.starts_at + dt.timedelta(minutes=assignment.minutes)
    return Block(f"{kind}-{assignment.engagement_id}", kind, person, assignment.starts_at, ends_at)


def compare_with_last(
    session: Session, site: Site, first_on: dt.date, last_on: dt.date, found: list[Block]
) -> list[Change]:
    """Return each block, and each that is gone, against the latest file of the same site and days."""
    last = session.scalar(
        select(BlockExport)
        .where(BlockExport.site_id == site.id, BlockExport.first_on == first_on, BlockExport.last_on == last_on)
        .order_by(BlockExport.id.desc())
        .limit(1)
    )
    was: dict[str, str] = dict(last.blocks) if last is not None else {}
    changes = [
        Change(
            block.key,
            "new" if block.key not in was else "same" if was[block.key] == block.digest else "changed",
            block,
        )
        for block in found
    ]
    here = {block.key for block in found}
    return changes + [Change(key, "gone", None) for key in sorted(was) if key not in here]


def hand_over(
    session: Session, site: Site, first_on: dt.date, last_on: dt.date, found: list[Block], *, by: Actor
) -> BlockExport:
    """Keep what a file said, so that the next one can say what is different."""
    row = BlockExport(
        site_id=site.id,
        first_on=first_on,
        last_on=last_on,
        blocks={block.key: block.digest for block in found},
        created_at=by.at,
    )
    session.add(row)
    audit.record(session, "hand_blocks_over", row, by=by, detail={"site_id": site.id, "blocks": len(found)})
    session.flush()
    return row


def to_calendar(site: Site, changes: list[Change], *, at: dt.datetime) -> bytes:
    """Return blocks as iCalendar with stable ids; what is gone is a cancelled event."""
    calendar = Calendar()
    calendar.add("prodid", "-//Mainstay//Blocks//EN")
    calendar.add("version", "2.0")
    for change in changes:
        event = Event()
        event.add("uid", f"{change.key}@{site.code}.mainstay")
        event.add("dtstamp", at)
        if change.block is None:
            event.add("dtstart", at)
            event.add("status", "CANCELLED")
            event.add("summary", "Cancelled")
        else:
            event.add("dtstart", change.block.starts_at)
            event.add("dtend", change.block.ends_at)
            event.add("summary", f"{change.block.kind.capitalize()}: {change.block.person.external_id}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
