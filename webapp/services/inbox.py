"""
The inbox of whoever reviews: records that wait for their word, the most needed first.

A record waits once, for the first of these reasons that it has: its evidence disagrees, its claim is unanswered, nobody
has looked at its level, or its level falls soon and the person's own time to act is over. The plan sets the order:
first what a published plan relies on, then what the most work of the next days asks for, then the oldest.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.models import Dispute, Person, Skill, SkillEventKind, SkillRecord
from webapp.services import deputies, records, upkeep
from webapp.services.access import Permission, Viewer
from webapp.services.projection import Projection, is_awaiting_review, is_provisional, standing_events
from webapp.services.review_demand import Demand, demand_by_level, relied_minutes
from webapp.services.weighing import WEIGHTS, is_from_others, latest_review

Pair = tuple[int, int]


class Occasion(enum.StrEnum):
    """Why a record is in the inbox; the first that holds counts."""

    DISPUTE = "dispute"
    CLAIM = "claim"
    UNSEEN = "unseen"
    EXPIRING = "expiring"


_ORDER = list(Occasion)


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """
    A record that waits for a review.

    ``since`` is the day from which it waits. ``relied_minutes`` are minutes of published plans that rest on a level
    that nobody has reviewed, that is in dispute or that falls soon; ``demand`` is the work that the record, reviewed at
    the level claimed or believed, would qualify for. ``fall`` tells when the level falls, if it does so soon.
    ``in_place_of`` is the lead for whom a deputy looks at it.
    """

    record: SkillRecord
    projection: Projection
    occasion: Occasion
    since: dt.date
    relied_minutes: float
    demand: Demand
    fall: upkeep.Fall | None = None
    in_place_of: Person | None = None

    @property
    def rank(self) -> tuple[float, float, int, dt.date, str, str]:
        """Key by which requests are sorted, the most needed first."""
        return (
            -self.relied_minutes,
            -self.demand.minutes,
            _ORDER.index(self.occasion),
            self.since,
            self.record.person.name,
            self.record.skill.name,
        )

    def waits_days(self, on: dt.date) -> int:
        """Return for how many days it has waited."""
        return (on - self.since).days


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
    requests = _list_requests(session, may_review(viewer), on, team_id=team_id)
    leads = _absent_leads(session, viewer)
    named = [_in_place_of(request, leads, viewer) for request in requests if occasion in {None, request.occasion}]
    return sorted(named, key=lambda request: request.rank)


def list_overdue(session: Session, viewer: Viewer, on: dt.date, *, days: int) -> list[ReviewRequest]:
    """Return what has waited for ``days`` or longer at the viewer's sites, the longest first: HR sees to it."""
    requests = _list_requests(session, viewer.sees(Permission.SEE_OVERDUE_REVIEWS), on)
    overdue = [request for request in requests if request.waits_days(on) >= days]
    return sorted(overdue, key=lambda request: (request.since, *request.rank))


def may_review(viewer: Viewer) -> ColumnElement[bool]:
    """Return the condition on :class:`Person` under which the viewer may review: whom they lead, never themselves."""
    return and_(viewer.sees(Permission.REVIEW_RECORDS), Person.id != viewer.person_id)


def _list_requests(
    session: Session, within: ColumnElement[bool], on: dt.date, *, team_id: int | None = None
) -> list[ReviewRequest]:
    query = (
        select(SkillRecord)
        .join(SkillRecord.person)
        .join(SkillRecord.skill)
        .where(within, Person.active, Skill.retired_at.is_(None), _may_wait(on))
        .options(
            contains_eager(SkillRecord.person).options(joinedload(Person.team), joinedload(Person.site)),
            contains_eager(SkillRecord.skill),
        )
    )
    if team_id is not None:
        query = query.where(Person.team_id == team_id)
    found = session.scalars(query).all()
    people = {record.person_id: record.person for record in found}
    projections = records.projections_on(session, people, on, skill_ids={record.skill_id for record in found})
    waiting = [
        (record, kept, occasion)
        for record in found
        if (occasion := _occasion(record.skill, kept := projections[record.person_id][record.skill_id], on))
    ]
    relied = relied_minutes(session, people, on)
    demand = demand_by_level(session, {person.site_id for person in people.values()}, on)
    apart = _apart_since(session, [record for record, kept, _ in waiting if kept.dispute is Dispute.EVIDENCE_APART])
    return [
        _request(record, kept, occasion, on, relied=relied, demand=demand, apart=apart)
        for record, kept, occasion in waiting
    ]


def _may_wait(on: dt.date) -> ColumnElement[bool]:
    """Return a condition on records that holds for each that waits, and for those that must be projected to know."""
    soon = on + dt.timedelta(days=upkeep.LEAD_DAYS)
    return or_(
        is_awaiting_review(),
        is_provisional(),
        SkillRecord.dispute.is_not(None),
        SkillRecord.valid_until <= soon,
        SkillRecord.fades_on <= soon,
        SkillRecord.changes_on <= on,
        SkillRecord.holds_from > on,
    )


def _occasion(skill: Skill, kept: Projection, on: dt.date) -> Occasion | None:
    if kept.dispute is not None:
        return Occasion.DISPUTE
    if kept.awaits_review:
        return Occasion.CLAIM
    if kept.provisional:
        return Occasion.UNSEEN
    fall = upkeep.find_fall(skill, kept, on)
    return Occasion.EXPIRING if fall is not None and fall.is_leads_task else None


def _request(
    record: SkillRecord,
    kept: Projection,
    occasion: Occasion,
    on: dt.date,
    *,
    relied: Mapping[Pair, float],
    demand: Mapping[Pair, Mapping[int, Demand]],
    apart: Mapping[Pair, dt.datetime],
) -> ReviewRequest:
    pair = (record.person_id, record.skill_id)
    fall = upkeep.find_fall(record.skill, kept, on)
    reach = max(kept.claimed_level or 0, kept.validated_level)
    levels = demand.get((record.person.site_id, record.skill_id), {})
    qualified = [work for level, work in levels.items() if level <= reach]
    seen = occasion is Occasion.CLAIM and not kept.provisional
    return ReviewRequest(
        record=record,
        projection=kept,
        occasion=occasion,
        since=_since(record, kept, occasion, fall, apart.get(pair)) or on,
        relied_minutes=0.0 if seen else relied.get(pair, 0.0),
        demand=Demand(sum(work.count for work in qualified), sum(work.minutes for work in qualified)),
        fall=fall if fall is not None and fall.is_leads_task else None,
    )


def _since(
    record: SkillRecord, kept: Projection, occasion: Occasion, fall: upkeep.Fall | None, apart: dt.datetime | None
) -> dt.date | None:
    """Return the day at the person's site from which a record waits."""
    if occasion is Occasion.EXPIRING:
        return fall.lead_asked_on if fall else None
    moment = kept.claimed_at if occasion is Occasion.CLAIM else kept.validated_at
    if kept.dispute is not None:
        moment = {
            Dispute.CLAIM_FAR: kept.claimed_at,
            Dispute.REVIEWERS_APART: kept.reviewed_at,
            Dispute.EVIDENCE_APART: apart,
        }[kept.dispute]
    return None if moment is None else moment.astimezone(ZoneInfo(record.person.site.time_zone)).date()


def _apart_since(session: Session, disputed: list[SkillRecord]) -> dict[Pair, dt.datetime]:
    """Return the moment of the first estimate after the latest review of each record."""
    pairs = {(record.person_id, record.skill_id) for record in disputed}
    moments: dict[Pair, dt.datetime] = {}
    for pair, log in (records.load_logs(session, pairs) if pairs else {}).items():
        standing = standing_events(log)
        review = latest_review(standing)
        later = [
            event.at
            for event in standing
            if event.kind is not SkillEventKind.REVIEW
            and event.kind in WEIGHTS
            and WEIGHTS[event.kind].estimate
            and is_from_others(event)
            and (review is None or event.moment > review.moment)
        ]
        if later:
            moments[pair] = min(later)
    return moments


def _absent_leads(session: Session, viewer: Viewer) -> dict[int, Person]:
    """Return the lead in whose place the viewer reviews each team."""
    teams = {team_id for ids in viewer.deputised.values() for team_id in ids}
    by_team = deputies.leads_by_team(session, teams) if teams else {}
    return {
        team_id: lead
        for team_id, leads in by_team.items()
        for lead in leads
        if team_id in viewer.deputised.get(lead.id, ())
    }


def _in_place_of(request: ReviewRequest, leads: Mapping[int, Person], viewer: Viewer) -> ReviewRequest:
    lead = leads.get(request.record.person.team_id or 0)
    if lead is None or lead.id == viewer.person_id:
        return request
    return replace(request, in_place_of=lead)
