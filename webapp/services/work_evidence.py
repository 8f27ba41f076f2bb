"""
Evidence from work: finished engagements and served contacts become ``use`` events, one for a person, a skill and a day.

Each engagement that is done counts once, for whoever the newest published plan gave it to and who did not decline it,
on the day of its start there; each served contact counts on its day. Both count for the skills that their type
requires. What is counted is compared with what the log says, and the log follows: counting again changes nothing, and
work that is reopened, cancelled or taken out again is taken back.

A call log's own count (an ``outcome`` event, see :mod:`webapp.services.importing.kinds.acd_log`) already counts every
contact of its type up to its last one; those contacts make no ``use`` in the same skill.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from webapp.models import (
    Assignment,
    AssignmentResponse,
    Contact,
    ContactOutcome,
    Engagement,
    EngagementState,
    EngagementType,
    ImportBatch,
    ImportKind,
    ImportState,
    Person,
    Plan,
    PlanState,
    Response,
    Site,
    Skill,
    SkillEvent,
    SkillEventKind,
    TypeRequirement,
)
from webapp.services import audit, records
from webapp.services.audit import Actor
from webapp.services.records import NewEvent
from webapp.services.zones import day_bounds

SOURCE = "work"
CALL_LOG = "acd-log"
LOOK_BACK_DAYS = 14
"""Days whose count is looked at again each time: work is often marked as done, or opened again, days later."""

Use = tuple[int, int, dt.date]
"""Person, skill, day at the person's site."""

_NOON = dt.time(12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count changed: events written and taken back, records that follow from them."""

    written: int = 0
    taken_back: int = 0
    records: int = 0

    def __add__(self, other: Counted) -> Counted:
        """Return both together."""
        return Counted(self.written + other.written, self.taken_back + other.taken_back, self.records + other.records)


def first_day_to_count(session: Session, site: Site, on: dt.date, *, since: dt.datetime | None) -> dt.date:
    """
    Return the first day that a count before ``on`` must look at.

    Parameters
    ----------
    session
        A session.
    site
        The site whose people's work is counted.
    on
        The day of the count.
    since
        When work was counted last; None if it never was.

    Returns
    -------
    datetime.date
        The day :data:`LOOK_BACK_DAYS` before, or the first day of all if a call log came or went since, because that
        may hold contacts of any day.
    """
    near = on - dt.timedelta(days=LOOK_BACK_DAYS)
    if since is not None:
        moved = select(ImportBatch.id).where(
            ImportBatch.kind == ImportKind.ACD_LOG,
            ImportBatch.site_id == site.id,
            ImportBatch.state.in_({ImportState.APPLIED, ImportState.UNDONE}),
            or_(ImportBatch.applied_at >= since, ImportBatch.undone_at >= since),
        )
        if session.scalar(moved.limit(1)) is None:
            return near
    firsts = (
        session.scalar(select(func.min(Contact.arrived_at)).where(Contact.site_id == site.id)),
        session.scalar(select(func.min(Assignment.starts_at)).join(Assignment.plan).where(Plan.site_id == site.id)),
    )
    return min((first.date() - dt.timedelta(days=1) for first in firsts if first is not None), default=near)


def list_people(session: Session, site: Site) -> list[int]:
    """Return the people of a site whose work is counted."""
    query = select(Person.id).where(Person.site_id == site.id, Person.active).order_by(Person.id)
    return list(session.scalars(query))


def count_work(
    session: Session, site: Site, person_ids: Collection[int], *, first_on: dt.date, until: dt.date, by: Actor
) -> Counted:
    """
    Make the log say how much work in which skills people of a site did on the days from one until before another.

    Parameters
    ----------
    session
        A session.
    site
        Their site, whose time zone says on which day work was done.
    person_ids
        The people, a few hundred at most.
    first_on, until
        The days, half-open; ``until`` is the day of the count, whose work is not over.
    by
        Who counts. The events have no author: they are nobody's word.
    """
    done = _finished(session, site, person_ids, first_on, until)
    done.update(_served(session, site, person_ids, first_on, until))
    known = _standing(session, person_ids, first_on, until)
    stale = [event_id for use, (event_id, count) in known.items() if done.get(use) != count]
    fresh = [
        NewEvent(
            person_id,
            skill_id,
            SkillEventKind.USE,
            at=dt.datetime.combine(day, _NOON),
            count=count,
            source=SOURCE,
        )
        for (person_id, skill_id, day), count in sorted(done.items())
        if known.get((person_id, skill_id, day), (0, 0))[1] != count
    ]
    if not stale and not fresh:
        return Counted()
    counter = replace(by, person_id=None)
    pairs = records.retract_events(session, stale, by=counter, source=SOURCE) if stale else set()
    records.append_events(session, fresh, by=counter)
    pairs |= {(event.person_id, event.skill_id) for event in fresh}
    counted = Counted(len(fresh), len(stale), records.reproject(session, pairs, until))
    detail = {"from": first_on.isoformat(), "until": until.isoformat(), "days": len(fresh), "taken_back": len(stale)}
    audit.record(session, "count_work", site, by=by, detail=detail)
    return counted


def _finished(
    session: Session, site: Site, person_ids: Collection[int], first_on: dt.date, until: dt.date
) -> Counter[Use]:
    """Return how often each person finished an engagement that requires each skill, by day."""
    starts_at, ends_at = day_bounds(first_on, site.time_zone)[0], day_bounds(until, site.time_zone)[0]
    later_plan, later = aliased(Plan), aliased(Assignment)
    was_live = Plan.state.in_({PlanState.PUBLISHED, PlanState.SUPERSEDED})
    # Of several plans that held it, the one published last says who did it.
    newer = (
        select(later.id)
        .join(later_plan, later_plan.id == later.plan_id)
        .where(
            later.engagement_id == Assignment.engagement_id,
            later_plan.state.in_({PlanState.PUBLISHED, PlanState.SUPERSEDED}),
            or_(
                later_plan.published_at > Plan.published_at,
                and_(later_plan.published_at == Plan.published_at, later_plan.id > Plan.id),
            ),
        )
    )
    query = (
        select(Assignment.person_id, TypeRequirement.skill_id, Assignment.starts_at)
        .join(Assignment.plan)
        .join(Assignment.engagement)
        .join(TypeRequirement, TypeRequirement.engagement_type_id == Engagement.engagement_type_id)
        .outerjoin(AssignmentResponse, AssignmentResponse.assignment_id == Assignment.id)
        .where(
            Assignment.person_id.in_(person_ids),
            Assignment.starts_at >= starts_at,
            Assignment.starts_at < ends_at,
            Engagement.state == EngagementState.DONE,
            TypeRequirement.preferred.is_(False),
            or_(AssignmentResponse.response.is_(None), AssignmentResponse.response != Response.DECLINED),
            was_live,
            ~newer.exists(),
        )
    )
    zone = ZoneInfo(site.time_zone)
    rows = session.execute(query)
    return Counter((person, skill, moment.astimezone(zone).date()) for person, skill, moment in rows)


def _served(
    session: Session, site: Site, person_ids: Collection[int], first_on: dt.date, until: dt.date
) -> Counter[Use]:
    """Return how many contacts each person served that require each skill, by day, without those of outcomes."""
    starts_at, ends_at = day_bounds(first_on, site.time_zone)[0], day_bounds(until, site.time_zone)[0]
    query = (
        select(Contact.person_id, TypeRequirement.skill_id, Contact.served_at, EngagementType.code, Skill.code)
        .join(Contact.engagement_type)
        .join(TypeRequirement, TypeRequirement.engagement_type_id == EngagementType.id)
        .join(TypeRequirement.skill)
        .where(
            Contact.person_id.in_(person_ids),
            Contact.outcome == ContactOutcome.SERVED,
            Contact.served_at >= starts_at,
            Contact.served_at < ends_at,
            TypeRequirement.preferred.is_(False),
        )
        .execution_options(yield_per=5_000)
    )
    covered = _outcomes(session, person_ids)
    zone = ZoneInfo(site.time_zone)
    served: Counter[Use] = Counter()
    for person_id, skill_id, moment, type_code, skill_code in session.execute(query):
        if person_id is None or moment is None:
            continue
        # A call log counts contacts of a type in the skill of the same code.
        last = covered.get((person_id, skill_id)) if type_code == skill_code else None
        if last is None or moment > last:
            served[person_id, skill_id, moment.astimezone(zone).date()] += 1
    return served


def _outcomes(session: Session, person_ids: Collection[int]) -> Mapping[tuple[int, int], dt.datetime]:
    """Return up to which moment call logs have counted the contacts of each person in each skill."""
    query = select(SkillEvent.person_id, SkillEvent.skill_id, func.max(SkillEvent.at)).where(
        SkillEvent.person_id.in_(person_ids),
        SkillEvent.kind == SkillEventKind.OUTCOME,
        SkillEvent.source == CALL_LOG,
        _stands(),
    )
    rows = session.execute(query.group_by(SkillEvent.person_id, SkillEvent.skill_id))
    return {(person_id, skill_id): last for person_id, skill_id, last in rows}


def _standing(
    session: Session, person_ids: Collection[int], first_on: dt.date, until: dt.date
) -> dict[Use, tuple[int, int]]:
    """Return what the log says of each use: the key of its event, and its count."""
    query = select(SkillEvent.person_id, SkillEvent.skill_id, SkillEvent.at, SkillEvent.id, SkillEvent.count).where(
        SkillEvent.person_id.in_(person_ids),
        SkillEvent.kind == SkillEventKind.USE,
        SkillEvent.source == SOURCE,
        SkillEvent.at >= dt.datetime.combine(first_on, dt.time(), tzinfo=dt.UTC),
        SkillEvent.at < dt.datetime.combine(until, dt.time(), tzinfo=dt.UTC),
        _stands(),
    )
    return {
        (person_id, skill_id, moment.date()): (event_id, count or 0)
        for person_id, skill_id, moment, event_id, count in session.execute(query)
    }


def _stands() -> ColumnElement[bool]:
    """Return whether an event was not taken back; only events of the same record can do that, which an index finds."""
    undone = aliased(SkillEvent)
    same_record = and_(undone.person_id == SkillEvent.person_id, undone.skill_id == SkillEvent.skill_id)
    return ~select(undone.id).where(same_record, undone.retracts_id == SkillEvent.id).exists()
