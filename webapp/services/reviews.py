"""
Reviews: a lead's word on what a person can do, and the order in which words are asked for.

The plan sets the order: first the unreviewed levels that a published plan relies on, then those that the most work of
the next days asks for, then the oldest claims.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.errors import ConflictError, ForbiddenError, NotFoundError
from webapp.models import (
    Person,
    Skill,
    SkillEvent,
    SkillEventKind,
    SkillRecord,
)
from webapp.services import access, audit, records
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.projection import Projection
from webapp.services.records import NewEvent
from webapp.services.review_demand import Demand, demand_by_level, relied_minutes

Pair = tuple[int, int]


class Occasion(enum.StrEnum):
    """Why a record is in the queue."""

    CLAIM = "claim"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """
    A record that waits for a review.

    ``relied_minutes`` are minutes of published plans that rest on a level which nobody has reviewed; ``demand`` is the
    work that the record, reviewed at the level claimed or believed, would qualify for.
    """

    record: SkillRecord
    projection: Projection
    occasion: Occasion
    relied_minutes: float
    demand: Demand

    @property
    def rank(self) -> tuple[float, float, bool, dt.datetime, str, str]:
        """Key by which requests are sorted, the most needed first."""
        since = self.projection.claimed_at or self.projection.validated_at
        return (
            -self.relied_minutes,
            -self.demand.minutes,
            self.occasion is not Occasion.CLAIM,
            since or dt.datetime.max.replace(tzinfo=dt.UTC),
            self.record.person.name,
            self.record.skill.name,
        )


def review_order(
    session: Session, viewer: Viewer, on: dt.date, *, team_id: int | None = None, occasion: Occasion | None = None
) -> list[ReviewRequest]:
    """
    Return the records that wait for a review by the viewer, the most needed first.

    Parameters
    ----------
    session
        A session.
    viewer
        Who would review; their own records are left out.
    on
        The first day whose plans and work count; work of the week from it does.
    team_id, occasion
        Only those of a team, or for one reason.
    """
    query = (
        select(SkillRecord)
        .join(SkillRecord.person)
        .join(SkillRecord.skill)
        .where(
            _may_review(viewer),
            Person.active,
            Skill.retired_at.is_(None),
            or_(SkillRecord.claimed_level.is_not(None), SkillRecord.validated_by.is_not(None)),
        )
        .options(contains_eager(SkillRecord.person).joinedload(Person.team), contains_eager(SkillRecord.skill))
    )
    if team_id is not None:
        query = query.where(Person.team_id == team_id)
    found = session.scalars(query).all()
    people = {record.person_id: record.person for record in found}
    projections = records.projections_on(session, people, on)
    planned = relied_minutes(session, people, on)
    demand = demand_by_level(session, {person.site_id for person in people.values()}, on)
    requests = [
        _request(record, projections[record.person_id][record.skill_id], relied=planned, demand=demand)
        for record in found
    ]
    return sorted(
        (request for request in requests if request and occasion in {None, request.occasion}),
        key=lambda request: request.rank,
    )


def _may_review(viewer: Viewer) -> ColumnElement[bool]:
    return and_(viewer.sees(Permission.REVIEW_RECORDS), Person.id != viewer.person_id)


def _request(
    record: SkillRecord,
    projection: Projection,
    *,
    relied: Mapping[Pair, float],
    demand: Mapping[Pair, Mapping[int, Demand]],
) -> ReviewRequest | None:
    if projection.awaits_review:
        occasion = Occasion.CLAIM
    elif projection.provisional:
        occasion = Occasion.UNSEEN
    else:
        return None
    reach = max(projection.claimed_level or 0, projection.validated_level)
    levels = demand.get((record.person.site_id, record.skill_id), {})
    qualified = [work for level, work in levels.items() if level <= reach]
    return ReviewRequest(
        record=record,
        projection=projection,
        occasion=occasion,
        relied_minutes=relied.get((record.person_id, record.skill_id), 0.0) if projection.provisional else 0.0,
        demand=Demand(sum(work.count for work in qualified), sum(work.minutes for work in qualified)),
    )


def get_reviewable_record(session: Session, record_id: int, *, viewer: Viewer) -> SkillRecord:
    """
    Return a record of somebody else whom the viewer leads.

    Raises
    ------
    NotFoundError
        If there is no such record, or it lies outside the viewer's scope, or it is their own.
    """
    record = session.scalar(
        select(SkillRecord)
        .join(SkillRecord.person)
        .where(SkillRecord.id == record_id, _may_review(viewer))
        .options(
            contains_eager(SkillRecord.person).options(joinedload(Person.team), joinedload(Person.site)),
            joinedload(SkillRecord.skill).selectinload(Skill.level_descriptions),
        )
    )
    if record is None:
        raise NotFoundError("There is no such skill record.")
    return record


def list_reviewable(session: Session, person: Person, *, viewer: Viewer) -> dict[int, int]:
    """Return the records of a person that the viewer may review: skill → record; empty if they may not."""
    rows = session.execute(
        select(SkillRecord.skill_id, SkillRecord.id)
        .join(SkillRecord.person)
        .join(SkillRecord.skill)
        .where(SkillRecord.person_id == person.id, Skill.retired_at.is_(None), _may_review(viewer))
    )
    return {row.skill_id: row.id for row in rows}


def review(
    session: Session,
    person: Person,
    *,
    skill_id: int,
    level: int,
    note: str = "",
    expires_on: dt.date | None = None,
    viewer: Viewer,
    by: Actor,
) -> int:
    """
    Give a lead's word on a person's level, as evidence; return the key of its event.

    Raises
    ------
    ForbiddenError
        If the reviewer is the person, or acts with another's rights.
    NotFoundError
        If the person is nobody whom the viewer leads.
    InvalidInputError
        If the level is none, the note too long or the skill retired.
    """
    _check_reviewer(session, person.id, viewer=viewer, by=by)
    skill = records.get_claimable_skill(session, skill_id)
    event = NewEvent(
        person.id,
        skill.id,
        SkillEventKind.REVIEW,
        level=records.check_level(level),
        note=records.check_note(note),
        expires_on=expires_on,
        source=by.channel,
    )
    before = records.find_record(session, person.id, skill.id)
    detail = {"skill": skill.code, "level": level, "before": before.validated_level if before else None}
    (event_id,) = records.append_events(session, [event], by=by)
    records.reproject(session, [(person.id, skill.id)], by.at.date())
    record = records.get_record(session, person.id, skill.id)
    audit.record(session, "review_record", record, by=by, person_id=person.id, detail=detail)
    return event_id


def _check_reviewer(session: Session, person_id: int, *, viewer: Viewer, by: Actor) -> None:
    if by.person_id != viewer.person_id:
        raise ForbiddenError("A review is given in one's own name.")
    if by.person_id == person_id:
        raise ForbiddenError("Nobody assesses themselves: another lead must review this.")
    access.get_person(session, person_id, viewer=viewer, permission=Permission.REVIEW_RECORDS)


def retract_review(session: Session, event_id: int, *, viewer: Viewer, by: Actor) -> SkillRecord:
    """
    Take one's own review back, as if it had not been sent.

    Raises
    ------
    NotFoundError
        If it is no review of the viewer's, or of nobody whom they lead any more.
    ConflictError
        If it was taken back already.
    """
    event = session.get(SkillEvent, event_id)
    if event is None or event.kind is not SkillEventKind.REVIEW or event.author_id != viewer.person_id:
        raise NotFoundError("There is no such review of yours.")
    _check_reviewer(session, event.person_id, viewer=viewer, by=by)
    if session.scalar(select(SkillEvent.id).where(SkillEvent.retracts_id == event_id).limit(1)) is not None:
        raise ConflictError("This review was taken back already.")
    pairs = records.retract_events(session, [event_id], by=by, source=by.channel)
    records.reproject(session, pairs, by.at.date())
    record = records.get_record(session, event.person_id, event.skill_id)
    audit.record(
        session,
        "retract_review",
        record,
        by=by,
        person_id=event.person_id,
        detail={"skill": event.skill.code, "level": event.level},
    )
    return record
