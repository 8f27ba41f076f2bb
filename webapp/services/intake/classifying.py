r"""
Which type a text belongs to, by rules that people wrote; deterministic, and able to say which words decided.

A rule gives its weight to a type once for each of its terms that occurs, unless one of its excluding terms does. A
type's score is the sum; the confidence of the first is its lead over the second,

.. math:: \frac{s_1 - s_2}{s_1 + 1} \in [0, 1),

which is 0 for a tie, 1/2 for a single word of weight 1, and grows with each word that agrees.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from webapp.errors import InvalidInputError

SEARCHED = ("subject", "text", "queue", "channel", "priority")
"""Fields in which a rule may look; ``*`` is all of them."""

MOST_RULES = 1_000
MOST_TERMS = 100
MOST_WEIGHT = 100.0
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


@dataclass(frozen=True, slots=True)
class TypeRule:
    """
    Words that speak for a type.

    Parameters
    ----------
    type_code
        Code of the engagement type.
    any_of
        Words or phrases, compared whole and without case and accents; ``*`` at the end stands for the rest of a word.
    none_of
        Words or phrases that take the rule away.
    where
        A field of :data:`SEARCHED`, or ``*``.
    weight
        What each word that occurs is worth, in (0, 100].
    """

    type_code: str
    any_of: tuple[str, ...]
    none_of: tuple[str, ...] = ()
    where: str = "*"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """One term that counted: where, for which type, and its weight."""

    type_code: str
    term: str
    where: str
    weight: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What the rules say: types by score, best first, and the words that made it.

    ``type_code`` is empty if no rule matched; ``confidence`` is the lead of the first over the second.
    """

    scores: tuple[tuple[str, float], ...] = ()
    found: tuple[Found, ...] = ()
    confidence: float = 0.0

    @property
    def type_code(self) -> str:
        """The first type."""
        return self.scores[0][0] if self.scores else ""

    def sure(self, threshold: float) -> bool:
        """Return whether the type may be taken without asking anybody; a tie never may."""
        tie = len(self.scores) > 1 and self.scores[0][1] == self.scores[1][1]
        return bool(self.scores) and not tie and self.confidence >= threshold

    def why(self) -> list[str]:
        """Return the words that spoke for the first type, the heaviest first."""
        ours = [each for each in self.found if each.type_code == self.type_code]
        return [each.term for each in sorted(ours, key=lambda each: (-each.weight, each.term))]


def fold(text: str) -> str:
    """Return a text without case and accents."""
    return "".join(each for each in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(each))


def words_of(text: str) -> list[str]:
    """Return the words of a text, folded, in their order."""
    return _WORD.findall(fold(text))


def classify(rules: Sequence[TypeRule], values: Mapping[str, Any]) -> Verdict:
    """
    Return what rules say of the fields of an event.

    Parameters
    ----------
    rules
        The rules; their order makes no difference.
    values
        Field → value; those of :data:`SEARCHED` count.
    """
    texts = {name: f" {' '.join(words_of(str(values[name])))} " for name in SEARCHED if values.get(name)}
    scores: defaultdict[str, float] = defaultdict(float)
    found = []
    for rule in rules:
        places = [rule.where] if rule.where != "*" else list(texts)
        if any(_occurs(term, texts.get(place, "")) for term in rule.none_of for place in places):
            continue
        for term in rule.any_of:
            place = next((place for place in places if _occurs(term, texts.get(place, ""))), None)
            if place is not None:
                scores[rule.type_code] += rule.weight
                found.append(Found(rule.type_code, term, place, rule.weight))
    ordered = sorted(((code, round(score, 9)) for code, score in scores.items()), key=lambda each: (-each[1], each[0]))
    if not ordered:
        return Verdict()
    second = ordered[1][1] if len(ordered) > 1 else 0.0
    confidence = (ordered[0][1] - second) / (ordered[0][1] + 1.0)
    return Verdict(tuple(ordered), tuple(found), round(confidence, 6))


def _occurs(term: str, text: str) -> bool:
    """Return whether a term occurs in a text of folded words with a space around each."""
    words, open_end = _term(term)
    return bool(words) and (f" {words}" if open_end else f" {words} ") in text


@lru_cache(maxsize=20_000)
def _term(term: str) -> tuple[str, bool]:
    return " ".join(words_of(term)), term.rstrip().endswith("*")


def rules_from_json(data: Iterable[Any]) -> tuple[TypeRule, ...]:
    """
    Return rules from their JSON form.

    Raises
    ------
    InvalidInputError
        If one is malformed; ``field`` is ``rules-<number>``.
    """
    rules = tuple(_rule(number, each) for number, each in enumerate(data))
    if len(rules) > MOST_RULES:
        raise InvalidInputError(f"A mapping has up to {MOST_RULES} rules.", field="rules")
    return rules


def _rule(number: int, data: Any) -> TypeRule:
    name = f"rules-{number}"
    if not isinstance(data, Mapping):
        raise InvalidInputError(f"Rule {number + 1} is no JSON object.", field=name)
    any_of, none_of = _terms(data.get("any_of"), name), _terms(data.get("none_of"), name)
    where, type_code = str(data.get("in") or "*"), str(data.get("type") or "").strip()[:80]
    if not type_code:
        raise InvalidInputError(f"Rule {number + 1} names no type.", field=name)
    if not any_of:
        raise InvalidInputError(f"Rule {number + 1} has no words.", field=name)
    if where not in {"*", *SEARCHED}:
        raise InvalidInputError(f"Rule {number + 1} looks in none of {', '.join(SEARCHED)}.", field=name)
    try:
        weight = float(data.get("weight", 1.0))
    except (TypeError, ValueError, OverflowError):
        weight = 0.0
    if not 0 < weight <= MOST_WEIGHT:
        raise InvalidInputError(f"Rule {number + 1}: a weight is above 0 and at most {MOST_WEIGHT:g}.", field=name)
    return TypeRule(type_code, any_of, none_of, where, weight)


def _terms(data: Any, name: str) -> tuple[str, ...]:
    if data is None:
        return ()
    if not isinstance(data, list | tuple):
        raise InvalidInputError("Words are a list.", field=name)
    terms = tuple(dict.fromkeys(term for each in data if (term := " ".join(str(each).split())[:80]) and words_of(term)))
    if len(terms) > MOST_TERMS:
        raise InvalidInputError(f"A rule has up to {MOST_TERMS} words.", field=name)
    return terms


def rules_to_json(rules: Iterable[TypeRule]) -> list[dict[str, Any]]:
    """Return the JSON form of rules."""
    return [
        {
            "type": rule.type_code,
            "any_of": list(rule.any_of),
            "none_of": list(rule.none_of),
            "in": rule.where,
            "weight": rule.weight,
        }
        for rule in rules
    ]
