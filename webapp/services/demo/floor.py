"""What the demo's people have done of today's plan by now: most of it, some late, one of them ill."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Absence, AbsenceKind, Assignment, EngagementState, Person, Plan, Response
from webapp.services import absences, lifecycle, roster, zones
from webapp.services.absences import AbsenceDraft
from webapp.services.audit import Actor
from webapp.services.demo.company import SEED
from webapp.services.planning import day as planned_day

DONE_SHARE = 0.85
REASON = "The customer asked me for a call back tomorrow."


def seed_floor(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """
    Let the people of a live plan have worked until now, and return how much they have completed.

    Parameters
    ----------
    session
        A writing session.
    plan
        The published plan of today.
    at
        The present moment.
    """
    chance = random.Random(f"{SEED}-{plan.site_id}-{plan.day_on.isoformat()}-floor")
    rows = session.scalars(
        select(Assignment)
        .where(Assignment.plan_id == plan.id)
        .options(joinedload(Assignment.engagement), joinedload(Assignment.person), joinedload(Assignment.response))
        .order_by(Assignment.starts_at, Assignment.id)
    ).all()
    done = 0
    busy: set[int] = set()
    for row in rows:
        ends_at = row.starts_at + dt.timedelta(minutes=row.minutes)
        if row.starts_at > at or chance.random() > DONE_SHARE:
            continue
        if ends_at <= at:
            _move(session, row, EngagementState.DONE, at=ends_at)
            done += 1
        elif row.person_id not in busy:
            busy.add(row.person_id)
            _move(session, row, EngagementState.IN_PROGRESS, at=row.starts_at)
    _call_in_sick(session, rows, busy, at=at)
    _decline(session, rows, at=at)
    _send_to_training(session, plan, at=at)
    return done


def _move(session: Session, row: Assignment, state: EngagementState, *, at: dt.datetime) -> None:
    action = "complete_engagement" if state is EngagementState.DONE else "start_engagement"
    by = Actor(person_id=row.person_id, at=at, channel="cli")
    lifecycle.move(session, row.engagement, state, action=action, by=by)


def _call_in_sick(session: Session, rows: Sequence[Assignment], busy: set[int], *, at: dt.datetime) -> None:
    """Let one agent, who is on shift and has begun nothing, be ill since a while ago."""
    ids = {row.person_id for row in rows} - busy
    working = {shift.person_id for shift in roster.shifts_between(session, ids, at, at + dt.timedelta(minutes=1))}
    away = session.scalar(select(Absence.id).where(Absence.person_id.in_(ids), Absence.ends_at > at).limit(1))
    if working and away is None:
        person = session.get_one(Person, min(working))
        absences.report_sick(session, person, by=Actor(person_id=person.id, at=at, channel="cli"))


def _send_to_training(session: Session, plan: Plan, *, at: dt.datetime) -> None:
    """Let two people of tomorrow's shifts learn something for two hours: blocks for the workforce system."""
    midnight, _ = zones.day_bounds(plan.day_on + dt.timedelta(days=1), plan.site.time_zone)
    starts_at, ends_at = midnight + dt.timedelta(hours=14), midnight + dt.timedelta(hours=16)
    people = session.scalars(
        select(Person.id).where(Person.site_id == plan.site_id, Person.is_agent, Person.active)
    ).all()
    there = {
        shift.person_id
        for shift in roster.shifts_between(session, people, starts_at, ends_at)
        if shift.starts_at <= starts_at and shift.ends_at >= ends_at
    }
    away = session.scalars(select(Absence.person_id).where(Absence.starts_at < ends_at, Absence.ends_at > starts_at))
    for person_id in sorted(there - set(away))[:2]:
        absences.add_absence(
            session,
            session.get_one(Person, person_id),
            draft=AbsenceDraft(starts_at, ends_at, AbsenceKind.TRAINING),
            by=Actor(person_id=None, at=at, channel="cli"),
        )


def _decline(session: Session, rows: Sequence[Assignment], *, at: dt.datetime) -> None:
    """Let one agent decline the last of their work."""
    ahead = [row for row in rows if row.starts_at > at and row.engagement.state in lifecycle.UNSTARTED]
    if ahead:
        row = ahead[-1]
        by = Actor(person_id=row.person_id, at=at, channel="cli")
        planned_day.respond(session, row, response=Response.DECLINED, reason=REASON, by=by)
