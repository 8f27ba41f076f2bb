"""
Calendar feeds: a secret link under which an agent's own calendar reads their shifts, absences and planned work.

Nothing that the feed says is kept for it. Uids come from rows, ``SEQUENCE`` from their versions or, for planned work,
from the number of plans that the day has had; what a newer plan took away is told as cancelled. Moments are UTC, so
that no calendar has to know a zone's rules; it shows them by its own clock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets as randomness
from collections.abc import Iterator
from dataclasses import dataclass

from icalendar import Calendar, Event
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import NotFoundError
from webapp.models import Assignment, CalendarFeed, Engagement, Person, Plan, PlanState
from webapp.services import audit, roster
from webapp.services.audit import Actor

PAST = dt.timedelta(days=31)
FUTURE = dt.timedelta(days=92)
NOTE_EVERY = dt.timedelta(minutes=5)
_SHOWN = (PlanState.PUBLISHED, PlanState.SUPERSEDED)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a calendar, half-open."""

    uid: str
    sequence: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    summary: str
    changed_at: dt.datetime
    cancelled: bool = False
    busy: bool = True


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def find_feed(session: Session, person: Person) -> CalendarFeed | None:
    """Return a person's open feed, or None."""
    return session.scalar(
        select(CalendarFeed).where(CalendarFeed.person_id == person.id, CalendarFeed.revoked_at.is_(None))
    )


def open_feed(session: Session, person: Person, *, by: Actor) -> str:
    """Make a person's link, or a new one in the place of the old, and return its token, which is shown this once."""
    revoke_feed(session, person, by=by)
    token = randomness.token_urlsafe(32)
    feed = CalendarFeed(person_id=person.id, token_digest=_digest(token), created_at=by.at)
    session.add(feed)
    audit.record(session, "open_calendar_feed", feed, by=by, person_id=person.id)
    return token


def revoke_feed(session: Session, person: Person, *, by: Actor) -> bool:
    """Make a person's link answer nothing from now on; return whether there was one."""
    feed = find_feed(session, person)
    if feed is None:
        return False
    feed.revoked_at = by.at
    audit.record(session, "revoke_calendar_feed", feed, by=by, person_id=person.id)
    return True


def get_feed(session: Session, token: str) -> CalendarFeed:
    """
    Return the feed that a token opens.

    Raises
    ------
    NotFoundError
        If no open feed has it, or its person may not sign in any more: all answer alike.
    """
    feed = session.scalar(
        select(CalendarFeed)
        .where(CalendarFeed.token_digest == _digest(token), CalendarFeed.revoked_at.is_(None))
        .options(joinedload(CalendarFeed.person).joinedload(Person.site))
    )
    if feed is None or not feed.person.active or feed.person.account is None or not feed.person.account.active:
        raise NotFoundError("There is no such calendar.")
    return feed


def needs_note(feed: CalendarFeed, *, at: dt.datetime) -> bool:
    """Return whether it is worth a write to note that a feed was fetched: calendars ask often."""
    return feed.fetched_at is None or at - feed.fetched_at >= NOTE_EVERY


def note_fetched(session: Session, feed_id: int, *, at: dt.datetime) -> None:
    """Note when a feed was fetched."""
    feed = session.get(CalendarFeed, feed_id)
    if feed is not None:
        feed.fetched_at = at


def list_entries(session: Session, feed: CalendarFeed, *, at: dt.datetime) -> list[Entry]:
    """Return what a feed tells: a month back and three ahead."""
    starts_at, ends_at = at - PAST, at + FUTURE
    person_ids = [feed.person_id]
    entries = [
        Entry(f"shift-{each.id}", each.version - 1, each.starts_at, each.ends_at, "Shift", feed.created_at)
        for each in roster.shifts_between(session, person_ids, starts_at, ends_at)
    ]
    entries += [
        # Why somebody is away is nobody's business who looks over their shoulder.
        Entry(f"absence-{each.id}", each.version - 1, each.starts_at, each.ends_at, "Away", feed.created_at)
        for each in roster.absences_between(session, person_ids, starts_at, ends_at)
    ]
    entries += _work(session, feed.person_id, starts_at.date(), ends_at.date())
    return sorted(entries, key=lambda entry: (entry.starts_at, entry.uid))


def _work(session: Session, person_id: int, first_on: dt.date, last_on: dt.date) -> Iterator[Entry]:
    mine = (
        select(Assignment)
        .join(Assignment.plan)
        .where(
            Assignment.person_id == person_id,
            Plan.state.in_(_SHOWN),
            Plan.day_on >= first_on,
            Plan.day_on <= last_on,
        )
        .options(joinedload(Assignment.plan), joinedload(Assignment.engagement).joinedload(Engagement.engagement_type))
        .order_by(Assignment.plan_id)
    )
    latest = {(each.plan.day_on, each.engagement_id): each for each in session.scalars(mine)}
    days = {each.plan.day_on for each in latest.values()}
    sites = {each.plan.site_id for each in latest.values()}
    plans: dict[tuple[int, dt.date], list[Plan]] = {}
    query = select(Plan).where(Plan.site_id.in_(sites), Plan.day_on.in_(days), Plan.state.in_(_SHOWN))
    for plan in session.scalars(query.order_by(Plan.id)):
        plans.setdefault((plan.site_id, plan.day_on), []).append(plan)
    for (day_on, engagement_id), each in latest.items():
        chain = plans[each.plan.site_id, day_on]
        gone = each.plan.state is not PlanState.PUBLISHED
        told = next((plan for plan in chain if plan.id > each.plan_id), each.plan) if gone else each.plan
        yield Entry(
            f"work-{day_on:%Y%m%d}-{engagement_id}-{person_id}",
            chain.index(told),
            each.starts_at,
            each.starts_at + dt.timedelta(minutes=each.minutes),
            f"{each.engagement.external_id} · {each.engagement.engagement_type.name}",
            told.published_at or told.created_at,
            cancelled=gone,
            busy=False,
        )


def write_calendar(entries: list[Entry], *, zone: str, host: str) -> bytes:
    """Return entries as an iCalendar file (RFC 5545); the same entries give the same bytes."""
    calendar = Calendar()
    calendar.add("prodid", "-//Mainstay//Calendar feed//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Mainstay")
    calendar.add("x-wr-timezone", zone)
    for entry in entries:
        event = Event()
        event.add("uid", f"{entry.uid}@{host}")
        event.add("sequence", entry.sequence)
        event.add("dtstamp", entry.changed_at.astimezone(dt.UTC))
        event.add("dtstart", entry.starts_at.astimezone(dt.UTC))
        event.add("dtend", entry.ends_at.astimezone(dt.UTC))
        event.add("summary", entry.summary)
        event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
        event.add("transp", "OPAQUE" if entry.busy and not entry.cancelled else "TRANSPARENT")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
