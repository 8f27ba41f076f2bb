"""What releases were and did: their list, the lines of a difference, and the skills that lost their concept."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import ChangeKind, ConceptKind, Skill, Taxonomy, TaxonomyChange, TaxonomyConcept, TaxonomyRelease


def list_releases(session: Session, taxonomy: Taxonomy | None = None) -> Sequence[TaxonomyRelease]:
    """Return the releases of one taxonomy or of all, the newest first."""
    query = (
        select(TaxonomyRelease)
        .options(joinedload(TaxonomyRelease.taxonomy), joinedload(TaxonomyRelease.created_by))
        .order_by(TaxonomyRelease.id.desc())
    )
    if taxonomy is not None:
        query = query.where(TaxonomyRelease.taxonomy_id == taxonomy.id)
    return session.scalars(query).all()


def count_changes(
    session: Session, release: TaxonomyRelease, kind: ChangeKind, *, concept_kind: ConceptKind | None = None
) -> int:
    """Return how many concepts a release changes in one way."""
    query = select(func.count()).where(TaxonomyChange.release_id == release.id, TaxonomyChange.kind == kind)
    if concept_kind is not None:
        query = query.where(TaxonomyChange.concept_kind == concept_kind)
    return session.scalar(query) or 0


def list_changes(
    session: Session,
    release: TaxonomyRelease,
    kind: ChangeKind | None = None,
    *,
    concept_kind: ConceptKind | None = None,
    offset: int = 0,
    limit: int | None = None,
) -> Sequence[TaxonomyChange]:
    """Return lines of the difference that a release makes, by label."""
    query = select(TaxonomyChange).where(TaxonomyChange.release_id == release.id)
    if kind is not None:
        query = query.where(TaxonomyChange.kind == kind)
    if concept_kind is not None:
        query = query.where(TaxonomyChange.concept_kind == concept_kind)
    query = query.order_by(TaxonomyChange.kind, TaxonomyChange.label, TaxonomyChange.id)
    return session.scalars(query.offset(offset).limit(limit)).all()


def list_orphans(session: Session, taxonomy: Taxonomy) -> Sequence[Skill]:
    """Return the skills of the catalogue whose concept the taxonomy no longer has, by name."""
    return session.scalars(
        select(Skill)
        .join(TaxonomyConcept, TaxonomyConcept.id == Skill.concept_id)
        .where(TaxonomyConcept.taxonomy_id == taxonomy.id, TaxonomyConcept.removed_in_id.is_not(None))
        .order_by(Skill.name)
    ).all()


def list_losing(session: Session, release: TaxonomyRelease) -> Sequence[Skill]:
    """Return the skills of the catalogue whose concept a release would remove, by name."""
    return session.scalars(
        select(Skill)
        .join(TaxonomyConcept, TaxonomyConcept.id == Skill.concept_id)
        .join(TaxonomyChange, TaxonomyChange.uri == TaxonomyConcept.uri)
        .where(
            TaxonomyConcept.taxonomy_id == release.taxonomy_id,
            TaxonomyChange.release_id == release.id,
            TaxonomyChange.kind == ChangeKind.REMOVED,
        )
        .order_by(Skill.name)
    ).all()
