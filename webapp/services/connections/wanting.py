"""What other systems should say: the live plan's agents on their tickets, people's levels as their routing skills."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import (
    Assignment,
    Connection,
    ConnectionWrite,
    Engagement,
    EventKind,
    OutgoingEvent,
    Person,
    PersonKey,
    Plan,
    PlanState,
    Skill,
    WriteKind,
    WriteState,
)
from webapp.services import outbox, records
from webapp.services.connections.presets import PRESETS
from webapp.services.lifecycle import ENDED
from webapp.services.zones import to_local

_ROWS_AT_ONCE = 400


def look_at(session: Session, connection: Connection, events: Sequence[OutgoingEvent], *, at: dt.datetime) -> int:
    """Note what a connection should write after events of its site; return how many writes it changed."""
    mine = [event for event in events if event.site_id == connection.site_id]
    changed = 0
    if connection.writes_assignees:
        plans = sorted({event.subject_id for event in mine if event.kind is EventKind.PLAN_PUBLISHED})
        changed += sum(want_plan(session, connection, plan_id, at=at) for plan_id in plans)
    if connection.writes_levels:
        people = {event.subject_id for event in mine if event.kind is EventKind.LEVEL_VALIDATED}
        changed += want_levels(session, connection, people, at=at) if people else 0
    if changed:
        wake(session, connection, at=at)
    return changed


def want_everything(session: Session, connection: Connection, *, today: dt.date, at: dt.datetime) -> int:
    """Compare all that a connection writes with what it was made to say; return how many writes changed."""
    changed = 0
    if connection.writes_assignees:
        live = select(Plan.id).where(
            Plan.site_id == connection.site_id, Plan.state == PlanState.PUBLISHED, Plan.day_on >= today
        )
        for plan_id in session.scalars(live.order_by(Plan.day_on)).all():
            changed += want_plan(session, connection, plan_id, at=at)
    if connection.writes_levels:
        people = select(Person.id).where(Person.site_id == connection.site_id, Person.is_agent, Person.active)
        changed += want_levels(session, connection, set(session.scalars(people)), at=at)
    wake(session, connection, at=at)
    return changed


def wake(session: Session, connection: Connection, *, at: dt.datetime, not_before: dt.datetime | None = None) -> None:
    """Queue the job that writes for a connection, if there is anything that it may send."""
    if connection.active and not connection.shadow and PRESETS[connection.preset].networked:
        payload = {"connection_id": connection.id}
        outbox.queue_once(session, outbox.WRITE_JOB, payload, at=at, not_before=not_before)


def next_due(session: Session, connection_id: int) -> dt.datetime | None:
    """Return when the next write of a connection is due, or None if none waits."""
    query = select(func.min(ConnectionWrite.next_at)).where(
        ConnectionWrite.connection_id == connection_id, ConnectionWrite.state == WriteState.WAITING
    )
    return session.scalar(query)


def want_plan(session: Session, connection: Connection, plan_id: int, *, at: dt.datetime) -> int:
    """Want the agents of a live plan on their tickets, and nobody where an older plan of the day had somebody."""
    plan = session.get(Plan, plan_id)
    if plan is None or plan.state is not PlanState.PUBLISHED:
        return 0
    query = (
        select(Assignment.engagement_id, Engagement.external_id, Engagement.state, Person)
        .join(Engagement, Engagement.id == Assignment.engagement_id)
        .join(Person, Person.id == Assignment.person_id)
        .where(Assignment.plan_id == plan.id)
        .order_by(Assignment.engagement_id)
    )
    placed = {row[0]: row for row in session.execute(query)}
    present = _present(session, connection, WriteKind.ASSIGNEE)
    changed = 0
    for engagement_id, code, state, person in placed.values():
        if state in ENDED:
            continue
        theirs = their_person(connection, person)
        changed += _want(
            session,
            connection,
            present.get(engagement_id),
            (WriteKind.ASSIGNEE, engagement_id, code, {"assignee": theirs}),
            error="" if theirs else "No id of the other system is known for this agent.",
            at=at,
        )
    for engagement_id, row in present.items():
        if engagement_id not in placed and row.wanted.get("assignee") is not None:
            changed += _let_go(session, connection, plan, row, at=at)
    return changed


def _let_go(session: Session, connection: Connection, plan: Plan, row: ConnectionWrite, *, at: dt.datetime) -> int:
    """Want nobody on the ticket of an engagement that an older plan of this day held and no live plan holds now."""
    held = select(Plan.day_on, Plan.state).join(Assignment, Assignment.plan_id == Plan.id)
    plans = session.execute(held.where(Assignment.engagement_id == row.subject_id)).all()
    engagement = session.get(Engagement, row.subject_id)
    if engagement is None or engagement.state in ENDED or any(state is PlanState.PUBLISHED for _, state in plans):
        return 0
    if plan.day_on not in {day for day, _ in plans}:
        return 0
    wanted = (WriteKind.ASSIGNEE, row.subject_id, row.target, {"assignee": None})
    return _want(session, connection, row, wanted, error="", at=at)


def want_levels(session: Session, connection: Connection, person_ids: Collection[int], *, at: dt.datetime) -> int:
    """Want the effective levels of people, in the skills that the connection knows, as their routing skills."""
    theirs = {
        skill_id: str(connection.skill_ids[code])
        for skill_id, code in session.execute(select(Skill.id, Skill.code).where(Skill.retired_at.is_(None)))
        if code in connection.skill_ids
    }
    if not theirs:
        return 0
    present, changed, ordered = _present(session, connection, WriteKind.LEVELS), 0, sorted(person_ids)
    # A level counts for a day of the site: at its midnight, UTC may have another.
    on = to_local(at, connection.site.time_zone).date()
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        some = ordered[start : start + _ROWS_AT_ONCE]
        people = session.scalars(
            select(Person).where(Person.id.in_(some), Person.site_id == connection.site_id, Person.active)
        ).all()
        levels = records.levels_on(session, [person.id for person in people], on)
        for person in people:
            said = {name: levels[person.id].get(skill_id, 0) for skill_id, name in theirs.items()}
            target = their_person(connection, person)
            row = present.get(person.id)
            # Somebody who has none of these skills and was never written needs no row of zeros.
            if row is None and not any(said.values()):
                continue
            changed += _want(
                session,
                connection,
                row,
                (WriteKind.LEVELS, person.id, target or person.external_id, {"levels": dict(sorted(said.items()))}),
                error="" if target else "No id of the other system is known for this agent.",
                at=at,
            )
    return changed


def their_person(connection: Connection, person: Person) -> str | None:
    """Return the other system's id of a person: the one that was entered, else what the connection goes by."""
    entered = connection.person_ids.get(person.external_id)
    if entered:
        return str(entered)
    return person.email if connection.people_by is PersonKey.EMAIL else person.external_id


def _present(session: Session, connection: Connection, kind: WriteKind) -> Mapping[int, ConnectionWrite]:
    query = select(ConnectionWrite).where(ConnectionWrite.connection_id == connection.id, ConnectionWrite.kind == kind)
    return {row.subject_id: row for row in session.scalars(query.with_for_update())}


def _want(
    session: Session,
    connection: Connection,
    row: ConnectionWrite | None,
    wanted: tuple[WriteKind, int, str, dict[str, Any]],
    *,
    error: str,
    at: dt.datetime,
) -> int:
    """Note what one thing should say; 1 if that is new, 0 if it says so, or is about to, already."""
    kind, subject_id, target, content = wanted
    settled = {WriteState.WRITTEN, WriteState.WAITING, WriteState.RECORDED if connection.shadow else WriteState.WRITTEN}
    if row is not None and row.wanted == content and row.target == target and (row.state in settled or error):
        return 0
    if row is None:
        row = ConnectionWrite(
            connection_id=connection.id, kind=kind, subject_id=subject_id, target=target, wanted=content, error=""
        )
        session.add(row)
    row.target, row.wanted, row.changed_at, row.next_at = target, content, at, at
    row.attempts, row.status, row.error = 0, None, error
    if error:
        row.state = WriteState.REFUSED
    elif row.written == content:
        row.state = WriteState.WRITTEN
    else:
        row.state = WriteState.RECORDED if connection.shadow else WriteState.WAITING
    session.flush()
    return 1
