"""
The outbox: what others may be told of, written in the transaction of the change itself.

A command that changes something which others follow calls :func:`emit` at the one place where that change is made. The
event is a row like any other: it exists exactly if the change does. A job (:mod:`webapp.services.deliveries`) then
makes deliveries of it, so that no transaction ever waits for another system.

Events carry ids, states, levels and times. They never carry names, addresses, customers' keys or anybody's words: who
is told looks the rest up with a token, and sees what that token may see.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from webapp.models import (
    Assignment,
    Connection,
    Engagement,
    EventKind,
    Job,
    JobState,
    OutgoingEvent,
    Person,
    Plan,
    Site,
    WebhookSubscription,
)
from webapp.services.job_kinds import get_kind

DELIVER_JOB = "webhooks.deliver"
WRITE_JOB = "connections.write"
OWN_JOBS = frozenset({DELIVER_JOB, WRITE_JOB})
FOLLOWABLE = tuple(kind for kind in EventKind if kind is not EventKind.TEST)
"""The kinds that a subscription can ask for."""
_ROWS_AT_ONCE = 500
_QUEUED_HERE = "jobs_queued"
"""Where a transaction lists the jobs that it queued, for whoever tells workers of them."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened to a row; ``data`` holds ids, states, levels and times."""

    kind: EventKind
    subject_kind: str
    subject_id: int
    site_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def list_followed(session: Session) -> frozenset[EventKind]:
    """Return the kinds that anybody follows now; events of other kinds are not even written."""
    kinds: set[EventKind] = set()
    for wanted in session.scalars(select(WebhookSubscription.kinds).where(WebhookSubscription.active)):
        kinds |= {EventKind(kind) for kind in wanted if kind in set(EventKind)}
    flags = select(Connection.writes_assignees, Connection.writes_levels).where(Connection.active)
    for assignees, levels in session.execute(flags):
        kinds |= {EventKind.PLAN_PUBLISHED} if assignees else set()
        kinds |= {EventKind.LEVEL_VALIDATED} if levels else set()
    return frozenset(kinds)


def emit(session: Session, events: Sequence[NewEvent], *, at: dt.datetime) -> int:
    """
    Write events that somebody follows, and see to it that a job delivers them; return how many there are.

    Parameters
    ----------
    session
        The session of the change.
    events
        What happened, in order.
    at
        When.
    """
    followed = list_followed(session) | {EventKind.TEST}
    rows = [
        {
            "key": str(uuid.uuid4()),
            "kind": event.kind,
            "at": at,
            "site_id": event.site_id,
            "subject_kind": event.subject_kind,
            "subject_id": event.subject_id,
            "payload": dict(event.data),
        }
        for event in events
        if event.kind in followed
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        session.execute(insert(OutgoingEvent), rows[start : start + _ROWS_AT_ONCE])
    if rows:
        wake(session, at=at)
    return len(rows)


def wake(session: Session, *, at: dt.datetime, not_before: dt.datetime | None = None) -> None:
    """Queue a job that delivers by a moment, unless one waits already; two that come of a race do no harm."""
    queue_once(session, DELIVER_JOB, {}, at=at, not_before=not_before)


def queue_once(
    session: Session, kind: str, payload: Mapping[str, Any], *, at: dt.datetime, not_before: dt.datetime | None = None
) -> None:
    """Queue a job of the system, to run from a moment on, unless one like it waits that runs as early."""
    by = not_before or at
    waiting = select(Job.payload).where(
        Job.kind == kind, Job.state == JobState.QUEUED, or_(Job.not_before.is_(None), Job.not_before <= by)
    )
    if dict(payload) in session.scalars(waiting).all():
        return
    # Not by the module that keeps the queue: that one tells of dead jobs through this one.
    job = Job(
        kind=kind,
        payload=dict(payload),
        state=JobState.QUEUED,
        progress_detail={},
        created_at=at,
        not_before=not_before,
        max_attempts=get_kind(kind).max_attempts,
    )
    session.add(job)
    session.flush()
    session.info.setdefault(_QUEUED_HERE, []).append(job.id)


def emit_published(session: Session, plan: Plan, before: Plan | None, *, at: dt.datetime) -> int:
    """Tell that a plan became live, and of each engagement that it gives to somebody else, or at another time."""
    followed = list_followed(session)
    if not followed & {EventKind.PLAN_PUBLISHED, EventKind.ASSIGNMENT_CHANGED}:
        return 0
    day = plan.day_on.isoformat()
    data = {"plan_id": plan.id, "day": day, "supersedes_id": before.id if before is not None else None}
    events = [NewEvent(EventKind.PLAN_PUBLISHED, "plan", plan.id, plan.site_id, data)]
    if EventKind.ASSIGNMENT_CHANGED in followed:
        was, now = _placed(session, before), _placed(session, plan)
        for engagement_id in sorted(was.keys() | now.keys()):
            old, new = was.get(engagement_id), now.get(engagement_id)
            if old is None or new is None or old.told() != new.told():
                events.append(_changed(plan, old, new))
    return emit(session, events, at=at)


@dataclass(frozen=True, slots=True)
class _Placed:
    engagement_id: int
    engagement: str
    person_id: int
    person: str
    starts_at: dt.datetime

    def told(self) -> dict[str, Any]:
        return {"person_id": self.person_id, "person": self.person, "starts_at": self.starts_at.isoformat()}


def _placed(session: Session, plan: Plan | None) -> dict[int, _Placed]:
    if plan is None:
        return {}
    query = (
        select(
            Assignment.engagement_id,
            Engagement.external_id,
            Assignment.person_id,
            Person.external_id,
            Assignment.starts_at,
        )
        .join(Engagement, Engagement.id == Assignment.engagement_id)
        .join(Person, Person.id == Assignment.person_id)
        .where(Assignment.plan_id == plan.id)
    )
    return {row[0]: _Placed(*row) for row in session.execute(query)}


def _changed(plan: Plan, old: _Placed | None, new: _Placed | None) -> NewEvent:
    placed = new or old
    assert placed is not None  # noqa: S101 - one of the two plans names the engagement
    if old is None or new is None:
        change = "assigned" if old is None else "withdrawn"
    else:
        change = "moved" if old.person_id == new.person_id else "reassigned"
    data = {
        "engagement": placed.engagement,
        "plan_id": plan.id,
        "day": plan.day_on.isoformat(),
        "change": change,
        "before": old.told() if old is not None else None,
        "after": new.told() if new is not None else None,
    }
    return NewEvent(EventKind.ASSIGNMENT_CHANGED, "engagement", placed.engagement_id, plan.site_id, data)


@dataclass(frozen=True, slots=True)
class LevelChange:
    """What a person's validated and effective level in a skill were and are, 0 where there is no record."""

    person_id: int
    skill_id: int
    before: tuple[int, int]
    after: tuple[int, int]


def emit_levels(session: Session, changes: Iterable[LevelChange], *, at: dt.datetime) -> int:
    """Tell of levels that evidence, its expiry or its withdrawal changed."""
    changed = [each for each in changes if each.before != each.after]
    people = _people(session, {each.person_id for each in changed})
    events = [
        NewEvent(
            EventKind.LEVEL_VALIDATED,
            "person",
            each.person_id,
            people[each.person_id][1],
            {
                "person": people[each.person_id][0],
                "skill_id": each.skill_id,
                "validated_level": each.after[0],
                "validated_level_before": each.before[0],
                "effective_level": each.after[1],
                "effective_level_before": each.before[1],
            },
        )
        for each in changed
    ]
    return emit(session, events, at=at) if events else 0


def _people(session: Session, person_ids: Collection[int]) -> dict[int, tuple[str, int]]:
    people: dict[int, tuple[str, int]] = {}
    ordered = sorted(person_ids)
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        query = select(Person.id, Person.external_id, Person.site_id)
        for key, code, site_id in session.execute(query.where(Person.id.in_(ordered[start : start + _ROWS_AT_ONCE]))):
            people[key] = code, site_id
    return people


def emit_states(
    session: Session, engagement_ids: Collection[int], *, before: Mapping[int, str | None], state: str, at: dt.datetime
) -> int:
    """Tell that engagements came into a state; ``before`` says from which, None where an engagement is new."""
    if EventKind.ENGAGEMENT_STATE not in list_followed(session):
        return 0
    events, ordered = [], sorted(engagement_ids)
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        query = select(Engagement.id, Engagement.external_id, Engagement.site_id)
        for key, code, site_id in session.execute(
            query.where(Engagement.id.in_(ordered[start : start + _ROWS_AT_ONCE])).order_by(Engagement.id)
        ):
            data = {"engagement": code, "state": state, "before": before.get(key)}
            events.append(NewEvent(EventKind.ENGAGEMENT_STATE, "engagement", key, site_id, data))
    return emit(session, events, at=at)


def emit_dead_job(session: Session, job: Job, *, at: dt.datetime) -> None:
    """Tell that a job's attempts are used up; the jobs that deliver do not tell of themselves."""
    if job.kind in OWN_JOBS:
        return
    site_id = job.payload.get("site_id")
    event = NewEvent(
        EventKind.JOB_DEAD,
        "job",
        job.id,
        site_id if isinstance(site_id, int) and session.get(Site, site_id) is not None else None,
        {"job_kind": job.kind, "attempts": job.attempts},
    )
    emit(session, [event], at=at)
