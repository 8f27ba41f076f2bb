"""A taxonomy as it is stored, read whole to be compared with a release."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import (
    ConceptKind,
    LabelKind,
    RelationKind,
    Taxonomy,
    TaxonomyConcept,
    TaxonomyLabel,
    TaxonomyRelation,
)


@dataclass(slots=True)
class StoredConcept:
    """A concept as it is stored, with its further names."""

    id: int
    uri: str
    kind: ConceptKind
    label: str
    code: str
    description: str
    collections: tuple[str, ...]
    facts: dict[str, Any]
    removed: bool
    alternatives: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)


@dataclass(slots=True)
class StoredTaxonomy:
    """All concepts by address, and all relations: (address, address of the other, kind) → (key, importance, level)."""

    concepts: dict[str, StoredConcept] = field(default_factory=dict)
    relations: dict[tuple[str, str, RelationKind], tuple[int, float | None, float | None]] = field(default_factory=dict)

    def known(self) -> dict[str, ConceptKind]:
        """Return the kinds of the concepts that are not removed, by address."""
        return {uri: concept.kind for uri, concept in self.concepts.items() if not concept.removed}


def load_taxonomy(session: Session, taxonomy: Taxonomy | None) -> StoredTaxonomy:
    """Return what is stored of a taxonomy; nothing if there is none yet."""
    stored = StoredTaxonomy()
    if taxonomy is None:
        return stored
    columns = (
        TaxonomyConcept.id,
        TaxonomyConcept.uri,
        TaxonomyConcept.kind,
        TaxonomyConcept.label,
        TaxonomyConcept.code,
        TaxonomyConcept.description,
        TaxonomyConcept.collections,
        TaxonomyConcept.facts,
        TaxonomyConcept.removed_in_id,
    )
    by_id: dict[int, StoredConcept] = {}
    rows = session.execute(select(*columns).where(TaxonomyConcept.taxonomy_id == taxonomy.id))
    for key, uri, kind, label, code, description, collections, facts, removed_in_id in rows:
        concept = StoredConcept(
            key, uri, kind, label, code, description, tuple(collections.split()), facts, removed_in_id is not None
        )
        by_id[key] = stored.concepts[uri] = concept
    labels = (
        select(TaxonomyLabel.concept_id, TaxonomyLabel.kind, TaxonomyLabel.text)
        .join(TaxonomyConcept, TaxonomyConcept.id == TaxonomyLabel.concept_id)
        .where(TaxonomyConcept.taxonomy_id == taxonomy.id)
    )
    for concept_id, kind, text in session.execute(labels):
        names = by_id[concept_id].hidden if kind is LabelKind.HIDDEN else by_id[concept_id].alternatives
        names.add(text)
    relations = (
        select(
            TaxonomyRelation.id,
            TaxonomyRelation.concept_id,
            TaxonomyRelation.other_id,
            TaxonomyRelation.kind,
            TaxonomyRelation.importance,
            TaxonomyRelation.level,
        )
        .join(TaxonomyConcept, TaxonomyConcept.id == TaxonomyRelation.concept_id)
        .where(TaxonomyConcept.taxonomy_id == taxonomy.id)
    )
    for key, concept_id, other_id, kind, importance, level in session.execute(relations):
        stored.relations[by_id[concept_id].uri, by_id[other_id].uri, kind] = (key, importance, level)
    return stored
