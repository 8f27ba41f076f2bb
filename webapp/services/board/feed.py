"""What happened at a site today, as far as a scheduler has to know: the audit trail in a few words, newest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Absence, Assignment, AuditEvent, ImportBatch, Person, Plan, Site, Swap

FEED_LINES = 20
_LOOKED_AT = 400

# Verb of the audit trail → icon and words after the name of the person concerned, or of whoever did it.
_OF_PEOPLE = {
    "add_absence": ("person-dash", "is away"),
    "remove_absence": ("person-check", "is back: an absence was taken out"),
    "decline_assignment": ("hand-thumbs-down", "declined an engagement"),
    "accept_assignment": ("hand-thumbs-up", "accepted an engagement"),
    "offer_assignment": ("arrow-left-right", "was offered an engagement"),
    "propose_swap": ("arrow-left-right", "proposed a swap"),
    "agree_swap": ("arrow-left-right", "agreed to a swap"),
    "choose_stretch_slot": ("graph-up-arrow", "chose a stretch slot"),
    "withdraw_stretch_slot": ("graph-up-arrow", "withdrew a stretch slot"),
    "make_swap": ("arrow-left-right", "swapped an engagement"),
}
_OF_PLANS = {
    "request_plan_run": ("play", "asked for a run"),
    "publish_plan": ("send-check", "published a plan"),
}
_OF_FILES = {"apply_import": ("cloud-upload", "imported a file"), "undo_import": ("arrow-counterclockwise", "undid it")}


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One event: when, who, what, and a page that shows more."""

    event_id: int
    at: dt.datetime
    icon: str
    person: Person | None
    words: str
    link: str = ""


def list_feed(session: Session, site: Site, *, starts_at: dt.datetime, at: dt.datetime) -> list[FeedLine]:
    """Return the events of a site since a moment, newest first."""
    events = session.scalars(
        select(AuditEvent)
        .where(
            AuditEvent.at >= starts_at,
            AuditEvent.at <= at,
            AuditEvent.action.in_((*_OF_PEOPLE, *_OF_PLANS, *_OF_FILES)),
        )
        .options(joinedload(AuditEvent.actor))
        .order_by(AuditEvent.id.desc())
        .limit(_LOOKED_AT)
    ).all()
    people = _people(session, site, {event.person_id for event in events if event.person_id is not None})
    batches = _batches(session, site, events)
    lines = (_line(event, site, people, batches) for event in events)
    return [line for line in lines if line is not None][:FEED_LINES]


def _people(session: Session, site: Site, ids: Collection[int]) -> dict[int, Person]:
    rows = session.scalars(select(Person).where(Person.id.in_(ids), Person.site_id == site.id))
    return {person.id: person for person in rows}


def _batches(session: Session, site: Site, events: Sequence[AuditEvent]) -> set[int]:
    ids = [event.subject_id for event in events if event.action in _OF_FILES]
    rows = select(ImportBatch.id).where(
        ImportBatch.id.in_(ids), or_(ImportBatch.site_id == site.id, ImportBatch.site_id.is_(None))
    )
    return set(session.scalars(rows))


def _line(event: AuditEvent, site: Site, people: Mapping[int, Person], batches: Collection[int]) -> FeedLine | None:
    if event.action in _OF_PEOPLE:
        person = people.get(event.person_id or 0)
        icon, words = _OF_PEOPLE[event.action]
        return FeedLine(event.id, event.at, icon, person, words, _link(event)) if person is not None else None
    if event.action in _OF_PLANS and event.detail.get("site_id") == site.id:
        icon, words = _OF_PLANS[event.action]
        told = event.detail.get("agents_told")
        more = f"; {told} {'agent' if told == 1 else 'agents'} told" if told is not None else ""
        return FeedLine(event.id, event.at, icon, event.actor, words + more, _link(event))
    if event.action in _OF_FILES and event.subject_id in batches:
        icon, words = _OF_FILES[event.action]
        return FeedLine(event.id, event.at, icon, event.actor, words, f"/imports/{event.subject_id}")
    return None


def _link(event: AuditEvent) -> str:
    if event.subject_kind == Plan.__tablename__:
        return f"/plans/{event.subject_id}"
    if event.subject_kind == Absence.__tablename__ and event.action == "add_absence":
        return f"/roster/absences/{event.subject_id}"
    if event.subject_kind == Assignment.__tablename__ and event.action == "decline_assignment":
        return f"/plans/{event.detail.get('plan_id')}/assignments/{event.subject_id}"
    return "/board#swaps" if event.subject_kind == Swap.__tablename__ else ""
