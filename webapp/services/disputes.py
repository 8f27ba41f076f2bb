"""Both sides of a dispute: what each says, since when and on what ground, for whoever has to weigh them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.models import Dispute, SkillEvent, SkillEventKind
from webapp.services.projection import Projection
from webapp.services.record_history import HistoryLine
from webapp.services.weighing import WEIGHTS


@dataclass(frozen=True, slots=True)
class Side:
    """One side: who says it, the level (a mean where several pieces of evidence speak), when, and in which words."""

    who: str
    level: float
    at: dt.datetime | None
    words: str = ""

    @property
    def is_mean(self) -> bool:
        """Whether the level lies between two."""
        return self.level != int(self.level)


@dataclass(frozen=True, slots=True)
class Sides:
    """What is in dispute in a sentence, and both sides of it, the newer one second."""

    question: str
    first: Side
    second: Side


def two_sides(projection: Projection, lines: Sequence[HistoryLine], name: str) -> Sides | None:
    """
    Return both sides of what is in dispute on a record, or None if nothing is.

    Parameters
    ----------
    projection
        What is on record.
    lines
        The record's log, newest first.
    name
        Whose record it is.
    """
    standing = [line.event for line in lines if line.standing]
    reviews = [
        event for event in standing if event.kind is SkillEventKind.REVIEW and event.author_id != event.person_id
    ]
    match projection.dispute:
        case Dispute.CLAIM_FAR:
            claim = next(event for event in standing if event.kind is SkillEventKind.CLAIM)
            span = f"The evidence leaves {projection.validated_low} to {projection.validated_high} open."
            return Sides(
                "The claim is two levels or more away from what others have seen.",
                Side("Others have seen", projection.validated_level, projection.validated_at, span),
                Side(f"{name} claims", claim.level or 0, claim.at, claim.note),
            )
        case Dispute.REVIEWERS_APART:
            latest = reviews[0]
            earlier = next(event for event in reviews[1:] if event.author_id != latest.author_id)
            return Sides("Two reviewers are two levels or more apart.", _of_review(earlier), _of_review(latest))
        case Dispute.EVIDENCE_APART:
            later = [event for event in standing if _speaks_against(event, reviews[0])]
            weight = sum(WEIGHTS[event.kind].strength for event in later)
            mean = sum(WEIGHTS[event.kind].strength * (event.level or 0) for event in later) / weight
            kinds = sorted({event.kind.value for event in later})
            return Sides(
                "What came after the latest review is two levels or more away from it.",
                _of_review(reviews[0]),
                Side(f"{len(later)} × {' and '.join(kinds)} since", round(mean, 1), later[0].at, later[0].note),
            )
    return None


def _of_review(event: SkillEvent) -> Side:
    author = event.author.name if event.author else "Somebody"
    return Side(f"{author} reviewed", event.level or 0, event.at, event.note)


def _speaks_against(event: SkillEvent, review: SkillEvent) -> bool:
    estimate = event.kind in WEIGHTS and WEIGHTS[event.kind].estimate and event.author_id != event.person_id
    return estimate and event.kind is not SkillEventKind.REVIEW and (event.at, event.id) > (review.at, review.id)
