"""Writing a release: one transaction, in batches, so that nothing half-written can ever be seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from webapp.models import (
    LabelKind,
    TaxonomyChange,
    TaxonomyConcept,
    TaxonomyLabel,
    TaxonomyRelation,
    TaxonomyRelease,
)
from webapp.services.taxonomies.difference import Change, Difference
from webapp.services.taxonomies.draft import ConceptDraft

_BATCH = 2000
_KEYS = 500
"""Keys of one statement; SQLite takes at most 32,766 parameters, older ones 999."""

Item = TypeVar("Item")


def write_changes(session: Session, release: TaxonomyRelease, changes: Sequence[Change]) -> None:
    """Keep the lines of a difference in the place of those that were kept before."""
    session.execute(delete(TaxonomyChange).where(TaxonomyChange.release_id == release.id))
    _insert(
        session,
        TaxonomyChange,
        (
            {
                "release_id": release.id,
                "kind": change.kind,
                "concept_kind": change.concept_kind,
                "uri": change.uri,
                "label": change.label,
                "before": change.before,
                "after": change.after,
            }
            for change in changes
        ),
    )


def write_release(session: Session, release: TaxonomyRelease, difference: Difference) -> None:
    """Write what a release changes; the caller's transaction makes it whole or nothing."""
    _insert(
        session,
        TaxonomyConcept,
        (
            {**_columns(concept), "taxonomy_id": release.taxonomy_id, "uri": concept.uri, "added_in_id": release.id}
            for concept in difference.added
        ),
    )
    for before, after in difference.changed:
        session.execute(
            update(TaxonomyConcept)
            .where(TaxonomyConcept.id == before.id)
            .values(**_columns(after), removed_in_id=None)
            .execution_options(synchronize_session=False)
        )
    for keys in _batches((before.id for before, _ in difference.changed), _KEYS):
        session.execute(
            delete(TaxonomyLabel).where(TaxonomyLabel.concept_id.in_(keys)).execution_options(synchronize_session=False)
        )
    for keys in _batches((concept.id for concept in difference.removed), _KEYS):
        session.execute(
            update(TaxonomyConcept)
            .where(TaxonomyConcept.id.in_(keys))
            .values(removed_in_id=release.id)
            .execution_options(synchronize_session=False)
        )
    ids = _ids(session, release.taxonomy_id)
    described = [*difference.added, *(after for _, after in difference.changed)]
    _insert(session, TaxonomyLabel, (row for concept in described for row in _labels(concept, ids)))
    _write_relations(session, difference, ids)
    session.expire_all()


def _columns(concept: ConceptDraft) -> dict[str, Any]:
    return {
        "code": concept.code,
        "kind": concept.kind,
        "label": concept.label,
        "description": concept.description,
        "collections": f" {' '.join(concept.collections)} " if concept.collections else "",
        "facts": concept.facts,
    }


def _labels(concept: ConceptDraft, ids: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    for kind, names in ((LabelKind.ALTERNATIVE, concept.alternatives), (LabelKind.HIDDEN, concept.hidden)):
        for name in names:
            yield {"concept_id": ids[concept.uri], "kind": kind, "text": name}


def _ids(session: Session, taxonomy_id: int) -> dict[str, int]:
    rows = session.execute(
        select(TaxonomyConcept.uri, TaxonomyConcept.id).where(TaxonomyConcept.taxonomy_id == taxonomy_id)
    )
    return {row.uri: row.id for row in rows}


def _write_relations(session: Session, difference: Difference, ids: Mapping[str, int]) -> None:
    for keys in _batches(difference.removed_relations, _KEYS):
        session.execute(
            delete(TaxonomyRelation).where(TaxonomyRelation.id.in_(keys)).execution_options(synchronize_session=False)
        )
    for row_id, relation in difference.changed_relations:
        session.execute(
            update(TaxonomyRelation)
            .where(TaxonomyRelation.id == row_id)
            .values(importance=relation.importance, level=relation.level)
            .execution_options(synchronize_session=False)
        )
    _insert(
        session,
        TaxonomyRelation,
        (
            {
                "concept_id": ids[uri],
                "other_id": ids[other],
                "kind": kind,
                "importance": relation.importance,
                "level": relation.level,
            }
            for (uri, other, kind), relation in difference.new_relations
        ),
    )


def _insert(session: Session, model: type[Any], rows: Iterable[dict[str, Any]]) -> None:
    for batch in _batches(rows, _BATCH):
        session.execute(insert(model), batch)


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
