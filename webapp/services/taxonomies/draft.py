"""What the files of a release say, collected: concepts, relations, and what became of each row."""

from __future__ import annotations

import enum
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from webapp.models.taxonomy import ConceptKind, RelationKind, TaxonomyCode
from webapp.services.word_index import fold

RelationKey = tuple[str, str, RelationKind]
RelationScope = tuple[ConceptKind, RelationKind, ConceptKind]

LEFT_UNKNOWN = "name a concept that no file describes"
LEFT_TWICE = "say what another row says"


class Standing(enum.IntEnum):
    """How much a file knows of the concepts it names: a label in passing, a selection, or all of their kind."""

    MENTION = 0
    SELECTION = 1
    MAIN = 2


@dataclass(slots=True)
class ConceptDraft:
    """A concept as the files of a release describe it."""

    uri: str
    kind: ConceptKind
    label: str
    standing: Standing
    code: str = ""
    description: str = ""
    alternatives: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RelationDraft:
    """A relation; ``files`` has the file of each row that stated it and did nothing else."""

    importance: float | None = None
    level: float | None = None
    files: tuple[int, ...] = ()


@dataclass(slots=True)
class FileReport:
    """What became of one file: rows = used + everything left out."""

    name: str
    title: str
    rows: int = 0
    used: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON types."""
        left_out = {reason: count for reason, count in self.left_out.items() if count}
        return {"name": self.name, "title": self.title, "rows": self.rows, "used": self.used, "left_out": left_out}


@dataclass(slots=True)
class ReleaseDraft:
    """
    What a release says.

    ``covers`` are the kinds whose concepts the release lists in full: only of these does a missing one count as
    removed; of those in ``unnamed``, no file lists further names. ``scopes`` are the relations that it lists in full,
    by the kinds at their ends. ``names`` and ``facts`` wait for the concepts that they belong to, each with the file of
    its row.
    """

    taxonomy: TaxonomyCode
    concepts: dict[str, ConceptDraft] = field(default_factory=dict)
    relations: dict[RelationKey, RelationDraft] = field(default_factory=dict)
    files: list[FileReport] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    covers: set[ConceptKind] = field(default_factory=set)
    unnamed: set[ConceptKind] = field(default_factory=set)
    scopes: set[RelationScope] = field(default_factory=set)
    names: dict[str, list[tuple[str, int | None]]] = field(default_factory=dict)
    facts: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)

    def add_concept(self, new: ConceptDraft) -> None:
        """Add a concept, or what another file says of it: the fuller file is believed, further names are kept."""
        old = self.concepts.get(new.uri)
        if old is None:
            self.concepts[new.uri] = new
            return
        first, second = (new, old) if new.standing > old.standing else (old, new)
        if first.standing > Standing.MENTION and second.standing > Standing.MENTION:
            first.alternatives = unique_names(first.label, (*first.alternatives, *second.alternatives))
            first.hidden = unique_names(first.label, (*first.hidden, *second.hidden))
            first.collections = tuple(sorted({*first.collections, *second.collections}))
            first.code = first.code or second.code
            first.description = first.description or second.description
            first.facts = {**second.facts, **first.facts}
        self.concepts[new.uri] = first

    def relate(
        self,
        uri: str,
        other: str,
        kind: RelationKind,
        *,
        file: int | None = None,
        importance: float | None = None,
        level: float | None = None,
    ) -> None:
        """Add a relation; ``file`` if the row says nothing else, so that the row counts as left out with it."""
        relation = self.relations.setdefault((uri, other, kind), RelationDraft())
        relation.importance = importance if importance is not None else relation.importance
        relation.level = level if level is not None else relation.level
        if file is not None:
            relation.files = (*relation.files, file)

    def attach(self) -> None:
        """Give concepts the names and facts that wait for them; rows about unknown concepts are left out."""
        for uri, names in self.names.items():
            concept = self.concepts.get(uri)
            if concept is None:
                self._leave_out(LEFT_UNKNOWN, (file for _, file in names if file is not None))
            else:
                concept.alternatives = unique_names(
                    concept.label, (*concept.alternatives, *(name for name, _ in names))
                )
        for uri, facts in self.facts.items():
            concept = self.concepts.get(uri)
            if concept is None:
                self._leave_out(LEFT_UNKNOWN, (file for _, _, file in facts))
            else:
                concept.facts.update({name: value for name, value, _ in facts})
        self.names.clear()
        self.facts.clear()

    def _leave_out(self, reason: str, files: Iterable[int]) -> None:
        for number in files:
            self.files[number].used -= 1
            self.files[number].left_out[reason] += 1

    def settle(self, known: Mapping[str, ConceptKind]) -> None:
        """
        Let relations go whose ends nobody describes, and count their rows as left out; "essential" beats "optional".

        Parameters
        ----------
        known
            Kinds of the concepts that earlier releases described, by address.
        """
        for key in list(self.relations):
            uri, other, kind = key
            reason = ""
            if not all(end in self.concepts or end in known for end in (uri, other)):
                reason = LEFT_UNKNOWN
            elif kind is RelationKind.OPTIONAL and (uri, other, RelationKind.ESSENTIAL) in self.relations:
                reason = LEFT_TWICE
            if reason:
                self._leave_out(reason, self.relations.pop(key).files)


def unique_names(label: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return names in their order without those that say the same as the label or one before them."""
    seen = {fold(label)}
    kept = []
    for name in names:
        folded = fold(name)
        if folded not in seen:
            seen.add(folded)
            kept.append(name)
    return tuple(kept)


def scope(
    sources: Iterable[ConceptKind], kinds: Iterable[RelationKind], others: Iterable[ConceptKind]
) -> frozenset[RelationScope]:
    """Return every relation of some kinds that begins at one sort of concept and ends at another."""
    return frozenset(itertools.product(tuple(sources), tuple(kinds), tuple(others)))
