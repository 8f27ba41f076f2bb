"""
The projection: what a log of skill events says about one person in one skill on a given day.

The validated level follows from evidence by :mod:`webapp.services.weighing`, the effective level from the validated one
by :mod:`webapp.services.fading`. Claims, confirmations and interest are the person's own word and never raise either.

The function is pure: the day is an argument, and the order in which events are given does not matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_

from webapp.models import Dispute, Interest, SkillEventKind, SkillRecord
from webapp.services.fading import STANDARD_RULE, SkillRule, faded_level, last_fade, next_fade
from webapp.services.weighing import (
    EVIDENCE_KINDS,
    HIGHEST_LEVEL,
    OUTCOME_LEVEL_LIMIT,
    LoggedEvent,
    Weighing,
    is_from_others,
    latest_review,
    next_fall,
    standing_events,
    weigh,
)

__all__ = [
    "EVIDENCE_KINDS",
    "HIGHEST_LEVEL",
    "OUTCOME_LEVEL_LIMIT",
    "LoggedEvent",
    "Projection",
    "is_awaiting_review",
    "is_provisional",
    "project",
    "standing_events",
]

APART_LEVELS = 2
"""Levels from which two opinions count as apart."""

APART_DAYS = 180
"""Days within which two reviews of one record should agree."""

_UNREVIEWED_KINDS = frozenset({SkillEventKind.PROVISIONAL, SkillEventKind.OUTCOME, SkillEventKind.ENDORSEMENT})
_CERTIFYING_KINDS = frozenset({SkillEventKind.CERTIFICATE, SkillEventKind.BADGE})
_USING_KINDS = frozenset({SkillEventKind.USE, SkillEventKind.OUTCOME})
# A colleague's good word is no practice, or friends could keep each other's levels from fading.
_PRACTISING_KINDS = (EVIDENCE_KINDS | _USING_KINDS) - {SkillEventKind.ENDORSEMENT}
_SIGNS_OF_LIFE = EVIDENCE_KINDS | _USING_KINDS | {SkillEventKind.CLAIM, SkillEventKind.CONFIRM}


@dataclass(frozen=True, slots=True)
class Projection:
    """One person in one skill on one day; fields as in :class:`webapp.models.SkillRecord`."""

    claimed_level: int | None = None
    claimed_at: dt.datetime | None = None
    validated_level: int = 0
    validated_at: dt.datetime | None = None
    validated_by: SkillEventKind | None = None
    validated_low: int = 0
    validated_high: int = 0
    reviewed_at: dt.datetime | None = None
    dispute: Dispute | None = None
    effective_level: int = 0
    valid_until: dt.date | None = None
    fades_on: dt.date | None = None
    holds_from: dt.date | None = None
    changes_on: dt.date | None = None
    interest: Interest = Interest.NONE
    last_used_on: dt.date | None = None
    used_count: int = 0
    refreshed_on: dt.date | None = None
    confirmed_at: dt.datetime | None = None

    @property
    def provisional(self) -> bool:
        """Whether the validated level rests on evidence that no reviewer has seen: imports, counts, endorsements."""
        return self.validated_by in _UNREVIEWED_KINDS

    @property
    def says_something(self) -> bool:
        """Whether anybody has said anything of the skill that still stands; use alone, without a level, has not."""
        return self.claimed_level is not None or self.validated_by is not None or self.interest is not Interest.NONE

    @property
    def awaits_review(self) -> bool:
        """Whether the person claims a level that nobody has answered."""
        if self.claimed_level is None or self.claimed_at is None:
            return False
        if self.validated_by is None or self.provisional:
            return True
        return self.claimed_level != self.validated_level and (
            self.reviewed_at is None or self.claimed_at > self.reviewed_at
        )

    @property
    def falls_on(self) -> dt.date | None:
        """The first day on which the level falls without a new event, by expiry or lack of use."""
        return min((day for day in (self.valid_until, self.fades_on) if day is not None), default=None)

    def holds_on(self, on: dt.date) -> bool:
        """Return whether the same log projects to this on another day."""
        return (self.holds_from is None or self.holds_from <= on) and (self.changes_on is None or on < self.changes_on)


def is_provisional() -> ColumnElement[bool]:
    """Return :attr:`Projection.provisional` as a condition on :class:`webapp.models.SkillRecord`."""
    return SkillRecord.validated_by.in_(_UNREVIEWED_KINDS)


def is_awaiting_review() -> ColumnElement[bool]:
    """Return :attr:`Projection.awaits_review` as a condition on :class:`webapp.models.SkillRecord`."""
    return and_(
        SkillRecord.claimed_level.is_not(None),
        or_(
            SkillRecord.validated_by.is_(None),
            is_provisional(),
            and_(
                SkillRecord.claimed_level != SkillRecord.validated_level,
                or_(SkillRecord.reviewed_at.is_(None), SkillRecord.claimed_at > SkillRecord.reviewed_at),
            ),
        ),
    )


def project(events: Iterable[LoggedEvent], on: dt.date, rule: SkillRule = STANDARD_RULE) -> Projection:
    """
    Project the events of one person and one skill to a day.

    Parameters
    ----------
    events
        All events of the pair that are known, in any order.
    on
        The day, at the person's site.
    rule
        How levels of the skill hold.
    """
    standing = standing_events(events)
    weighing = weigh(standing, on)
    deciding = weighing.deciding
    validated = weighing.level if deciding else 0
    review = latest_review(standing)
    claim = _latest(standing, SkillEventKind.CLAIM)
    confirmation = _latest(standing, SkillEventKind.CONFIRM)
    interest = _latest(standing, SkillEventKind.INTEREST)
    certified = not rule.certificate_required or _is_certified(standing, on)
    since = _practised_on(standing) or on
    effective = faded_level(validated, (on - since).days, rule.half_life_days) if certified else 0
    fades_on = next_fade(validated, since, on, rule.half_life_days) if certified else None
    expiries = [e.expires_on for e in standing if e.expires_on is not None and e.kind in EVIDENCE_KINDS]
    turned = [day for day in expiries if day <= on]
    if certified and (faded_on := last_fade(validated, since, on, rule.half_life_days)) is not None:
        turned.append(faded_on)
    turning = [day for day in (*expiries, fades_on) if day is not None and day > on]
    used = [e for e in standing if e.kind in _USING_KINDS]
    return Projection(
        claimed_level=claim.level if claim else None,
        claimed_at=claim.at if claim else None,
        validated_level=validated,
        validated_at=deciding.at if deciding else None,
        validated_by=deciding.kind if deciding else None,
        validated_low=weighing.low,
        validated_high=weighing.high,
        reviewed_at=review.at if review else None,
        dispute=_dispute(standing, weighing, claim, review),
        effective_level=effective,
        valid_until=_valid_until(standing, weighing, on, rule) if effective else None,
        fades_on=fades_on,
        holds_from=max(turned, default=None),
        changes_on=min(turning, default=None),
        interest=interest.interest if interest and interest.interest else Interest.NONE,
        last_used_on=max((e.at.date() for e in used), default=None),
        used_count=sum(e.count or 0 for e in used),
        refreshed_on=max((e.at.date() for e in standing if e.kind in _SIGNS_OF_LIFE), default=None),
        confirmed_at=confirmation.at if confirmation else None,
    )


def _latest(standing: Sequence[LoggedEvent], kind: SkillEventKind) -> LoggedEvent | None:
    return next((event for event in reversed(standing) if event.kind is kind), None)


def _practised_on(standing: Sequence[LoggedEvent]) -> dt.date | None:
    """Return the day from which the level fades: of the latest use or evidence."""
    others = [event for event in standing if event.author_id != event.person_id]
    practice = [event.at.date() for event in others if event.kind in _PRACTISING_KINDS]
    return max(practice or [event.at.date() for event in others if event.kind in EVIDENCE_KINDS], default=None)


def _is_certified(standing: Sequence[LoggedEvent], on: dt.date) -> bool:
    return any(e.kind in _CERTIFYING_KINDS and is_from_others(e) and e.holds_on(on) for e in standing)


def _valid_until(standing: Sequence[LoggedEvent], weighing: Weighing, on: dt.date, rule: SkillRule) -> dt.date | None:
    days = [next_fall(weighing)]
    if rule.certificate_required:
        certificates = [e for e in standing if e.kind in _CERTIFYING_KINDS and is_from_others(e) and e.holds_on(on)]
        days.append(max((e.expires_on or dt.date.max for e in certificates), default=None))
    return min((day for day in days if day is not None and day < dt.date.max), default=None)


def _dispute(
    standing: Sequence[LoggedEvent], weighing: Weighing, claim: LoggedEvent | None, review: LoggedEvent | None
) -> Dispute | None:
    """Return why the evidence does not agree with itself; a new review by somebody settles each of these."""
    if review is not None:
        earlier = [
            e
            for e in standing
            if e.kind is SkillEventKind.REVIEW
            and is_from_others(e)
            and e.author_id != review.author_id
            and e.moment < review.moment
        ]
        before = earlier[-1] if earlier else None
        if before is not None and (review.at - before.at).days <= APART_DAYS and _are_apart(review.level, before.level):
            return Dispute.REVIEWERS_APART
        later = [v for v in weighing.voices if v.opposes and v.event.moment > review.moment]
        if later:
            weight = sum(voice.strength for voice in later)
            mean = sum(voice.strength * voice.level for voice in later) / weight
            if abs(mean - (review.level or 0)) >= APART_LEVELS:
                return Dispute.EVIDENCE_APART
    if (
        claim is not None
        and weighing.deciding is not None
        and (review is None or claim.moment > review.moment)
        and _are_apart(claim.level, weighing.level)
    ):
        return Dispute.CLAIM_FAR
    return None


def _are_apart(level: int | None, other: int | None) -> bool:
    return abs((level or 0) - (other or 0)) >= APART_LEVELS
