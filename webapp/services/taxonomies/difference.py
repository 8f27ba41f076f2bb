"""
The difference between a release and what is stored: what it adds, removes, relabels, moves, rewords and relinks.

A concept counts as removed only if the release lists all concepts of its kind; a relation, only if the release lists
all of its sort.  So an upload with some of the files changes what these files are about and nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from webapp.models import ChangeKind, ConceptKind, RelationKind
from webapp.services.taxonomies.draft import (
    ConceptDraft,
    RelationDraft,
    RelationKey,
    ReleaseDraft,
    Standing,
    unique_names,
)
from webapp.services.taxonomies.stored import StoredConcept, StoredTaxonomy

_SHOWN_LINKS = 20


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a difference, in words: what stood there and what will."""

    kind: ChangeKind
    concept_kind: ConceptKind
    uri: str
    label: str
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class Difference:
    """What a release changes, in words for people and as the rows to write."""

    changes: list[Change] = field(default_factory=list)
    added: list[ConceptDraft] = field(default_factory=list)
    changed: list[tuple[StoredConcept, ConceptDraft]] = field(default_factory=list)
    removed: list[StoredConcept] = field(default_factory=list)
    new_relations: list[tuple[RelationKey, RelationDraft]] = field(default_factory=list)
    changed_relations: list[tuple[int, RelationDraft]] = field(default_factory=list)
    removed_relations: list[int] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.changes or self.new_relations or self.changed_relations or self.removed_relations)

    def counts(self) -> dict[str, int]:
        """Return how many concepts change in each way, and how many relations come, change and go."""
        tally = Counter(change.kind for change in self.changes)
        return {
            **{kind.value: tally[kind] for kind in ChangeKind},
            "relations_added": len(self.new_relations),
            "relations_changed": len(self.changed_relations),
            "relations_removed": len(self.removed_relations),
        }


def compare(draft: ReleaseDraft, stored: StoredTaxonomy) -> Difference:
    """
    Return what a release changes.

    Takes time in the size of both.  The draft is settled: relations whose ends nobody describes are counted and gone.
    """
    draft.settle(stored.known())
    difference = Difference()
    _compare_relations(draft, stored, difference)
    collections = {name for concept in draft.concepts.values() for name in concept.collections}
    for uri in sorted(draft.concepts):
        concept = draft.concepts[uri]
        before = stored.concepts.get(uri)
        if before is not None:
            _fill(before, concept, draft, collections)
        if before is None:
            difference.added.append(concept)
            difference.changes.append(Change(ChangeKind.ADDED, concept.kind, uri, concept.label, after=concept.label))
        elif before.removed:
            difference.changed.append((before, concept))
            difference.changes.append(
                Change(
                    ChangeKind.ADDED, concept.kind, uri, concept.label, f"{before.label} (was removed)", concept.label
                )
            )
        elif concept.standing is not Standing.MENTION:
            _compare_concept(before, concept, difference)
    for uri in sorted(stored.concepts):
        before = stored.concepts[uri]
        if not before.removed and before.kind in draft.covers and uri not in draft.concepts:
            difference.removed.append(before)
            difference.changes.append(Change(ChangeKind.REMOVED, before.kind, uri, before.label, before=before.label))
    return difference


def _fill(before: StoredConcept, after: ConceptDraft, draft: ReleaseDraft, collections: set[str]) -> None:
    """Keep of a concept what the files of the release do not speak of."""
    after.facts = {**before.facts, **after.facts}
    after.collections = tuple(sorted({*after.collections, *(set(before.collections) - collections)}))
    if after.standing is not Standing.MAIN:
        after.code = after.code or before.code
        after.description = after.description or before.description
    if after.kind in draft.unnamed or (after.standing is not Standing.MAIN and after.kind not in draft.covers):
        after.alternatives = unique_names(after.label, (*after.alternatives, *sorted(before.alternatives)))
        after.hidden = unique_names(after.label, (*after.hidden, *sorted(before.hidden)))


def _compare_concept(before: StoredConcept, after: ConceptDraft, difference: Difference) -> None:
    if before.label != after.label:
        difference.changes.append(
            Change(ChangeKind.RELABELLED, after.kind, after.uri, after.label, before.label, after.label)
        )
    lines = list(_rewordings(before, after))
    if lines:
        old, new = ("\n".join(line[place] for line in lines if line[place]) for place in (0, 1))
        difference.changes.append(Change(ChangeKind.REWORDED, after.kind, after.uri, after.label, old, new))
    if lines or before.label != after.label:
        difference.changed.append((before, after))


def _rewordings(before: StoredConcept, after: ConceptDraft) -> Iterator[tuple[str, str]]:
    """Yield what a concept says otherwise than before, old and new."""
    if before.kind is not after.kind:
        yield f"Kind: {before.kind.value}", f"Kind: {after.kind.value}"
    if before.code != after.code:
        yield f"Code: {before.code}", f"Code: {after.code}"
    if before.description != after.description:
        yield before.description, after.description
    for old, new in ((before.alternatives, set(after.alternatives)), (before.hidden, set(after.hidden))):
        gone, come = sorted(old - new), sorted(new - old)
        if gone or come:
            yield "; ".join(gone), "; ".join(come)
    if set(before.collections) != set(after.collections):
        yield f"Collections: {' '.join(before.collections)}", f"Collections: {' '.join(after.collections)}"
    if before.facts != after.facts:
        yield _facts(before.facts), _facts(after.facts)


def _facts(facts: dict[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in sorted(facts.items()))


def _compare_relations(draft: ReleaseDraft, stored: StoredTaxonomy, difference: Difference) -> None:
    labels = _Labels(draft, stored)
    come: dict[str, set[RelationKey]] = defaultdict(set)
    gone: dict[str, set[RelationKey]] = defaultdict(set)
    rated: set[str] = set()
    for key, relation in draft.relations.items():
        before = stored.relations.get(key)
        if before is None:
            difference.new_relations.append((key, relation))
            come[key[0]].add(key)
        elif before[1:] != (relation.importance, relation.level):
            difference.changed_relations.append((before[0], relation))
            rated.add(key[0])
    placed = {uri for uri, _, kind in draft.relations if kind is RelationKind.BROADER}
    for key, (row_id, _, _) in stored.relations.items():
        if key not in draft.relations and _is_taken_back(key, draft, stored, placed):
            difference.removed_relations.append(row_id)
            gone[key[0]].add(key)
    for uri in sorted({*come, *gone, *rated}):
        concept = stored.concepts.get(uri)
        # What is new or leaves is one line already; its relations come and go with it.
        if concept is None or concept.removed or (concept.kind in draft.covers and uri not in draft.concepts):
            continue
        kind = draft.concepts[uri].kind if uri in draft.concepts else concept.kind
        moved = {key for key in come[uri] | gone[uri] if key[2] is RelationKind.BROADER}
        linked = (come[uri] | gone[uri]) - moved
        if moved:
            difference.changes.append(
                Change(
                    ChangeKind.MOVED,
                    kind,
                    uri,
                    labels[uri],
                    labels.join(key[1] for key in gone[uri] & moved),
                    labels.join(key[1] for key in come[uri] & moved),
                )
            )
        if linked or uri in rated:
            difference.changes.append(
                Change(
                    ChangeKind.RELINKED,
                    kind,
                    uri,
                    labels[uri],
                    labels.links(gone[uri] - moved),
                    labels.links(come[uri] - moved) or ("Other importance or level" if uri in rated else ""),
                )
            )


def _is_taken_back(key: RelationKey, draft: ReleaseDraft, stored: StoredTaxonomy, placed: set[str]) -> bool:
    """Return whether a release that does not state a relation thereby takes it back."""
    uri, other, kind = key
    ends = []
    for end in (uri, other):
        concept = stored.concepts[end]
        # A concept that leaves keeps its relations, so that it can be looked at where it stood.
        if concept.removed or (concept.kind in draft.covers and end not in draft.concepts):
            return False
        ends.append(draft.concepts[end].kind if end in draft.concepts else concept.kind)
    return (ends[0], kind, ends[1]) in draft.scopes or (kind is RelationKind.BROADER and uri in placed)


class _Labels:
    """Labels by address, as the release has them, else as they are stored."""

    def __init__(self, draft: ReleaseDraft, stored: StoredTaxonomy) -> None:
        self._draft, self._stored = draft.concepts, stored.concepts

    def __getitem__(self, uri: str) -> str:
        return self._draft[uri].label if uri in self._draft else self._stored[uri].label

    def join(self, uris: Iterable[str]) -> str:
        return "; ".join(sorted(self[uri] for uri in uris))

    def links(self, keys: Iterable[RelationKey]) -> str:
        named = sorted(f"{kind.value}: {self[other]}" for _, other, kind in keys)
        more = f"; and {len(named) - _SHOWN_LINKS} more" if len(named) > _SHOWN_LINKS else ""
        return "; ".join(named[:_SHOWN_LINKS]) + more
