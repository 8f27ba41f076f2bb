"""
Stretch slots: agents choose when, within their shifts, and in which skill they do work one level above their own.

What slots there are, and the rules; :mod:`webapp.services.planning.stretch_choices` chooses, withdraws and refuses.

A slot grants nothing: it says where stretch work of its shift may lie. Plans hold it as ``Agent.stretch_slots``; a
shift without slots is left to the plan. What has begun, or begins so soon that a new plan would leave it as it stands,
is settled and can neither be chosen nor withdrawn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import (
    EngagementType,
    Interest,
    Person,
    Shift,
    Site,
    Skill,
    SlotState,
    StretchSlot,
    TypeRequirement,
)
from webapp.services import records, roster, spans, zones
from webapp.services.access import Permission, Viewer
from webapp.services.planning import policies
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.policies import PlanningSettings

GRID_MINUTES = 15
HIGHEST_LEVEL = 5
_GRID = dt.timedelta(minutes=GRID_MINUTES)
_AT_MOST_SHIFT = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SlotDraft:
    """What an agent wants a slot to be: half-open times in UTC, and the skill to grow in."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    skill_id: int


@dataclass(frozen=True, slots=True)
class GrowingSkill:
    """A skill that somebody wants, their level in it, and how many kinds of work ask for one level more."""

    skill: Skill
    level: int
    kinds: int


@dataclass(frozen=True, slots=True)
class DayRules:
    """
    What holds for stretch on a day of a site.

    Parameters
    ----------
    most_minutes
        Most minutes of stretch in a shift.
    keep_minutes
        What begins within so many minutes from now is settled.
    step_minutes
        Length of the intervals in which the day is planned: a slot has room where it holds a whole one.
    """

    most_minutes: float
    keep_minutes: int
    step_minutes: int


def rules_of(session: Session, site: Site, day_on: dt.date) -> DayRules:
    """Return what holds on a day: by the policy of its published plan, else by the one with which the site plans."""
    live = find_live_plan(session, site.id, day_on)
    if live is not None:
        settings, step = PlanningSettings.of(live.run.policy), live.run.interval_minutes
    else:
        settings, step = policies.settings_of_site(session, site), policies.DEFAULT_INTERVAL_MINUTES
    return DayRules(settings.max_stretch_minutes, settings.replan_keep_minutes, step)


def list_growing_skills(session: Session, person: Person, on: dt.date) -> list[GrowingSkill]:
    """Return the skills in which a person may choose stretch: wanted, and asked for at one level more, by name."""
    held = records.projections_on(session, [person.id], on)[person.id]
    levels = {
        skill_id: found.effective_level or 0
        for skill_id, found in held.items()
        if found.interest is Interest.GROW and (found.effective_level or 0) < HIGHEST_LEVEL
    }
    asked = session.execute(
        select(TypeRequirement.skill_id, TypeRequirement.level)
        .join(EngagementType, EngagementType.id == TypeRequirement.engagement_type_id)
        .where(EngagementType.active, TypeRequirement.preferred.is_(False), TypeRequirement.skill_id.in_(levels))
    ).all()
    kinds = {skill: sum(each == (skill, level + 1) for each in map(tuple, asked)) for skill, level in levels.items()}
    skills = session.scalars(select(Skill).where(Skill.id.in_(levels), Skill.retired_at.is_(None)).order_by(Skill.name))
    return [GrowingSkill(skill, levels[skill.id], kinds[skill.id]) for skill in skills if kinds[skill.id]]


def list_slots(
    session: Session,
    person_ids: Collection[int],
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    *,
    states: Collection[SlotState] = (SlotState.CHOSEN,),
) -> list[StretchSlot]:
    """Return the slots of some people that share time with [``starts_at``, ``ends_at``), by start."""
    found: list[StretchSlot] = []
    ids = sorted(person_ids)
    query = slots_query().where(
        StretchSlot.starts_at < ends_at, StretchSlot.ends_at > starts_at, StretchSlot.state.in_(states)
    )
    for first in range(0, len(ids), roster.IDS_PER_QUERY):
        found.extend(session.scalars(query.where(StretchSlot.person_id.in_(ids[first : first + roster.IDS_PER_QUERY]))))
    return sorted(found, key=lambda slot: (slot.starts_at, slot.person_id, slot.id))


def list_site_slots(session: Session, site: Site, day_on: dt.date, *, viewer: Viewer) -> Sequence[StretchSlot]:
    """Return the slots of a site's day, chosen and refused, of those whose roster the viewer sees, by start."""
    starts_at, ends_at = zones.day_bounds(day_on, site.time_zone)
    query = (
        slots_query()
        .join(StretchSlot.person)
        .where(
            viewer.sees(Permission.VIEW_ROSTER),
            Person.site_id == site.id,
            StretchSlot.state != SlotState.WITHDRAWN,
            StretchSlot.starts_at >= starts_at,
            StretchSlot.starts_at < ends_at,
        )
    )
    return session.scalars(query.order_by(StretchSlot.starts_at, StretchSlot.id)).all()


def slots_query() -> Select[StretchSlot]:
    """Return a query of slots with their people and skills."""
    return select(StretchSlot).options(joinedload(StretchSlot.person), joinedload(StretchSlot.skill))


def get_own_slot(session: Session, slot_id: int, *, person: Person) -> StretchSlot:
    """
    Return a slot of a person.

    Raises
    ------
    NotFoundError
        If there is none with this id that is theirs.
    """
    slot = session.scalar(slots_query().where(StretchSlot.id == slot_id, StretchSlot.person_id == person.id))
    if slot is None:
        raise NotFoundError("There is no such stretch slot.")
    return slot


def get_slot(session: Session, slot_id: int, *, viewer: Viewer, permission: Permission) -> StretchSlot:
    """
    Return a slot of somebody on whom the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is none, or its person lies outside the viewer's scope.
    """
    slot = session.scalar(
        slots_query().join(StretchSlot.person).where(StretchSlot.id == slot_id, viewer.sees(permission))
    )
    if slot is None:
        raise NotFoundError("There is no such stretch slot.")
    return slot


def get_own_shift(session: Session, shift_id: int, *, person: Person) -> Shift:
    """
    Return a shift of a person.

    Raises
    ------
    NotFoundError
        If there is none with this id that is theirs.
    """
    shift = session.scalar(select(Shift).where(Shift.id == shift_id, Shift.person_id == person.id))
    if shift is None:
        raise NotFoundError("There is no such shift.")
    return shift


def sum_minutes(slots: Iterable[StretchSlot]) -> float:
    """Return the minutes of some slots together."""
    return sum(spans.minutes_of((slot.starts_at, slot.ends_at)) for slot in slots)


def settled_until(at: dt.datetime, rules: DayRules) -> dt.datetime:
    """Return until when nothing can be chosen or withdrawn any more."""
    return at + dt.timedelta(minutes=rules.keep_minutes)


def holds_step(draft: SlotDraft | StretchSlot, *, zone: str, step_minutes: int) -> bool:
    """Return whether a slot holds a whole step of the plan's day, which is counted from local midnight on."""
    midnight, _ = zones.day_bounds(zones.to_local(draft.starts_at, zone).date(), zone)
    step = dt.timedelta(minutes=step_minutes)
    first = -((midnight - draft.starts_at) // step)
    return midnight + (first + 1) * step <= draft.ends_at


def find_shift(session: Session, person: Person, moment: dt.datetime) -> Shift | None:
    """Return the shift of a person that holds a moment, or None."""
    found = roster.shifts_between(session, [person.id], moment, moment + dt.timedelta(microseconds=1))
    return found[0] if found else None


def check_draft(session: Session, person: Person, draft: SlotDraft, *, at: dt.datetime) -> None:
    """
    Refuse a slot that breaks a rule; the first one that it breaks is told.

    Raises
    ------
    InvalidInputError
        Beside ``starts_at``, ``ends_at`` or ``skill_id``.
    """
    _check_times(draft)
    shift = find_shift(session, person, draft.starts_at)
    if shift is None:
        raise InvalidInputError("You have no shift at that time.", field="starts_at")
    zone = person.site.time_zone
    if draft.ends_at > shift.ends_at:
        raise InvalidInputError(
            f"Your shift ends at {zones.to_local(shift.ends_at, zone):%H:%M}; the slot has to end by then.",
            field="ends_at",
        )
    day_on = zones.to_local(draft.starts_at, zone).date()
    rules = rules_of(session, person.site, day_on)
    _check_not_settled(draft, rules, zone=zone, at=at)
    if draft.skill_id not in {each.skill.id for each in list_growing_skills(session, person, day_on)}:
        raise InvalidInputError(
            "Choose a skill that you want to grow in and that some work asks for one level above yours.",
            field="skill_id",
        )
    working = roster.working_spans(session, [person.id], draft.starts_at, draft.ends_at)[person.id]
    if not working:
        raise InvalidInputError("You are away or on a break for the whole of that time.", field="starts_at")
    _check_others(session, person, shift, draft, rules)
    if not holds_step(draft, zone=zone, step_minutes=rules.step_minutes):
        raise InvalidInputError(
            f"This day is planned in steps of {rules.step_minutes} minutes: a slot has to hold a whole one, "
            f"such as 10:00 to {dt.time(10 + rules.step_minutes // 60, rules.step_minutes % 60):%H:%M}.",
            field="ends_at",
        )


def _check_times(draft: SlotDraft) -> None:
    if draft.ends_at <= draft.starts_at:
        raise InvalidInputError("A slot ends after it begins.", field="ends_at")
    if draft.ends_at - draft.starts_at > _AT_MOST_SHIFT:
        raise InvalidInputError("A slot lies within one shift.", field="ends_at")
    for name in ("starts_at", "ends_at"):
        moment = getattr(draft, name)
        if (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)) % _GRID:
            raise InvalidInputError("Choose a full quarter of an hour.", field=name)


def _check_not_settled(draft: SlotDraft, rules: DayRules, *, zone: str, at: dt.datetime) -> None:
    if draft.starts_at < at:
        raise InvalidInputError("That time is over.", field="starts_at")
    settled = settled_until(at, rules)
    if draft.starts_at < settled:
        raise InvalidInputError(
            f"What begins before {zones.to_local(settled, zone):%H:%M} is settled. Choose a later time.",
            field="starts_at",
        )


def _check_others(session: Session, person: Person, shift: Shift, draft: SlotDraft, rules: DayRules) -> None:
    others = list_slots(session, [person.id], shift.starts_at, shift.ends_at)
    zone = person.site.time_zone
    for other in others:
        if spans.overlaps((other.starts_at, other.ends_at), (draft.starts_at, draft.ends_at)):
            raise InvalidInputError(
                f"You chose {other.skill.name} from {zones.to_local(other.starts_at, zone):%H:%M} "
                f"to {zones.to_local(other.ends_at, zone):%H:%M} already.",
                field="starts_at",
            )
    if rules.most_minutes <= 0:
        raise InvalidInputError("Your site's policy leaves no time for stretch work.", field="ends_at")
    chosen = sum_minutes(others)
    if chosen + spans.minutes_of((draft.starts_at, draft.ends_at)) > rules.most_minutes:
        left = max(0.0, rules.most_minutes - chosen)
        raise InvalidInputError(
            f"At most {rules.most_minutes:g} minutes of a shift may be stretch; you have {left:g} left to choose.",
            field="ends_at",
        )
