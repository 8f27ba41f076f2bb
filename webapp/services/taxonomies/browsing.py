"""Looking around in a taxonomy: groups as a tree, occupations with what they ask for, and search."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from webapp.errors import NotFoundError
from webapp.models import (
    ConceptKind,
    LabelKind,
    RelationKind,
    Skill,
    Taxonomy,
    TaxonomyConcept,
    TaxonomyLabel,
    TaxonomyRelation,
)
from webapp.services import skill_search
from webapp.services.taxonomies import releases
from webapp.services.word_index import Entry, Hit, WordIndex

PICKABLE = frozenset({ConceptKind.SKILL, ConceptKind.KNOWLEDGE, ConceptKind.TECHNOLOGY})
"""Kinds that can become skills of the catalogue."""

_LONGEST_PATH = 12


@dataclass(frozen=True, slots=True)
class ConceptFilter:
    """Which concepts are listed: all, or those of a kind, below a group, of a collection, or by what somebody typed."""

    text: str = ""
    kind: ConceptKind | None = None
    group_id: int | None = None
    collection: str = ""


@dataclass(frozen=True, slots=True)
class ListedConcept:
    """A concept of a list, and the skill of the catalogue that was made of it, if there is one."""

    concept: TaxonomyConcept
    skill: Skill | None
    found_as: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A concept that another asks for or stands beside, with importance and level from 0 to 100."""

    concept: TaxonomyConcept
    skill: Skill | None
    importance: float | None
    level: float | None


def get_concept(session: Session, concept_id: int) -> TaxonomyConcept:
    """
    Return a concept with its names, removed or not.

    Raises
    ------
    NotFoundError
        If there is no such concept.
    """
    concept = session.scalar(
        select(TaxonomyConcept)
        .where(TaxonomyConcept.id == concept_id)
        .options(
            joinedload(TaxonomyConcept.taxonomy),
            joinedload(TaxonomyConcept.removed_in),
            selectinload(TaxonomyConcept.labels),
        )
    )
    if concept is None:
        raise NotFoundError("There is no such concept.")
    return concept


def count_kinds(session: Session, taxonomy: Taxonomy) -> dict[ConceptKind, int]:
    """Return how many concepts a taxonomy has of each kind, removed ones left out."""
    rows = session.execute(
        select(TaxonomyConcept.kind, func.count().label("number"))
        .where(TaxonomyConcept.taxonomy_id == taxonomy.id, TaxonomyConcept.removed_in_id.is_(None))
        .group_by(TaxonomyConcept.kind)
    )
    counts: dict[ConceptKind, int] = {row.kind: row.number for row in rows}
    return {kind: counts[kind] for kind in ConceptKind if kind in counts}


def list_collections(session: Session, taxonomy: Taxonomy) -> list[str]:
    """Return the names of a taxonomy's collections."""
    rows = session.scalars(
        select(TaxonomyConcept.collections)
        .where(TaxonomyConcept.taxonomy_id == taxonomy.id, TaxonomyConcept.collections != "")
        .distinct()
    )
    return sorted({name for row in rows for name in row.split()})


def count_concepts(session: Session, taxonomy: Taxonomy, chosen: ConceptFilter) -> int:
    """Return how many concepts a filter leaves."""
    if chosen.text:
        return len(_search(session, taxonomy, chosen))
    return session.scalar(select(func.count()).select_from(_filtered(taxonomy, chosen).subquery())) or 0


def list_concepts(
    session: Session, taxonomy: Taxonomy, chosen: ConceptFilter, *, offset: int = 0, limit: int = 50
) -> list[ListedConcept]:
    """Return a part of what a filter leaves: by label, or the best first where somebody typed something."""
    if not chosen.text:
        query = _filtered(taxonomy, chosen).order_by(TaxonomyConcept.label, TaxonomyConcept.id)
        concepts = session.scalars(query.offset(offset).limit(limit)).all()
        skills = skills_of(session, concepts)
        return [ListedConcept(concept, skills.get(concept.id)) for concept in concepts]
    hits = _search(session, taxonomy, chosen)[offset : offset + limit]
    rows = session.scalars(select(TaxonomyConcept).where(TaxonomyConcept.id.in_([hit.key for hit in hits])))
    by_id = {concept.id: concept for concept in rows}
    skills = skills_of(session, by_id.values())
    return [
        ListedConcept(by_id[hit.key], skills.get(hit.key), "" if hit.name == by_id[hit.key].label else hit.name)
        for hit in hits
        if hit.key in by_id
    ]


def _filtered(taxonomy: Taxonomy, chosen: ConceptFilter) -> Select[TaxonomyConcept]:
    query = select(TaxonomyConcept).where(
        TaxonomyConcept.taxonomy_id == taxonomy.id, TaxonomyConcept.removed_in_id.is_(None)
    )
    if chosen.kind is not None:
        query = query.where(TaxonomyConcept.kind == chosen.kind)
    if chosen.collection:
        query = query.where(TaxonomyConcept.collections.contains(f" {chosen.collection} ", autoescape=True))
    if chosen.group_id is not None:
        members = select(TaxonomyRelation.concept_id).where(
            TaxonomyRelation.other_id == chosen.group_id, TaxonomyRelation.kind == RelationKind.BROADER
        )
        query = query.where(TaxonomyConcept.id.in_(members))
    return query


def _search(session: Session, taxonomy: Taxonomy, chosen: ConceptFilter) -> list[Hit]:
    hits = _index(session, taxonomy).search(chosen.text)
    if chosen.kind is None and not chosen.collection and chosen.group_id is None:
        return hits
    ids = set(session.scalars(_filtered(taxonomy, chosen).with_only_columns(TaxonomyConcept.id)))
    return [hit for hit in hits if hit.key in ids]


def search_concepts(session: Session, taxonomy: Taxonomy, text: str, *, limit: int) -> list[TaxonomyConcept]:
    """Return the concepts that answer to a text, the best first."""
    hits = _index(session, taxonomy).search(text, limit=limit)
    rows = session.scalars(select(TaxonomyConcept).where(TaxonomyConcept.id.in_([hit.key for hit in hits])))
    return skill_search.in_order(hits, {concept.id: concept for concept in rows})


def _index(session: Session, taxonomy: Taxonomy) -> WordIndex:
    release = releases.current_release(session, taxonomy)
    # A concept changes with a release alone; the digest of its files tells one database's releases from another's.
    revision: Hashable = (release.id, release.digest, release.applied_at) if release else None
    return skill_search.cached_index(session, f"taxonomy {taxonomy.id}", revision, lambda: _entries(session, taxonomy))


def _entries(session: Session, taxonomy: Taxonomy) -> Iterable[Entry]:
    present = (TaxonomyConcept.taxonomy_id == taxonomy.id, TaxonomyConcept.removed_in_id.is_(None))
    names: dict[int, list[str]] = {}
    labels = (
        select(TaxonomyLabel.concept_id, TaxonomyLabel.text)
        .join(TaxonomyConcept, TaxonomyConcept.id == TaxonomyLabel.concept_id)
        .where(*present)
    )
    for concept_id, text in session.execute(labels):
        names.setdefault(concept_id, []).append(text)
    for key, label in session.execute(select(TaxonomyConcept.id, TaxonomyConcept.label).where(*present)):
        yield Entry(key, label, tuple(names.get(key, ())))


def skills_of(session: Session, concepts: Iterable[TaxonomyConcept]) -> Mapping[int, Skill]:
    """Return the skills of the catalogue that were made of concepts, by the concept's key."""
    ids = [concept.id for concept in concepts]
    return {
        skill.concept_id: skill
        for skill in session.scalars(select(Skill).where(Skill.concept_id.in_(ids)))
        if skill.concept_id is not None
    }


def list_roots(session: Session, taxonomy: Taxonomy) -> Sequence[TaxonomyConcept]:
    """Return the groups that belong to no other, by code and label: where the tree begins."""
    member, parent = aliased(TaxonomyRelation), aliased(TaxonomyConcept)
    placed = (
        select(member.concept_id)
        .join(parent, parent.id == member.other_id)
        .where(member.kind == RelationKind.BROADER, parent.removed_in_id.is_(None))
    )
    return session.scalars(
        select(TaxonomyConcept)
        .where(
            TaxonomyConcept.taxonomy_id == taxonomy.id,
            TaxonomyConcept.removed_in_id.is_(None),
            TaxonomyConcept.kind.in_((ConceptKind.GROUP, ConceptKind.OCCUPATION_GROUP)),
            TaxonomyConcept.id.not_in(placed),
        )
        .order_by(TaxonomyConcept.kind, TaxonomyConcept.label)
    ).all()


def list_subgroups(session: Session, concept: TaxonomyConcept) -> Sequence[TaxonomyConcept]:
    """Return the groups that belong directly to a group, by label."""
    return session.scalars(
        select(TaxonomyConcept)
        .join(TaxonomyRelation, TaxonomyRelation.concept_id == TaxonomyConcept.id)
        .where(
            TaxonomyRelation.other_id == concept.id,
            TaxonomyRelation.kind == RelationKind.BROADER,
            TaxonomyConcept.removed_in_id.is_(None),
            TaxonomyConcept.kind.in_((ConceptKind.GROUP, ConceptKind.OCCUPATION_GROUP)),
        )
        .order_by(TaxonomyConcept.label)
    ).all()


def list_path(session: Session, concept: TaxonomyConcept) -> list[TaxonomyConcept]:
    """Return what a concept belongs to, the widest first; the first parent by label where there are several."""
    path: list[TaxonomyConcept] = []
    current = concept
    # A circle in published files must not run for ever.
    while len(path) < _LONGEST_PATH:
        parents = list_broader(session, current)
        if not parents or parents[0] in path:
            break
        current = parents[0]
        path.append(current)
    return path[::-1]


def list_broader(session: Session, concept: TaxonomyConcept) -> Sequence[TaxonomyConcept]:
    """Return what a concept belongs to directly, groups first."""
    found = session.scalars(
        select(TaxonomyConcept)
        .join(TaxonomyRelation, TaxonomyRelation.other_id == TaxonomyConcept.id)
        .where(
            TaxonomyRelation.concept_id == concept.id,
            TaxonomyRelation.kind == RelationKind.BROADER,
            TaxonomyConcept.removed_in_id.is_(None),
        )
    ).all()
    return sorted(found, key=lambda other: (other.kind is not ConceptKind.GROUP, other.label))


def list_asked(session: Session, concept: TaxonomyConcept, kind: RelationKind) -> list[Asked]:
    """Return what a concept asks for or stands beside in one way: by importance, then by label."""
    rows = session.execute(
        select(TaxonomyConcept, TaxonomyRelation.importance, TaxonomyRelation.level)
        .join(TaxonomyRelation, TaxonomyRelation.other_id == TaxonomyConcept.id)
        .where(
            TaxonomyRelation.concept_id == concept.id,
            TaxonomyRelation.kind == kind,
            TaxonomyConcept.removed_in_id.is_(None),
        )
    ).all()
    skills = skills_of(session, (other for other, _, _ in rows))
    asked = [Asked(other, skills.get(other.id), importance, level) for other, importance, level in rows]
    return sorted(asked, key=lambda line: (-(line.importance or 0), line.concept.label))


def list_asking(session: Session, concept: TaxonomyConcept, *, limit: int = 50) -> Sequence[TaxonomyConcept]:
    """Return the occupations that ask for a concept, by label."""
    return session.scalars(
        select(TaxonomyConcept)
        .join(TaxonomyRelation, TaxonomyRelation.concept_id == TaxonomyConcept.id)
        .where(
            TaxonomyRelation.other_id == concept.id,
            TaxonomyRelation.kind.in_((RelationKind.ESSENTIAL, RelationKind.OPTIONAL)),
            TaxonomyConcept.kind == ConceptKind.OCCUPATION,
            TaxonomyConcept.removed_in_id.is_(None),
        )
        .order_by(TaxonomyConcept.label)
        .limit(limit)
    ).all()


def names_of(concept: TaxonomyConcept) -> list[str]:
    """Return the alternative names of a concept."""
    return [label.text for label in concept.labels if label.kind is LabelKind.ALTERNATIVE]
