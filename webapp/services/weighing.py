"""
Weighing evidence: from what others have seen of a person's skill to a level, with its uncertainty.

The rule is the mode of a posterior over the levels 0–5. A piece of evidence of strength *s* for level *l* speaks for
each level up to *l* by *s*; an *estimate* (a review, an assessment, an evaluation) also speaks against each level above
*l* by *s*, while a certificate, a course, an endorsement, an import or a count of contacts only says "at least". With
Δ(L) = support(L) − opposition(L) − ½ the posterior is

    P(k) ∝ exp(Δ(1) + … + Δ(k)),

which is the posterior of a discrete Laplace error model with a prior exp(−k/2): people hold a skill lower more often
than higher. Since support falls and opposition rises with L, its mode is the highest level with Δ > 0, and for
estimates alone that is their weighted median. (Laplace 1774; for the discrete law Inusah and Kozubowski 2006,
doi:10.1016/j.jspi.2004.08.014.)

What counts:

1. Evidence that the person gave about themselves never counts, nor does what was taken back.
2. The latest review settles what came before it: earlier reviews and estimates no longer count, other earlier evidence
   counts no higher than the review's level.
3. Evidence speaks for a level until it expires. What speaks against a level goes on doing so until the next review, so
   that no level rises because time passes.
4. Of one source only one voice counts: a colleague's latest endorsement, a test's latest result, all imports together.
   Of quality evaluations the latest :data:`MOST_EVALUATIONS` count, each on its own.
5. Some kinds reach no higher than a ceiling, however many there are.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from webapp.models import Interest, SkillEventKind

HIGHEST_LEVEL = 5
PRIOR = 0.5
MOST_EVALUATIONS = 8
CENTRAL_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Weight:
    """
    What one kind of evidence counts for.

    ``strength`` is in nats per level: an error of one level is exp(strength) times less likely than none.
    """

    strength: float
    ceiling: int = HIGHEST_LEVEL
    estimate: bool = False


WEIGHTS: Mapping[SkillEventKind, Weight] = {
    SkillEventKind.REVIEW: Weight(2.0, estimate=True),
    SkillEventKind.ASSESSMENT: Weight(1.5, estimate=True),
    SkillEventKind.EVALUATION: Weight(0.75, estimate=True),
    SkillEventKind.CERTIFICATE: Weight(1.5),
    SkillEventKind.BADGE: Weight(1.0, ceiling=4),
    SkillEventKind.COURSE: Weight(0.75, ceiling=2),
    SkillEventKind.ENDORSEMENT: Weight(0.5, ceiling=3),
    SkillEventKind.PROVISIONAL: Weight(1.0),
    SkillEventKind.OUTCOME: Weight(1.0, ceiling=2),
}
"""How much each kind counts; one endorsement alone does not lift the prior, two do."""

EVIDENCE_KINDS = frozenset(WEIGHTS)
OUTCOME_LEVEL_LIMIT = WEIGHTS[SkillEventKind.OUTCOME].ceiling


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line of the log as the projection reads it; fields as in :class:`webapp.models.SkillEvent`."""

    id: int
    person_id: int
    kind: SkillEventKind
    at: dt.datetime
    author_id: int | None = None
    level: int | None = None
    interest: Interest | None = None
    count: int | None = None
    expires_on: dt.date | None = None
    source: str = ""
    retracts_id: int | None = None

    @property
    def moment(self) -> tuple[dt.datetime, int]:
        """Key by which events of one record follow each other."""
        return self.at, self.id

    def holds_on(self, on: dt.date) -> bool:
        """Return whether evidence has not expired on a day."""
        return self.expires_on is None or on < self.expires_on


class Silence(enum.StrEnum):
    """
    Why a piece of evidence does not speak for a level (any more).

    ``own_word``: the person gave it about themselves; ``settled``: a newer review looked at everything before it;
    ``replaced``: the same source spoke again; ``expired``: its time is over.
    """

    OWN_WORD = "own_word"
    SETTLED = "settled"
    REPLACED = "replaced"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Voice:
    """
    One piece of evidence on the scale.

    ``level`` is what it counts as, after the ceiling of its kind and the latest review. ``silence`` says why it does
    not speak for that level. ``opposes`` tells whether it speaks against higher ones, which an expired estimate still
    does. ``source`` is what it shares its one voice with.
    """

    event: LoggedEvent
    level: int
    strength: float
    source: Hashable
    silence: Silence | None
    opposes: bool

    @property
    def supports(self) -> bool:
        """Whether it speaks for the levels up to its own."""
        return self.silence is None


@dataclass(frozen=True, slots=True)
class Weighing:
    """
    The scale on one day.

    ``voices`` are newest first; ``support`` and ``opposition`` hold the levels 1–5, ``probabilities`` the levels 0–5.
    ``level`` is the mode of the posterior, ``low`` and ``high`` bound its central 80 %. Without anything that speaks
    all three are 0.
    """

    voices: tuple[Voice, ...]
    support: tuple[float, ...]
    opposition: tuple[float, ...]
    probabilities: tuple[float, ...]
    level: int
    low: int
    high: int

    @property
    def deciding(self) -> LoggedEvent | None:
        """The evidence that the level rests on most: the strongest that speaks for it, then what lasts longest."""
        speaking = [
            voice for voice in self.voices if voice.supports and (voice.level >= self.level > 0 or voice.opposes)
        ]
        best = max(speaking, key=lambda voice: _rank(voice, self.level), default=None)
        return best.event if best else None


def _rank(voice: Voice, level: int) -> tuple[bool, float, dt.date, tuple[dt.datetime, int]]:
    return voice.level >= level, voice.strength, voice.event.expires_on or dt.date.max, voice.event.moment


def standing_events(events: Iterable[LoggedEvent]) -> list[LoggedEvent]:
    """Return the events that were not taken back, oldest first; a retraction can itself be taken back."""
    taken_back: set[int] = set()
    standing = []
    # An event can only take back one that was there before it, so that one pass from the newest key on is enough.
    for event in sorted(events, key=lambda event: event.id, reverse=True):
        if event.id in taken_back:
            continue
        if event.retracts_id is not None:
            taken_back.add(event.retracts_id)
        standing.append(event)
    return sorted(standing, key=lambda event: event.moment)


def latest_review(standing: Sequence[LoggedEvent]) -> LoggedEvent | None:
    """Return the latest review among standing events, oldest first."""
    return next(
        (event for event in reversed(standing) if event.kind is SkillEventKind.REVIEW and is_from_others(event)), None
    )


def is_from_others(event: LoggedEvent) -> bool:
    """Return whether an event is evidence that somebody else gave."""
    return event.kind in EVIDENCE_KINDS and event.level is not None and event.author_id != event.person_id


def weigh(standing: Sequence[LoggedEvent], on: dt.date) -> Weighing:
    """
    Put the evidence on one record on the scale, as it counts on a day.

    Parameters
    ----------
    standing
        The events that were not taken back, oldest first (:func:`standing_events`).
    on
        The day, at the person's site.
    """
    review = latest_review(standing)
    seen: Counter[Hashable] = Counter()
    voices = [_voice(event, review, seen, on) for event in reversed(standing) if event.kind in EVIDENCE_KINDS]
    support, opposition = _tally(voices)
    probabilities = _posterior(support, opposition)
    level = _mode(support, opposition)
    speaking = any(voice.supports or voice.opposes for voice in voices)
    low, high = _central(probabilities) if speaking else (0, 0)
    return Weighing(
        voices=tuple(voices),
        support=support,
        opposition=opposition,
        probabilities=probabilities,
        level=level,
        low=low,
        high=high,
    )


def next_fall(weighing: Weighing) -> dt.date | None:
    """Return the first day after that of the weighing on which expiring evidence alone lowers the level, or None."""
    expiring = sorted(
        {voice.event.expires_on for voice in weighing.voices if voice.supports and voice.event.expires_on is not None}
    )
    for day in expiring:
        later = [
            v if v.event.holds_on(day) else replace(v, silence=v.silence or Silence.EXPIRED) for v in weighing.voices
        ]
        if _mode(*_tally(later)) < weighing.level:
            return day
    return None


def _voice(event: LoggedEvent, review: LoggedEvent | None, seen: Counter[Hashable], on: dt.date) -> Voice:
    """Put one piece of evidence on the scale; newer ones of its source are counted in ``seen``."""
    weight = WEIGHTS[event.kind]
    level = min(event.level or 0, weight.ceiling)
    source = _source(event)
    silence: Silence | None = None
    if not is_from_others(event):
        silence = Silence.OWN_WORD
    elif review is not None and event.moment < review.moment and weight.estimate:
        silence = Silence.SETTLED
    else:
        if review is not None and event.moment < review.moment:
            level = min(level, review.level or 0)
        seen[source] += 1
        if seen[source] > _LATEST.get(event.kind, _ALL):
            silence = Silence.REPLACED
    opposes = weight.estimate and silence is None
    if silence is None and not event.holds_on(on):
        silence = Silence.EXPIRED
    return Voice(event, level, weight.strength, _ballot(event, source), silence, opposes)


_ALL = sys.maxsize
_LATEST = {
    SkillEventKind.REVIEW: 1,
    SkillEventKind.ASSESSMENT: 1,
    SkillEventKind.ENDORSEMENT: 1,
    SkillEventKind.EVALUATION: MOST_EVALUATIONS,
}


def _source(event: LoggedEvent) -> Hashable:
    """Return whose voice this is."""
    match event.kind:
        case SkillEventKind.ENDORSEMENT:
            return event.kind, event.author_id
        case SkillEventKind.ASSESSMENT | SkillEventKind.CERTIFICATE | SkillEventKind.BADGE | SkillEventKind.COURSE:
            return event.kind, event.source or event.id
        case _:
            return event.kind


def _ballot(event: LoggedEvent, source: Hashable) -> Hashable:
    # Each evaluation is of another contact and counts on its own.
    return (event.kind, event.id) if event.kind is SkillEventKind.EVALUATION else source


def _tally(voices: Iterable[Voice]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return support and opposition for the levels 1 to 5."""
    reach: dict[Hashable, tuple[int, float]] = {}
    opposition = [0.0] * HIGHEST_LEVEL
    for voice in voices:
        if voice.supports:
            reach[voice.source] = max(reach.get(voice.source, (0, 0.0)), (voice.level, voice.strength))
        if voice.opposes:
            for index in range(voice.level, HIGHEST_LEVEL):
                opposition[index] += voice.strength
    support = [0.0] * HIGHEST_LEVEL
    for level, strength in reach.values():
        for index in range(level):
            support[index] += strength
    return tuple(support), tuple(opposition)


def _mode(support: Sequence[float], opposition: Sequence[float]) -> int:
    """Return the highest level whose support exceeds opposition and prior; the levels below it do so, too."""
    # Strengths are multiples of a quarter, so that these sums are exact and a tie is one.
    return sum(1 for speaking, against in zip(support, opposition, strict=True) if speaking - against - PRIOR > 0)


def _posterior(support: Sequence[float], opposition: Sequence[float]) -> tuple[float, ...]:
    """Return the probabilities of the levels 0 to 5."""
    logs = list(accumulate((f - a - PRIOR for f, a in zip(support, opposition, strict=True)), initial=0.0))
    highest = max(logs)
    weights = [math.exp(value - highest) for value in logs]
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def _central(probabilities: Sequence[float]) -> tuple[int, int]:
    """Return the levels that bound the central :data:`CENTRAL_SHARE` of a distribution."""
    tail = (1 - CENTRAL_SHARE) / 2
    summed = list(accumulate(probabilities))
    low = next(level for level, share in enumerate(summed) if share > tail)
    high = next(level for level, share in enumerate(summed) if share >= 1 - tail)
    return low, high
