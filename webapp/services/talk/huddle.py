"""The huddle: five minutes on one page about yesterday, today and what is open, and what was agreed."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import (
    Assignment,
    Engagement,
    EngagementEvent,
    EngagementState,
    HuddleNote,
    Person,
    Plan,
    PlanState,
    Praise,
    Site,
    Skill,
    Team,
)
from webapp.services import audit, notices, zones
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.board import breaches, floor
from webapp.services.board.breaches import Breach
from webapp.services.board.floor import FloorState, OnFloor
from webapp.services.planning.day import find_live_plan
from webapp.services.talk import threads
from webapp.services.talk.threads import Thread

MAX_LENGTH = 300
_RISKS = 3
_QUESTIONS = 5


@dataclass(frozen=True, slots=True)
class Stretched:
    """Work of today one level above its agent's, the skill that it grows, and who is set beside them."""

    assignment: Assignment
    skill: Skill | None
    mentor: Person | None


@dataclass(frozen=True, slots=True)
class Huddle:
    """
    What a huddle is about.

    Parameters
    ----------
    here, away
        Agents of today, and those of them who are absent.
    done
        How many engagements were done yesterday, of all agents together: the huddle ranks nobody.
    praised
        Whom customers praised yesterday, and how often.
    slipped
        What expired or was given back yesterday.
    risks
        What is first going to be missed today.
    stretch
        Stretch work of today.
    plans
        How many plans of today were published; each after the first changed something.
    questions
        Threads in which an agent waits for an answer.
    notes
        What was agreed today, and earlier and is not done.
    """

    site: Site
    team: Team | None
    day_on: dt.date
    here: Sequence[OnFloor]
    away: Sequence[OnFloor]
    done: int
    praised: Sequence[tuple[Person, int]]
    slipped: Sequence[Engagement]
    risks: Sequence[Breach]
    stretch: Sequence[Stretched]
    plans: int
    questions: Sequence[Thread]
    notes: Sequence[HuddleNote]


def huddle_of(session: Session, site: Site, *, team: Team | None, viewer: Viewer, at: dt.datetime) -> Huddle:
    """Return what the huddle of a site, or of one of its teams, is about at a moment."""
    day_on = zones.to_local(at, site.time_zone).date()
    starts_at, ends_at = zones.day_bounds(day_on, site.time_zone)
    since, _ = zones.day_bounds(day_on - dt.timedelta(days=1), site.time_zone)
    plan = find_live_plan(session, site.id, day_on)
    people = [
        each
        for each in floor.list_floor(session, site, plan, starts_at=starts_at, ends_at=ends_at, at=at)
        if team is None or each.person.team_id == team.id
    ]
    ids = {each.person.id for each in people}
    missed = breaches.list_breaches(session, site, plan, ends_at=ends_at, at=at)
    return Huddle(
        site=site,
        team=team,
        day_on=day_on,
        here=[each for each in people if each.state is not FloorState.ABSENT],
        away=[each for each in people if each.state is FloorState.ABSENT],
        done=len(_moved(session, site, {EngagementState.DONE}, team, since, starts_at)),
        praised=_praised(session, site, team, since, starts_at),
        slipped=_moved(session, site, {EngagementState.EXPIRED, EngagementState.RETURNED}, None, since, starts_at),
        risks=[each for each in missed if team is None or each.person is None or each.person.id in ids][:_RISKS],
        stretch=_stretch(session, plan, ids),
        plans=_plans(session, site, day_on),
        questions=[
            each
            for each in threads.list_threads(session, viewer=viewer, site_id=site.id)
            if each.open_question and (team is None or (each.last is not None and each.last.author_id in ids))
        ][:_QUESTIONS],
        notes=list_notes(session, site, team=team, day_on=day_on),
    )


def _moved(
    session: Session,
    site: Site,
    states: Collection[EngagementState],
    team: Team | None,
    since: dt.datetime,
    until: dt.datetime,
) -> list[Engagement]:
    """Return a site's engagements that came into a state in a span and still are in it, by their number."""
    reached = select(EngagementEvent.engagement_id).where(
        EngagementEvent.after.in_(states), EngagementEvent.at >= since, EngagementEvent.at < until
    )
    if team is not None:
        reached = reached.join(Person, Person.id == EngagementEvent.actor_id).where(Person.team_id == team.id)
    query = (
        select(Engagement)
        .where(Engagement.site_id == site.id, Engagement.state.in_(states), Engagement.id.in_(reached))
        .options(joinedload(Engagement.engagement_type))
        .order_by(Engagement.due_at, Engagement.id)
    )
    return list(session.scalars(query))


def _praised(
    session: Session, site: Site, team: Team | None, since: dt.datetime, until: dt.datetime
) -> list[tuple[Person, int]]:
    query = (
        select(Person)
        .join(Praise, Praise.person_id == Person.id)
        .where(Person.site_id == site.id, Praise.at >= since, Praise.at < until)
    )
    if team is not None:
        query = query.where(Person.team_id == team.id)
    return sorted(Counter(session.scalars(query)).items(), key=lambda pair: (pair[0].name, pair[0].id))


def _stretch(session: Session, plan: Plan | None, person_ids: Collection[int]) -> list[Stretched]:
    if plan is None:
        return []
    rows = session.scalars(
        select(Assignment)
        .where(Assignment.plan_id == plan.id, Assignment.person_id.in_(person_ids))
        .options(
            joinedload(Assignment.person), joinedload(Assignment.engagement).joinedload(Engagement.engagement_type)
        )
        .order_by(Assignment.starts_at, Assignment.id)
    )
    found = []
    for each in rows:
        if each.why.get("stretch") is not None:
            beside = str(each.why.get("shadow") or "")
            mentor = session.get(Person, int(beside)) if beside.isdecimal() else None
            found.append(Stretched(each, session.get(Skill, int(each.why["stretch"])), mentor))
    return found


def _plans(session: Session, site: Site, day_on: dt.date) -> int:
    live = (PlanState.PUBLISHED, PlanState.SUPERSEDED)
    query = select(func.count()).where(Plan.site_id == site.id, Plan.day_on == day_on, Plan.state.in_(live))
    return session.scalar(query) or 0


def list_owners(session: Session, site: Site, *, team: Team | None) -> list[Person]:
    """Return who may take on what is agreed: the active people of the site, or of the team and who is in none."""
    query = select(Person).where(Person.site_id == site.id, Person.active)
    if team is not None:
        query = query.where(or_(Person.team_id == team.id, Person.team_id.is_(None)))
    return list(session.scalars(query.order_by(Person.name, Person.id)))


def list_notes(session: Session, site: Site, *, team: Team | None, day_on: dt.date) -> list[HuddleNote]:
    """Return what was agreed on a day, and before and is not done, for the site and for one team or for all."""
    query = (
        select(HuddleNote)
        .where(
            HuddleNote.site_id == site.id,
            HuddleNote.day_on <= day_on,
            or_(HuddleNote.day_on == day_on, HuddleNote.done_at.is_(None)),
        )
        .options(joinedload(HuddleNote.owner))
        .order_by(HuddleNote.id)
    )
    if team is not None:
        query = query.where(or_(HuddleNote.team_id.is_(None), HuddleNote.team_id == team.id))
    return list(session.scalars(query))


def list_own_notes(session: Session, person: Person, *, day_on: dt.date) -> list[HuddleNote]:
    """Return what a huddle agreed for a person: that of their site and team on a day, and what is theirs to do."""
    mine = or_(HuddleNote.team_id.is_(None), HuddleNote.team_id == person.team_id)
    query = (
        select(HuddleNote)
        .where(
            HuddleNote.site_id == person.site_id,
            or_(
                (HuddleNote.day_on == day_on) & mine,
                (HuddleNote.owner_id == person.id) & (HuddleNote.day_on <= day_on) & HuddleNote.done_at.is_(None),
            ),
        )
        .options(joinedload(HuddleNote.owner))
        .order_by(HuddleNote.id)
    )
    return list(session.scalars(query))


def agree(
    session: Session, site: Site, *, team: Team | None, day_on: dt.date, text: str, owner_id: int, by: Actor
) -> HuddleNote:
    """
    Note what was agreed and whose it is; they get a notice. The same words for the same owner and day are one note.

    Raises
    ------
    InvalidInputError
        If nothing is said, too much, or the owner is nobody of the huddle.
    """
    text = text.strip()
    if not text or len(text) > MAX_LENGTH:
        raise InvalidInputError(f"Write what was agreed, in up to {MAX_LENGTH} characters.", field="text")
    owner = next((each for each in list_owners(session, site, team=team) if each.id == owner_id), None)
    if owner is None:
        raise InvalidInputError("Choose whose it is.", field="owner_id")
    if by.person_id is None:
        raise ForbiddenError("Only people agree on something.")
    same = session.scalar(
        select(HuddleNote).where(
            HuddleNote.site_id == site.id,
            HuddleNote.day_on == day_on,
            HuddleNote.owner_id == owner.id,
            HuddleNote.text == text,
        )
    )
    if same is not None:
        return same
    note = HuddleNote(
        site_id=site.id,
        team_id=team.id if team is not None else None,
        day_on=day_on,
        text=text,
        owner_id=owner.id,
        author_id=by.person_id,
        at=by.at,
    )
    session.add(note)
    session.flush()
    audit.record(session, "agree_in_huddle", note, by=by, person_id=owner.id, detail={"site_id": site.id})
    if owner.id != by.person_id:
        notices.notify(
            session,
            owner.id,
            kind="huddle",
            text="The huddle agreed on something that is yours.",
            link="/day#huddle",
            by=by,
        )
    return note


def get_note(session: Session, note_id: int, *, viewer: Viewer) -> HuddleNote:
    """
    Return a note that the viewer may close: their own, or one of a site whose plans they run.

    Raises
    ------
    NotFoundError
        If there is no such note.
    """
    note = session.scalar(
        select(HuddleNote)
        .join(HuddleNote.site)
        .where(
            HuddleNote.id == note_id,
            or_(HuddleNote.owner_id == viewer.person_id, viewer.sees_site(Permission.RUN_PLANS)),
        )
    )
    if note is None:
        raise NotFoundError("There is no such note.")
    return note


def close(session: Session, note: HuddleNote, *, done: bool, by: Actor) -> None:
    """Note that something agreed is done, or is not after all."""
    if (note.done_at is not None) is done:
        return
    note.done_at = by.at if done else None
    action = "close_huddle_note" if done else "reopen_huddle_note"
    audit.record(session, action, note, by=by, person_id=note.owner_id, detail={"site_id": note.site_id})
