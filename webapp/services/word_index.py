"""
A search over names with synonyms that forgives typing errors.

Names are folded (case, accents, punctuation) and looked up by the beginnings of their words.  Where that finds little,
near names are looked for: as a whole and word by word, by optimal string alignment distance, which counts insertions,
deletions, substitutions and transpositions of neighbours (Damerau 1964; restricted as in Boytsov 2011,
doi:10.1145/1963190.1963191).
"""

from __future__ import annotations

import bisect
import enum
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

ENOUGH = 3
"""Near names are looked for where fewer than this many are found without an error."""

_SIGNS = frozenset("+#")
_NEAR_FROM = 4
_TWO_ERRORS_FROM = 8
_MOST_ERRORS = 2
_MOST_WORDS = 12
_MOST_LETTERS = 120
_AFTER_ALL = "\U0010ffff"


class Match(enum.IntEnum):
    """How a name answers to what was asked, the best first."""

    EXACT = 0
    PREFIX = 1
    WORDS = 2
    SYNONYM = 3
    NEAR = 4
    MENTIONED = 5


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be found: by its label, by its synonyms and, last, by words of a text about it."""

    key: int
    label: str
    synonyms: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found, and the label or synonym that was."""

    key: int
    match: Match
    name: str
    errors: int = 0


@dataclass(frozen=True, slots=True)
class _Name:
    folded: str
    shown: str
    entry: int
    synonym: bool


def fold(text: str) -> str:
    """Return a text in small letters without accents, its words parted by single spaces; ``+`` and ``#`` stay."""
    # Small letters come last: what decomposes may be a capital.
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join(
        "".join(
            letter if letter.isalnum() or letter in _SIGNS else " "
            for letter in plain
            if not unicodedata.combining(letter)
        ).split()
    )


def _allowed(length: int) -> int:
    """Return how many errors a text of some length may have: none, one or two."""
    return 0 if length < _NEAR_FROM else 1 if length < _TWO_ERRORS_FROM else _MOST_ERRORS


class WordIndex:
    """
    Names by the beginnings of their words.

    Building takes time in the number of words; a search takes time in the number of names that share a beginning, and
    in the number of different words and of names of like length where errors are looked for.

    Parameters
    ----------
    entries
        What can be found; keys are unique.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entries)
        self._names: list[_Name] = []
        self._by_word: dict[str, list[int]] = defaultdict(list)
        self._by_length: dict[int, dict[int, str]] = defaultdict(dict)
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._texts = [fold(entry.text) for entry in self._entries]
        for place, entry in enumerate(self._entries):
            seen: set[str] = set()
            for name in (entry.label, *entry.synonyms):
                folded = fold(name)
                if folded and folded not in seen:
                    self._add(_Name(folded, name, place, synonym=bool(seen)))
                    seen.add(folded)
        self._words = sorted(self._by_word)
        self._beginnings: dict[int, list[str]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def _add(self, name: _Name) -> None:
        number = len(self._names)
        self._names.append(name)
        self._by_name[name.folded].append(name.entry)
        self._by_length[len(name.folded)][number] = name.folded
        for word in set(name.folded.split()):
            self._by_word[word].append(number)

    def named(self, name: str) -> list[int]:
        """Return the keys of the entries that have a name as label or synonym, spelt alike but for case and signs."""
        return [self._entries[place].key for place in self._by_name.get(fold(name), ())]

    def labels(self) -> dict[int, str]:
        """Return the folded label of each entry by its key."""
        return {entry.key: fold(entry.label) for entry in self._entries}

    def search(self, query: str, *, limit: int | None = None, mentioned: bool = False) -> list[Hit]:
        """
        Return the entries that answer to a query, the best first.

        Parameters
        ----------
        query
            Words or their beginnings, in any order; all have to be found.
        limit
            How many at most; all if None.
        mentioned
            Whether entries whose text has the words come in, too, last.
        """
        folded = fold(query)[:_MOST_LETTERS].strip()
        words = folded.split()[:_MOST_WORDS]
        found: dict[int, tuple[tuple[object, ...], Hit]] = {}
        for number in self._with_beginnings(words) if words else self._with_signs(query.strip().casefold()):
            self._keep(found, number, folded)
        if words and len(found) < ENOUGH:
            for number, errors in self._near(folded, words).items():
                self._keep_near(found, number, errors, folded)
        if mentioned and words:
            for place, text in enumerate(self._texts):
                if place not in found and all(word in text for word in words):
                    entry = self._entries[place]
                    found[place] = (
                        (Match.MENTIONED, 0, 0, 0, entry.label),
                        Hit(entry.key, Match.MENTIONED, entry.label),
                    )
        ranked = sorted(found.values(), key=lambda pair: pair[0])
        return [hit for _, hit in ranked[:limit]]

    def _keep(self, found: dict[int, tuple[tuple[object, ...], Hit]], number: int, folded: str) -> None:
        name = self._names[number]
        step = Match.EXACT if name.folded == folded else Match.WORDS
        if step is Match.WORDS and name.folded.startswith(folded):
            step = Match.PREFIX
        match = Match.SYNONYM if name.synonym else step
        entry = self._entries[name.entry]
        order = (match, step, 0, len(name.folded), entry.label)
        if name.entry not in found or order < found[name.entry][0]:
            found[name.entry] = (order, Hit(entry.key, match, name.shown))

    def _keep_near(
        self, found: dict[int, tuple[tuple[object, ...], Hit]], number: int, errors: int, folded: str
    ) -> None:
        name = self._names[number]
        entry = self._entries[name.entry]
        order = (Match.NEAR, errors, int(name.synonym), abs(len(name.folded) - len(folded)), entry.label)
        if name.entry not in found or order < found[name.entry][0]:
            found[name.entry] = (order, Hit(entry.key, Match.NEAR, name.shown, errors))

    def _starting(self, beginning: str) -> list[str]:
        """Return the words of the index that begin so."""
        first = bisect.bisect_left(self._words, beginning)
        last = bisect.bisect_left(self._words, beginning + _AFTER_ALL)
        return self._words[first:last]

    def _with_signs(self, signs: str) -> set[int]:
        """Return the names that hold signs which are no words, such as a percent sign; none if there are no signs."""
        return {number for number, name in enumerate(self._names) if signs and signs in name.shown.casefold()}

    def _with_beginnings(self, words: list[str]) -> set[int]:
        """Return the names in which each of the words begins a word."""
        remaining: set[int] | None = None
        # Long words are rare, so that they leave little for the others to be looked up in.
        for word in sorted(set(words), key=len, reverse=True):
            names = {number for known in self._starting(word) for number in self._by_word[known]}
            remaining = names if remaining is None else remaining & names
            if not remaining:
                return set()
        return remaining or set()

    def _near(self, folded: str, words: list[str]) -> dict[int, int]:
        """Return the names near a query, as a whole or word by word, with the number of errors."""
        near = self._near_words(words)
        allowed = _allowed(len(folded))
        for length in range(len(folded) - allowed, len(folded) + allowed + 1):
            names = self._by_length.get(length)
            if names:
                matches = process.extract(folded, names, scorer=OSA.distance, score_cutoff=allowed, limit=None)
                for _, errors, number in matches:
                    near[number] = min(near.get(number, _MOST_ERRORS), int(errors))
        return near

    def _near_words(self, words: list[str]) -> dict[int, int]:
        """Return the names that have each word, or one near it, with all errors together."""
        longest, *others = sorted(set(words), key=len, reverse=True)
        total = self._with_word_near(longest, self._words, self._beginnings)
        for word in others:
            if not total:
                break
            # Only words of the names that are left can keep them: far fewer than all words of the index.
            left = sorted({known for number in total for known in self._names[number].folded.split()})
            errors_of = self._with_word_near(word, left, {})
            total = {
                number: total[number] + errors
                for number, errors in errors_of.items()
                if number in total and total[number] + errors <= _MOST_ERRORS
            }
        return total

    def _with_word_near(self, word: str, choices: list[str], beginnings: dict[int, list[str]]) -> dict[int, int]:
        """Return the names with a word of ``choices`` that is near a word or begins so, with the number of errors."""
        first = bisect.bisect_left(choices, word)
        last = bisect.bisect_left(choices, word + _AFTER_ALL)
        near = dict.fromkeys(range(first, last), 0)
        allowed = _allowed(len(word))
        if allowed:
            # The beginning of a word may hold an error, too: a letter too many or too few makes it longer or shorter.
            for length in (None, len(word) - 1, len(word), len(word) + 1):
                if length is not None and length not in beginnings:
                    beginnings[length] = [known[:length] for known in choices]
                some = choices if length is None else beginnings[length]
                for _, errors, place in process.extract(
                    word, some, scorer=OSA.distance, score_cutoff=allowed, limit=None
                ):
                    near[place] = min(near.get(place, _MOST_ERRORS), int(errors))
        errors_of: dict[int, int] = {}
        for place, errors in near.items():
            for number in self._by_word[choices[place]]:
                errors_of[number] = min(errors_of.get(number, _MOST_ERRORS), errors)
        return errors_of
