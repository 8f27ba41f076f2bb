"""Taking concepts into the catalogue: what is there already, the skills that are made, the links between them, undo."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from webapp.db import Base
from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import (
    AuditEvent,
    ConceptKind,
    LinkKind,
    RelationKind,
    Skill,
    SkillKind,
    Taxonomy,
    TaxonomyConcept,
    TaxonomyRelation,
)
from webapp.services import audit, catalogue, skill_links, skill_search
from webapp.services.audit import Actor
from webapp.services.catalogue import SkillEntry
from webapp.services.taxonomies import browsing
from webapp.services.word_index import fold

MOST_AT_ONCE = 50

LINKS: Mapping[RelationKind, tuple[LinkKind, float]] = {
    RelationKind.BROADER: (LinkKind.BROADER, 1.0),
    RelationKind.ESSENTIAL: (LinkKind.RELATED, 0.5),
    RelationKind.OPTIONAL: (LinkKind.RELATED, 0.25),
    RelationKind.RELATED: (LinkKind.RELATED, 0.25),
}
"""
What a relation between two concepts becomes between their skills.

A taxonomy does not say how much of one skill carries over to another; half of what is essential and a quarter of the
rest is where somebody who knows the centre begins to set it right.
"""

_ACTION = "pick_concepts"
_ALIKE_FROM = 82.0
_PART_FROM = 0.45
_OWN_TABLES = frozenset({"skill_level_description", "skill_link", "skill_synonym"})
_NAME_LENGTH, _CODE_LENGTH, _DESCRIPTION_LENGTH = 200, 70, 2000


@dataclass(frozen=True, slots=True)
class Choice:
    """A concept that shall become a skill of some kind, under a heading of the catalogue or under none."""

    concept_id: int
    kind: SkillKind
    group: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A concept before it is picked: what Mainstay suggests, and skills of the catalogue that look like it."""

    concept: TaxonomyConcept
    kind: SkillKind
    group: str
    alike: tuple[Skill, ...]


@dataclass(frozen=True, slots=True)
class Picked:
    """What was added, and the event by which it can be taken back."""

    skills: tuple[Skill, ...]
    links: int
    event_id: int


def list_candidates(session: Session, concept_ids: Sequence[int]) -> list[Candidate]:
    """
    Return concepts as they could become skills, in the order asked for; those that are in the catalogue are left out.

    Raises
    ------
    InvalidInputError
        If there are more than :data:`MOST_AT_ONCE`.
    """
    ids = list(dict.fromkeys(concept_ids))
    if len(ids) > MOST_AT_ONCE:
        raise InvalidInputError(f"Pick at most {MOST_AT_ONCE} at once; you ticked {len(ids)}.")
    concepts = _concepts(session, ids)
    there = browsing.skills_of(session, concepts)
    return [
        Candidate(concept, _kind_of(concept), _group_of(session, concept), tuple(_alike(session, concept)))
        for concept in concepts
        if concept.id not in there
    ]


def _concepts(session: Session, ids: Sequence[int]) -> list[TaxonomyConcept]:
    found = session.scalars(
        select(TaxonomyConcept)
        .where(
            TaxonomyConcept.id.in_(ids),
            TaxonomyConcept.removed_in_id.is_(None),
            TaxonomyConcept.kind.in_(browsing.PICKABLE),
        )
        .options(selectinload(TaxonomyConcept.labels))
    )
    by_id = {concept.id: concept for concept in found}
    return [by_id[concept_id] for concept_id in ids if concept_id in by_id]


def _kind_of(concept: TaxonomyConcept) -> SkillKind:
    if concept.kind is ConceptKind.TECHNOLOGY:
        return SkillKind.TOOL
    if " language " in concept.collections:
        return SkillKind.LANGUAGE
    return SkillKind.PRODUCT if concept.kind is ConceptKind.KNOWLEDGE else SkillKind.HUMAN


def _group_of(session: Session, concept: TaxonomyConcept) -> str:
    parents = browsing.list_broader(session, concept)
    return _sentence(parents[0].label) if parents else ""


def _sentence(label: str) -> str:
    return (label[:1].upper() + label[1:])[:_NAME_LENGTH].strip()


def _alike(session: Session, concept: TaxonomyConcept) -> list[Skill]:
    """Return skills that have one of the concept's names, or whose name is nearly its label or a good part of it."""
    index = skill_search.skill_index(session, retired=True)
    label = fold(concept.label)
    ids = [key for name in (concept.label, *browsing.names_of(concept)) for key in index.named(name)]
    ids += [key for key, name in index.labels().items() if _resembles(label, name)]
    found = session.scalars(select(Skill).where(Skill.id.in_(ids)))
    by_id = {skill.id: skill for skill in found}
    return [by_id[key] for key in dict.fromkeys(ids) if key in by_id]


def _resembles(label: str, name: str) -> bool:
    """Return whether two folded names have nearly the same words, or one has all words of the other and few more."""
    shorter, longer = sorted((label, name), key=len)
    contained = fuzz.token_set_ratio(label, name) == 100.0 and len(shorter) >= _PART_FROM * len(longer)
    return contained or fuzz.token_sort_ratio(label, name) >= _ALIKE_FROM


def pick(session: Session, choices: Sequence[Choice], *, by: Actor) -> Picked:
    """
    Make skills of concepts, with their synonyms and descriptions, and link them as the taxonomy does.

    Links run between the new skills, and between them and the skills that were picked before; one that would close a
    circle in the catalogue is left out.

    Raises
    ------
    InvalidInputError
        If nothing or too much is chosen, or a group's name cannot be used.
    NotFoundError
        If one of the concepts cannot become a skill.
    ConflictError
        If one of them is in the catalogue already.
    """
    if not choices:
        raise InvalidInputError("Tick what you want to add.")
    if len(choices) > MOST_AT_ONCE:
        raise InvalidInputError(f"Pick at most {MOST_AT_ONCE} at once; you ticked {len(choices)}.")
    wanted = {choice.concept_id: choice for choice in choices}
    concepts = _concepts(session, list(wanted))
    if len(concepts) != len(wanted):
        raise NotFoundError("One of these concepts cannot become a skill, or is no longer in the taxonomy.")
    there = browsing.skills_of(session, concepts)
    if there:
        names = ", ".join(sorted(skill.name for skill in there.values()))
        raise ConflictError(f"In the catalogue already: {names}. Look at the list again.")
    codes = set(session.scalars(select(Skill.code)))
    skills = {concept.id: _add_skill(session, concept, wanted[concept.id], codes, by=by) for concept in concepts}
    links = _link(session, skills, by=by)
    taxonomy = session.get_one(Taxonomy, concepts[0].taxonomy_id)
    detail = {
        "taxonomy": taxonomy.code.value,
        "skills": [{"id": skill.id, "version": skill.version, "code": skill.code} for skill in skills.values()],
        "links": links,
    }
    event = audit.record(session, _ACTION, taxonomy, by=by, detail=detail)
    return Picked(tuple(skills.values()), links, event.id)


def _add_skill(session: Session, concept: TaxonomyConcept, choice: Choice, codes: set[str], *, by: Actor) -> Skill:
    entry = SkillEntry(
        code=_free_code(concept.label, codes),
        name=_sentence(concept.label),
        kind=choice.kind,
        group=choice.group,
        description=concept.description[:_DESCRIPTION_LENGTH],
        synonyms=tuple(browsing.names_of(concept)),
    )
    codes.add(entry.code)
    skill = catalogue.create_skill(session, entry, by=by)
    skill.concept_id = concept.id
    session.flush()
    return skill


def _free_code(label: str, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", fold(label)).strip("-")[:_CODE_LENGTH].strip("-") or "skill"
    code, number = stem, 1
    while code in taken:
        number += 1
        code = f"{stem}-{number}"
    return code


def _link(session: Session, new: Mapping[int, Skill], *, by: Actor) -> int:
    """Link new skills among each other and to those picked before, and return how many links were made."""
    rows = session.scalars(
        select(TaxonomyRelation)
        .where(
            TaxonomyRelation.kind.in_(LINKS),
            TaxonomyRelation.concept_id.in_(new) | TaxonomyRelation.other_id.in_(new),
        )
        .order_by(TaxonomyRelation.id)
    ).all()
    ends = {end for row in rows for end in (row.concept_id, row.other_id)}
    skills = {
        skill.concept_id: skill
        for skill in session.scalars(select(Skill).where(Skill.concept_id.in_(ends), Skill.retired_at.is_(None)))
    }
    made = 0
    for row in rows:
        skill, other = skills.get(row.concept_id), skills.get(row.other_id)
        if skill is None or other is None:
            continue
        kind, weight = LINKS[row.kind]
        try:
            skill_links.add_link(session, skill, other_id=other.id, kind=kind, weight=weight, by=by)
        except InvalidInputError:
            # The catalogue has the link, or says the opposite: the centre's word stands.
            continue
        made += 1
    return made


def undo(session: Session, event_id: int, *, by: Actor) -> list[str]:
    """
    Take skills out of the catalogue that were picked at one time, and return their names.

    Raises
    ------
    NotFoundError
        If there was no such pick, or it is undone already.
    DependencyError
        If some of them were edited since, or are in use; nothing is undone then.
    """
    event = session.get(AuditEvent, event_id)
    if event is None or event.action != _ACTION:
        raise NotFoundError("There was no such pick.")
    noted = {line["id"]: line["version"] for line in event.detail["skills"]}
    skills = session.scalars(select(Skill).where(Skill.id.in_(noted)).order_by(Skill.name)).all()
    if not skills:
        raise NotFoundError("This pick is undone already.")
    edited = [f"{skill.name} was edited" for skill in skills if skill.version != noted[skill.id]]
    hindrances = [*edited, *_uses(session, [skill.id for skill in skills])]
    if hindrances:
        raise DependencyError(
            f"This cannot be undone any more: {'; '.join(hindrances)}. Retire the skills that you do not want.",
            rows=hindrances,
        )
    names = [skill.name for skill in skills]
    taxonomy = session.get_one(Taxonomy, event.subject_id)
    for skill in skills:
        session.delete(skill)
    session.flush()
    audit.record(session, "undo_pick", taxonomy, by=by, detail={"pick": event_id, "skills": sorted(noted)})
    return names


def _uses(session: Session, skill_ids: Iterable[int]) -> list[str]:
    """Return in words which rows of other tables refer to skills, whatever tables there are."""
    ids, uses = list(skill_ids), []
    for table in Base.metadata.sorted_tables:
        if table.name in _OWN_TABLES:
            continue
        for key in table.foreign_keys:
            if key.column.table.name == Skill.__tablename__:
                count = session.scalar(select(func.count()).select_from(table).where(key.parent.in_(ids)))
                if count:
                    uses.append(f"{count} rows of {table.name.replace('_', ' ')} refer to them")
    return uses
