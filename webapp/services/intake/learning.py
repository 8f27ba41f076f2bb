r"""
A plain learner that suggests types from what people decided: multinomial naive Bayes with add-one smoothing.

.. math:: \log P(c \mid d) \propto \log \frac{n_c + 1}{n + |C|} + \sum_{w \in d} t_w \log \frac{t_{cw} + \alpha}
          {\sum_v t_{cv} + \alpha |V|}

with the counts :math:`t` of words in decided texts (Manning, Raghavan and Schütze, Introduction to Information
Retrieval, 2008, section 13.2).  It suggests to people and decides nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from webapp.services.intake.classifying import words_of

FEWEST_EXAMPLES = 20
"""Below this many decisions a suggestion would be chance."""

_ALPHA = 0.1
_SHORTEST, _LONGEST = 2, 30


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A type that a text may belong to, and how likely that is by what was decided before, in [0, 1]."""

    type_code: str
    probability: float


class Learner(Protocol):
    """Whatever suggests types from examples."""

    def suggest(self, words: Mapping[str, int]) -> list[Suggestion]:
        """Return types for a text, the most likely first; empty if it knows too little."""
        ...


def count_words(text: str) -> dict[str, int]:
    """Return how often each word and each pair of neighbours occurs; what holds a figure is left out as too telling."""
    words = [word for word in words_of(text) if _SHORTEST <= len(word) <= _LONGEST and word.isalpha()]
    counts: dict[str, int] = {}
    for term in [*words, *(f"{one} {other}" for one, other in itertools.pairwise(words))]:
        counts[term] = counts.get(term, 0) + 1
    return counts


class NaiveBayes:
    """
    Multinomial naive Bayes over counted words.

    Parameters
    ----------
    examples
        Counted words and the type that a person gave them; training takes time linear in their words.
    fewest
        With fewer examples, or fewer than two types, it suggests nothing.
    """

    def __init__(self, examples: Iterable[tuple[Mapping[str, int], str]], *, fewest: int = FEWEST_EXAMPLES) -> None:
        known = [(words, code) for words, code in examples if words]
        self._codes: Sequence[str] = sorted({code for _, code in known})
        self._words = {word: number for number, word in enumerate(sorted({w for words, _ in known for w in words}))}
        self._knows = len(known) >= fewest and len(self._codes) > 1
        places = {code: number for number, code in enumerate(self._codes)}
        counts = np.zeros((len(self._codes), len(self._words)))
        priors = np.ones(len(self._codes))
        for words, code in known:
            priors[places[code]] += 1
            for word, count in words.items():
                counts[places[code], self._words[word]] += count
        self._priors: NDArray[np.float64] = np.log(priors / priors.sum()) if len(self._codes) else priors
        smoothed = counts + _ALPHA
        self._weights: NDArray[np.float64] = np.log(smoothed / smoothed.sum(axis=1, keepdims=True))

    def suggest(self, words: Mapping[str, int]) -> list[Suggestion]:
        """Return types for a text, the most likely first; empty if it knows too little."""
        seen = [(self._words[word], count) for word, count in words.items() if word in self._words]
        if not self._knows or not seen:
            return []
        columns, counts = zip(*seen, strict=True)
        scores = self._priors + self._weights[:, list(columns)] @ np.array(counts, dtype=float)
        likely = np.exp(scores - scores.max())
        likely /= likely.sum()
        order = np.argsort(-likely, kind="stable")
        return [Suggestion(self._codes[place], float(likely[place])) for place in order]
