"""
Who could be trained cheapest to stand in for others: near-holders, those who want to grow first.

Cost is levels to learn, over all skills that the broken work requires; whoever lacks more than :data:`MOST_LEVELS` is
left out.  Whether it helps is not guessed: the week is covered again with the person among those who can.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.graphs.cover import Cover, Work
from optimizer.graphs.single_points import Absences
from webapp.models import EngagementType, Interest, Person, Skill, SkillRecord
from webapp.services.coverage.week import SiteWeek

MOST_LEVELS = 2
MOST_LEARNERS = 3
_MOST_TRIED = 8


@dataclass(frozen=True, slots=True)
class Lesson:
    """A skill to learn: from the level held to the one that is needed."""

    skill: Skill
    held: int
    needed: int


@dataclass(frozen=True, slots=True)
class Learner:
    """
    Somebody who could learn to do work of a type.

    ``keen`` says that they want to grow a skill of it, ``missing_after`` how many agent minutes the absence would still
    leave missing.
    """

    person: Person
    kind: EngagementType
    lessons: tuple[Lesson, ...]
    keen: bool
    missing_after: int

    @property
    def levels(self) -> int:
        """Levels to learn."""
        return sum(lesson.needed - lesson.held for lesson in self.lessons)


def find_learners(
    session: Session, week: SiteWeek, group: Absences, *, parts: Sequence[Cover], visible: Collection[int]
) -> list[Learner]:
    """
    Return who could be trained so that the absence of a group breaks less, the cheapest first.

    Parameters
    ----------
    session
        A session.
    week
        The week.
    group
        People, and the work that their absence breaks.
    parts
        The work of the week that is covered while everybody is there, in parts that share nobody's minutes.
    visible
        Whom the viewer may see; others are not named.
    """
    broken = {work for shortage in group.shortages for work in shortage.works}
    kinds = {work.kind.id: work.kind for work in week.works if work.id in broken}
    wishes = _wishes(session, week)
    away = {int(person) for person in group.people}
    candidates = [
        (lessons, person, kind)
        for kind in kinds.values()
        for person in week.people
        if person.id in visible and person.id not in away and (lessons := _lessons(week, person, kind))
    ]
    candidates.sort(key=lambda each: _rank(each, wishes))
    minutes, works = week.supply(), _beside(parts, broken)
    before = sum(shortage.missing for shortage in group.shortages)
    found: list[Learner] = []
    for lessons, person, kind in candidates[:_MOST_TRIED]:
        after = _missing(minutes, _taught(works, week, person, kind), group)
        if after < before and all(learner.person.id != person.id for learner in found):
            keen = _keen(lessons, person, wishes)
            found.append(Learner(person, kind, lessons, keen, after))
        if len(found) == MOST_LEARNERS:
            break
    return found


def _rank(
    candidate: tuple[tuple[Lesson, ...], Person, EngagementType], wishes: Mapping[tuple[int, int], Interest]
) -> tuple[int, bool, str]:
    lessons, person, _ = candidate
    return sum(each.needed - each.held for each in lessons), not _keen(lessons, person, wishes), person.name


def _keen(lessons: Sequence[Lesson], person: Person, wishes: Mapping[tuple[int, int], Interest]) -> bool:
    return any(wishes.get((person.id, lesson.skill.id)) is Interest.GROW for lesson in lessons)


def _wishes(session: Session, week: SiteWeek) -> dict[tuple[int, int], Interest]:
    rows = session.execute(
        select(SkillRecord.person_id, SkillRecord.skill_id, SkillRecord.interest)
        .join(SkillRecord.person)
        .where(Person.site_id == week.site.id, SkillRecord.interest != Interest.NONE)
    )
    return {(person_id, skill_id): wish for person_id, skill_id, wish in rows}


def _lessons(week: SiteWeek, person: Person, kind: EngagementType) -> tuple[Lesson, ...]:
    """Return what a person lacks for a type; nothing if they can do it or lack too much."""
    held = week.levels.get(person.id, {})
    lessons = tuple(
        Lesson(each.skill, held.get(each.skill_id, 0), each.level)
        for each in kind.requirements
        if not each.preferred and held.get(each.skill_id, 0) < each.level
    )
    return lessons if sum(each.needed - each.held for each in lessons) <= MOST_LEVELS else ()


def _beside(parts: Sequence[Cover], broken: Collection[str]) -> list[Work]:
    """Return the work of all parts with work in the hours of some: a learner's minutes there come from no other."""
    hours = {slot for part in parts for work in part.works if work.id in broken for slot in work.slots}
    near = [part for part in parts if any(hours & work.slots for work in part.works)]
    return [work for part in near for work in part.works]


def _taught(works: Sequence[Work], week: SiteWeek, person: Person, kind: EngagementType) -> list[Work]:
    """Return work of the week with one more person who can do a type."""
    own = {work.id for work in week.works if work.kind.id == kind.id}
    return [replace(work, people=work.people | {str(person.id)}) if work.id in own else work for work in works]


def _missing(minutes: Mapping[str, Mapping[int, int]], works: Sequence[Work], group: Absences) -> int:
    return sum(shortage.missing for shortage in Cover(minutes, works).shortages(group.people))
