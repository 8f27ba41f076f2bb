"""How good is a classification: accuracy, coverage at a threshold, and which types are taken for which."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from webapp.services.intake.classifying import TypeRule, classify
from webapp.services.intake.learning import NaiveBayes, count_words

THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
RULES_PER_TYPE = 40
"""How many words of each type become rules; somebody who writes them by hand writes fewer."""

Labelled = tuple[str, str]
"""A text and its type."""

Judge = Callable[[str], tuple[str, float]]
"""Returns the type of a text, and a confidence in [0, 1]; an empty type is no answer."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """
    What a judge got right.

    ``accuracy`` counts every text, answered or not; ``at`` has for each threshold the share that is decided without a
    person, and how much of that is right; ``confused`` the pairs (is, taken for, how often), the most frequent first.
    """

    texts: int
    accuracy: float
    at: tuple[tuple[float, float, float], ...]
    confused: tuple[tuple[str, str, int], ...]


def evaluate(judge: Judge, texts: Sequence[Labelled]) -> Evaluation:
    """Return how a judge does on texts whose type is known."""
    answers = [(label, *judge(text)) for text, label in texts]
    right = sum(label == found for label, found, _ in answers)
    confused = Counter((label, found or "no answer") for label, found, _ in answers if label != found)
    at = []
    for threshold in THRESHOLDS:
        decided = [label == found for label, found, confidence in answers if found and confidence >= threshold]
        at.append((threshold, len(decided) / max(1, len(answers)), sum(decided) / max(1, len(decided))))
    return Evaluation(
        texts=len(answers),
        accuracy=right / max(1, len(answers)),
        at=tuple(at),
        confused=tuple((label, found, count) for (label, found), count in sorted(confused.items(), key=_most)),
    )


def _most(item: tuple[tuple[str, str], int]) -> tuple[int, tuple[str, str]]:
    return -item[1], item[0]


def derive_rules(texts: Sequence[Labelled], *, most: int = RULES_PER_TYPE) -> tuple[TypeRule, ...]:
    r"""
    Return rules of single words and pairs that tell types apart, as a person would pick them from examples.

    A word's weight for a type is its log-odds against the other types, with half a text added to each count (Agresti,
    Categorical Data Analysis, 2013, section 3.1.1), where it occurs in at least two texts of the type and is positive;
    words of about one weight are one rule, so that a mapping has room for them.
    """
    within: defaultdict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    sizes = Counter(label for _, label in texts)
    for text, label in texts:
        terms = set(count_words(text))
        within[label].update(terms)
        overall.update(terms)
    rules = []
    for label, size in sorted(sizes.items()):
        weights = {}
        for term, count in within[label].items():
            others, rest = overall[term] - count, len(texts) - size
            odds = (count + 0.5) / (size - count + 0.5) * (rest - others + 0.5) / (others + 0.5)
            if count >= 2 and odds > 1:
                # How sure a word is and how often it helps: seldom words would fill the list otherwise.
                weights[term] = (math.log(odds), math.log(odds) * count / size)
        chosen = sorted(weights, key=lambda term: (-weights[term][1], term))[:most]
        groups: defaultdict[int, list[str]] = defaultdict(list)
        for term in chosen:
            groups[max(1, round(weights[term][0]))].append(term)
        rules += [TypeRule(label, tuple(terms), weight=float(weight)) for weight, terms in sorted(groups.items())]
    return tuple(rules)


def rule_judge(rules: Sequence[TypeRule]) -> Judge:
    """Return the judge that asks rules, as intake does."""

    def judge(text: str) -> tuple[str, float]:
        verdict = classify(rules, {"text": text})
        tie = len(verdict.scores) > 1 and verdict.scores[0][1] == verdict.scores[1][1]
        return ("", 0.0) if tie else (verdict.type_code, verdict.confidence)

    return judge


def learned_judge(texts: Sequence[Labelled]) -> Judge:
    """Return the judge that was trained from examples."""
    learner = NaiveBayes([(count_words(text), label) for text, label in texts])

    def judge(text: str) -> tuple[str, float]:
        found = learner.suggest(count_words(text))
        return (found[0].type_code, found[0].probability) if found else ("", 0.0)

    return judge


def halves(texts: Sequence[Labelled]) -> tuple[list[Labelled], list[Labelled]]:
    """Return every other text of each type, and the rest: the same split at every call."""
    seen: Counter[str] = Counter()
    first: list[Labelled] = []
    second: list[Labelled] = []
    for text, label in texts:
        (first if seen[label] % 2 == 0 else second).append((text, label))
        seen[label] += 1
    return first, second


def as_json(evaluation: Evaluation, *, pairs: int = 15) -> Mapping[str, object]:
    """Return an evaluation as JSON types, with the worst pairs."""
    return {
        "texts": evaluation.texts,
        "accuracy": round(evaluation.accuracy, 4),
        "at_threshold": [
            {"threshold": threshold, "coverage": round(coverage, 4), "accuracy": round(accuracy, 4)}
            for threshold, coverage, accuracy in evaluation.at
        ],
        "confused": [{"is": label, "taken_for": found, "count": n} for label, found, n in evaluation.confused[:pairs]],
    }
