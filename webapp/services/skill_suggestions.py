"""
Skills that a person may also have: used in their work, implied by what they hold, or held by most who hold the same.

A suggestion never becomes evidence: the person claims it or dismisses it.  What implies what is worked out in
:mod:`optimizer.graphs.inference`, what goes together in :mod:`optimizer.graphs.cooccurrence`; only skills are read,
nothing else about anybody, and fewer than five people never speak.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from optimizer.graphs.cooccurrence import Companion, find_companions
from optimizer.graphs.inference import Carries, Inference, Transfer, infer_levels
from webapp.errors import NotFoundError
from webapp.models import DismissedSuggestion, Interest, LinkKind, Person, Skill, SkillRecord
from webapp.services import audit, records, skill_graph
from webapp.services.audit import Actor
from webapp.services.projection import OUTCOME_LEVEL_LIMIT, Projection

LEAST_USES = 5
OFTEN_USED = 20
MOST_SHOWN = 6
_MOST_PEOPLE = 500
"""Of more people at a site, every n-th is read: a share is known well enough from so many."""


class Why(StrEnum):
    """On what a suggestion rests, the surest first."""

    USED = "used"
    IMPLIED = "implied"
    COMMON = "common"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a skill is suggested, and in words that go on from "because"."""

    why: Why
    words: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A skill that a person may have, the level that they could claim, and the reasons, the surest first."""

    skill: Skill
    level: int
    reasons: tuple[Reason, ...]


def list_suggestions(
    session: Session, person: Person, on: dt.date, *, limit: int | None = MOST_SHOWN
) -> list[Suggestion]:
    """
    Return the skills that a person may also have, those with the surest reason and the highest level first.

    Left out is what they claim already, have dismissed or would rather not work with, and what is retired.
    """
    held = records.projections_on(session, [person.id], on)[person.id]
    levels = {skill_id: projection.effective_level for skill_id, projection in held.items()}
    own = [skill_id for skill_id, level in levels.items() if level]
    reasons: dict[int, list[tuple[int, Reason]]] = defaultdict(list)
    for skill_id, projection in held.items():
        if projection.used_count >= LEAST_USES:
            reasons[skill_id].append(_used(projection))
    implied = infer_levels(levels, _load_transfers(session))
    common = find_companions(own, _load_colleagues(session, person))
    names = _names(session, [*own, *(step.source for found in implied for step in found.chain)])
    for found in implied:
        reasons[found.skill].append(_implied(found, names))
    for rule in common:
        reasons[rule.skill].append((1, Reason(Why.COMMON, _common_words(rule, names))))
    shut = _dismissed(session, person) | {skill_id for skill_id, projection in held.items() if _is_settled(projection)}
    open_ids = [skill_id for skill_id in reasons if skill_id not in shut]
    usable = (Skill.retired_at.is_(None), Skill.merged_into_id.is_(None))
    suggested = [
        _suggestion(skill, reasons[skill.id])
        for skill in session.scalars(select(Skill).where(Skill.id.in_(open_ids), *usable))
    ]
    suggested = [each for each in suggested if each.level > levels.get(each.skill.id, 0)]
    order = list(Why)
    suggested.sort(key=lambda each: (order.index(each.reasons[0].why), -each.level, each.skill.name))
    return suggested[:limit]


def _is_settled(projection: Projection) -> bool:
    return projection.claimed_level is not None or projection.interest is Interest.RATHER_NOT


def _suggestion(skill: Skill, reasons: Iterable[tuple[int, Reason]]) -> Suggestion:
    order = list(Why)
    ranked = sorted(reasons, key=lambda each: order.index(each[1].why))
    return Suggestion(skill, max(level for level, _ in ranked), tuple(reason for _, reason in ranked))


def _used(projection: Projection) -> tuple[int, Reason]:
    level = OUTCOME_LEVEL_LIMIT if projection.used_count >= OFTEN_USED else 1
    return level, Reason(Why.USED, f"you used it in {projection.used_count} contacts")


def _implied(found: Inference, names: Mapping[int, str]) -> tuple[int, Reason]:
    source = names[found.source]
    if all(step.why is Carries.CONTAINED for step in found.chain):
        words = f"it contains {source}, which you hold at level {found.source_level}"
    elif len(found.chain) == 1:
        words = f"{found.strength * 100:.0f} % of {source} carries over, which you hold at level {found.source_level}"
    else:
        through = ", ".join(names[step.source] for step in found.chain[1:])
        words = f"it follows from {source}, which you hold at level {found.source_level}, through {through}"
    return found.level, Reason(Why.IMPLIED, words)


def _common_words(rule: Companion, names: Mapping[int, str]) -> str:
    # Tenths tell enough, and tell nobody who is the one that does not.
    return f"about {min(9, round(rule.share * 10))} of 10 people who hold {names[rule.beside]} also hold it"


def _load_transfers(session: Session) -> list[Transfer]:
    """Return what carries over: all of a narrower skill to the broader one, a share between related ones."""
    transfers = []
    for link in skill_graph.load_links(session):
        if link.kind is LinkKind.BROADER:
            transfers.append(Transfer(link.skill_id, link.other_id, 1.0, Carries.CONTAINED))
        elif link.kind is LinkKind.RELATED:
            transfers.append(Transfer(link.other_id, link.skill_id, link.weight, Carries.RELATED))
    return transfers


def _load_colleagues(session: Session, person: Person) -> list[Collection[int]]:
    """Return the skills of other active agents of the person's site."""
    others = (Person.site_id == person.site_id, Person.active, Person.is_agent, Person.id != person.id)
    count = session.scalar(select(func.count()).select_from(Person).where(*others)) or 0
    step = -(-count // _MOST_PEOPLE) or 1
    rows = session.execute(
        select(SkillRecord.person_id, SkillRecord.skill_id)
        .join(SkillRecord.person)
        .where(*others, Person.id % step == 0, SkillRecord.effective_level > 0)
    )
    skills: dict[int, set[int]] = defaultdict(set)
    for person_id, skill_id in rows:
        skills[person_id].add(skill_id)
    return list(skills.values())


def _names(session: Session, skill_ids: Collection[int]) -> dict[int, str]:
    rows = session.execute(select(Skill.id, Skill.name).where(Skill.id.in_(set(skill_ids))))
    return {skill.id: skill.name for skill in rows}


def _dismissed(session: Session, person: Person) -> set[int]:
    return set(session.scalars(select(DismissedSuggestion.skill_id).where(DismissedSuggestion.person_id == person.id)))


def list_dismissed(session: Session, person: Person) -> Sequence[Skill]:
    """Return the skills that a person dismissed, by name."""
    return session.scalars(
        select(Skill)
        .join(DismissedSuggestion, DismissedSuggestion.skill_id == Skill.id)
        .where(DismissedSuggestion.person_id == person.id)
        .order_by(Skill.name)
    ).all()


def claim_suggested(session: Session, person: Person, *, skill_id: int, on: dt.date, by: Actor) -> Suggestion:
    """
    Claim the level that is suggested, with the surest reason as its note.

    Raises
    ------
    NotFoundError
        If the skill is not suggested to the person any more.
    """
    found = next(
        (each for each in list_suggestions(session, person, on, limit=None) if each.skill.id == skill_id), None
    )
    if found is None:
        raise NotFoundError("This skill is not suggested to you any more.")
    note = f"Suggested, because {found.reasons[0].words}."[: records.NOTE_LENGTH]
    records.claim_level(session, person, skill_id=skill_id, level=found.level, note=note, by=by)
    return found


def dismiss(session: Session, person: Person, *, skill_id: int, by: Actor) -> Skill:
    """
    Suggest a skill to a person no more; dismissing it again changes nothing.

    Raises
    ------
    NotFoundError
        If there is no such skill.
    """
    skill = _get_skill(session, skill_id)
    if skill.id not in _dismissed(session, person):
        dismissed = DismissedSuggestion(person_id=person.id, skill_id=skill.id, at=by.at)
        session.add(dismissed)
        session.flush()
        audit.record(session, "dismiss_suggestion", dismissed, by=by, person_id=person.id, detail={"skill": skill.code})
    return skill


def restore(session: Session, person: Person, *, skill_id: int, by: Actor) -> Skill:
    """
    Let a dismissed skill be suggested again.

    Raises
    ------
    NotFoundError
        If the person did not dismiss it.
    """
    skill = _get_skill(session, skill_id)
    dismissed = session.scalar(
        select(DismissedSuggestion).where(
            DismissedSuggestion.person_id == person.id, DismissedSuggestion.skill_id == skill.id
        )
    )
    if dismissed is None:
        raise NotFoundError("You did not dismiss this skill.")
    audit.record(session, "restore_suggestion", dismissed, by=by, person_id=person.id, detail={"skill": skill.code})
    session.delete(dismissed)
    session.flush()
    return skill


def _get_skill(session: Session, skill_id: int) -> Skill:
    skill = session.get(Skill, skill_id)
    if skill is None:
        raise NotFoundError("There is no such skill.")
    return skill
