"""
What changed, as pages that are open ask for it: topics, and how far somebody has been told.

A topic names something that a page shows: ``person:12`` (a person's record and roster), ``day:12`` (their part of the
published plans), ``team:4``, ``site:1``, ``plans:1`` (the plans, work and roster of a site), ``catalogue``,
``import:3``, ``thread:8`` (what is said on an engagement), ``threads:1`` (on those of a site), ``job:7``, ``jobs``,
``notices:12``. Most follow from the audit trail, in which every change writes an event in its own transaction; jobs
and notices are not audited, so that their state is compared by a short digest.  A *cursor* holds both:
``1042.3f2a91.07cc12`` is the newest event that was told of, and the digests of the topics with a state, in the order
of their names.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from webapp.models import (
    AgentPresence,
    Assignment,
    AuditEvent,
    Job,
    JobState,
    Notice,
    Person,
    Plan,
    PlanState,
    RoutingContact,
    RoutingContactState,
    RoutingDecision,
    RoutingFloor,
)
from webapp.services.access import Viewer

EVENTS_AT_ONCE = 500
"""After more events than this somebody is told that everything may have changed."""

EVERYTHING = "*"
_LOOKED_BACK = 50

# What is about many people, or about who is where: every page may show another thing afterwards.
_EVERYWHERE = frozenset({"import_batch", "site", "team", "service_role", "role_step"})
_CATALOGUE = frozenset({"skill", "skill_link", "skill_merge", "skill_group", "taxonomy", "taxonomy_release"})
_PLANNING = frozenset(
    ("absence", "assignment", "engagement", "pin", "plan", "plan_run", "policy", "shift", "stretch_slot", "swap")
)
_ACCESS = frozenset({"account", "role_grant", "person"})


@dataclass(frozen=True, slots=True)
class Changes:
    """
    What changed since a cursor.

    Parameters
    ----------
    event_id
        The newest event that was read.
    topics
        What changed; :data:`EVERYTHING` stands for all topics.
    people
        Those whose access may have changed: signed out, deactivated, given or deprived of a role.
    """

    event_id: int
    topics: frozenset[str] = frozenset()
    people: frozenset[int] = frozenset()

    def about(self, wanted: Collection[str]) -> set[str]:
        """Return which of the wanted topics changed; ``plans`` stands for the plans of all sites, as each kind does."""
        if EVERYTHING in self.topics:
            return set(wanted)
        return {topic for topic in wanted if topic in self.topics or topic.partition(":")[0] in self.topics}


def newest_event(session: Session) -> int:
    """Return the number of the newest event, 0 if there is none."""
    return session.scalar(select(func.max(AuditEvent.id))) or 0


def read_changes(session: Session, since: int) -> Changes:
    """
    Return what changed after an event.

    Numbers of events are given and committed in one order, as each is written under the lock of the trail, so that
    none can come after a greater one was read.
    """
    query = select(
        AuditEvent.id, AuditEvent.subject_kind, AuditEvent.subject_id, AuditEvent.person_id, AuditEvent.detail
    ).where(AuditEvent.id > since)
    events = session.execute(query.order_by(AuditEvent.id).limit(EVENTS_AT_ONCE + 1)).all()
    if not events:
        return Changes(since)
    if len(events) > EVENTS_AT_ONCE:
        return Changes(newest_event(session), frozenset({EVERYTHING}), _people_since(session, since))
    ended = {event.person_id or event.subject_id for event in events if event.subject_kind in _ACCESS}
    return Changes(events[-1].id, frozenset(_topics(session, events)), frozenset(ended))


def _topics(session: Session, events: Sequence[Any]) -> set[str]:
    """Return what some events are about."""
    concerned = {event.person_id for event in events if event.person_id is not None}
    concerned |= {event.subject_id for event in events if event.subject_kind == "person"}
    plan_ids = {event.subject_id for event in events if event.subject_kind == "plan"}
    plan_ids |= {event.detail.get("plan_id") for event in events if event.subject_kind == "assignment"} - {None}
    topics = {f"person:{key}" for key in concerned}
    topics |= _places_of(session, concerned) | _sites_of_plans(session, plan_ids)
    topics |= {f"day:{key}" for event in events for key in event.detail.get("days_changed", ())}
    topics |= _days_with(session, {event.subject_id for event in events if event.subject_kind == "engagement"})
    talked = {event.detail.get("engagement_id") for event in events if event.subject_kind == "thread_message"} - {None}
    topics |= {f"thread:{key}" for key in talked} | _days_with(session, talked)
    return topics.union(*(_own_topics(event.subject_kind, event.subject_id, event.detail) for event in events))


def _people_since(session: Session, since: int) -> frozenset[int]:
    query = select(AuditEvent.person_id).where(AuditEvent.id > since, AuditEvent.subject_kind.in_(_ACCESS)).distinct()
    return frozenset(key for key in session.scalars(query) if key is not None)


def _own_topics(kind: str, key: int, detail: Mapping[str, object]) -> set[str]:
    """Return the topics that an event names by itself."""
    topics = {f"{kind.removesuffix('_batch')}:{key}"}
    if kind in _EVERYWHERE:
        topics.add(EVERYTHING)
    if kind == "person":
        # They may have left a team whose page shows them.
        topics.add("team")
    if kind in _CATALOGUE:
        topics.add("catalogue")
    if kind == "thread_message":
        topics.add(f"threads:{detail.get('site_id')}")
    if kind == "huddle_note":
        topics.add(f"huddle:{detail.get('site_id')}")
    if kind in _PLANNING:
        # Not every event of the roster names its site; who waits for a plan is told rather once too often.
        site = detail.get("site_id")
        topics.add("plans" if site is None else f"plans:{site}")
    return topics


def _places_of(session: Session, person_ids: Iterable[int]) -> set[str]:
    query = select(Person.team_id, Person.site_id).where(Person.id.in_(sorted(person_ids))).distinct()
    return {
        topic
        for team_id, site_id in session.execute(query)
        for topic in (f"team:{team_id}", f"site:{site_id}")
        if topic != "team:None"
    }


def _sites_of_plans(session: Session, plan_ids: Iterable[int]) -> set[str]:
    keys = sorted(plan_ids)
    if not keys:
        return set()
    return {f"plans:{site_id}" for site_id in session.scalars(select(Plan.site_id).where(Plan.id.in_(keys)).distinct())}


def _days_with(session: Session, engagement_ids: Iterable[int]) -> set[str]:
    """Return the days in which some engagements stand: only those to whom a live plan gives them see a change."""
    keys = sorted(engagement_ids)
    if not keys:
        return set()
    query = (
        select(Assignment.person_id)
        .join(Assignment.plan)
        .where(Assignment.engagement_id.in_(keys), Plan.state == PlanState.PUBLISHED)
        .distinct()
    )
    return {f"day:{person_id}" for person_id in session.scalars(query)}


def read_states(session: Session, topics: Collection[str]) -> dict[str, str]:
    """Return a digest of the state of each topic that no audit event tells of: jobs and notices."""
    wanted = {topic for topic in topics if _has_state(topic)}
    states = dict.fromkeys(sorted(wanted), "")
    states |= _read(session, wanted, "job", _one_job)
    states |= _read(session, wanted, "notices", _unread)
    states |= _read(session, wanted, "routing", _routed)
    states |= _read(session, wanted, "presence", _present)
    if "jobs" in wanted:
        states["jobs"] = _digest(session.execute(_open_jobs()).all(), session.scalar(select(func.max(Job.id))))
    return states


def _has_state(topic: str) -> bool:
    return topic == "jobs" or topic.startswith(("job:", "notices:", "routing:", "presence:"))


def _read(
    session: Session, wanted: Collection[str], kind: str, query: Callable[[list[int]], Select[*tuple[Any, ...]]]
) -> dict[str, str]:
    keys = sorted(int(topic.partition(":")[2]) for topic in wanted if topic.startswith(f"{kind}:"))
    if not keys:
        return {}
    rows = session.execute(query(keys)).all()
    return {f"{kind}:{row[0]}": _digest(*row[1:]) for row in rows}


def _one_job(keys: list[int]) -> Select[*tuple[Any, ...]]:
    return select(Job.id, Job.state, Job.progress, Job.progress_detail, Job.cancel_requested, Job.open_parts).where(
        Job.id.in_(keys)
    )


def _open_jobs() -> Select[*tuple[Any, ...]]:
    return (
        select(Job.id, Job.state, Job.progress)
        .where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        .order_by(Job.id)
    )


def _routed(keys: list[int]) -> Select[*tuple[Any, ...]]:
    newest = select(func.max(RoutingDecision.id)).where(RoutingDecision.site_id == RoutingFloor.site_id)
    waiting = select(func.count()).where(
        RoutingContact.site_id == RoutingFloor.site_id, RoutingContact.state == RoutingContactState.WAITING
    )
    return select(
        RoutingFloor.site_id,
        RoutingFloor.epoch,
        RoutingFloor.changes,
        newest.scalar_subquery(),
        waiting.scalar_subquery(),
    ).where(RoutingFloor.site_id.in_(keys))


def _present(keys: list[int]) -> Select[*tuple[Any, ...]]:
    return select(AgentPresence.person_id, AgentPresence.version).where(AgentPresence.person_id.in_(keys))


def _unread(keys: list[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(Notice.person_id, func.count(), func.max(Notice.id))
        .where(Notice.person_id.in_(keys), Notice.read_at.is_(None))
        .group_by(Notice.person_id)
    )


def _digest(*values: object) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:6]


def write_cursor(event_id: int, states: Mapping[str, str]) -> str:
    """Return the cursor of somebody who knows an event and the states of their topics."""
    return ".".join([str(event_id), *(states[topic] or "-" for topic in sorted(states))])


def read_cursor(cursor: str, topics: Collection[str]) -> tuple[int, dict[str, str]]:
    """Return event and states of a cursor; what cannot be read counts as not known, so that more is told, not less."""
    event, *digests = cursor.split(".")
    named = sorted(topic for topic in topics if _has_state(topic))
    known = dict(zip(named, digests, strict=True)) if len(named) == len(digests) else {}
    number = int(event) if event.isdecimal() and len(event) < 19 else 0
    return number, {topic: "" if digest == "-" else digest for topic, digest in known.items()}


def present_cursor(session: Session, topics: Collection[str], *, event_id: int | None = None) -> str:
    """Return the cursor of the present, or of the present states beside an earlier event."""
    return write_cursor(newest_event(session) if event_id is None else event_id, read_states(session, topics))


def look(session: Session, topics: Collection[str], cursor: str) -> tuple[set[str], str]:
    """Return which topics changed since a cursor, and the cursor of now."""
    since, known = read_cursor(cursor, topics)
    states = read_states(session, topics)
    changes = read_changes(session, since)
    changed = changes.about(topics) | {topic for topic, state in states.items() if known.get(topic) != state}
    return changed, write_cursor(changes.event_id, states)


def rights(viewer: Viewer) -> str:
    """Return a digest of what a person may do and where; it changes with their roles."""
    said = [
        sorted(viewer.roles),
        sorted((role, sorted(ids)) for role, ids in viewer.sites.items()),
        sorted((role, sorted(ids)) for role, ids in viewer.teams.items()),
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class LastChange:
    """Who changed something that a page shows, and when."""

    name: str
    at: dt.datetime


def find_last_change(session: Session, topics: Collection[str], cursor: str) -> LastChange | None:
    """Return the newest change to one of a page's topics since a cursor, or None."""
    since, _ = read_cursor(cursor, topics)
    query = select(AuditEvent).where(AuditEvent.id > since).order_by(AuditEvent.id.desc()).limit(_LOOKED_BACK)
    for event in session.scalars(query):
        if Changes(event.id, frozenset(_topics(session, [event]))).about(topics):
            return LastChange(event.actor.name if event.actor else "", event.at)
    return None
