"""Calls for help: an agent in the midst of work needs somebody now; dispatchers, leads and mentors are told at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, aliased, joinedload

from webapp.errors import ConflictError, ForbiddenError
from webapp.models import (
    Absence,
    Assignment,
    Engagement,
    EngagementState,
    MessageKind,
    Person,
    PlanState,
    Role,
    RoleGrant,
    Shift,
    Site,
    SkillRecord,
    ThreadGuest,
    ThreadMessage,
)
from webapp.services import notices
from webapp.services.audit import Actor
from webapp.services.talk import threads

MENTOR_LEVEL = 4
_MENTORS = 2


def call_for_help(session: Session, assignment: Assignment, *, key: str, by: Actor) -> ThreadMessage:
    """
    Call for help with work that is under way; while a call waits for its answer, calling again adds nothing.

    Raises
    ------
    ForbiddenError
        If somebody else than the agent calls.
    ConflictError
        If the work is not under way, or another plan was published meanwhile.
    """
    engagement = assignment.engagement
    if by.person_id != assignment.person_id:
        raise ForbiddenError("Only the agent calls for help with their own work.")
    if assignment.plan.state is not PlanState.PUBLISHED or engagement.state is not EngagementState.IN_PROGRESS:
        raise ConflictError("This work is not under way. Write on its thread instead.")
    waiting = find_open_call(session, engagement) or threads.find_said(session, key, by=by)
    if waiting is not None:
        return waiting
    message = threads.add(session, engagement, "", kind=MessageKind.HELP, key=key, by=by)
    mentors = find_mentors(session, assignment, at=by.at)
    session.add_all(ThreadGuest(message_id=message.id, person_id=person.id) for person in mentors)
    session.flush()
    told = {person.id for person in mentors} | set(threads.list_leads(session, [assignment.person]))
    told |= set(_schedulers(session, engagement.site_id))
    for person_id in sorted(told - {by.person_id}):
        notices.notify(
            session,
            person_id,
            kind="help_now",
            text=f"{assignment.person.name} needs help now with {engagement.external_id}.",
            link=threads.link_of(engagement.id),
            by=by,
        )
    return message


def _schedulers(session: Session, site_id: int) -> Sequence[int]:
    return session.scalars(
        select(Person.id)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.role == Role.SCHEDULER, RoleGrant.site_id == site_id, Person.active)
    ).all()


def find_mentors(session: Session, assignment: Assignment, *, at: dt.datetime) -> list[Person]:
    """
    Return who may help: whom the plan set beside the agent, else colleagues on shift who are good at the hardest skill.

    Good is level 4 and above in the skill that the work stretches, or in the required one with the greatest weight.
    """
    beside = str(assignment.why.get("shadow") or "")
    if beside.isdecimal():
        found = session.scalars(select(Person).where(Person.id == int(beside), Person.active)).all()
        if found:
            return list(found)
    skill_id = assignment.why.get("stretch") or _hardest(assignment.engagement)
    if skill_id is None:
        return []
    on_shift = exists().where(Shift.person_id == Person.id, Shift.starts_at <= at, Shift.ends_at > at)
    away = exists().where(Absence.person_id == Person.id, Absence.starts_at <= at, Absence.ends_at > at)
    query = (
        select(Person)
        .join(SkillRecord, SkillRecord.person_id == Person.id)
        .where(
            SkillRecord.skill_id == int(skill_id),
            SkillRecord.effective_level >= MENTOR_LEVEL,
            Person.site_id == assignment.person.site_id,
            Person.id != assignment.person_id,
            Person.active,
            on_shift,
            ~away,
        )
        .order_by(SkillRecord.effective_level.desc(), Person.id)
        .limit(_MENTORS)
    )
    return list(session.scalars(query))


def _hardest(engagement: Engagement) -> int | None:
    lines = [line for line in engagement.engagement_type.requirements if not line.preferred]
    hardest = max(lines, key=lambda line: (line.weight, line.level, -line.skill_id), default=None)
    return hardest.skill_id if hardest is not None else None


def find_open_call(session: Session, engagement: Engagement) -> ThreadMessage | None:
    """Return the call for help on an engagement that nobody else has answered, or None."""
    return next((each for each in _open_calls(session, Engagement.id == engagement.id)), None)


def list_open_calls(session: Session, site: Site) -> list[ThreadMessage]:
    """Return a site's calls for help that nobody has answered while the work is under way, the oldest first."""
    return _open_calls(session, Engagement.site_id == site.id)


def _open_calls(session: Session, of: ColumnElement[bool]) -> list[ThreadMessage]:
    answer = aliased(ThreadMessage)
    answered = exists().where(
        answer.engagement_id == ThreadMessage.engagement_id,
        answer.id > ThreadMessage.id,
        answer.author_id != ThreadMessage.author_id,
    )
    query = (
        select(ThreadMessage)
        .join(Engagement, Engagement.id == ThreadMessage.engagement_id)
        .where(
            of,
            ThreadMessage.kind == MessageKind.HELP,
            ThreadMessage.withdrawn_at.is_(None),
            Engagement.state == EngagementState.IN_PROGRESS,
            ~answered,
        )
        .options(
            joinedload(ThreadMessage.author),
            joinedload(ThreadMessage.engagement).joinedload(Engagement.engagement_type),
        )
        .order_by(ThreadMessage.id)
    )
    return list(session.scalars(query))
