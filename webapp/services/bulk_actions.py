"""
One command for many people: ask them whether a record is still right, or record a course that they completed.

Each is planned first, person by person, with the reason for whoever is left out; carrying it out plans again, so that
what is written is what holds at that moment. An action is taken back as one.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import BulkAction, BulkActionKind, Notice, Person, Skill, SkillEvent, SkillEventKind, SkillRecord
from webapp.services import audit, notices, records
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.projection import standing_events
from webapp.services.records import NewEvent
from webapp.services.weighing import WEIGHTS

MOST_PEOPLE = 500
QUIET_DAYS = 30
"""Days after a confirmation or a question in which nobody is asked again."""

COURSE_LEVEL_LIMIT = WEIGHTS[SkillEventKind.COURSE].ceiling
_COURSE_NAME_LENGTH = 120
NEEDED: Mapping[BulkActionKind, Permission] = {
    BulkActionKind.ASK_TO_CONFIRM: Permission.SEARCH_SKILLS,
    BulkActionKind.RECORD_COURSE: Permission.IMPORT_DIRECTORY,
}
"""Which permission an action needs, for each person whom it touches."""


class Skip(enum.StrEnum):
    """Why a person is left out."""

    NOT_ON_RECORD = "not_on_record"
    CONFIRMED_LATELY = "confirmed_lately"
    ASKED_LATELY = "asked_lately"
    ON_RECORD_ALREADY = "on_record_already"
    YOURSELF = "yourself"


@dataclass(frozen=True, slots=True)
class Course:
    """A course that people completed: its name, the day, the level that it teaches (1–2) and when it lapses."""

    name: str
    completed_on: dt.date
    level: int
    expires_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be done for whom."""

    kind: BulkActionKind
    skill_id: int
    person_ids: tuple[int, ...]
    course: Course | None = None


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One person, and why they are left out, if they are."""

    person: Person
    level: int
    skip: Skip | None


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """What carrying an action out would do."""

    skill: Skill
    lines: tuple[PlannedLine, ...]

    @property
    def chosen(self) -> list[Person]:
        """The people for whom something happens."""
        return [line.person for line in self.lines if line.skip is None]


def plan_action(session: Session, wish: Wish, *, viewer: Viewer, by: Actor) -> ActionPlan:
    """
    Return what an action would do for each person, without doing it.

    Raises
    ------
    ForbiddenError
        If the viewer may not do this at all.
    NotFoundError
        If one of the people lies outside the viewer's scope.
    InvalidInputError
        If nobody is chosen, too many are, or the course is not described rightly.
    """
    permission = NEEDED[wish.kind]
    if not viewer.can(permission):
        raise ForbiddenError(f"You need the right to {permission.value} for this.")
    wanted = sorted(set(wish.person_ids))
    if not wanted:
        raise InvalidInputError("Choose somebody first.", field="people")
    if len(wanted) > MOST_PEOPLE:
        raise InvalidInputError(f"Choose {MOST_PEOPLE} people at most; these are {len(wanted)}.", field="people")
    people = session.scalars(
        select(Person)
        .where(Person.id.in_(wanted), Person.active, viewer.sees(permission))
        .options(joinedload(Person.team), joinedload(Person.site))
        .order_by(Person.name, Person.id)
    ).all()
    if len(people) != len(wanted):
        raise NotFoundError("Some of these people are not there any more, or not in your reach. Search again.")
    skill = records.get_claimable_skill(session, wish.skill_id)
    if wish.kind is BulkActionKind.RECORD_COURSE:
        skips = _skips_of_course(session, skill, people, _checked(wish.course, by), by)
    else:
        skips = _skips_of_question(session, skill, people, by)
    held = records.projections_on(session, wanted, by.at.date(), skill_ids=[skill.id])
    lines = []
    for person in people:
        projection = held[person.id].get(skill.id)
        lines.append(PlannedLine(person, projection.effective_level if projection else 0, skips.get(person.id)))
    return ActionPlan(skill, tuple(lines))


def _checked(course: Course | None, by: Actor) -> Course:
    if course is None or not course.name.strip():
        raise InvalidInputError("Name the course.", field="course")
    if len(course.name) > _COURSE_NAME_LENGTH:
        raise InvalidInputError(f"Keep the name under {_COURSE_NAME_LENGTH} characters.", field="course")
    if not 1 <= course.level <= COURSE_LEVEL_LIMIT:
        raise InvalidInputError(
            f"A course shows level 1 to {COURSE_LEVEL_LIMIT}; what comes after it is for a reviewer to see.",
            field="course_level",
        )
    if course.completed_on > by.at.date():
        raise InvalidInputError("The course has not happened yet.", field="completed_on")
    if course.expires_on is not None and course.expires_on <= course.completed_on:
        raise InvalidInputError("A course lapses after it was completed.", field="expires_on")
    return course


def _skips_of_course(
    session: Session, skill: Skill, people: Sequence[Person], course: Course, by: Actor
) -> dict[int, Skip]:
    logs = records.load_logs(session, {(person.id, skill.id) for person in people})
    skips: dict[int, Skip] = {}
    for (person_id, _), log in logs.items():
        if person_id == by.person_id:
            skips[person_id] = Skip.YOURSELF
        elif any(
            event.kind is SkillEventKind.COURSE
            and event.source == course.name.strip()
            and event.at.date() == course.completed_on
            for event in standing_events(log)
        ):
            skips[person_id] = Skip.ON_RECORD_ALREADY
    return skips


def _skips_of_question(session: Session, skill: Skill, people: Sequence[Person], by: Actor) -> dict[int, Skip]:
    ids = [person.id for person in people]
    since = by.at - dt.timedelta(days=QUIET_DAYS)
    asked = session.scalars(
        select(Notice.person_id).where(
            Notice.person_id.in_(ids),
            Notice.kind == BulkActionKind.ASK_TO_CONFIRM.value,
            Notice.link == _link(skill),
            Notice.at > since,
        )
    )
    skips = dict.fromkeys(asked, Skip.ASKED_LATELY)
    found = session.execute(
        select(SkillRecord.person_id, SkillRecord.confirmed_at).where(
            SkillRecord.person_id.in_(ids), SkillRecord.skill_id == skill.id
        )
    )
    confirmed = {row.person_id: row.confirmed_at for row in found}
    for person_id in ids:
        if person_id not in confirmed:
            skips[person_id] = Skip.NOT_ON_RECORD
        elif (at := confirmed[person_id]) is not None and at > since:
            skips[person_id] = Skip.CONFIRMED_LATELY
    return skips


def _link(skill: Skill) -> str:
    return f"/my/skills/{skill.id}"


def carry_out(session: Session, wish: Wish, *, viewer: Viewer, by: Actor) -> BulkAction:
    """
    Do what :func:`plan_action` shows.

    Raises
    ------
    ConflictError
        If nobody is left for whom anything would happen.
    """
    plan = plan_action(session, wish, viewer=viewer, by=by)
    if not plan.chosen:
        raise ConflictError("Nothing is left to do: everybody chosen is left out for the reason shown.")
    if wish.kind is BulkActionKind.RECORD_COURSE and wish.course is not None:
        rows = _record_course(session, plan, wish.course, by)
    else:
        rows = [
            notices.notify(
                session,
                person.id,
                kind=BulkActionKind.ASK_TO_CONFIRM.value,
                text=f"Is your record in {plan.skill.name} still right? One tap says so.",
                link=_link(plan.skill),
                by=by,
            ).id
            for person in plan.chosen
        ]
    action = BulkAction(kind=wish.kind, skill_id=plan.skill.id, by_id=by.person_id, at=by.at, rows=rows)
    session.add(action)
    detail = {"skill": plan.skill.code, "people": [person.id for person in plan.chosen]}
    audit.record(session, wish.kind.value, action, by=by, detail=detail)
    return action


def _record_course(session: Session, plan: ActionPlan, course: Course, by: Actor) -> list[int]:
    at = dt.datetime.combine(course.completed_on, dt.time(12), tzinfo=dt.UTC)
    events = [
        NewEvent(
            person.id,
            plan.skill.id,
            SkillEventKind.COURSE,
            level=course.level,
            at=min(at, by.at),
            expires_on=course.expires_on,
            source=course.name.strip(),
            note=f"Completed {course.name.strip()}",
        )
        for person in plan.chosen
    ]
    keys = records.append_events(session, events, by=by)
    records.reproject(session, _pairs(plan.skill.id, [person.id for person in plan.chosen]), by.at.date())
    return keys


def _pairs(skill_id: int, person_ids: Collection[int]) -> list[records.Pair]:
    return [(person_id, skill_id) for person_id in person_ids]


def undo_action(session: Session, action_id: int, *, viewer: Viewer, by: Actor) -> BulkAction:
    """
    Take one's own action back: evidence is retracted, questions that nobody has read yet go.

    Raises
    ------
    NotFoundError
        If there is no such action of the viewer's.
    ConflictError
        If it was taken back already.
    """
    action = session.scalar(
        select(BulkAction).where(BulkAction.id == action_id, BulkAction.by_id == viewer.person_id).with_for_update()
    )
    if action is None:
        raise NotFoundError("There is no such action of yours.")
    if action.undone_at is not None:
        raise ConflictError("This was taken back already.")
    if action.kind is BulkActionKind.RECORD_COURSE:
        # Somebody may have taken a single one back meanwhile.
        taken = set(session.scalars(select(SkillEvent.retracts_id).where(SkillEvent.retracts_id.in_(action.rows))))
        left = [key for key in action.rows if key not in taken]
        pairs = records.retract_events(session, left, by=by, source=by.channel) if left else set()
        records.reproject(session, pairs, by.at.date())
    else:
        session.execute(delete(Notice).where(Notice.id.in_(action.rows), Notice.read_at.is_(None)))
    action.undone_at = by.at
    audit.record(session, f"undo_{action.kind.value}", action, by=by, detail={"rows": len(action.rows)})
    return action
