"""
The projection: what a log of skill events says about one person in one skill on a given day.

Rules, in the order in which they apply:

1. Evidence that the person gave about themselves never counts, nor does an event that was taken back.
2. The latest review decides while it has not expired.
3. Otherwise the highest unexpired *provisional* or *outcome* evidence decides; counted outcomes alone reach level 2 at
   most. Evidence older than the latest review counts no higher than that review did, even after the review has expired:
   a reviewer who looked and said 2 is not overruled by the import from before.
4. Claims, confirmations and interest are the person's own word and never raise the validated level.

The function is pure: the day is an argument, and the order in which events are given does not matter.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_

from webapp.models import Interest, SkillEventKind, SkillRecord

EVIDENCE_KINDS = frozenset({SkillEventKind.REVIEW, SkillEventKind.PROVISIONAL, SkillEventKind.OUTCOME})
HIGHEST_LEVEL = 5
OUTCOME_LEVEL_LIMIT = 2
_UNREVIEWED_KINDS = frozenset({SkillEventKind.PROVISIONAL, SkillEventKind.OUTCOME})


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
    expires_on: dt.date | None = None
    retracts_id: int | None = None

    @property
    def moment(self) -> tuple[dt.datetime, int]:
        """Key by which events of one record follow each other."""
        return self.at, self.id

    def holds_on(self, on: dt.date) -> bool:
        """Return whether evidence has not expired on a day."""
        return self.expires_on is None or on < self.expires_on


@dataclass(frozen=True, slots=True)
class Projection:
    """
    One person in one skill on one day; fields as in :class:`webapp.models.SkillRecord`.

    ``valid_until`` is the first day on which the evidence that decides no longer counts.
    """

    claimed_level: int | None = None
    claimed_at: dt.datetime | None = None
    validated_level: int = 0
    validated_at: dt.datetime | None = None
    validated_by: SkillEventKind | None = None
    effective_level: int = 0
    valid_until: dt.date | None = None
    holds_from: dt.date | None = None
    changes_on: dt.date | None = None
    interest: Interest = Interest.NONE
    last_used_on: dt.date | None = None
    confirmed_at: dt.datetime | None = None

    @property
    def provisional(self) -> bool:
        """Whether the validated level rests on imported or counted evidence alone, which no reviewer has seen."""
        return self.validated_by in _UNREVIEWED_KINDS

    @property
    def awaits_review(self) -> bool:
        """Whether the person claims a level that no review has answered."""
        if self.claimed_level is None or self.claimed_at is None:
            return False
        if self.validated_by is not SkillEventKind.REVIEW or self.validated_at is None:
            return True
        return self.claimed_level != self.validated_level and self.claimed_at > self.validated_at

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
            SkillRecord.validated_by != SkillEventKind.REVIEW,
            and_(
                SkillRecord.claimed_level != SkillRecord.validated_level,
                SkillRecord.claimed_at > SkillRecord.validated_at,
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A level, and the evidence that it rests on."""

    level: int
    evidence: LoggedEvent


def project(events: Iterable[LoggedEvent], on: dt.date) -> Projection:
    """
    Project the events of one person and one skill to a day.

    Parameters
    ----------
    events
        All events of the pair that are known, in any order.
    on
        The day, at the person's site.
    """
    standing = standing_events(events)
    evidence = [event for event in standing if _is_evidence(event)]
    verdict = _decide(evidence, on)
    claim = _latest(standing, SkillEventKind.CLAIM)
    confirmation = _latest(standing, SkillEventKind.CONFIRM)
    interest = _latest(standing, SkillEventKind.INTEREST)
    valid_until = verdict.evidence.expires_on if verdict else None
    # Nothing outranks the deciding evidence before it expires, so its expiry is the next day on which anything differs.
    return Projection(
        claimed_level=claim.level if claim else None,
        claimed_at=claim.at if claim else None,
        validated_level=verdict.level if verdict else 0,
        validated_at=verdict.evidence.at if verdict else None,
        validated_by=verdict.evidence.kind if verdict else None,
        effective_level=verdict.level if verdict else 0,
        valid_until=valid_until,
        holds_from=max((e.expires_on for e in evidence if e.expires_on and not e.holds_on(on)), default=None),
        changes_on=valid_until,
        interest=interest.interest if interest and interest.interest else Interest.NONE,
        last_used_on=max((e.at.date() for e in standing if e.kind is SkillEventKind.OUTCOME), default=None),
        confirmed_at=confirmation.at if confirmation else None,
    )


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


def _is_evidence(event: LoggedEvent) -> bool:
    return event.kind in EVIDENCE_KINDS and event.level is not None and event.author_id != event.person_id


def _latest(standing: Sequence[LoggedEvent], kind: SkillEventKind) -> LoggedEvent | None:
    return next((event for event in reversed(standing) if event.kind is kind), None)


def _decide(evidence: Sequence[LoggedEvent], on: dt.date) -> _Verdict | None:
    review = _latest(evidence, SkillEventKind.REVIEW)
    if review is not None and review.holds_on(on):
        return _Verdict(level=review.level or 0, evidence=review)
    verdicts = [
        _Verdict(level=_counted_level(event, review), evidence=event)
        for event in evidence
        if event.kind in _UNREVIEWED_KINDS and event.holds_on(on)
    ]
    # Of equal levels the one that lasts longest decides, or an expiry would be announced that changes nothing.
    return max(
        verdicts,
        key=lambda verdict: (verdict.level, verdict.evidence.expires_on or dt.date.max, verdict.evidence.moment),
        default=None,
    )


def _counted_level(event: LoggedEvent, review: LoggedEvent | None) -> int:
    level = event.level or 0
    if event.kind is SkillEventKind.OUTCOME:
        level = min(level, OUTCOME_LEVEL_LIMIT)
    if review is not None and event.moment < review.moment:
        level = min(level, review.level or 0)
    return level
